/** The words of the protocol's lists and the names of its messages, as numbers and as text. */
#ifndef PV_WORDS_H
#define PV_WORDS_H

#include "fields.h"

/** The word for a value of enum wire_<list>: wire_word(WIRE_WORDS_reason, WIRE_REASON_DRAIN) is "drain". "?" if none. */
const char *wire_word(enum wire_words list, int value);

/** The value for a word of that list, or -1. */
int wire_word_value(enum wire_words list, const char *word);

/** The message's name for logs: "SUBMIT". "?" for a number that is none. */
const char *wire_type_name(int type);

#endif
