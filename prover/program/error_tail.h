/** The last 4 KiB of what a program wrote on stderr, however much it was. */
#ifndef PV_ERROR_TAIL_H
#define PV_ERROR_TAIL_H

#include <stddef.h>

enum { ERROR_TAIL_BYTES = 4096 };

/** Zero is empty. */
struct error_tail {
    char bytes[ERROR_TAIL_BYTES];
    size_t n; /* written so far, in all: the next byte goes to n % ERROR_TAIL_BYTES */
};

void error_tail_add(struct error_tail *t, const char *bytes, size_t n);

/** What is kept as one line of text, as the protocol allows it: runs of control characters and spaces become one space,
 *  bytes that are not UTF-8 become "?". When it does not fit, its end stays, behind "...". Returns to. */
char *error_tail_text(const struct error_tail *t, char *to, size_t bytes);

#endif
