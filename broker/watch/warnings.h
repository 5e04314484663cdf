/** What is not as it should be and yet does not keep the broker from its work, as sentences for people: the log at the
 *  start, `provost status` and `provost check`.
 */
#ifndef PV_WARNINGS_H
#define PV_WARNINGS_H

#include "facts.h"

#include <stdbool.h>
#include <stddef.h>

enum { WARNING_BYTES = 200, WARNINGS_BYTES = 500 };

struct warning {
    const char *event; /* in the log; static */
    bool error;        /* something is lost */
    char text[WARNING_BYTES];
};

/** Calls each with every warning that there is, what is worst first. Returns how many there are. */
size_t warnings_each(const struct facts *f, void (*each)(void *context, const struct warning *w), void *context);

/** All of them in one line, as many as fit; "": none. Returns to. */
const char *warnings_text(char to[WARNINGS_BYTES], const struct facts *f);

#endif
