#include "task_state.h"

#include <string.h>

static const struct {
    const char *word;
    bool live;
} states[TASK_STATES] = {
#define X(name, code, word, live) [code] = { word, live },
    TASK_STATE_LIST(X)
#undef X
};

const char *task_state_word(enum task_state s)
{
    return (unsigned)s < TASK_STATES ? states[s].word : "?";
}

bool task_state_of_word(enum task_state *s, const char *word)
{
    for (unsigned i = 0; i < TASK_STATES; i++)
        if (!strcmp(states[i].word, word)) {
            *s = (enum task_state)i;
            return true;
        }
    return false;
}

bool task_state_live(enum task_state s)
{
    return (unsigned)s < TASK_STATES && states[s].live;
}
