#include "agent_results.h"

#include "agent_link.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum {
    ASK_MS = 1000,   /* a revoked result is said again no more often */
    AGAIN_MS = 5000, /* a refused result is sent again after this, unless the broker said when */
    /* A result that took less than CHEAP_MS is cheaper to compute again than to sync to a disk every time (two
     * fsyncs, 5 to 20 ms). It is spooled only if the broker has not acknowledged it within SOON_MS; minutes of a GPU
     * are spooled at once. */
    CHEAP_MS = 1000,
    SOON_MS = 200,
    REFUSED_MOST_MS = 60000,
    /* What a grant lets go lies in the connection's queue at once, so both are bounds on memory: a broker may grant the
     * same bytes again and again and read nothing. */
    WINDOW_MOST = 4 << 20,
    BACKWARD_MOST = 16,
};

static struct agent_result *result_find(const struct agent *a, wire_token token)
{
    for (size_t i = 0; i < a->results_n; i++)
        if (wire_token_equal(a->results[i].entry.token, token)) return &a->results[i];
    return NULL;
}

bool agent_results_hold(const struct agent *a, wire_token token)
{
    return result_find(a, token) != NULL;
}

static struct agent_result *result_add(struct agent *a, const struct spool_entry *e)
{
    if (a->results_n == a->results_room) {
        size_t room = a->results_room ? 2 * a->results_room : 16;
        struct agent_result *more = realloc(a->results, room * sizeof *more);
        if (!more) return NULL;
        a->results = more;
        a->results_room = room;
    }
    struct agent_result *f = &a->results[a->results_n++];
    *f = (struct agent_result){ .entry = *e, .again_ms = 1, .out = { .length = e->length } };
    wire_id_text(f->task_text, e->task);
    return f;
}

/* The tokens in the spool were given by a broker of their epoch, so any broker of an earlier epoch is stale. */
pv_status agent_results_open(struct agent *a, char why[AGENT_WHY_BYTES])
{
    size_t damaged = 0, n;
    if (!a->o.state) return PV_OK;
    TRY(spool_open(&a->spool, a->o.state, &damaged, why));
    const struct spool_entry *entries = spool_entries(a->spool, &n);
    for (size_t i = 0; i < n; i++) {
        struct agent_result *f = result_add(a, &entries[i]);
        if (!f) return PV_NO_MEMORY;
        f->spooled = true;
        if (entries[i].token.epoch > a->link.epoch_seen) a->link.epoch_seen = entries[i].token.epoch;
    }
    if (n || damaged) LOG_INFO("spool.found", "results=%zu damaged=%zu", n, damaged);
    return PV_OK;
}

static void bytes_free(struct agent_result *f)
{
    free(f->bytes);
    f->bytes = NULL;
    f->out.bytes = NULL;
}

/* Reads the bytes from the spool when they are not in memory. They stay until the result goes or another is read. */
static pv_status bytes_load(struct agent *a, struct agent_result *f)
{
    char why[SPOOL_WHY_BYTES] = "";
    if (f->bytes) return PV_OK;
    for (size_t i = 0; i < a->results_n; i++) {
        if (!a->results[i].spooled) continue;
        bytes_free(&a->results[i]);
    }
    pv_status s = spool_read(a->spool, f->entry.token, &f->bytes, why);
    f->out.bytes = f->bytes;
    if (s != PV_OK) LOG_ERROR("spool.read", "task=%s status=%s text=%s", f->task_text, pv_status_word(s), why);
    return s;
}

static void result_remove(struct agent *a, struct agent_result *f)
{
    size_t i = (size_t)(f - a->results);
    if (f->spooled) spool_drop(a->spool, f->entry.token);
    bytes_free(f);
    memmove(f, f + 1, (a->results_n - i - 1) * sizeof *f);
    a->results_n--;
}

static void result_say(struct agent *a, struct agent_result *f)
{
    struct wire_msg m = { .type = WIRE_RESULT };
    const struct spool_entry *e = &f->entry;
    WIRE_SET(&m, token, e->token);
    WIRE_SET(&m, task, e->task);
    WIRE_SET(&m, input, e->input);
    WIRE_SET(&m, length, e->length);
    WIRE_SET(&m, sha256, e->sha256);
    WIRE_SET(&m, measured_ms, e->measured_ms);
    outgoing_rewind(&f->out);
    f->backward = 0;
    f->said_ms = a->now_ms;
    if (e->length <= a->link.inline_max) {
        f->again_ms = a->now_ms + AGAIN_MS;
        if (bytes_load(a, f) != PV_OK) return;
        m.has_payload = true;
        m.payload = f->bytes;
        m.payload_bytes = e->length;
    }
    if (agent_link_say(a, &m)) f->again_ms = 0;
}

