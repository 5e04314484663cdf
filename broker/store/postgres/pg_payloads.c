#include "pg_columns.h"
#include "pg_state.h"

#include "clock.h"
#include "shared_folder.h"
#include "task_state.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- writing --- */

static pv_status write_both(struct pg_store *s, struct pg_cell *cell)
{
    if (!cell || pg_cache_put(&s->cache, cell) != PV_OK) {
        pg_cell_drop(cell);
        return pg_fail(s, "out of memory", false);
    }
    return pg_write(s, cell);
}

/* What the writer asks of the server does not know it until its batch is there. */
static pv_status named_note(struct pg_store *s, wire_hash file)
{
    if (s->named_n == s->named_room) {
        size_t room = s->named_room ? 2 * s->named_room : 64;
        struct pg_named *more = realloc(s->named, room * sizeof *more);
        if (!more) return pg_fail(s, "out of memory", false);
        s->named = more;
        s->named_room = room;
    }
    s->named[s->named_n++] = (struct pg_named){ file, s->stats.commits + 1 };
    return PV_OK;
}

pv_status pg_put_payload(struct store *store, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    struct pg_store *s = pg_of(store);
    if (s->failure[0]) return PV_STORE;
    s->stats.rows_written++;
    if (!p->bytes) TRY(named_note(s, p->sha256));
    return write_both(s, pg_cell_payload(kind, row, p));
}

pv_status pg_delete_payload(struct store *store, enum store_kind kind, uint64_t row)
{
    struct pg_store *s = pg_of(store);
    if (s->failure[0]) return PV_STORE;
    return write_both(s, pg_cell_deleted((enum pg_kind)kind, row));
}

/* --- reading --- */

static PGresult *run_numbers(struct pg_store *s, const char *sql, uint64_t a, uint64_t b, int n)
{
    uint64_t big[2] = { htobe64(a), htobe64(b) };
    struct pg_parameters p = { .n = n, .at = { (char *)&big[0], (char *)&big[1] }, .bytes = { 8, 8 } };
    return pg_session_run(&s->reader, sql, &p);
}

enum { ROW, SHA256, LENGTH, BYTES };
enum { AHEAD_ROWS = 32, AHEAD_GAP = 256 };

static pv_status row_read(const PGresult *r, int i, struct store_payload *p)
{
    if (PQgetlength(r, i, SHA256) != sizeof p->sha256) return PV_HASH_MISMATCH;
    memcpy(&p->sha256, PQgetvalue(r, i, SHA256), sizeof p->sha256);
    p->length = (uint64_t)pg_number(r, i, LENGTH);
    p->bytes = NULL;
    p->hashed = false;
    if (PQgetisnull(r, i, BYTES)) return PV_OK;
    p->bytes = (const uint8_t *)PQgetvalue(r, i, BYTES);
    return (uint64_t)PQgetlength(r, i, BYTES) == p->length ? PV_OK : PV_HASH_MISMATCH;
}

static pv_status ahead_find(const struct pg_ahead *a, uint64_t row, struct store_payload *p)
{
    for (int i = 0; i < PQntuples(a->rows); i++)
        if ((uint64_t)pg_number(a->rows, i, ROW) == row) return row_read(a->rows, i, p);
    return PV_NOT_FOUND;
}

/* Who asks for one row after the other (a migration, a broker that offers what it found at its start) gets more of them at once: a round
 * trip for each was 197 s for 100,000 tasks, and the loop waits for each. */
static pv_status ahead_read(struct pg_store *s, enum store_kind kind, uint64_t row)
{
    static const char *const sql[] = {
        "SELECT row, sha256, length, bytes FROM input WHERE row >= $1::int8 ORDER BY row LIMIT $2::int8",
        "SELECT row, sha256, length, bytes FROM result WHERE row >= $1::int8 ORDER BY row LIMIT $2::int8"
    };
    struct pg_ahead *a = &s->ahead[kind];
    bool in_order = row > a->wanted && row - a->wanted <= AHEAD_GAP;
    int most = in_order ? AHEAD_ROWS : 1;
    PQclear(a->rows);
    *a = (struct pg_ahead){ .rows = run_numbers(s, sql[kind], row, (uint64_t)most, 2), .from = row, .to = row };
    if (!a->rows) return PV_STORE;
    int n = PQntuples(a->rows);
    if (in_order) a->to = n < most ? INT64_MAX : (uint64_t)pg_number(a->rows, n - 1, ROW);
    return PV_OK;
}

