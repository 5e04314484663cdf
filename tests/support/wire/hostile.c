#include "hostile.h"

#include "encode.h"
#include "layout.h"

#include <string.h>

void hostile_init(struct hostile *h, const uint8_t *script, size_t bytes)
{
    *h = (struct hostile){ .script = script, .script_bytes = bytes, .epoch = 1 };
    for (size_t i = 0; i < HOSTILE_PAYLOAD; i++) h->payload[i] = (uint8_t)(i * 2654435761u >> 13);
    h->right_bytes = hostile_pick(h, 2) ? HOSTILE_PAYLOAD : 100;
    if (sha256_of(&h->right, h->payload, h->right_bytes) != PV_OK) h->right_bytes = 0;
}

bool hostile_over(const struct hostile *h)
{
    return h->at >= h->script_bytes;
}

unsigned hostile_pick(struct hostile *h, unsigned n)
{
    return hostile_over(h) ? 0 : h->script[h->at++] % n;
}

/* --- memory --- */

#define KEEP(h, list, value) ((h)->list[(h)->list##_n++ % HOSTILE_KEPT] = (value))

void hostile_hear(struct hostile *h, const struct wire_msg *m)
{
    h->heard[m->type]++;
    if (m->has.task) KEEP(h, tasks, m->task);
    if (m->has.token) KEEP(h, tokens, m->token);
    if (m->has.req) KEEP(h, reqs, m->req);
    if (m->type == WIRE_CREDIT) h->asked = m->offset;
}

static unsigned kept(struct hostile *h, unsigned n)
{
    return hostile_pick(h, n < HOSTILE_KEPT ? n : HOSTILE_KEPT);
}

static wire_id a_task(struct hostile *h)
{
    wire_id other = { { (uint8_t)hostile_pick(h, 3) } };
    return h->tasks_n && hostile_pick(h, 8) ? h->tasks[kept(h, h->tasks_n)] : other;
}

static wire_token a_token(struct hostile *h)
{
    wire_token made = { h->epoch, 1 + hostile_pick(h, 8) };
    return h->tokens_n && hostile_pick(h, 3) ? h->tokens[kept(h, h->tokens_n)] : made;
}

/* --- truth --- */

static void deliver(struct hostile *h, struct wire_msg *out)
{
    WIRE_SET(out, generation, 1);
    WIRE_SET(out, state, TASK_SUCCEEDED);
    WIRE_SET(out, status, PV_OK);
    WIRE_SET(out, length, h->right_bytes);
    WIRE_SET(out, sha256, h->right);
    WIRE_SET(out, measured_ms, 1);
    out->has_payload = h->right_bytes < HOSTILE_PAYLOAD; /* else in chunks */
    out->payload = h->payload;
    out->payload_bytes = h->right_bytes;
}

static void welcome(struct hostile *h, struct wire_msg *out)
{
    WIRE_SET(out, epoch, h->epoch);
    WIRE_SET(out, heartbeat_ms, 50);
    WIRE_SET(out, lease_ms, 2000);
    WIRE_SET(out, inline_max, WIRE_INLINE_MAX);
    WIRE_SET(out, chunk_max, 16384);
    WIRE_SET(out, payload_max, 1 << 24);
    WIRE_SET(out, window, 65536);
    WIRE_SET(out, principal, "p");
    WIRE_SET(out, software, "hostile");
}

static void task(struct hostile *h, struct wire_msg *out)
{
    WIRE_SET(out, state, hostile_pick(h, 2) ? TASK_SUCCEEDED : TASK_QUEUED);
    WIRE_SET(out, generation, 1);
    WIRE_SET(out, queue, "q");
    WIRE_SET(out, circuit, "c");
    WIRE_SET(out, status, PV_OK);
    WIRE_SET(out, length, 100);
    WIRE_SET(out, sha256, h->right);
    WIRE_SET(out, created, 1);
    WIRE_SET(out, changed, 2);
}

static void chunk(struct hostile *h, struct wire_msg *out, uint64_t offset)
{
    WIRE_SET(out, kind, WIRE_KIND_RESULT);
    WIRE_SET(out, offset, offset);
    out->has_payload = true;
    out->payload = h->payload + offset % HOSTILE_PAYLOAD;
    out->payload_bytes = HOSTILE_PAYLOAD - offset % HOSTILE_PAYLOAD;
}

