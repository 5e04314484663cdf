#include "model_who.h"

#include <stdio.h>
#include <string.h>

int model_session_at(const struct model *m, uint64_t peer)
{
    for (int e = 0; peer && e < m->sessions_n; e++)
        if (m->sessions[e].peer == peer) return e;
    return -1;
}

int model_prover_at(const struct model *m, uint64_t peer)
{
    for (int i = 0; peer && i < m->provers_n; i++)
        if (m->provers[i].peer == peer) return i;
    return -1;
}

int model_prover_named(struct model *m, const char *name)
{
    int i = 0;
    while (i < m->provers_n && strcmp(m->provers[i].name, name)) i++;
    if (i < m->provers_n) {
        m->provers[i].there = true;
        return i;
    }
    MODEL_CHECK(m, i < MODEL_PROVERS, "the model has no room for provers");
    m->provers[i] = (struct model_prover){ .there = true, .local = !strncmp(name, "claim:", 6) };
    snprintf(m->provers[i].name, sizeof m->provers[i].name, "%s", name);
    m->provers_n++;
    return i;
}

int model_claims_of(struct model *m, int session, bool make)
{
    char name[WIRE_NAME_MAX + 1], id[WIRE_ID_TEXT];
    snprintf(name, sizeof name, "claim:%s", wire_id_text(id, m->sessions[session].id));
    for (int i = 0; i < m->provers_n && !make; i++)
        if (m->provers[i].there && !strcmp(m->provers[i].name, name)) return i;
    return make ? model_prover_named(m, name) : -1;
}

int model_claims_ever(const struct model *m, int session)
{
    char name[WIRE_NAME_MAX + 1], id[WIRE_ID_TEXT];
    snprintf(name, sizeof name, "claim:%s", wire_id_text(id, m->sessions[session].id));
    for (int i = 0; i < m->provers_n; i++)
        if (!strcmp(m->provers[i].name, name)) return i;
    return -1;
}

int model_claimer(struct model *m, int session)
{
    int prover = model_claims_of(m, session, true);
    m->provers[prover].live = m->provers[prover].known = true;
    m->provers[prover].peer = m->sessions[session].peer;
    m->provers[prover].heard_ms = m->now_ms;
    return prover;
}

/* The sim's clients: alice.1, alice.2, bob.1, ops. */
static int client_number(const char *name)
{
    return name[0] == 'a' ? name[6] - '1' : name[0] == 'b' ? 2 : 3;
}

static int principal_number(const char *name)
{
    return name[0] == 'a' ? 0 : name[0] == 'b' ? 1 : 2;
}

int model_session_of(struct model *m, const char *client, const char *principal, wire_id id, bool *was)
{
    int e = 0, number = client_number(client);
    while (e < m->sessions_n && (m->sessions[e].client != number || !wire_id_equal(m->sessions[e].id, id))) e++;
    *was = e < m->sessions_n;
    if (*was) return e;
    MODEL_CHECK(m, e < MODEL_SESSIONS, "the model has no room for sessions");
    m->sessions[e] = (struct model_session){ .client = number, .principal = principal_number(principal), .id = id };
    m->sessions_n++;
    return e;
}

bool model_may(const struct model *m, int session, int n)
{
    return m->sessions[session].admin || m->sessions[session].principal == m->sessions[m->tasks[n].owner].principal;
}

static const wire_token no_token;

void model_answer(struct model *m, const struct sched_event *ev, enum sched_action_type type, pv_status status)
{
    model_say(m, type, ev->peer, -1, no_token, status);
}

void model_refuse(struct model *m, const struct sched_event *ev, pv_status status)
{
    model_answer(m, ev, SCHED_REFUSE, status);
}

int model_asker(struct model *m, const struct sched_event *ev)
{
    int e = model_session_at(m, ev->peer);
    if (e < 0) model_refuse(m, ev, PV_BAD_STATE);
    return e;
}

int model_named(const struct model *m, int session, const struct sched_event *ev, pv_status *why)
{
    const struct model_session *e = &m->sessions[session];
    int own = e->principal, found = -1, several = 0;
    *why = PV_NOT_FOUND;
    if (ev->owner) own = principal_number(ev->owner);
    if (ev->owner && own != e->principal && !e->admin) return -1;
    int n = model_number(own, ev->task);
    if (m->tasks[n].there) return n;
    for (int p = 0; p < 3 && e->admin && !ev->owner; p++) {
        n = model_number(p, ev->task);
        if (!m->tasks[n].there) continue;
        found = n;
        several++;
    }
    if (several > 1) *why = PV_CONFLICT;
    return several == 1 ? found : -1;
}

/* Of the sim's tasks no two of one id have one input. */
int model_reported(struct model *m, int prover, wire_token token, wire_id id, wire_hash input)
{
    const struct model_attempt *a = model_find(m, token);
    int known = -1, alike = -1;
    for (int p = 0; p < 3; p++) {
        int n = model_number(p, id);
        const struct model_task *t = &m->tasks[n];
        bool may = t->there && m->provers[prover].queues >> t->queue & 1;
        if (a && a->was == n) return may ? n : -1;
        if (!may) continue;
        if (model_issued(m, n, token, prover)) known = n;
        if (wire_hash_equal(t->input, input)) alike = n;
    }
    return known >= 0 ? known : alike;
}

int model_asker_of(struct model *m, const struct sched_event *ev, int *n)
{
    pv_status why;
    int e = model_asker(m, ev);
    if (e < 0) return -1;
    *n = model_named(m, e, ev, &why);
    if (*n >= 0) return e;
    model_refuse(m, ev, why);
    return -1;
}

int model_speaker(struct model *m, const struct sched_event *ev)
{
    int prover = model_prover_at(m, ev->peer);
    if (prover < 0) model_refuse(m, ev, PV_BAD_STATE);
    return prover;
}

void model_heard(struct model *m, int prover)
{
    m->provers[prover].heard_ms = m->now_ms;
    if (m->provers[prover].peer) m->provers[prover].live = true;
}
