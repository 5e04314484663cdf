/** Text for people, as the protocol allows it: UTF-8 without control characters (tab and line feed may be there). */
#ifndef PV_TEXT_H
#define PV_TEXT_H

#include <stddef.h>

/** What is wrong with n bytes as a text of at most `most` bytes, to follow the field's name in a sentence: "is not UTF-8".
 *  NULL: nothing. Overlong forms and surrogates are not UTF-8. */
const char *wire_text_fault(const char *bytes, size_t n, size_t most);

/** A text cut to the most bytes a field of that bound takes, at a UTF-8 boundary and without control bytes:
 *  for text that comes from elsewhere (an error of a library, a file name). Returns to. */
char *wire_text_clip(char *to, size_t to_bytes, const char *from);

#endif
