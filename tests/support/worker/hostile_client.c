#include "hostile_client.h"

#include "fuzz_must.h"
#include "hostile_broker.h"
#include "provost.h"

#include <string.h>

enum { CALLS = 14, CALL_MS = 12, LARGE = 150000, INPUT = 100 };

struct play {
    struct hostile_broker b;
    pv_client *c;
    const uint8_t *calls;
    size_t calls_n, at;
    pv_task_id ids[8];
    unsigned ids_n;
};

static uint8_t large[LARGE];

static unsigned pick(struct play *p, unsigned n)
{
    return p->at < p->calls_n ? p->calls[p->at++] % n : 0;
}

/* --- what provost.h promises --- */

static bool over(enum pv_task_state s)
{
    return s == PV_TASK_SUCCEEDED || s == PV_TASK_DEAD || s == PV_TASK_CANCELLED || s == PV_TASK_EXPIRED;
}

/* A success is a whole result, byte for byte the one whose digest was announced, or the one made here. */
static void check_success(const struct play *p, const struct pv_result *r)
{
    wire_hash is;
    MUST(r->state == PV_TASK_SUCCEEDED && r->bytes);
    MUST(sha256_of(&is, r->bytes, r->bytes_n) == PV_OK);
    bool here = r->bytes_n == 4 && !memcmp(r->bytes, "mine", 4);
    /* The broker may announce any prefix of its payload only with the digest of the right one. */
    MUST(wire_hash_equal(is, p->b.h.right) || here);
}

static void check_result(const struct play *p, struct pv_result *r)
{
    char text[PV_ID_TEXT];
    MUST(strlen(pv_task_id_text(text, &r->id)) == PV_ID_TEXT - 1);
    MUST(memchr(r->prover, 0, sizeof r->prover) && memchr(r->text, 0, sizeof r->text));
    MUST(r->bytes || r->bytes_n == 0);
    if (r->status == PV_OK) check_success(p, r);
    pv_result_clear(r);
}

static void on_done(void *user, struct pv_result *r)
{
    struct play *p = user;
    check_result(p, r);
}

static void on_progress(void *user, const struct pv_progress *n)
{
    (void)user;
    MUST(n->percent <= 100 && n->sent <= n->total && (unsigned)n->state < PV_TASK_STATES);
    MUST(n->eta_ms >= -1 && n->position >= -1);
}

static pv_status prove(void *user, pv_local *job)
{
    struct play *p = user;
    size_t n;
    const uint8_t *in = pv_local_input(job, &n);
    MUST(in && (n == INPUT || n == LARGE) && !memcmp(in, large, n)); /* all of it, and not freed */
    pv_local_progress(job, 50, "here");
    MUST(!strcmp(pv_local_queue(job), "q"));
    if (pv_local_stopped(job) || pick(p, 3) == 2) return PV_FAILED;
    return pv_local_result(job, "mine", 4);
}

/* --- the caller --- */

static pv_task_id an_id(struct play *p)
{
    pv_task_id made = { { (uint8_t)pick(p, 3) } };
    return p->ids_n && pick(p, 4) ? p->ids[pick(p, p->ids_n < 8 ? p->ids_n : 8)] : made;
}

static struct pv_submit_options options(struct play *p, pv_task_id *id)
{
    struct pv_submit_options o = { .queue = "q", .circuit = "c", .id = id, .nowait = pick(p, 3) > 0, .user = p };
    if (pick(p, 2)) o.done = on_done;
    if (pick(p, 2)) o.progress = on_progress;
    if (pick(p, 3) == 2) o.manual_ack = true;
    if (pick(p, 3) == 0) return o;
    o.local.policy = pick(p, 2) ? PV_LOCAL_AFTER : PV_LOCAL_UNSERVABLE;
    o.local.prove = prove;
    o.local.user = p;
    return o;
}

