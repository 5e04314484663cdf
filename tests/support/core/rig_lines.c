#include "rig_lines.h"

#include <stdio.h>

static const char *peer_name(const struct rig *r, uint64_t peer)
{
    for (int i = 0; i < RIG_PEERS; i++)
        if (r->peers[i].peer == peer && peer) return r->peers[i].name;
    return "?";
}

static unsigned task_of_token(const struct rig *r, wire_token t)
{
    for (unsigned i = 0; i < RIG_TASKS; i++)
        if (wire_token_equal(r->token[i], t) || wire_token_equal(r->older[i], t)) return i;
    return 0;
}

static void setting_line(char to[RIG_LINE], const struct setting_record *r)
{
    static const char *const words[] = {
#define S(key, word, of) word,
        SETTING_LIST(S)
#undef S
    };
    if (r->cleared)
        snprintf(to, RIG_LINE, "CLEAR %.20s %s", r->name, words[r->key]);
    else
        snprintf(to, RIG_LINE, "SET %.20s %s %u", r->name, words[r->key], (unsigned)r->value);
}

void rig_line(const struct rig *r, const struct sched_action *a, char to[RIG_LINE])
{
    const char *who = peer_name(r, a->peer), *state = a->view ? task_state_word(a->view->record.state) : "";
    unsigned n = rig_number(a->task);
    switch (a->type) {
    case SCHED_SAVE_TASK:
        snprintf(to, RIG_LINE, "%s %u %s", a->lazy ? "SAVE_LAZILY" : "SAVE", n, task_state_word(a->record->state));
        return;
    case SCHED_SAVE_INPUT: snprintf(to, RIG_LINE, "SAVE_INPUT %u", n); return;
    case SCHED_SAVE_RESULT: snprintf(to, RIG_LINE, "SAVE_RESULT %u", n); return;
    case SCHED_DELETE_INPUT: snprintf(to, RIG_LINE, "DELETE_INPUT %u", n); return;
    case SCHED_DELETE_TASK: snprintf(to, RIG_LINE, "DELETE %u", n); return;
    case SCHED_SAVE_SETTING: setting_line(to, a->setting); return;
    case SCHED_DROP_UPLOAD: snprintf(to, RIG_LINE, "DROP_UPLOAD %u", n); return;
    case SCHED_GO: snprintf(to, RIG_LINE, "GO %s %u", who, n); return;
    case SCHED_WANT_RESULT: snprintf(to, RIG_LINE, "WANT_RESULT %s %u", who, n); return;
    case SCHED_WELCOME: snprintf(to, RIG_LINE, "WELCOME %s", who); return;
    case SCHED_REFUSE:
        snprintf(to, RIG_LINE, "REFUSE %s %s%s%s", who, pv_status_word(a->status), a->which ? " " : "",
                 a->which ? a->which : "");
        return;
    case SCHED_SUBMIT_OK: snprintf(to, RIG_LINE, "SUBMIT_OK %s %u %s", who, n, state); return;
    case SCHED_TASK: snprintf(to, RIG_LINE, "TASK %s %u %s", who, n, state); return;
    case SCHED_CANCELLED: snprintf(to, RIG_LINE, "CANCELLED %s %u %s", who, n, task_state_word(a->state)); return;
    case SCHED_CLAIMED: snprintf(to, RIG_LINE, "CLAIMED %s %u", who, n); return;
    case SCHED_COUNTS: snprintf(to, RIG_LINE, "COUNTS %s", who); return;
    case SCHED_DONE: snprintf(to, RIG_LINE, "DONE %s", who); return;
    case SCHED_DELIVER: snprintf(to, RIG_LINE, "DELIVER %s %u %s", who, n, state); return;
    case SCHED_PUSH_PROGRESS: snprintf(to, RIG_LINE, "PROGRESS %s %u %u%%", who, n, a->view->percent); return;
    case SCHED_OFFER: snprintf(to, RIG_LINE, "OFFER %s %u", who, n); return;
    case SCHED_RESUME: snprintf(to, RIG_LINE, "RESUME %s %u", who, n); return;
    case SCHED_RECALL: snprintf(to, RIG_LINE, "RECALL %s %u", who, task_of_token(r, a->token)); return;
    case SCHED_REVOKE: snprintf(to, RIG_LINE, "REVOKE %s %u", who, task_of_token(r, a->token)); return;
    case SCHED_RESULT_OK: snprintf(to, RIG_LINE, "RESULT_OK %s %u %s", who, n, pv_status_word(a->status)); return;
    case SCHED_HEARTBEAT_OK: snprintf(to, RIG_LINE, "HEARTBEAT_OK %s %zu", who, a->tokens_n); return;
    case SCHED_DISCONNECT: snprintf(to, RIG_LINE, "DISCONNECT %s", who); return;
    case SCHED_QUARANTINED: snprintf(to, RIG_LINE, "QUARANTINED %s %u", a->name, (unsigned)a->retry_ms); return;
    case SCHED_NEAR_LIMIT: snprintf(to, RIG_LINE, "NEAR %s %s", a->queue, a->which); return;
    case SCHED_QUARREL: snprintf(to, RIG_LINE, "QUARREL %s %s", a->principal, a->name); return;
    case SCHED_PHASE:
    case SCHED_SILENT:
    case SCHED_MOVED:
    case SCHED_NOTHING: break;
    }
    to[0] = 0;
}
