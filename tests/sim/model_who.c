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

int model_asker_of(struct model *m, const struct sched_event *ev)
{
    int e = model_asker(m, ev), n = model_number(ev->task);
    if (e < 0 || (m->tasks[n].there && model_may(m, e, n))) return e;
    model_refuse(m, ev, PV_NOT_FOUND);
    return -1;
}

int model_speaker(struct model *m, const struct sched_event *ev)
{
    int prover = model_prover_at(m, ev->peer);
    if (prover < 0) model_refuse(m, ev, PV_BAD_STATE);
    return prover;
}

bool model_issued(const struct model *m, wire_token token)
{
    return token.epoch < m->cfg.boot_epoch || (token.epoch == m->cfg.boot_epoch && token.seq <= m->seq);
}

void model_heard(struct model *m, int prover)
{
    m->provers[prover].heard_ms = m->now_ms;
    if (m->provers[prover].peer) m->provers[prover].live = true;
}
