#include "reload.h"

#include "broker.h"
#include "connections.h"
#include "reply.h"
#include "step.h"
#include "web.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reload_log(const struct config *c)
{
    (void)log_setup_words(c->log_level, c->log); /* config_read has refused any other word */
}

void reload_warn_queues(const struct config *c)
{
    if (c->queues_n) return;
    LOG_WARN("queues.none", "text=%s",
             "no queue is configured: nothing can be submitted (--queue NAME, or queues in the file)");
}

/* --- keys --- */

static void peer_cut(struct broker *b, const struct peer *p, const char *event, pv_status status, const char *text)
{
    LOG_WARN(event, "peer=%s", p->name);
    reply_error(b, p->handle, 0, status, text);
    broker_peer_cut(b, p->handle);
}

/* Nothing that a connection was given under the old line outlives the line: its role, its name, the queues it is
 * offered. Whoever may still come says HELLO again. */
static void peer_judge(struct broker *b, const struct peer *p, const struct auth_key *before, uint32_t connected)
{
    if (!p->rights)
        peer_cut(b, p, "key.revoked", PV_UNAUTHORIZED, "this key is no longer one of the broker's authorized keys");
    else if (before && !auth_key_same_rights(before, p->rights))
        peer_cut(b, p, "key.changed", PV_BAD_STATE, "the rights of this key have changed: say HELLO again");
    else if (p->hello && connected > connection_limit(b, p->rights))
        peer_cut(b, p, "key.connections", PV_BUSY, "this key has as many connections as it may");
}

/* The table is new: so are its entries and its counts of connections. What peers have still points to the old one. */
static void rights_renew(struct broker *b)
{
    for (uint32_t i = 0; i < b->peers.slots_n; i++) {
        struct peer *p = &b->peers.slots[i];
        if (!p->handle) continue;
        const struct auth_key *before = p->rights;
        p->rights = auth_keys_find(b->keys, p->key);
        p->key_version = b->auth.version;
        peer_judge(b, p, before, p->hello ? auth_keys_connected(b->keys, p->key, 1) : 0);
    }
}

static void reload_keys(struct broker *b)
{
    char why[AUTH_WHY_BYTES] = "no memory";
    struct auth_keys *next = NULL, *last = b->keys;
    if (!b->keys) {
        reload_declare_principals(b); /* the limits may have changed */
        return;
    }
    if (auth_keys_read(&next, b->config->authorized_keys, why) != PV_OK) {
        LOG_ERROR("keys.unchanged", "why=%s", why);
        return;
    }
    struct auth_keys *theirs = auth_keys_share(next);
    auth_change(b->auth.zap, &theirs);
    b->keys = next;
    b->auth.version++;
    LOG_INFO("keys.read", "keys=%zu", auth_keys_count(next));
    reload_declare_principals(b);
    rights_renew(b);
    auth_keys_destroy(&last);
}

/* --- settings --- */

static void needs_start(void *context, const char *what, const char *name)
{
    struct broker *b = context;
    LOG_WARN("config.needs_restart", "what=%s name=%s", what, name);
    journal_broker(b->journal, b->wall_ms, "needs a restart", name);
}

void reload_memory(struct broker *b)
{
    const uint64_t set = b->config->memory_max;
    flood_limit(&b->flood, set);
    if (set <= b->flood.memory_max) return;
    LOG_WARN("broker.memory", "memory_max=%" PRIu64 " most=%" PRIu64 " text=%s", set, b->flood.memory_max,
             "memory_max is more than this process may use (its control group, ulimit, the machine): it is lowered");
}

static void settings_apply(struct broker *b)
{
    const struct config *c = b->config;
    struct sched_event ev = { .type = SCHED_CONFIG };
    ev.config.grace_ms = c->grace_ms ? c->grace_ms : SCHED_NO_GRACE;
    ev.config.offer_ms = c->offer_ms;
    ev.config.acked_ms = c->late_ms;
    ev.config.retention_ms = c->retention_ms;
    broker_step(b, &ev, NULL);
    reload_declare_queues(b);
    if (b->uploads) uploads_limit(b->uploads, c->uploads_max); /* else it stands by */
    reload_memory(b);
    reload_log(c);
    reload_warn_queues(c);
    web_reload(b);
}

