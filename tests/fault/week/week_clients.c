/* A client keeps some tasks under way. It acknowledges most results, cancels some, lets some expire, purges now and then, is cut off, and comes
 * back as the same process or as a new one. */
#include "week.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 4096, UNDER_WAY = 24, SAMPLES = 1 << 16, PURGE_TURNS = 1000 };

static struct job {
    bool used, accepted, large, fetching;
    uint32_t client;
    uint32_t life; /* of the slot, so that an old message does not meet a new task */
    wire_id id;
    uint64_t seed, from_us;
    struct week_fetched result;
    size_t bytes;
    uint32_t generation;
} jobs[JOBS];

static struct client {
    wire_id session;
    uint32_t under_way, req, life;
    uint64_t next_ms;
    bool in;
} clients[WEEK_CLIENTS];

static uint32_t accepted_us[SAMPLES], ended_us[SAMPLES];
static size_t accepted_n, ended_n;

static struct client *client_of(const struct crowd_peer *p)
{
    return &clients[p->index - WEEK_PROVERS];
}

static void sample(uint32_t *to, size_t *n, uint64_t from_us)
{
    if (*n < SAMPLES) to[(*n)++] = (uint32_t)(pv_clock_us() - from_us);
}

/* ---- jobs ---- */

static struct job *job_of(const struct crowd_peer *p, wire_id id)
{
    uint32_t slot, life;
    memcpy(&slot, id.bytes, 4);
    memcpy(&life, id.bytes + 4, 4);
    struct job *j = slot < JOBS ? &jobs[slot] : NULL;
    return j && j->used && j->life == life && j->client == p->index - WEEK_PROVERS ? j : NULL;
}

static struct job *job_new(uint32_t client)
{
    static uint32_t at;
    for (uint32_t i = 0; i < JOBS; i++) {
        struct job *j = &jobs[(at + i) % JOBS];
        if (j->used) continue;
        at = (at + i + 1) % JOBS;
        uint32_t slot = (uint32_t)(j - jobs), life = j->life + 1;
        *j = (struct job){ .used = true, .client = client, .life = life, .id = week_id() };
        memcpy(j->id.bytes, &slot, 4);
        memcpy(j->id.bytes + 4, &life, 4);
        clients[client].under_way++;
        return j;
    }
    return NULL;
}

static void job_end(struct job *j)
{
    clients[j->client].under_way--;
    j->used = false;
}

static void jobs_forget(uint32_t client, bool accepted_too)
{
    for (struct job *j = jobs; j < jobs + JOBS; j++)
        if (j->used && j->client == client && (accepted_too || !j->accepted)) job_end(j);
}

uint64_t week_clients_wait(void)
{
    uint64_t n = 0;
    for (const struct job *j = jobs; j < jobs + JOBS; j++) n += j->used && j->accepted;
    return n;
}

/* ---- what it says ---- */

static void submit(struct crowd_peer *p)
{
    static const enum wire_on_restart kinds[] = { WIRE_ON_RESTART_KEEP, WIRE_ON_RESTART_CANCEL, WIRE_ON_RESTART_TTL };
    struct job *j = job_new(p->index - WEEK_PROVERS);
    if (!j) return;
    j->large = week_chance(20);
    j->bytes =
        j->large ? 70000 + week_random(WEEK_LARGE_MOST - 70000) : 1 + week_random(week_chance(100) ? 60000 : 2000);
    j->seed = week_random(UINT64_MAX);
    j->from_us = pv_clock_us();
    struct wire_msg m = { .type = WIRE_SUBMIT };
    WIRE_SET(&m, req, ++client_of(p)->req);
    WIRE_SET(&m, task, j->id);
    WIRE_SET(&m, queue, "week");
    bool hopeless = week_chance(20); /* no prover has that circuit */
    WIRE_SET(&m, circuit, hopeless ? "circuit-2" : week_chance(500) ? "circuit-0" : "circuit-1");
    WIRE_SET(&m, length, j->bytes);
    WIRE_SET(&m, sha256, week_hash(j->seed, j->bytes));
    WIRE_SET(&m, priority, (uint32_t)week_random(10));
    WIRE_SET(&m, on_restart, kinds[week_random(3)]);
    WIRE_SET(&m, ttl_ms, 3000);
    if (hopeless || week_chance(100)) WIRE_SET(&m, deadline_in_ms, 1 + week_random(1000));
    if (week_chance(100)) WIRE_SET(&m, group, week_chance(500) ? "a" : "b");
    m.has_payload = !j->large;
    m.payload = j->large ? NULL : week_payload(j->seed, j->bytes);
    m.payload_bytes = j->large ? 0 : j->bytes;
    week_seen.submitted++;
    week_seen.large_in += j->large;
    crowd_say(p, &m);
}

static void cancel(struct crowd_peer *p, const struct job *j)
{
    struct wire_msg m = { .type = WIRE_CANCEL };
    WIRE_SET(&m, req, ++client_of(p)->req);
    WIRE_SET(&m, task, j->id);
    week_seen.cancels++;
    crowd_say(p, &m);
}

static void purge(struct crowd_peer *p)
{
    struct wire_msg m = { .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++client_of(p)->req);
    WIRE_SET(&m, scope, WIRE_SCOPE_SESSION);
    week_seen.purges++;
    crowd_say(p, &m);
}

