#include "lives_wild.h"

#include <string.h>

uint64_t wild_random(struct wild *w, uint64_t n)
{
    uint64_t z = w->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) % n;
}

struct sched_event wild_event(const struct wild *w, enum sched_event_type type)
{
    return (struct sched_event){ .type = type, .now_ms = w->now_ms, .wall_ms = w->wall_ms, .req = 1 };
}

/* ---- what goes out ---- */

static void save_task(struct wild *w, const struct task_record *r)
{
    struct task_record *to = NULL;
    for (unsigned i = 0; i < WILD_SAVED; i++)
        if (w->saved[i].order == r->order || (!to && !w->saved[i].order)) {
            to = &w->saved[i];
            if (to->order == r->order) break;
        }
    if (to) *to = *r;
}

static void save_setting(struct wild *w, const struct setting_record *r)
{
    unsigned i = 0;
    while (i < w->settings_n && (w->settings[i].key != r->key || strcmp(w->settings[i].name, r->name) ||
                                 strcmp(w->settings[i].principal, r->principal)))
        i++;
    if (i == WILD_SETTINGS) return;
    w->settings[i] = *r;
    if (i == w->settings_n) w->settings_n++;
}

static void lose_peer(struct wild *w, uint64_t peer)
{
    for (unsigned i = 0; i < WILD_CLIENTS; i++)
        if (w->clients[i].peer == peer) w->clients[i].peer = 0;
    for (unsigned i = 0; i < WILD_PROVERS; i++)
        if (w->provers[i].peer == peer) w->provers[i].peer = 0;
}

static void carry_out(struct wild *w, const struct sched_action *a)
{
    if (a->type == SCHED_SAVE_TASK) save_task(w, a->record);
    if (a->type == SCHED_SAVE_SETTING) save_setting(w, a->setting);
    if (a->type == SCHED_DISCONNECT) lose_peer(w, a->peer);
    if (a->type == SCHED_OFFER || a->type == SCHED_CLAIMED)
        w->offered[w->offered_n++ % WILD_OUT] = (struct wild_out){ a->peer, a->token, a->task };
    for (unsigned i = 0; a->type == SCHED_DELETE_TASK && i < WILD_SAVED; i++)
        if (w->saved[i].order == a->row) w->saved[i].order = 0;
}

void wild_step(struct wild *w, struct sched_event *ev)
{
    sched_step(w->s, ev, &w->out);
    if (w->watch) w->watch(w, ev);
    w->broken |= w->out.failed;
    for (size_t i = 0; i < w->out.n && !w->out.failed; i++) carry_out(w, &w->out.at[i]);
    if (w->seed % 2 || !wild_random(w, 3) || w->out.failed)
        sched_actions_clear(&w->out); /* else the batch has more events */
}

/* ---- starts ---- */

static void declare_queues(struct wild *w)
{
    static const char *const names[] = { "outer", "keccak", "extra" };
    for (unsigned i = 0; i < 3; i++) {
        struct sched_event ev = wild_event(w, SCHED_QUEUE);
        ev.queue.name = names[i];
        ev.queue.run_timeout_ms = i == 1 ? 20000 : 0;
        ev.queue.stall_timeout_ms = i == 1 ? 6000 : 0;
        ev.queue.idle_timeout_ms = i == 2 ? 0 : 4000;
        ev.queue.late = w->seed % 3 == 1 ? SCHED_LATE_REFUSE : SCHED_LATE_ACCEPT;
        ev.queue.sync_always = i == 2;
        wild_step(w, &ev);
    }
}

static void declare_principals(struct wild *w)
{
    for (unsigned i = 0; i < 2; i++) {
        struct sched_event ev = wild_event(w, SCHED_PRINCIPAL);
        ev.principal.name = i ? "bob" : "alice";
        ev.principal.weight = i ? 3 : 0;
        if (i) ev.principal.limits = (struct sched_limits){ .queued_tasks = 5, .queued_bytes = 2500, .leased = 2 };
        if (i) ev.principal.limits.rate_per_s = 2;
        if (i && w->seed % 4 < 2) ev.principal.limits.burst = 4;
        wild_step(w, &ev);
    }
}

