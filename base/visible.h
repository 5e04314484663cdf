/** Text of a stranger, made safe to show on a terminal or in a log.
 *
 *  Escaped is whatever could move the cursor, colour or hide what follows, turn the direction of text, or pretend to be
 *  another line: controls (C0, DEL, C1: also as raw bytes 0x80 to 0x9f, which some terminals obey), line and paragraph
 *  separators, bidirectional controls, characters without width, tags, and bytes that are not UTF-8. All other text
 *  stays as it is. */
#ifndef PV_VISIBLE_H
#define PV_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VISIBLE_ESCAPE_BYTES = 13 }; /* the longest escape, a surrogate pair, and its NUL */

/** The character at s, of n bytes, n > 0. Returns its bytes; *safe: it may be shown as it is. One byte that is not
 *  UTF-8 (overlong forms and surrogates are not) is never safe, and its *point is UINT32_MAX. */
size_t visible_step(const char *s, size_t n, uint32_t *point, bool *safe);

/** The escape of a point as JSON has it ("\u009b"; "\ufffd" for UINT32_MAX). Returns its bytes. */
size_t visible_escape(char to[VISIBLE_ESCAPE_BYTES], uint32_t point);

/** Copies from into to, bytes large, with escapes, cut where it does not fit (never inside an escape). Returns to. */
char *visible_text(char *to, size_t bytes, const char *from);

/** The same for a text that is JSON: its line feeds, which JSON has only between values, stay, and what is escaped reads
 *  back as it was. malloc'ed; NULL: no memory. */
char *visible_json(const char *json);

#endif
