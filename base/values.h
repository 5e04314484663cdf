/** Readers of one value from text: one for every program, so that a word means the same in a file, in the environment and on
 *  a command line. Each takes the whole text, returns false for anything else and then leaves the value untouched.
 */
#ifndef PV_VALUES_H
#define PV_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Decimal digits alone: no sign, no space, no unit. */
bool value_number(uint64_t *to, const char *text);

/** Digits, and at most one letter of `letters` behind them: the first multiplies by 1024, the second by 1024^2 and so on. */
bool value_size(uint64_t *bytes, const char *text, const char *letters);

/** Digits and ms, s, m, h or d; seconds when there is no unit. At most INT64_MAX ms. */
bool value_duration(uint64_t *ms, const char *text);

/** yes, true, on, 1 or no, false, off, 0. */
bool value_switch(bool *to, const char *text);

/** One of words, which has single spaces between them; *to is its place in the list. */
bool value_word(size_t *to, const char *text, const char *words);

#endif