static void restore(struct wild *w)
{
    for (unsigned i = 0; i < w->settings_n; i++) {
        struct sched_event ev = wild_event(w, SCHED_SETTING);
        ev.setting = &w->settings[i];
        if (!ev.setting->cleared) wild_step(w, &ev);
    }
    for (uint64_t last = 0;;) {
        const struct task_record *next = NULL;
        for (unsigned i = 0; i < WILD_SAVED; i++)
            if (w->saved[i].order > last && (!next || w->saved[i].order < next->order)) next = &w->saved[i];
        if (!next) return;
        struct task_record now = *next; /* a step may save it anew */
        last = now.order;
        struct sched_event ev = wild_event(w, SCHED_RESTORE);
        ev.record = &now;
        wild_step(w, &ev);
    }
}

static bool boot(struct wild *w)
{
    w->cfg.boot_epoch++;
    w->broken = false;
    if (sched_new(&w->s, &w->cfg) != PV_OK) return false;
    declare_queues(w);
    declare_principals(w);
    restore(w);
    struct sched_event ev = wild_event(w, SCHED_BOOT);
    wild_step(w, &ev);
    return true;
}

bool wild_open(struct wild *w, uint64_t seed)
{
    void (*watch)(struct wild *, const struct sched_event *) = w->watch;
    bool calm = w->calm;
    memset(w, 0, sizeof *w);
    w->watch = watch;
    w->calm = calm;
    w->seed = seed;
    w->random = seed * 0x2545F4914F6CDD1Du + 5;
    w->now_ms = 5000;
    w->wall_ms = 1700000000000;
    w->cfg = (struct sched_config){
        .seed = seed + 1,
        .grace_ms = seed % 4 == 3 ? SCHED_NO_GRACE : 800,
        .heartbeat_ms = 500,
        .lease_ms = seed % 3 ? 2400 : 0,
        .offer_ms = 1500,
        .receive_ms = 3000,
        .acked_ms = 4000,
        .retention_ms = 20000,
        .backoff_ms = 300,
        .backoff_max_ms = 1000,
        .quarantine_ms = 2000,
        .quarantine_max_ms = 6000,
        .opinion_ms = 1500,
        .age_ms = 900,
        .cold_pass_ms = 700,
        .quarantine_tasks = seed % 5 == 4 ? 2 : 0,
        .tasks_max = 11,
        .acked_max = 3,
        .slice_rows = seed % 2 ? 21 : 5,
        .provers_max = 6,
        .provers_share = seed % 2 ? 4 : 0,
        .circuits_share = 6,
        .guests_share = 3,
        .sessions_max = 5,
    };
    if (calm) calm_config(&w->cfg, seed);
    return boot(w);
}

void wild_close(struct wild *w)
{
    sched_destroy(&w->s);
    sched_actions_destroy(&w->out);
}

/* ---- moves ---- */

static void restart(struct wild *w)
{
    sched_actions_clear(&w->out);
    sched_destroy(&w->s);
    for (unsigned i = 0; i < WILD_CLIENTS; i++) w->clients[i].peer = 0;
    for (unsigned i = 0; i < WILD_PROVERS; i++) w->provers[i].peer = 0;
    w->cfg.away_ms += wild_random(w, 3000);
    boot(w);
}

/* Often the moment before something is due, that moment, or the one after it. */
static void time_passes(struct wild *w)
{
    uint64_t next = sched_next_ms(w->s), dice = wild_random(w, 20), ms = 0;
    if (next < w->now_ms) next = w->now_ms;
    if (dice < 6)
        ms = wild_random(w, 150);
    else if (dice < 11 && next - w->now_ms < 5000)
        ms = next - w->now_ms + wild_random(w, 3);
    else if (dice == 11)
        ms = wild_random(w, 3000);
    if (dice < 11 && dice > 5 && ms) ms--;
    w->now_ms += ms;
    w->wall_ms += ms;
}

void wild_move(struct wild *w, uint64_t number)
{
    w->random = (w->seed << 24 ^ number) * 0x9E3779B97F4A7C15u;
    time_passes(w);
    if (wild_random(w, 150) && !(w->broken && !wild_random(w, 12)))
        wild_something(w);
    else
        restart(w);
}
