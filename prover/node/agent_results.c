#include "agent_state.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

enum {
    AGAIN_MS = 5000, /* a refused result is offered again after this, unless the broker said when */
    /* What took less than this to compute is cheaper to compute again than to sync to a disk (two fsyncs, 5 to 20 ms) each
     * time: it goes to the spool only when the broker has not acknowledged it soon. Minutes of a GPU go at once. */
    CHEAP_MS = 1000,
    SOON_MS = 200,
};

static struct finished *finished_find(const struct agent *a, wire_token token)
{
    for (size_t i = 0; i < a->finished_n; i++)
        if (wire_token_equal(a->finished[i].entry.token, token)) return &a->finished[i];
    return NULL;
}

bool results_hold(const struct agent *a, wire_token token)
{
    return finished_find(a, token) != NULL;
}

static struct finished *finished_add(struct agent *a, const struct spool_entry *e)
{
    if (a->finished_n == a->finished_room) {
        size_t room = a->finished_room ? 2 * a->finished_room : 16;
        struct finished *more = realloc(a->finished, room * sizeof *more);
        if (!more) return NULL;
        a->finished = more;
        a->finished_room = room;
    }
    struct finished *f = &a->finished[a->finished_n++];
    *f = (struct finished){ .entry = *e, .again_ms = 1 };
    wire_id_text(f->task_text, e->task);
    return f;
}

/* Tokens in the spool were given by a broker of that epoch: an earlier one is stale. */
pv_status results_open(struct agent *a, char why[DIAL_WHY_BYTES])
{
    size_t damaged = 0, n;
    if (!a->o.state) return PV_OK;
    TRY(spool_open(&a->spool, a->o.state, &damaged, why));
    const struct spool_entry *entries = spool_entries(a->spool, &n);
    for (size_t i = 0; i < n; i++) {
        struct finished *f = finished_add(a, &entries[i]);
        if (!f) return PV_NO_MEMORY;
        f->spooled = true;
        if (entries[i].token.epoch > a->epoch_seen) a->epoch_seen = entries[i].token.epoch;
    }
    if (n || damaged) LOG_INFO("spool.found", "results=%zu damaged=%zu", n, damaged);
    return PV_OK;
}

/* The bytes, from the spool when they are not in memory; there they stay until the result goes or another is read. */
static pv_status bytes_load(struct agent *a, struct finished *f)
{
    char why[SPOOL_WHY_BYTES] = "";
    if (f->bytes) return PV_OK;
    for (size_t i = 0; i < a->finished_n; i++) {
        if (!a->finished[i].spooled) continue;
        free(a->finished[i].bytes);
        a->finished[i].bytes = NULL;
    }
    pv_status s = spool_read(a->spool, f->entry.token, &f->bytes, why);
    if (s != PV_OK) LOG_ERROR("spool.read", "task=%s status=%s text=%s", f->task_text, pv_status_word(s), why);
    return s;
}

static void finished_remove(struct agent *a, struct finished *f)
{
    size_t i = (size_t)(f - a->finished);
    if (f->spooled) spool_drop(a->spool, f->entry.token);
    free(f->bytes);
    memmove(f, f + 1, (a->finished_n - i - 1) * sizeof *f);
    a->finished_n--;
}

static void result_say(struct agent *a, struct finished *f)
{
    struct wire_msg m = { .type = WIRE_RESULT };
    const struct spool_entry *e = &f->entry;
    WIRE_SET(&m, token, e->token);
    WIRE_SET(&m, task, e->task);
    WIRE_SET(&m, input, e->input);
    WIRE_SET(&m, length, e->length);
    WIRE_SET(&m, sha256, e->sha256);
    WIRE_SET(&m, measured_ms, e->measured_ms);
    f->granted = false;
    f->sent = f->granted_end = f->granted_from = 0;
    if (e->length <= a->inline_max) {
        f->again_ms = a->now_ms + AGAIN_MS;
        if (bytes_load(a, f) != PV_OK) return;
        m.has_payload = true;
        m.payload = f->bytes;
        m.payload_bytes = e->length;
    }
    if (session_say(a, &m)) f->again_ms = 0;
}

/* What cannot be written stays in memory, and is tried again when there is another reason to look at it. */
static void finished_spool(struct agent *a, struct finished *f)
{
    char why[SPOOL_WHY_BYTES] = "";
    f->spool_ms = 0;
    if (!a->spool || f->spooled) return;
    pv_status s = spool_put(a->spool, &f->entry, f->bytes, why);
    f->spooled = s == PV_OK;
    if (s != PV_OK) LOG_ERROR("spool.write", "task=%s status=%s text=%s", f->task_text, pv_status_word(s), why);
}

