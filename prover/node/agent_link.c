#include "agent_link.h"

#include "log.h"
#include "random.h"
#include "words.h"

#include <stdio.h>

enum {
    COMPLAIN_EVERY_MS = 60000,
    QUEUE_MOST = 20000, /* messages: many slots may have much to say at once, and a full queue counts as a dead link */
    NAME_PATIENCE_MS = 15000, /* a lease, before a broker has said its own */
    LINGER_MS = 500,          /* for the last messages: a RELEASE that arrives saves the broker a lease */
};

/* --- opening --- */

pv_status agent_link_keys(struct agent *a, char why[AGENT_WHY_BYTES])
{
    struct link_keys keys = { .have = false };
    size_t endpoints = a->link.options.endpoints;
    _Static_assert((int)AGENT_WHY_BYTES == (int)LINK_KEYS_WHY_BYTES, "one buffer for both");
    if (!a->o.key_file) return PV_OK;
    pv_status s = link_keys_load(&keys, a->o.key_file, a->o.server_keys, why);
    if (s == PV_OK && !link_keys_fit(&keys, endpoints)) {
        snprintf(why, AGENT_WHY_BYTES, "%zu keys of brokers for %zu endpoints: one for all, or one for each",
                 keys.servers, endpoints);
        s = PV_BAD_KEY_FILE;
    }
    if (s == PV_OK) a->link.options.keys = keys;
    link_keys_clear(&keys);
    return s;
}

pv_status agent_link_open(struct agent *a, char why[AGENT_WHY_BYTES])
{
    struct link_options *o = &a->link.options;
    *o = a->o.link;
    snprintf(o->name, sizeof o->name, "%s", a->o.name);
    o->software = a->o.software;
    o->role = WIRE_ROLE_PROVER;
    o->send_most = o->receive_most = QUEUE_MOST;
    o->linger_ms = LINGER_MS;
    /* libzmq dials only the first address of a name. A broker that listens on 0.0.0.0 would be missed at a name that
     * has an IPv6 address too, as localhost often does. */
    o->ipv4_only = true;
    TRY(pv_random(&o->session, sizeof o->session));
    TRY(agent_link_keys(a, why));
    return link_init(&a->link, 0);
}

/* --- losing --- */

/* A broker that stays away is logged now and then, not at every attempt. */
static void unreachable_log(struct agent *a)
{
    if (a->now_ms < a->complain_ms) {
        LOG_DEBUG("broker.unreachable", "because=%s", a->link.trouble_text);
        return;
    }
    LOG_WARN("broker.unreachable", "because=%s attempts=%zu unacknowledged=%zu", a->link.trouble_text, a->attempts_n,
             a->results_n);
    a->complain_ms = a->now_ms + COMPLAIN_EVERY_MS;
}

void agent_link_log(struct agent *a)
{
    const struct link *l = &a->link;
    if (a->downs == l->downs) return;
    a->downs = l->downs;
    if (l->trouble != PV_UNREACHABLE && l->trouble != PV_STANDBY)
        LOG_ERROR("broker.refused", "status=%s text=%s", pv_status_word(l->trouble), l->trouble_text);
    else if (l->lost)
        LOG_WARN("broker.lost", "because=%s attempts=%zu unacknowledged=%zu", l->trouble_text, a->attempts_n,
                 a->results_n);
    else
        unreachable_log(a);
}

void agent_link_lose(struct agent *a, const char *because)
{
    link_fail(&a->link, PV_UNREACHABLE, because, a->now_ms);
    agent_link_log(a);
}

void agent_link_standby(struct agent *a, const struct wire_msg *m)
{
    link_standby(&a->link, m, a->now_ms);
    agent_link_log(a);
}

/* A name that it may have had itself a moment ago is asked for until the broker must have noticed that an old connection is dead;
 * one that it never had is left at once. */
static void name_refused(struct agent *a)
{
    const char *name;
    uint64_t patience = a->renamed ? 0 : a->link.lease_ms ? a->link.lease_ms : NAME_PATIENCE_MS;
    if (!a->name_refused_ms) a->name_refused_ms = a->now_ms;
    if (!a->o.another_name || a->now_ms - a->name_refused_ms < patience) return;
    if (!a->o.another_name(a->o.another_name_arg, &name)) return;
    LOG_WARN("prover.name", "name=%s instead_of=%s text=%s", name, a->link.options.name,
             "another prover has that name under this key: give each node a --name to choose");
    snprintf(a->link.options.name, sizeof a->link.options.name, "%s", name);
    a->renamed = true;
    a->link.due_ms = a->now_ms;
}

void agent_link_refuse(struct agent *a, pv_status status, const char *text)
{
    link_goodbye(&a->link, status);
    link_fail(&a->link, status, text, a->now_ms);
    agent_link_log(a);
    if (status == PV_NAME_IN_USE) name_refused(a);
}

void agent_link_welcomed(struct agent *a)
{
    a->complain_ms = a->name_refused_ms = 0;
    a->renamed = false;
}

void agent_link_step(struct agent *a)
{
    unsigned dials = a->link.dials;
    link_step(&a->link, a->now_ms);
    bool dialled = a->link.dials != dials;
    if (dialled && a->link.state == LINK_DOWN) {
        LOG_ERROR("broker.dial", "text=%s", a->link.trouble_text); /* no socket, or not an endpoint */
        a->downs = a->link.downs;
    }
    agent_link_log(a);
    if (dialled && a->link.state == LINK_DIALLING)
        LOG_DEBUG("broker.dial", "endpoint=%s", a->link.options.endpoint[a->link.at]);
}

/* --- sending --- */

static bool said(struct agent *a, enum wire_type type, pv_status s)
{
    if (s == PV_BUSY || s == PV_UNREACHABLE)
        agent_link_lose(a, "the connection takes no more messages");
    else if (s != PV_OK)
        LOG_ERROR("prover.message", "type=%s status=%s text=%s", wire_type_name((int)type), pv_status_word(s),
                  a->link.why);
    return s == PV_OK;
}

bool agent_link_say(struct agent *a, const struct wire_msg *m)
{
    return a->link.state == LINK_UP && said(a, m->type, link_send(&a->link, m));
}

bool agent_link_hello(struct agent *a, struct wire_msg *m)
{
    return a->link.state != LINK_DOWN && said(a, WIRE_HELLO, link_hello(&a->link, m));
}
