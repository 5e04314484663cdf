#include "agent_state.h"

#include "log.h"

enum { COMPLAIN_EVERY_MS = 60000 };

bool session_say(struct agent *a, const struct wire_msg *m)
{
    char why[WIRE_WHY_BYTES];
    if (a->link != LINK_UP && m->type != WIRE_HELLO && m->type != WIRE_DISCONNECT) return false;
    pv_status s = dial_send(a->dial, m, why);
    if (s == PV_OK) return true;
    if (s == PV_UNREACHABLE)
        session_lose(a, "the connection takes nothing more");
    else
        LOG_ERROR("prover.message", "type=%s status=%s text=%s", wire_type_name((int)m->type), pv_status_word(s), why);
    return false;
}

/* A broker that is away for long is said now and then, not at every try. */
static void unreachable_log(struct agent *a, const char *because)
{
    bool quiet = a->now_ms < a->complain_ms;
    if (quiet) {
        LOG_DEBUG("broker.unreachable", "because=%s", because);
        return;
    }
    LOG_WARN("broker.unreachable", "because=%s attempts=%zu unacknowledged=%zu", because, a->attempts_n, a->finished_n);
    a->complain_ms = a->now_ms + COMPLAIN_EVERY_MS;
}

void session_lose(struct agent *a, const char *because)
{
    if (a->link == LINK_UP)
        LOG_WARN("broker.lost", "because=%s attempts=%zu unacknowledged=%zu", because, a->attempts_n, a->finished_n);
    else
        unreachable_log(a, because);
    a->link = LINK_DOWN;
    dial_close(a->dial, a->now_ms);
}
