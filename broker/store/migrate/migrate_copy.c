#include "migrate_copy.h"

#include "blobs_far.h"
#include "row_list.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };

struct copying {
    struct store *from, *to;
    struct store_gate *gate;
    struct row_list rows;
    uint64_t written, bytes; /* in the open transaction */
    uint8_t *piece;
};

static pv_status commit(struct copying *c)
{
    uint64_t number;
    c->written = c->bytes = 0;
    return store_commit(c->to, STORE_NOW, &number);
}

static bool commit_due(struct copying *c, uint64_t bytes)
{
    c->bytes += bytes;
    return ++c->written >= MIGRATE_ROWS || c->bytes >= MIGRATE_BYTES;
}

/* --- rows --- */

static pv_status task(void *context, const struct task_record *t)
{
    struct copying *c = context;
    TRY(row_list_add(&c->rows, t->order));
    TRY(store_put_task(c->to, t));
    return commit_due(c, sizeof *t) ? commit(c) : PV_OK;
}

static pv_status setting(void *context, const struct setting_record *s)
{
    struct copying *c = context;
    return store_put_setting(c->to, s);
}

static pv_status rows_copy(struct copying *c)
{
    struct up_clock clock;
    TRY(store_scan(c->from, task, c));
    TRY(store_scan_settings(c->from, setting, c));
    TRY(store_get_clock(c->from, &clock));
    TRY(store_put_clock(c->to, &clock));
    return commit(c);
}

/* --- large payloads --- */

/* PV_GONE: it cannot be read to its end. */
static pv_status file_feed(struct copying *c, struct blob_writer *w, int fd)
{
    ssize_t n;
    while ((n = read(fd, c->piece, PIECE_BYTES)) > 0) {
        pv_status st = blob_writer_feed(w, c->piece, (size_t)n);
        if (st != PV_OK) return st == PV_TOO_LARGE ? PV_GONE : st;
    }
    return n < 0 ? PV_GONE : PV_OK;
}

static pv_status file_write(struct copying *c, const struct store_payload *p, int fd)
{
    struct blob_writer w;
    TRY(blob_writer_start(&w, store_blobs(c->to), p->length, p->sha256));
    pv_status st = file_feed(c, &w, fd);
    if (st == PV_OK) return blob_writer_keep(&w);
    blob_writer_drop(&w);
    return st;
}

/* One that is lost is no error: its row goes over, and the broker there finds it lost as this one would have. */
static pv_status file_copy(struct copying *c, const struct store_payload *p)
{
    if (blobs_there(store_blobs(c->to), p->sha256, p->length) == PV_OK) return PV_OK;
    pv_status there = blobs_bring(store_blobs(c->from), p->sha256, p->length);
    if (there == PV_IO) return PV_IO;
    int fd = blobs_read(store_blobs(c->from), p->sha256);
    if (fd < 0) return blobs_read_status(errno) == PV_GONE ? PV_OK : PV_IO;
    pv_status st = file_write(c, p, fd);
    close(fd);
    return st == PV_GONE || st == PV_HASH_MISMATCH ? PV_OK : st;
}

/* --- payloads --- */

static pv_status payload(struct copying *c, enum store_kind kind, uint64_t row, bool *due)
{
    struct store_payload p;
    pv_status st = store_get_payload(c->from, kind, row, &p);
    if (st == PV_NOT_FOUND || st == PV_HASH_MISMATCH) return PV_OK;
    if (st != PV_OK) return st;
    if (!p.bytes) TRY(file_copy(c, &p));
    *due |= commit_due(c, p.bytes ? p.length : 0);
    return store_put_payload(c->to, kind, row, &p);
}

/* Not before the commit: after a crash what the gate says is there. */
static pv_status reached(struct copying *c, uint64_t row)
{
    TRY(commit(c));
    c->gate->row = row;
    return store_put_gate(c->to, c->gate);
}

static pv_status payloads_copy(struct copying *c)
{
    uint64_t from = c->gate->row;
    for (size_t i = 0; i < c->rows.n; i++) {
        uint64_t row = c->rows.at[i];
        bool due = false;
        if (row <= from) continue;
        TRY(payload(c, STORE_INPUT, row, &due));
        TRY(payload(c, STORE_RESULT, row, &due));
        if (due) TRY(reached(c, row));
    }
    return c->rows.n ? reached(c, c->rows.at[c->rows.n - 1]) : PV_OK;
}

pv_status migrate_copy(struct store *from, struct store *to, struct store_gate *gate)
{
    struct copying c = { .from = from, .to = to, .gate = gate, .piece = malloc(PIECE_BYTES) };
    pv_status st = c.piece ? rows_copy(&c) : PV_NO_MEMORY;
    if (st == PV_OK) st = payloads_copy(&c);
    row_list_clear(&c.rows);
    free(c.piece);
    return st;
}

/* --- emptying --- */

static pv_status list_task(void *context, const struct task_record *t)
{
    return row_list_add(context, t->order);
}

struct setting_list {
    struct setting_record *at;
    size_t n;
};

static pv_status list_setting(void *context, const struct setting_record *s)
{
    struct setting_list *l = context;
    struct setting_record *more = realloc(l->at, (l->n + 1) * sizeof *more);
    if (!more) return PV_NO_MEMORY;
    l->at = more;
    l->at[l->n] = *s;
    l->at[l->n++].cleared = true;
    return PV_OK;
}

static pv_status tasks_delete(struct store *s, const struct row_list *rows)
{
    uint64_t number;
    for (size_t i = 0; i < rows->n; i++) {
        TRY(store_delete_task(s, rows->at[i]));
        if ((i + 1) % MIGRATE_ROWS == 0) TRY(store_commit(s, STORE_NOW, &number));
    }
    return store_commit(s, STORE_NOW, &number);
}

static pv_status settings_delete(struct store *s, const struct setting_list *list)
{
    uint64_t number;
    for (size_t i = 0; i < list->n; i++) TRY(store_put_setting(s, &list->at[i]));
    return store_commit(s, STORE_NOW, &number);
}

pv_status migrate_empty(struct store *s)
{
    struct row_list rows = { .at = NULL };
    struct setting_list settings = { .at = NULL };
    pv_status st = store_scan(s, list_task, &rows);
    if (st == PV_OK) st = tasks_delete(s, &rows);
    if (st == PV_OK) st = store_scan_settings(s, list_setting, &settings);
    if (st == PV_OK) st = settings_delete(s, &settings);
    row_list_clear(&rows);
    free(settings.at);
    return st;
}