/* A result that cannot be written stays in memory. Nothing retries it by itself; the end of the agent does. */
static void result_spool(struct agent *a, struct agent_result *f)
{
    char why[SPOOL_WHY_BYTES] = "";
    f->spool_ms = 0;
    if (!a->spool || f->spooled) return;
    pv_status s = spool_put(a->spool, &f->entry, f->bytes, why);
    f->spooled = s == PV_OK;
    if (s != PV_OK) LOG_ERROR("spool.write", "task=%s status=%s text=%s", f->task_text, pv_status_word(s), why);
}

void agent_results_add(struct agent *a, const struct agent_attempt *at, struct job *job)
{
    struct spool_entry e = { at->token, at->task, at->sha256, job->sha256, job->out.size, job->measured_ms };
    struct agent_result *f = result_add(a, &e);
    if (!f) {
        LOG_ERROR("task.unsaid", "task=%s text=%s", at->task_text, "no memory to remember the result");
        return;
    }
    f->out.bytes = f->bytes = job->out.bytes;
    job->out.bytes = NULL;
    result_say(a, f);
    if (a->link.state == LINK_UP && e.measured_ms < CHEAP_MS)
        f->spool_ms = a->now_ms + SOON_MS;
    else
        result_spool(a, f);
}

void agent_results_linked(struct agent *a)
{
    for (size_t i = 0; i < a->results_n; i++) a->results[i].again_ms = 1;
    agent_results_tick(a);
}

void agent_results_tick(struct agent *a)
{
    for (size_t i = 0; i < a->results_n && a->link.state == LINK_UP; i++)
        if (a->results[i].again_ms && a->results[i].again_ms <= a->now_ms) result_say(a, &a->results[i]);
    for (size_t i = 0; i < a->results_n; i++)
        if (a->results[i].spool_ms && a->results[i].spool_ms <= a->now_ms) result_spool(a, &a->results[i]);
}

uint64_t agent_results_next_ms(const struct agent *a)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < a->results_n && a->link.state == LINK_UP; i++)
        if (a->results[i].again_ms && a->results[i].again_ms < next) next = a->results[i].again_ms;
    for (size_t i = 0; i < a->results_n; i++)
        if (a->results[i].spool_ms && a->results[i].spool_ms < next) next = a->results[i].spool_ms;
    return next;
}

static bool chunk_say(struct agent *a, struct agent_result *f)
{
    struct wire_msg m;
    if (!outgoing_chunk(&f->out, a->link.chunk_max, &m)) return false;
    WIRE_SET(&m, kind, WIRE_KIND_RESULT);
    WIRE_SET(&m, task, f->entry.task);
    WIRE_SET(&m, token, f->entry.token);
    if (!agent_link_say(a, &m)) return false;
    outgoing_said(&f->out, &m);
    return true;
}

static bool grant(struct agent *a, struct agent_result *f, const struct wire_msg *m)
{
    uint64_t window = a->link.window < WINDOW_MOST ? a->link.window : WINDOW_MOST;
    if (f->out.granted && m->offset < f->out.told && ++f->backward > BACKWARD_MOST) {
        agent_link_lose(a, "the broker asks for the same bytes again and again");
        return false;
    }
    return outgoing_grant(&f->out, m->offset, m->bytes < window ? m->bytes : window);
}

void agent_results_credit(struct agent *a, const struct wire_msg *m)
{
    struct agent_result *f = m->has.token && m->kind == WIRE_KIND_RESULT ? result_find(a, m->token) : NULL;
    if (!f || m->offset > f->entry.length) return;
    if (bytes_load(a, f) != PV_OK) {
        f->again_ms = a->now_ms + AGAIN_MS;
        return;
    }
    if (!grant(a, f, m)) return;
    while (chunk_say(a, f)) {
    }
}

void agent_results_ok(struct agent *a, const struct wire_msg *m)
{
    struct agent_result *f = result_find(a, m->token);
    if (!f || !wire_id_equal(m->task, f->entry.task)) return;
    LOG_INFO("task.acknowledged", "task=%s status=%s", f->task_text, pv_status_word(m->status));
    if (m->status == PV_OK) handlers_accepted(a->o.handlers);
    result_remove(a, f);
}

bool agent_results_refused(struct agent *a, const struct wire_msg *m)
{
    struct agent_result *f = result_find(a, m->token);
    if (!f) return false;
    uint64_t pause = m->has.retry_ms ? m->retry_ms : AGAIN_MS;
    f->again_ms = a->now_ms + (pause < REFUSED_MOST_MS ? pause : REFUSED_MOST_MS);
    return true;
}

void agent_results_revoked(struct agent *a, wire_token token)
{
    struct agent_result *f = result_find(a, token);
    if (f && !f->again_ms) f->again_ms = f->said_ms + ASK_MS > a->now_ms ? f->said_ms + ASK_MS : a->now_ms;
}

void agent_results_clear(struct agent *a)
{
    for (size_t i = 0; i < a->results_n; i++) {
        result_spool(a, &a->results[i]);
        bytes_free(&a->results[i]);
    }
    free(a->results);
    a->results = NULL;
    a->results_n = 0;
    spool_close(&a->spool);
}