/* A SUBMIT or RESULT without its payload, and a chunk of it: more often than not the rest is asked for. */
static bool ask_for_more(struct hostile *h, const struct wire_msg *m, struct wire_msg *out)
{
    bool announced = (m->type == WIRE_SUBMIT || m->type == WIRE_RESULT) && !m->has_payload;
    if (!announced && m->type != WIRE_CHUNK) return false;
    if (hostile_pick(h, 3) == 0) return false;
    *out = (struct wire_msg){ .type = WIRE_CREDIT };
    WIRE_SET(out, kind, m->type == WIRE_CHUNK ? m->kind : m->type == WIRE_SUBMIT ? WIRE_KIND_INPUT : WIRE_KIND_RESULT);
    WIRE_SET(out, task, m->task);
    if (m->has.token) WIRE_SET(out, token, m->token);
    WIRE_SET(out, offset, announced ? 0 : m->offset + m->payload_bytes);
    WIRE_SET(out, bytes, 40000);
    return true;
}

bool hostile_answer(struct hostile *h, const struct wire_msg *m, struct wire_msg *out)
{
    static const enum wire_type answers[128] = {
        [WIRE_HELLO] = WIRE_WELCOME, [WIRE_HEARTBEAT] = WIRE_HEARTBEAT, [WIRE_SUBMIT] = WIRE_SUBMIT_OK,
        [WIRE_ATTACH] = WIRE_TASK,   [WIRE_SHOW] = WIRE_TASK,           [WIRE_KICK] = WIRE_TASK,
        [WIRE_FETCH] = WIRE_DELIVER, [WIRE_CANCEL] = WIRE_CANCELLED,    [WIRE_CLAIM] = WIRE_CLAIMED,
        [WIRE_PURGE] = WIRE_COUNTS,  [WIRE_LIST] = WIRE_ROWS,           [WIRE_QUEUE] = WIRE_ROWS,
        [WIRE_PROVER] = WIRE_ROWS,   [WIRE_RESULT] = WIRE_RESULT_OK,    [WIRE_CREDIT] = WIRE_CHUNK,
    };
    if (ask_for_more(h, m, out)) return true;
    *out = (struct wire_msg){ .type = answers[m->type] };
    if (!out->type) return false;
    if (m->has.req && out->type != WIRE_WELCOME) WIRE_SET(out, req, m->req);
    if (m->has.task && out->type != WIRE_ROWS && out->type != WIRE_COUNTS) WIRE_SET(out, task, m->task);
    switch (out->type) {
    case WIRE_WELCOME: welcome(h, out); break;
    case WIRE_HEARTBEAT: WIRE_SET(out, epoch, h->epoch); break;
    case WIRE_SUBMIT_OK:
        WIRE_SET(out, state, TASK_QUEUED);
        WIRE_SET(out, generation, 1);
        WIRE_SET(out, unservable, hostile_pick(h, 2) == 0);
        break;
    case WIRE_TASK: task(h, out); break;
    case WIRE_DELIVER: deliver(h, out); break;
    case WIRE_CANCELLED: WIRE_SET(out, state, TASK_CANCELLED); break;
    case WIRE_CLAIMED:
        WIRE_SET(out, token, a_token(h));
        KEEP(h, tokens, out->token);
        break;
    case WIRE_COUNTS: WIRE_SET(out, counts, (struct wire_counts){ { 1 } }); break;
    case WIRE_ROWS:
        WIRE_SET(out, schema, "provost.x/1");
        out->has.rows = true;
        break;
    case WIRE_RESULT_OK:
        WIRE_SET(out, token, m->token);
        WIRE_SET(out, status, PV_OK);
        break;
    default: chunk(h, out, m->offset); break;
    }
    return true;
}

/* --- lies --- */

static uint64_t a_number(struct hostile *h, uint64_t bound)
{
    static const uint64_t some[] = { 0,         1,         2,       100,     HOSTILE_PAYLOAD,
                                     65536,     65537,     1 << 20, 1 << 28, UINT64_C(1) << 40,
                                     INT64_MAX, UINT64_MAX };
    uint64_t n = some[hostile_pick(h, sizeof some / sizeof *some)];
    return n < bound ? n : bound;
}

static uint32_t a_small_number(struct hostile *h, const struct layout_field *f)
{
    if (!strcmp(f->key, "req") && h->reqs_n && hostile_pick(h, 6)) return h->reqs[kept(h, h->reqs_n)];
    if (!strcmp(f->key, "epoch") && hostile_pick(h, 8)) return h->epoch;
    return (uint32_t)a_number(h, f->bound);
}

static const struct wire_row *some_rows(size_t *n)
{
    static const struct wire_cell cells[] = { { .key = "prover", .type = WIRE_CELL_TEXT, .text = "x" },
                                              { .key = "time", .type = WIRE_CELL_INT, .number = INT64_MAX } };
    static const struct wire_row rows[] = { { cells, 2 }, { cells, 0 }, { cells, 1 } };
    *n = 3;
    return rows;
}