/* The new settings replace the last ones that were reloaded. Those of the start stay: later ones borrow from them. */
static pv_status settings_read(struct broker *b, char why[CONFIG_WHY_BYTES])
{
    struct config *next = malloc(sizeof *next);
    if (!next) return PV_NO_MEMORY;
    pv_status st = config_read(next, b->settings.args, why);
    if (st == PV_OK) {
        st = config_keep_running(next, b->config, b->settings.started, needs_start, b);
        if (st == PV_BAD_CONFIG)
            snprintf(why, CONFIG_WHY_BYTES,
                     "more than %d queues, with those that this broker has: they stay until a start",
                     CONFIG_QUEUES_MAX);
        if (st != PV_OK) config_clear(next);
    }
    if (st != PV_OK) {
        free(next);
        return st;
    }
    reload_clear(b);
    b->config = b->settings.reloaded = next;
    return PV_OK;
}

void reload_all(struct broker *b)
{
    char why[CONFIG_WHY_BYTES] = "";
    pv_status st = settings_read(b, why);
    if (st == PV_OK) {
        settings_apply(b);
        LOG_INFO("config.read", "file=%s queues=%zu", b->config->file ? b->config->file : "", b->config->queues_n);
        journal_broker(b->journal, b->wall_ms, "configured", "settings were read again");
    } else {
        LOG_ERROR("config.unchanged", "why=%s", why[0] ? why : pv_status_text(st));
        journal_broker(b->journal, b->wall_ms, "not configured", why);
    }
    reload_keys(b);
}

void reload_clear(struct broker *b)
{
    if (!b->settings.reloaded) return;
    config_clear(b->settings.reloaded);
    free(b->settings.reloaded);
    b->settings.reloaded = NULL;
    b->config = b->settings.started;
}

/* --- what the core is told of them --- */

void reload_declare_queues(struct broker *b)
{
    for (size_t i = 0; i < b->config->queues_n; i++) {
        const struct config_queue *q = &b->config->queues[i];
        struct sched_event ev = { .type = SCHED_QUEUE };
        ev.queue.name = q->name;
        ev.queue.run_timeout_ms = q->run_timeout_ms;
        ev.queue.stall_timeout_ms = q->stall_timeout_ms;
        ev.queue.idle_timeout_ms = q->idle_timeout_ms;
        ev.queue.late = strcmp(q->late_result, "refuse") ? SCHED_LATE_ACCEPT : SCHED_LATE_REFUSE;
        ev.queue.sync_always = !strcmp(q->sync, "always");
        broker_step(b, &ev, NULL);
    }
}

static uint64_t limit_of(uint64_t own, uint64_t common)
{
    return own == UINT64_MAX ? common : own;
}

static void principal_declare(struct broker *b, const struct auth_key *key)
{
    static const struct auth_key local = { .name = "local",
                                           .weight = 1,
                                           .queued_tasks = UINT64_MAX,
                                           .queued_bytes = UINT64_MAX,
                                           .leased = UINT64_MAX,
                                           .rate = UINT64_MAX };
    if (!key) key = &local;
    struct sched_event ev = { .type = SCHED_PRINCIPAL };
    ev.principal.name = key->name;
    ev.principal.weight = key->weight > UINT32_MAX ? UINT32_MAX : (uint32_t)key->weight;
    ev.principal.limits.queued_tasks = limit_of(key->queued_tasks, b->config->queued_tasks);
    ev.principal.limits.queued_bytes = limit_of(key->queued_bytes, b->config->queued_bytes);
    ev.principal.limits.leased = limit_of(key->leased, b->config->leased);
    uint64_t rate = limit_of(key->rate, b->config->rate);
    ev.principal.limits.rate_per_s = rate > UINT32_MAX ? 0 : (uint32_t)rate;
    broker_step(b, &ev, NULL);
}

/* The first entry of a name says its quotas, so it is declared last. */
void reload_declare_principals(struct broker *b)
{
    if (!b->keys) principal_declare(b, NULL);
    for (size_t i = b->keys ? auth_keys_count(b->keys) : 0; i-- > 0;) principal_declare(b, auth_keys_at(b->keys, i));
}
