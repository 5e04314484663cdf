#include "sched.h"

#include "accounts.h"
#include "actions.h"
#include "lanes.h"
#include "provers.h"
#include "sched_attempt.h"
#include "sched_damage.h"
#include "sched_end.h"
#include "sched_failure.h"
#include "sched_hello.h"
#include "sched_match.h"
#include "sched_purge.h"
#include "sched_restore.h"
#include "sched_result.h"
#include "sched_setting.h"
#include "sched_submit.h"
#include "sched_timers.h"
#include "sessions.h"
#include "who.h"

#include <stdlib.h>
#include <string.h>

/* ---- birth and death ---- */

static void fill_in(uint64_t *value, uint64_t fallback)
{
    if (!*value) *value = fallback;
}

static void fill_in_32(uint32_t *value, uint32_t fallback)
{
    if (!*value) *value = fallback;
}

static void defaults(struct sched_config *c)
{
    fill_in(&c->heartbeat_ms, 3000);
    fill_in(&c->lease_ms, 15000);
    fill_in(&c->grace_ms, 1000);
    if (c->grace_ms == SCHED_NO_GRACE) c->grace_ms = 0;
    fill_in(&c->offer_ms, 10000);
    fill_in(&c->receive_ms, 600000);
    fill_in(&c->recover_ms, 2 * c->lease_ms);
    fill_in(&c->acked_ms, 600000);
    fill_in(&c->retention_ms, 86400000);
    fill_in(&c->backoff_ms, 1000);
    fill_in(&c->backoff_max_ms, 60000);
    fill_in(&c->quarantine_ms, 60000);
    fill_in(&c->quarantine_max_ms, 3600000);
    fill_in(&c->opinion_ms, 60000);
    fill_in(&c->age_ms, 60000);
    fill_in(&c->cold_pass_ms, 10000);
    fill_in_32(&c->failures_max, 3);
    fill_in_32(&c->losses_max, 5);
    fill_in_32(&c->suspect_losses, 2);
    fill_in_32(&c->quarantine_tasks, 3);
    fill_in(&c->tasks_max, 2000000);
    fill_in(&c->acked_max, 100000);
    fill_in(&c->slice_rows, 4096);
    fill_in_32(&c->provers_max, 10000);
    fill_in_32(&c->sessions_max, 100000);
    fill_in_32(&c->provers_share, c->provers_max < 4 ? 1 : c->provers_max / 4);
    fill_in_32(&c->circuits_share, 100000);
    fill_in_32(&c->guests_share, 200000);
}

pv_status sched_new(struct sched **to, const struct sched_config *config)
{
    struct sched *s = calloc(1, sizeof *s);
    if (!s) return PV_NO_MEMORY;
    s->cfg = *config;
    defaults(&s->cfg);
    if (s->cfg.lease_ms < 4 * s->cfg.heartbeat_ms || s->cfg.quarantine_tasks > 8) {
        free(s);
        return PV_BAD_CONFIG;
    }
    s->visited = &s->stats.rows;
    s->random = s->cfg.seed;
    s->next_order = 1;
    s->pump_ms = NEVER;
    s->stalled_end = &s->stalled;
    for (int i = 0; i < SLICES; i++) s->slices[i].left = s->cfg.slice_rows;
    s->turns_end = &s->turns;
    s->ending_end = &s->ending;
    names_init(&s->names, sched_random(s, NEVER));
    s->ids_seed = sched_random(s, NEVER);
    struct idmap *maps[] = { &s->accounts_groups, &s->works,           &s->lanes,   &s->circuits,      &s->peers,
                             &s->attempts,        &s->provers_by_name, &s->clients, &s->sessions_by_id };
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) idmap_init(maps[i], sched_random(s, NEVER));
    idmap_init(&s->pending, ~s->ids_seed);
    heap_init(&s->timers, offsetof(struct task, timer_at));
    rows_init(&s->rows, offsetof(struct task, order));
    heap_init(&s->idle, offsetof(struct task, timer_at));
    heap_init(&s->acked, offsetof(struct task, acked_at));
    heap_init(&s->prover_timers, offsetof(struct prover, timer_at));
    heap_init(&s->loaded, offsetof(struct prover, loaded_at));
    heap_init(&s->spare, offsetof(struct prover, spare_at));
    *to = s;
    return PV_OK;
}

static void free_peers(struct sched *s)
{
    for (size_t i = 0; s->peers.slots && i <= s->peers.mask; i++) free(s->peers.slots[i].item);
}

void sched_destroy(struct sched **sp)
{
    struct sched *s = *sp;
    if (!s) return;
    struct sched_actions none = { .serial = NEVER };
    s->out = &none;
    for (uint32_t i = 0; i < s->sessions_n; i++) s->sessions[i]->peer = 0;
    for (uint32_t i = 0; i < s->provers_n; i++)
        if (s->provers[i]) prover_forget(s, s->provers[i]);
    uint64_t last = 0, all = NEVER;
    for (struct task *t; (t = rows_walk(&s->rows, &last, &all));) task_forget(s, t);
    purges_clear(s);
    while (s->sessions_n) session_drop_if_idle(s, s->sessions[0]);
    free_peers(s);
    struct idmap *maps[] = { &s->accounts_groups, &s->works,           &s->lanes,   &s->circuits,      &s->peers,
                             &s->attempts,        &s->provers_by_name, &s->clients, &s->sessions_by_id };
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) idmap_clear(maps[i]);
    idmap_clear(&s->pending); /* each went with its task */
    accounts_clear(s);
    heap_clear(&s->timers);
    heap_clear(&s->idle);
    heap_clear(&s->acked);
    heap_clear(&s->prover_timers);
    heap_clear(&s->loaded);
    heap_clear(&s->spare);
    names_clear(&s->names);
    free(s->rows.at);
    free(s->provers);
    for (int i = 0; i < PROVER_SETS; i++) free(s->sets[i]);
    free(s->sessions);
    sched_actions_destroy(&none);
    free(s);
    *sp = NULL;
}