pv_status pg_get_payload(struct store *store, enum store_kind kind, uint64_t row, struct store_payload *p)
{
    struct pg_store *s = pg_of(store);
    struct pg_ahead *a = &s->ahead[kind];
    const struct pg_cell *c = pg_cache_find(&s->cache, kind, row);
    if (c && c->deleted) return PV_NOT_FOUND;
    if (c) {
        *p = c->payload;
        return PV_OK;
    }
    if (s->failure[0]) return PV_STORE;
    bool there = a->rows && row >= a->from && row <= a->to;
    if (!there && ahead_read(s, kind, row) != PV_OK) return pg_read_failed(s);
    a->wanted = row;
    return ahead_find(a, row, p);
}

void pg_read_begin(struct store *store)
{
    (void)store; /* most reads are the cache's: a view for all would cost two round trips */
}

void pg_read_end(struct store *store)
{
    (void)store;
}

/* --- all of them, looked at after a start --- */

enum { AT_ROW, AT_ID, AT_PRINCIPAL, AT_HAS_INPUT, AT_STATE, AT_INPUT, AT_RESULT = AT_INPUT + 5 };
enum { WANTED, ROW_SHA256, ROW_LENGTH, NO_BYTES, ROW_BYTES };

static bool hash_at(const PGresult *r, int row, int column, wire_hash *to)
{
    if (PQgetlength(r, row, column) != sizeof *to) return false;
    memcpy(to, PQgetvalue(r, row, column), sizeof *to);
    return true;
}

static pv_status named_read(const PGresult *r, int row, int at, struct store_named *to)
{
    wire_hash got;
    memcpy(&to->task, PQgetvalue(r, row, AT_ID), sizeof to->task);
    snprintf(to->principal, sizeof to->principal, "%s", PQgetvalue(r, row, AT_PRINCIPAL));
    if (!hash_at(r, row, at + WANTED, &to->sha256)) return PV_HASH_MISMATCH;
    if (PQgetisnull(r, row, at + ROW_SHA256)) return PV_NOT_FOUND;
    if (!hash_at(r, row, at + ROW_SHA256, &got) || !wire_hash_equal(got, to->sha256)) return PV_HASH_MISMATCH;
    to->length = (uint64_t)pg_number(r, row, at + ROW_LENGTH);
    to->in_file = pg_number(r, row, at + NO_BYTES);
    bool whole = to->in_file || (uint64_t)pg_number(r, row, at + ROW_BYTES) == to->length;
    return whole ? PV_OK : PV_HASH_MISMATCH;
}

static bool is_named(const PGresult *r, int row, enum store_kind kind)
{
    enum task_state state = (enum task_state)pg_number(r, row, AT_STATE);
    if (PQgetlength(r, row, AT_ID) != sizeof(wire_id)) return false;
    if (kind == STORE_RESULT) return state == TASK_SUCCEEDED;
    return task_state_live(state) && pg_number(r, row, AT_HAS_INPUT);
}

pv_status pg_survey(struct store *store, uint64_t *after, struct store_named *to, size_t *n)
{
    struct pg_store *s = pg_of(store);
    static const char sql[] =
        "SELECT t.row, t.id, t.principal, t.has_input, t.state, t.input, i.sha256, i.length, i.bytes IS NULL,"
        " length(i.bytes)::int8, t.result, r.sha256, r.length, r.bytes IS NULL, length(r.bytes)::int8 FROM task t"
        " LEFT JOIN input i ON i.row = t.row LEFT JOIN result r ON r.row = t.row"
        " WHERE t.row > $1::int8 ORDER BY t.row LIMIT $2::int8";
    if (s->failure[0]) return PV_STORE;
    PGresult *r = run_numbers(s, sql, *after, STORE_SURVEY_ROWS, 2);
    if (!r) return pg_read_failed(s);
    *after = UINT64_MAX; /* unless there is a row */
    *n = 0;
    for (int row = 0; row < PQntuples(r); row++) {
        *after = (uint64_t)pg_number(r, row, AT_ROW);
        for (int kind = STORE_INPUT; kind <= STORE_RESULT; kind++) {
            if (!is_named(r, row, (enum store_kind)kind)) continue;
            struct store_named *one = &to[(*n)++];
            *one = (struct store_named){ .kind = (enum store_kind)kind };
            one->found = named_read(r, row, kind == STORE_INPUT ? AT_INPUT : AT_RESULT, one);
        }
    }
    PQclear(r);
    return PV_OK;
}

