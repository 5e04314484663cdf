/* HUP: settings and keys again. What is wrong changes nothing, what needs a start is named and left as it is. */
#include "broker.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

void reload_log(const struct config *c)
{
    static const char *const words[] = { "error", "warn", "info", "debug" };
    enum log_level level = LOG_LEVEL_INFO;
    for (int i = 0; i < 4; i++)
        if (!strcmp(c->log_level, words[i])) level = (enum log_level)i;
    log_setup(level, strcmp(c->log, "json") ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON);
}

/* --- keys --- */

static void unknown_keys_cut(struct broker *b)
{
    for (uint32_t i = 0; i < b->peers.slots_n; i++) {
        struct peer *p = &b->peers.slots[i];
        if (!p->handle) continue;
        if (p->hello) auth_keys_connected(b->keys, p->key, 1); /* the table is new, and so is its count */
        if (auth_keys_find(b->keys, p->key)) continue;
        LOG_WARN("key.revoked", "peer=%s", p->name);
        reply_error(b, p->handle, 0, PV_UNAUTHORIZED, "the key is no longer authorised");
        broker_peer_cut(b, p->handle);
    }
}

static void reload_keys(struct broker *b)
{
    char why[AUTH_WHY_BYTES];
    struct auth_keys *ours = NULL, *theirs = NULL;
    if (!b->keys) {
        broker_declare_principals(b); /* the limits may be others */
        return;
    }
    pv_status st = auth_keys_read(&ours, b->config->authorized_keys, why);
    if (st == PV_OK) st = auth_keys_read(&theirs, b->config->authorized_keys, why);
    if (st != PV_OK) {
        auth_keys_destroy(&ours);
        LOG_ERROR("keys.unchanged", "why=%s", why);
        return;
    }
    auth_change(b->zap, &theirs);
    auth_keys_destroy(&b->keys);
    b->keys = ours;
    b->key_version++;
    LOG_INFO("keys.read", "keys=%zu", auth_keys_count(ours));
    broker_declare_principals(b);
    unknown_keys_cut(b);
}

/* --- settings --- */

static void needs_start(void *context, const char *what, const char *name)
{
    struct broker *b = context;
    LOG_WARN("config.needs_restart", "what=%s name=%s", what, name);
    feed_broker(b, "needs a restart", name);
}

static void settings_apply(struct broker *b)
{
    const struct config *c = b->config;
    struct sched_event ev = { .type = SCHED_CONFIG };
    ev.config.grace_ms = c->grace_ms ? c->grace_ms : SCHED_NO_GRACE;
    ev.config.offer_ms = c->offer_ms;
    ev.config.acked_ms = c->late_ms;
    ev.config.retention_ms = c->retention_ms;
    broker_step(b, &ev);
    broker_declare_queues(b);
    transfers_limit(b->transfers, c->uploads_max);
    flood_limit(&b->flood, c->memory_max);
    reload_log(c);
}

/* The new one takes the place of the last that was reloaded; that of the start stays, others borrow from it. */
static pv_status settings_read(struct broker *b, char why[CONFIG_WHY_BYTES])
{
    struct config *next = malloc(sizeof *next);
    if (!next) return PV_NO_MEMORY;
    pv_status st = config_read(next, b->args, why);
    if (st == PV_OK) {
        st = config_keep_running(next, b->config, b->config_started, needs_start, b);
        if (st != PV_OK) config_clear(next);
    }
    if (st != PV_OK) {
        free(next);
        return st;
    }
    reload_clear(b);
    b->config = b->config_reloaded = next;
    return PV_OK;
}

void broker_reload(struct broker *b)
{
    char why[CONFIG_WHY_BYTES] = "";
    pv_status st = settings_read(b, why);
    if (st == PV_OK) {
        settings_apply(b);
        LOG_INFO("config.read", "file=%s queues=%zu", b->config->file ? b->config->file : "", b->config->queues_n);
        feed_broker(b, "configured", "settings were read again");
    } else {
        LOG_ERROR("config.unchanged", "why=%s", why[0] ? why : pv_status_text(st));
        feed_broker(b, "not configured", why);
    }
    reload_keys(b);
}

void reload_clear(struct broker *b)
{
    if (!b->config_reloaded) return;
    config_clear(b->config_reloaded);
    free(b->config_reloaded);
    b->config_reloaded = NULL;
    b->config = b->config_started;
}