/* ---- events for the whole core ---- */

static void on_config(struct sched *s, const struct sched_event *ev)
{
    s->cfg.grace_ms = ev->config.grace_ms;
    s->cfg.offer_ms = ev->config.offer_ms;
    s->cfg.acked_ms = ev->config.acked_ms;
    s->cfg.retention_ms = ev->config.retention_ms;
    defaults(&s->cfg);
}

static void on_disk(struct sched *s, const struct sched_event *ev)
{
    s->disk_low = ev->disk_low;
}

static void on_store_failed(struct sched *s, const struct sched_event *ev)
{
    s->failed = true;
    purges_refuse(s, PV_STORE);
}

static void on_tick(struct sched *s, const struct sched_event *ev)
{
}

typedef void on_event(struct sched *s, const struct sched_event *ev);

static on_event *const on[] = {
    [SCHED_QUEUE] = sched_on_queue,
    [SCHED_PRINCIPAL] = sched_on_principal,
    [SCHED_CONFIG] = on_config,
    [SCHED_SETTING] = sched_on_setting,
    [SCHED_RESTORE] = sched_on_restore,
    [SCHED_BOOT] = sched_on_boot,
    [SCHED_TICK] = on_tick,
    [SCHED_LAG] = sched_on_lag,
    [SCHED_DISK] = on_disk,
    [SCHED_STORE_FAILED] = on_store_failed,
    [SCHED_CLIENT_HELLO] = sched_on_client_hello,
    [SCHED_PROVER_HELLO] = sched_on_prover_hello,
    [SCHED_PEER_GONE] = sched_on_peer_gone,
    [SCHED_HEARTBEAT] = sched_on_heartbeat,
    [SCHED_LIFE] = sched_on_life,
    [SCHED_SUBMIT] = sched_on_submit,
    [SCHED_INPUT] = sched_on_input,
    [SCHED_ATTACH] = sched_on_attach,
    [SCHED_FETCH] = sched_on_fetch,
    [SCHED_ACK] = sched_on_ack,
    [SCHED_CANCEL] = sched_on_cancel,
    [SCHED_CLAIM] = sched_on_claim,
    [SCHED_PURGE] = sched_on_purge,
    [SCHED_KICK] = sched_on_kick,
    [SCHED_DAMAGED] = sched_on_damaged,
    [SCHED_CIRCUITS] = sched_on_circuits,
    [SCHED_READY] = sched_on_ready,
    [SCHED_STARTED] = sched_on_started,
    [SCHED_PROGRESS] = sched_on_progress,
    [SCHED_RESULT] = sched_on_result,
    [SCHED_FAIL] = sched_on_fail,
    [SCHED_RELEASE] = sched_on_release,
    [SCHED_REVOKED] = sched_on_revoked,
    [SCHED_DRAIN] = sched_on_drain,
    [SCHED_QUEUE_VERB] = sched_on_queue_verb,
    [SCHED_PROVER_VERB] = sched_on_prover_verb,
};

/* Memory is ahead of the disk: nothing may be promised, told or changed any more. Provers keep their results. But who
 * comes is let in and who beats is answered, so that everybody can ask what is wrong. */
static void step_failed(struct sched *s, const struct sched_event *ev)
{
    if (ev->type == SCHED_PEER_GONE)
        sched_on_peer_gone(s, ev);
    else if (ev->type == SCHED_CLIENT_HELLO)
        sched_on_client_hello(s, ev);
    else if (ev->type == SCHED_PROVER_HELLO)
        sched_answer(s, SCHED_WELCOME);
    else if (ev->type == SCHED_HEARTBEAT)
        sched_answer(s, SCHED_HEARTBEAT_OK);
    else if (ev->peer)
        sched_refuse(s, PV_STORE)->task = ev->task;
}

/* Whatever a prover or claimer says, it lives. */
static void speaker_heard(struct sched *s, const struct sched_event *ev)
{
    struct sched_peer *peer = ev->type == SCHED_PEER_GONE ? NULL : sched_peer_find(s, ev->peer);
    if (peer && peer->prover) prover_heard(s, peer->prover);
}

void sched_step(struct sched *s, const struct sched_event *ev, struct sched_actions *out)
{
    if (!out->n) out->serial = ++s->batches;
    s->out = out;
    s->now_ms = ev->now_ms;
    s->wall_ms = ev->wall_ms;
    s->peer = ev->peer;
    s->req = ev->req;
    if (s->failed) {
        step_failed(s, ev);
        return;
    }
    speaker_heard(s, ev);
    on[ev->type](s, ev);
    if (!s->booted) return;
    sched_pass_time(s);
    sched_purge_on(s);
    lanes_look_again(s);
    sched_match(s);
}

uint64_t sched_next_ms(const struct sched *s)
{
    if (s->failed || !s->booted) return NEVER;
    uint64_t next = s->pump_ms, soon = s->now_ms + 1;
    if (s->late && s->spare_ms < next) next = s->spare_ms;
    if (heap_top_key(&s->timers) < next) next = heap_top_key(&s->timers);
    if (heap_top_key(&s->idle) < next) next = heap_top_key(&s->idle) < soon ? soon : heap_top_key(&s->idle);
    if (heap_top_key(&s->prover_timers) < next) next = heap_top_key(&s->prover_timers);
    bool slices = s->turns || s->ending || s->pump_soon || s->sweeping;
    return slices && soon < next ? soon : next;
}