static void submit(struct play *p, bool wait)
{
    pv_task_id id;
    if (pick(p, 4))
        MUST(pv_task_id_new(&id) == PV_OK);
    else
        id = an_id(p);
    struct pv_submit_options o = options(p, &id);
    size_t n = pick(p, 3) ? INPUT : LARGE;
    struct pv_result r = { 0 };
    pv_status s = wait ? pv_prove(p->c, &r, &o, large, n, CALL_MS) : pv_submit(p->c, NULL, &o, large, n, CALL_MS);
    p->ids[p->ids_n++ % 8] = id;
    if (!wait || s != PV_OK) return;
    MUST(r.status == PV_OK);
    check_result(p, &r);
}

static void wait_or_fetch(struct play *p, bool fetch)
{
    struct pv_result r;
    pv_task_id id = an_id(p);
    pv_status s = fetch ? pv_fetch(p->c, &r, &id, CALL_MS) : pv_wait(p->c, &r, &id, CALL_MS);
    if (s != PV_OK) return;
    MUST(!memcmp(&r.id, &id, sizeof id));
    if (fetch) MUST(over(r.state));
    check_result(p, &r);
}

static void read_table(const pv_table *t)
{
    MUST(pv_table_schema(t) != NULL);
    for (size_t i = 0; i < pv_table_rows(t); i++) {
        struct pv_row row = pv_table_row(t, i);
        for (size_t k = 0; k < row.cells_n; k++) {
            const struct pv_cell *cell = pv_row_cell(&row, row.cells[k].key);
            MUST(cell && (cell->type != PV_CELL_TEXT || strlen(cell->text) < PV_TEXT_BYTES));
        }
    }
}

static void look(struct play *p)
{
    pv_table *t = NULL;
    pv_status s;
    if (pick(p, 2))
        s = pv_list(p->c, &t, &(struct pv_list_options){ .what = PV_LIST_TASKS, .rows_max = 500 }, CALL_MS);
    else
        s = pv_prover_drain(p->c, &t, "n", CALL_MS);
    MUST((s == PV_OK) == (t != NULL));
    if (t) read_table(t);
    pv_table_free(&t);
}

static void ask(struct play *p)
{
    struct pv_task_info info;
    uint64_t counts[PV_TASK_STATES];
    enum pv_task_state state;
    pv_task_id id = an_id(p);
    switch (pick(p, 4)) {
    case 0: pv_cancel(p->c, &state, &id, CALL_MS); break;
    case 1: pv_purge(p->c, counts, &(struct pv_purge_options){ 0 }, CALL_MS); break;
    case 2: pv_ack(p->c, &id); break;
    default:
        if (pv_show(p->c, &info, &id, CALL_MS) == PV_OK) MUST(!memcmp(&info.id, &id, sizeof id));
    }
}

static void call(struct play *p)
{
    pv_task_id id;
    switch (pick(p, 8)) {
    case 0:
    case 1: submit(p, false); break;
    case 2: submit(p, true); break;
    case 3: wait_or_fetch(p, false); break;
    case 4: wait_or_fetch(p, true); break;
    case 5: look(p); break;
    case 6: ask(p); break;
    default:
        id = an_id(p);
        if (pick(p, 4) == 0)
            pv_forget(p->c, &id);
        else
            pv_attach(p->c, &id, &(struct pv_submit_options){ .done = on_done, .user = p }, CALL_MS);
    }
    pv_client_process(p->c, NULL, pick(p, 2) ? 2 : 0);
}

unsigned hostile_client_play(const uint8_t *script, size_t bytes, unsigned heard[128])
{
    struct play p = { .calls = script, .calls_n = bytes / 4 };
    struct pv_client_options o = { .insecure = true, .reconnect_ms = 2, .reconnect_max_ms = 4, .connect_ms = 200 };
    for (size_t i = 0; i < LARGE; i++) large[i] = (uint8_t)(i * 40503u >> 7);
    hostile_broker_start(&p.b, script + p.calls_n, bytes - p.calls_n);
    o.endpoints = p.b.endpoint;
    MUST(pv_client_open(&p.c, &o) == PV_OK);
    pv_client_ready(p.c, 200);
    for (int i = 0; i < CALLS; i++) call(&p);
    pv_client_process(p.c, NULL, 2);
    pv_client_close(&p.c);
    hostile_broker_stop(&p.b);
    for (int i = 0; heard && i < 128; i++) heard[i] += p.b.h.heard[i];
    return p.b.h.said;
}
