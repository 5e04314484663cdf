/** Readers of one value from text, and the same values as text for people: one for every program, so that a word means the same in a file, in the environment and on
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

enum { VALUE_TEXT_BYTES = 32 };

/** For people: bytes with a binary unit ("572 MiB", "1.5 GiB"; below 1 KiB "512 B"), cut and not rounded. Returns to. */
char *value_size_text(char to[VALUE_TEXT_BYTES], uint64_t bytes);

/** For people: a duration in its two largest units ("850 ms", "2.5 s", "2 m 05 s", "3 d 4 h"). Returns to. */
char *value_duration_text(char to[VALUE_TEXT_BYTES], uint64_t ms);

/** One of words, which has single spaces between them; *to is its place in the list. */
bool value_word(size_t *to, const char *text, const char *words);

#endif
