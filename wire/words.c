#include "words.h"

#include "msg.h"

#include <string.h>

struct word {
    enum wire_words list;
    int value;
    const char *word;
};

/* The enum's constant is spelt from the list's name in capitals, so each list says it once here. */
#define WIRE_CONSTANT_role(NAME) WIRE_ROLE_##NAME
#define WIRE_CONSTANT_kind(NAME) WIRE_KIND_##NAME
#define WIRE_CONSTANT_failure(NAME) WIRE_FAILURE_##NAME
#define WIRE_CONSTANT_reason(NAME) WIRE_REASON_##NAME
#define WIRE_CONSTANT_on_restart(NAME) WIRE_ON_RESTART_##NAME
#define WIRE_CONSTANT_scope(NAME) WIRE_SCOPE_##NAME
#define WIRE_CONSTANT_what(NAME) WIRE_WHAT_##NAME
#define WIRE_CONSTANT_verb(NAME) WIRE_VERB_##NAME
#define WIRE_CONSTANT_input_kind(NAME) WIRE_INPUT_KIND_##NAME

static const struct word words[] = {
#define W(list, NAME, word) { WIRE_WORDS_##list, WIRE_CONSTANT_##list(NAME), word },
    WIRE_WORD_LIST(W)
#undef W
};

const char *wire_word(enum wire_words list, int value)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].list == list && words[i].value == value) return words[i].word;
    return "?";
}

int wire_word_value(enum wire_words list, const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].list == list && !strcmp(words[i].word, word)) return words[i].value;
    return -1;
}

const char *wire_type_name(int type)
{
    switch (type) {
#define X(name, code, way, payload, fields, meaning)                                                                   \
    case code: return #name;
        WIRE_MSG_LIST(X)
#undef X
    }
    return "?";
}