/* ---- what it hears ---- */

static void over(struct crowd_peer *p, struct job *j)
{
    struct wire_msg ack = { .type = WIRE_ACK };
    sample(ended_us, &ended_n, j->from_us);
    if (!week_chance(100)) { /* the others end with their retention */
        WIRE_SET(&ack, task, j->id);
        WIRE_SET(&ack, generation, j->generation);
        week_seen.acked++;
        crowd_say(p, &ack);
    }
    job_end(j);
}

static void delivered(struct crowd_peer *p, struct job *j, const struct wire_msg *m)
{
    bool fetch = m->state == TASK_SUCCEEDED && !m->has_payload && m->length;
    if (!j->fetching) week_seen.delivered++;
    if (!j->fetching) week_seen.succeeded += m->state == TASK_SUCCEEDED;
    if (!j->fetching) week_seen.expired += m->state == TASK_EXPIRED;
    j->accepted = true;
    j->generation = m->generation;
    if (!fetch) {
        over(p, j);
        return;
    }
    j->fetching = true;
    j->result = (struct week_fetched){ .bytes = m->length };
    week_seen.large_out++;
    week_fetch(p, WIRE_KIND_RESULT, j->id, (wire_token){ 0, 0 }, &j->result);
}

static void chunk(struct crowd_peer *p, struct job *j, const struct wire_msg *m)
{
    if (!j->fetching || m->offset != j->result.at) return;
    j->result.at += m->payload_bytes;
    if (j->result.at == j->result.bytes)
        over(p, j);
    else
        week_fetch(p, WIRE_KIND_RESULT, j->id, (wire_token){ 0, 0 }, &j->result);
}

static void accepted(struct crowd_peer *p, struct job *j)
{
    if (j->accepted) return;
    j->accepted = true;
    week_seen.accepted++;
    if (!j->large) sample(accepted_us, &accepted_n, j->from_us);
    if (week_churns && week_chance(50)) cancel(p, j);
}

void week_client_hears(struct crowd_peer *p, const struct wire_msg *m)
{
    struct job *j = m->has.task ? job_of(p, m->task) : NULL;
    if (m->type == WIRE_WELCOME) client_of(p)->in = true;
    if (!j) return;
    switch (m->type) {
    case WIRE_SUBMIT_OK: accepted(p, j); break;
    case WIRE_CANCELLED: /* that is its end, unless it was over before */
        if (m->state == TASK_CANCELLED) job_end(j);
        break;
    case WIRE_CREDIT: week_chunks(p, m, j->seed, j->bytes); break;
    case WIRE_DELIVER: delivered(p, j, m); break;
    case WIRE_CHUNK: chunk(p, j, m); break;
    case WIRE_ERROR: /* of a CANCEL that came too late the end is on its way */
        if (j->accepted) break;
        week_seen.refused++;
        job_end(j);
        break;
    default: break;
    }
}

/* ---- coming and going ---- */

void week_client_enters(struct crowd_peer *p)
{
    struct client *c = client_of(p);
    char name[32];
    bool fresh = !c->life || (week_churns && week_chance(300));
    if (fresh) {
        jobs_forget(p->index - WEEK_PROVERS, true); /* a new process knows nothing */
        c->session = week_id();
        c->life++;
        week_seen.sessions_new++;
    }
    snprintf(name, sizeof name, "client-%u", p->index - WEEK_PROVERS);
    struct wire_msg m = week_hello(name, WIRE_ROLE_CLIENT, c->session);
    c->in = false;
    crowd_say(p, &m);
}

/* What was not accepted may be there or not: a caller would submit it again, and here it is not counted. */
void week_client_lost(struct crowd_peer *p)
{
    struct client *c = client_of(p);
    c->in = false;
    c->next_ms = week_now_ms + 50 + week_random(1000);
    jobs_forget(p->index - WEEK_PROVERS, false);
    for (struct job *j = jobs; j < jobs + JOBS; j++)
        if (j->used && j->client == p->index - WEEK_PROVERS) j->fetching = false;
}

void week_client_turn(struct crowd_peer *p)
{
    struct client *c = client_of(p);
    if (p->fd < 0) {
        if (week_now_ms >= c->next_ms && crowd_dial(p->crowd, p->index)) week_client_enters(p);
        return;
    }
    if (!c->in || !week_churns) return;
    if (!week_random(PURGE_TURNS)) purge(p);
    if (week_chance(1)) {
        week_seen.clients_gone++;
        crowd_hang_up(p);
        week_client_lost(p);
    } else if (c->under_way < UNDER_WAY && week_chance(60)) {
        submit(p);
    }
}

/* ---- latencies ---- */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void at_shares(uint32_t to[2], uint32_t *of, size_t *n, const unsigned hundredths[2])
{
    qsort(of, *n, sizeof *of, by_size);
    for (int i = 0; i < 2; i++) to[i] = *n ? of[(*n - 1) * hundredths[i] / 100] : 0;
    *n = 0;
}

void week_latencies(uint32_t accepted_at[2], uint32_t ended_at[2], unsigned hundredths[2])
{
    at_shares(accepted_at, accepted_us, &accepted_n, hundredths);
    at_shares(ended_at, ended_us, &ended_n, hundredths);
}