void results_add(struct agent *a, const struct attempt *at, struct job *job)
{
    struct spool_entry e = { at->token, at->task, at->sha256, job->sha256, job->out.size, job->measured_ms };
    struct finished *f = finished_add(a, &e);
    if (!f) {
        LOG_ERROR("task.unsaid", "task=%s text=%s", at->task_text, "no memory to remember the result");
        return;
    }
    f->bytes = job->out.bytes;
    job->out.bytes = NULL;
    result_say(a, f);
    if (a->link == LINK_UP && e.measured_ms < CHEAP_MS)
        f->spool_ms = a->now_ms + SOON_MS;
    else
        finished_spool(a, f);
}

void results_linked(struct agent *a)
{
    for (size_t i = 0; i < a->finished_n; i++) a->finished[i].again_ms = 1;
    results_tick(a);
}

void results_tick(struct agent *a)
{
    for (size_t i = 0; i < a->finished_n && a->link == LINK_UP; i++)
        if (a->finished[i].again_ms && a->finished[i].again_ms <= a->now_ms) result_say(a, &a->finished[i]);
    for (size_t i = 0; i < a->finished_n; i++)
        if (a->finished[i].spool_ms && a->finished[i].spool_ms <= a->now_ms) finished_spool(a, &a->finished[i]);
}

uint64_t results_next_ms(const struct agent *a)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < a->finished_n && a->link == LINK_UP; i++)
        if (a->finished[i].again_ms && a->finished[i].again_ms < next) next = a->finished[i].again_ms;
    for (size_t i = 0; i < a->finished_n; i++)
        if (a->finished[i].spool_ms && a->finished[i].spool_ms < next) next = a->finished[i].spool_ms;
    return next;
}

/* As wire/PROTOCOL.md has it: a grant continues what is under way; one behind an earlier one starts over there. */
static void grant_take(struct agent *a, struct finished *f, uint64_t offset, uint64_t bytes)
{
    uint64_t left = f->entry.length - offset, most = bytes < a->window ? bytes : a->window;
    if (!f->granted || offset < f->granted_from || offset > f->sent) f->sent = offset;
    f->granted = true;
    f->granted_from = offset;
    f->granted_end = offset + (most < left ? most : left);
}

static bool chunk_say(struct agent *a, struct finished *f)
{
    struct wire_msg m = { .type = WIRE_CHUNK };
    uint64_t left = f->granted_end - f->sent;
    WIRE_SET(&m, kind, WIRE_KIND_RESULT);
    WIRE_SET(&m, task, f->entry.task);
    WIRE_SET(&m, token, f->entry.token);
    WIRE_SET(&m, offset, f->sent);
    m.has_payload = true;
    m.payload = f->bytes + f->sent;
    m.payload_bytes = left < a->chunk_max ? left : a->chunk_max;
    if (!session_say(a, &m)) return false;
    f->sent += m.payload_bytes;
    return true;
}

void results_credit(struct agent *a, const struct wire_msg *m)
{
    struct finished *f = m->has.token && m->kind == WIRE_KIND_RESULT ? finished_find(a, m->token) : NULL;
    if (!f || m->offset > f->entry.length) return;
    if (bytes_load(a, f) != PV_OK) {
        f->again_ms = a->now_ms + AGAIN_MS;
        return;
    }
    grant_take(a, f, m->offset, m->bytes);
    while (f->sent < f->granted_end && chunk_say(a, f)) {
    }
}

void results_ok(struct agent *a, const struct wire_msg *m)
{
    struct finished *f = finished_find(a, m->token);
    if (!f) return;
    LOG_INFO("task.acknowledged", "task=%s status=%s", f->task_text, pv_status_word(m->status));
    finished_remove(a, f);
}

bool results_refused(struct agent *a, const struct wire_msg *m)
{
    struct finished *f = finished_find(a, m->token);
    if (!f) return false;
    f->again_ms = a->now_ms + (m->has.retry_ms ? m->retry_ms : AGAIN_MS);
    return true;
}

void results_clear(struct agent *a)
{
    for (size_t i = 0; i < a->finished_n; i++) {
        finished_spool(a, &a->finished[i]);
        free(a->finished[i].bytes);
    }
    free(a->finished);
    a->finished = NULL;
    a->finished_n = 0;
    spool_close(&a->spool);
}
