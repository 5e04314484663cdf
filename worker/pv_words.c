/* The public words: ids and states as text, the version. */
#include "public_id.h"
#include "random.h"
#include "task_state.h"

/* The public list of states is the wire's, in the same numbers. */
#define X(name, code, word, live) _Static_assert((int)PV_TASK_##name == (int)TASK_##name, "task states");
TASK_STATE_LIST(X)
#undef X
_Static_assert((int)PV_TASK_STATES == (int)TASK_STATES, "task states");
_Static_assert((int)PV_ID_TEXT == (int)WIRE_ID_TEXT && (int)PV_NAME_BYTES == WIRE_NAME_MAX + 1, "sizes of texts");

const char *pv_version(void)
{
    return PV_VERSION;
}

pv_status pv_task_id_new(pv_task_id *id)
{
    return pv_random(id->bytes, sizeof id->bytes);
}

const char *pv_task_id_text(char text[PV_ID_TEXT], const pv_task_id *id)
{
    return wire_id_text(text, wire_of(id));
}

pv_status pv_task_id_of_text(pv_task_id *id, const char *text)
{
    wire_id w;
    if (!wire_id_of_text(&w, text)) return PV_INVALID_INPUT;
    *id = public_of(w);
    return PV_OK;
}

const char *pv_task_state_word(enum pv_task_state s)
{
    return task_state_word((enum task_state)s);
}

pv_status pv_task_state_of_word(enum pv_task_state *s, const char *word)
{
    enum task_state w;
    if (!task_state_of_word(&w, word)) return PV_INVALID_INPUT;
    *s = (enum pv_task_state)w;
    return PV_OK;
}