pv_status pg_last_row(struct store *store, uint64_t *row)
{
    struct pg_store *s = pg_of(store);
    if (s->failure[0]) return PV_STORE;
    PGresult *r = pg_session_run(&s->reader, "SELECT coalesce(max(row), 0) FROM task", NULL);
    if (!r) return pg_read_failed(s);
    *row = (uint64_t)pg_number(r, 0, 0);
    PQclear(r);
    return PV_OK;
}

/* --- files --- */

void pg_forget_file(struct store *store, wire_hash hash)
{
    struct pg_store *s = pg_of(store);
    if (!s->failure[0]) pg_batch_forget(&s->open, hash);
}

void pg_named_drop(struct pg_store *s, uint64_t upto)
{
    size_t n = 0;
    while (n < s->named_n && s->named[n].commit <= upto) n++;
    if (!n) return;
    s->named_n -= n;
    memmove(s->named, s->named + n, s->named_n * sizeof *s->named);
}

static bool named_since(const struct pg_store *s, wire_hash file, uint64_t commit)
{
    for (size_t i = s->named_n; i-- && s->named[i].commit > commit;)
        if (wire_hash_equal(s->named[i].file, file)) return true;
    return false;
}

/* A broker that slept beyond its lease leaves them: what it knows of names is old. */
void pg_files_remove(struct pg_store *s, const struct pg_batch *files)
{
    for (size_t i = 0; i < files->files_n && pg_lease_holds(s->lease); i++)
        if (!named_since(s, files->files[i], files->last)) blobs_remove(&s->blobs, files->files[i]);
}

/* --- the place of large payloads, at the opening --- */

static const char no_place[] =
    "a store in PostgreSQL needs a place for large payloads: --payloads DIR or s3://BUCKET/PREFIX";

static void folder_sentence(char why[STORE_WHY_BYTES], const char *folder, const char *what)
{
    snprintf(why, STORE_WHY_BYTES, "payloads: %.120s: %.360s", folder, what);
}

static pv_status folder_refuse(struct pg_store *s, const char *what)
{
    char why[STORE_WHY_BYTES];
    folder_sentence(why, s->payloads, what);
    pg_fail(s, why, true); /* it may be mounted later */
    return PV_BAD_CONFIG;
}

/* What the database says of the place of its large payloads, and whether a row names one there. */
static pv_status place_wanted(struct pg_session *by, struct folder_mark *wanted, bool *any)
{
    PGresult *r = pg_session_run(by,
                                 "SELECT id, folder, EXISTS (SELECT FROM input WHERE bytes IS NULL)"
                                 " OR EXISTS (SELECT FROM result WHERE bytes IS NULL) FROM identity",
                                 NULL);
    if (!r) return PV_STORE;
    bool whole = PQntuples(r) == 1 && PQgetlength(r, 0, 0) == sizeof wanted->id;
    if (whole) memcpy(&wanted->id, PQgetvalue(r, 0, 0), sizeof wanted->id);
    wanted->epoch = whole ? (uint32_t)pg_number(r, 0, 1) : 0;
    *any = whole && pg_number(r, 0, 2);
    PQclear(r);
    if (whole) return PV_OK;
    by->passes = false;
    strcpy(by->why, "the row of table identity is damaged");
    return PV_STORE;
}

static pv_status place_taken(struct pg_store *s)
{
    uint64_t epoch = htobe64((uint64_t)s->epoch);
    struct pg_parameters p = { .n = 1, .at = { (char *)&epoch }, .bytes = { sizeof epoch } };
    PGresult *r = pg_session_run(&s->reader,
                                 "UPDATE identity SET folder = $1::int8"
                                 " FROM (SELECT FROM lease WHERE epoch = $1::int8 FOR KEY SHARE) AS held RETURNING 1",
                                 &p);
    if (!r) return pg_read_failed(s);
    bool written = PQntuples(r) == 1;
    PQclear(r);
    return written ? PV_OK : pg_fail(s, "another broker has taken this store over", true);
}

/* The mark first: one that the database does not know yet is written over at the next start, as no payload is there. */
static pv_status folder_take(struct pg_store *s, const struct folder_mark *wanted)
{
    struct folder_mark mark = { wanted->id, (uint32_t)s->epoch };
    pv_status st = folder_mark_write(s->blobs.files, &mark);
    return st == PV_OK ? place_taken(s) : folder_refuse(s, "its mark (blobs/.identity) cannot be written");
}

