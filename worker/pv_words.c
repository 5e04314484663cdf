#include "client.h"

#include "random.h"

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