#define PUT(type, value) (*(type *)(void *)at = (value))

static void set_field(struct hostile *h, struct wire_msg *m, const struct layout_field *f)
{
    char *at = (char *)m + f->at;
    switch (f->kind) {
    case LAYOUT_U32: PUT(uint32_t, a_small_number(h, f)); break;
    case LAYOUT_U64: PUT(uint64_t, a_number(h, f->bound)); break;
    case LAYOUT_BOOL: PUT(bool, hostile_pick(h, 2)); break;
    case LAYOUT_NAME: PUT(const char *, "other"); break;
    case LAYOUT_TEXT: PUT(const char *, "text\tof\nsome lines"); break;
    case LAYOUT_ID: PUT(wire_id, a_task(h)); break;
    case LAYOUT_HASH: PUT(wire_hash, hostile_pick(h, 4) ? h->right : (wire_hash){ { 1 } }); break;
    case LAYOUT_TOKEN: PUT(wire_token, a_token(h)); break;
    case LAYOUT_WORD: PUT(int, (int)hostile_pick(h, 2)); break;
    case LAYOUT_STATE: PUT(enum task_state, (enum task_state)hostile_pick(h, TASK_STATES)); break;
    case LAYOUT_STATUS: PUT(pv_status, pv_status_of_code(hostile_pick(h, 100))); break;
    case LAYOUT_STATES: PUT(uint32_t, 1); break;
    case LAYOUT_TOKENS: m->revoked = h->tokens, m->revoked_n = h->tokens_n < 4 ? h->tokens_n : 4; break;
    case LAYOUT_ROWS: m->rows = some_rows(&m->rows_n); break;
    default: break; /* empty */
    }
    *(bool *)((char *)m + f->has_at) = true;
}

/* A payload as long as the length says, or the other way round; of an answer in chunks none. */
static void set_payload(struct hostile *h, struct wire_msg *m, const struct layout_type *t)
{
    if (t->payload == LAYOUT_PAYLOAD_CHUNK) {
        chunk(h, m, hostile_pick(h, 2) ? h->asked : m->offset);
        WIRE_SET(m, kind, (enum wire_kind)hostile_pick(h, 2));
        return;
    }
    if (t->payload != LAYOUT_PAYLOAD_INLINE || !m->has.length || hostile_pick(h, 3) == 0) return;
    WIRE_SET(m, length, hostile_pick(h, 2) ? h->right_bytes : hostile_pick(h, 200));
    m->has_payload = true;
    m->payload = h->payload;
    m->payload_bytes = (size_t)m->length;
}

static enum wire_type a_type(struct hostile *h)
{
    enum { CODES = 64 };
    unsigned from = hostile_pick(h, CODES);
    for (unsigned i = 0; i < CODES; i++) {
        const struct layout_type *t = layout_type_of((from + i) % CODES);
        if (t && t->ways & WIRE_TO_PEER) return (enum wire_type)((from + i) % CODES);
    }
    return WIRE_HEARTBEAT;
}

/* Fields that the queues of a node have, so that some of what is said gets past the door. */
static void make_likely(struct hostile *h, struct wire_msg *m)
{
    if (m->type == WIRE_OFFER && hostile_pick(h, 8)) m->queue = "outer";
    if (m->type == WIRE_CLAIMED || m->type == WIRE_OFFER) KEEP(h, tokens, m->token);
}

void hostile_any(struct hostile *h, struct wire_msg *out)
{
    *out = (struct wire_msg){ .type = a_type(h) };
    const struct layout_type *t = layout_type_of(out->type);
    if (out->type == WIRE_WELCOME && hostile_pick(h, 2)) {
        welcome(h, out);
        return;
    }
    for (size_t k = 0; k < layout_msg.n; k++) {
        bool need = layout_needs(t, (enum wire_field)k, WIRE_TO_PEER);
        if (need || (t->use[k] != LAYOUT_NO && hostile_pick(h, 2))) set_field(h, out, &layout_msg.fields[k]);
    }
    set_payload(h, out, t);
    make_likely(h, out);
}

bool hostile_encode(struct hostile *h, const struct wire_msg *out, uint8_t *buffer, size_t room, struct wire_frames *f)
{
    char why[WIRE_WHY_BYTES];
    if (wire_msg_encode(out, WIRE_TO_PEER, buffer, room, f, why) != PV_OK) return false;
    if (hostile_pick(h, 16) == 15) { /* head and body lie one behind the other */
        size_t at = hostile_pick(h, 200) % (f->head_bytes + f->body_bytes);
        buffer[at] ^= (uint8_t)(1 << hostile_pick(h, 8));
    }
    h->said++;
    return true;
}