static pv_status folder_settle(struct pg_store *s)
{
    char why[SHARED_WHY_BYTES];
    struct folder_mark wanted;
    bool any, take;
    if (place_wanted(&s->reader, &wanted, &any) != PV_OK) return pg_read_failed(s);
    if (shared_folder_judge(s->blobs.root, &wanted, any, &take, why) != PV_OK) return folder_refuse(s, why);
    return take ? folder_take(s, &wanted) : PV_OK;
}

static pv_status check_refuse(struct pg_session *by, const char *payloads, const char *what)
{
    folder_sentence(by->why, payloads, what);
    return PV_BAD_CONFIG;
}

pv_status pg_folder_check(struct pg_session *by, const char *payloads, bool there)
{
    struct folder_mark wanted = { .epoch = 0 };
    char why[SHARED_WHY_BYTES];
    bool any = false, take;
    if (!payloads || !payloads[0]) {
        strcpy(by->why, no_place);
        return PV_BAD_CONFIG;
    }
    if (s3_place_named(payloads)) return PV_OK; /* store_payloads_check looks there */
    if (there) TRY(place_wanted(by, &wanted, &any));
    int root = open(payloads, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return check_refuse(by, payloads, strerror(errno));
    int error = faccessat(root, ".", W_OK | X_OK, AT_EACCESS) ? errno : 0;
    pv_status st = error ? PV_OK : shared_folder_judge(root, &wanted, any, &take, why);
    close(root);
    if (error) return check_refuse(by, payloads, strerror(error));
    return st == PV_OK ? PV_OK : check_refuse(by, payloads, why);
}

/* --- files that no row names, at the opening --- */

/* All files that rows name, in order. A question for each file took 8 s of a takeover with 5,000 of them on a busy machine. */
struct names {
    PGresult *rows;
    size_t n;
};

static bool name_in(void *context, wire_hash file)
{
    const struct names *all = context;
    for (size_t from = 0, to = all->n; from < to;) {
        size_t at = from + (to - from) / 2;
        int order = memcmp(PQgetvalue(all->rows, (int)at, 0), &file, sizeof file);
        if (!order) return true;
        if (order < 0)
            from = at + 1;
        else
            to = at;
    }
    return false;
}

/* bytea is ordered by its bytes. No loop waits for the answer. */
static pv_status files_sweep(struct pg_store *s)
{
    s->reader.limit_ms = 0;
    PGresult *r = pg_session_run(&s->reader,
                                 "SELECT sha256 FROM input WHERE bytes IS NULL AND length(sha256) = 32"
                                 " UNION SELECT sha256 FROM result WHERE bytes IS NULL AND length(sha256) = 32"
                                 " ORDER BY sha256",
                                 NULL);
    s->reader.limit_ms = PG_READ_MS;
    if (!r) return pg_read_failed(s);
    struct names all = { r, (size_t)PQntuples(r) };
    blobs_sweep(&s->blobs, name_in, &all);
    PQclear(r);
    return PV_OK;
}

/* --- a bucket --- */

static pv_status bucket_refuse(struct pg_store *s, pv_status st, const char *what)
{
    char why[STORE_WHY_BYTES];
    bool named = !strncmp(what, "payloads", 8) || !strncmp(what, "s3_", 3);
    snprintf(why, sizeof why, "%s%.480s", named ? "" : "payloads: ", what);
    pg_fail(s, why, true); /* it may be put right while it stands by */
    return st;
}

static bool lease_holds(const void *context)
{
    return pg_lease_holds(((const struct pg_store *)context)->lease);
}

/* One of no broker's own, for a migration, leaves nothing. */
static void cache_close(struct pg_store *s)
{
    if (s->temporary[0]) {
        blobs_sweep_uploads(&s->blobs);
        blobs_sweep(&s->blobs, NULL, NULL);
        unlinkat(s->blobs.root, "incoming", AT_REMOVEDIR);
        unlinkat(s->blobs.root, "cache", AT_REMOVEDIR);
        rmdir(s->temporary);
    }
    blobs_close(&s->blobs);
}

static pv_status bucket_first(struct pg_store *s)
{
    char why[S3_WHY_BYTES];
    const struct store_place *p = s->place;
    const struct bucket_config c = {
        .settings = { p->payloads, p->s3_endpoint, p->s3_region, p->s3_key_file, p->s3_ca_file },
        .cache_bytes = p->cache_bytes ? p->cache_bytes : STORE_CACHE_BYTES,
        .wake = s->wake,
        .ours = lease_holds,
        .context = s,
    };
    if (!s->folder) strcpy(s->temporary, "/var/tmp/provost-cache-XXXXXX");
    const char *folder = s->folder ? s->folder : mkdtemp(s->temporary);
    if (!folder || blobs_open_named(&s->blobs, folder, "cache", s->faults) != PV_OK)
        return bucket_refuse(s, PV_IO, strerror(errno));
    blobs_sweep_uploads(&s->blobs);
    pv_status st = bucket_open(&s->bucket, &s->blobs, &c, why);
    if (st == PV_OK) {
        bucket_sweep_begin(&s->sweep, p->orphan_s, pv_clock_ms());
        return PV_OK;
    }
    cache_close(s);
    return bucket_refuse(s, st, why);
}

static pv_status bucket_settle(struct pg_store *s)
{
    char why[S3_WHY_BYTES];
    struct folder_mark wanted;
    struct bucket_mark is, ours;
    bool any, holds, take;
    if (place_wanted(&s->reader, &wanted, &any) != PV_OK) return pg_read_failed(s);
    pv_status st = bucket_look(s->bucket, &is, &holds, why);
    if (st != PV_OK) return bucket_refuse(s, st, why);
    ours = (struct bucket_mark){ wanted.id, wanted.epoch };
    st = bucket_mark_judge(&is, holds, &ours, any, &take, why);
    if (st == PV_OK && take) {
        ours.epoch = (uint32_t)s->epoch;
        st = bucket_take(s->bucket, &ours, why);
    }
    if (st != PV_OK) return bucket_refuse(s, st, why);
    bucket_known(s->bucket, &ours);
    return take ? place_taken(s) : PV_OK;
}

/* When the store is opened again it is gone on with: threads may be in it. */
static pv_status bucket_begin(struct pg_store *s)
{
    if (s->bucket)
        bucket_again(s->bucket);
    else
        TRY(bucket_first(s));
    s->blobs_open = true;
    return bucket_settle(s);
}

void pg_blobs_rest(struct pg_store *s)
{
    bucket_rest(s->bucket);
}

void pg_blobs_close(struct pg_store *s)
{
    bucket_close(&s->bucket);
    cache_close(s);
}

/* In one question; what is written and not known to be durable is noted here. */
static pv_status nameless(void *context, const wire_hash *hashes, size_t n, bool *no)
{
    static const char sql[] = "SELECT EXISTS (SELECT FROM input WHERE bytes IS NULL AND sha256 = h)"
                              " OR EXISTS (SELECT FROM result WHERE bytes IS NULL AND sha256 = h)"
                              " FROM unnest($1::bytea[]) WITH ORDINALITY AS list(h, i) ORDER BY i";
    struct pg_store *s = context;
    struct pg_array a = { 0 };
    struct pg_parameters p = { .n = 0 };
    for (size_t i = 0; i < n; i++) pg_array_add(&a, &hashes[i], sizeof hashes[i]);
    PGresult *r = NULL;
    bool whole = pg_array_end(&a, PG_BYTEA);
    if (whole) pg_array_parameter(&a, &p);
    if (whole) r = pg_session_run(&s->reader, sql, &p);
    pg_array_clear(&a);
    if (!r) return whole ? pg_read_failed(s) : PV_NO_MEMORY;
    whole = (size_t)PQntuples(r) == n;
    for (size_t i = 0; i < n && whole; i++) no[i] = !pg_number(r, (int)i, 0) && !named_since(s, hashes[i], 0);
    PQclear(r);
    return whole ? PV_OK : PV_STORE;
}

void pg_blobs_tidy(struct pg_store *s)
{
    if (pg_lease_holds(s->lease)) bucket_sweep_turn(&s->sweep, s->bucket, pv_clock_ms(), nameless, s);
}

/* --- either --- */

pv_status pg_blobs_open(struct pg_store *s)
{
    if (!s->payloads) {
        pg_fail(s, no_place, false);
        return PV_BAD_CONFIG;
    }
    if (s3_place_named(s->payloads)) return bucket_begin(s);
    if (blobs_open(&s->blobs, s->payloads, s->faults) != PV_OK) {
        const char *error = strerror(errno);
        return folder_refuse(s, error);
    }
    s->blobs_open = true;
    /* Names of uploads are this epoch's: a broker that was frozen for longer than its lease gives another's no name. */
    s->blobs.serial = (uint64_t)s->epoch << 32;
    TRY(folder_settle(s));
    blobs_sweep_uploads(&s->blobs);
    return files_sweep(s);
}
