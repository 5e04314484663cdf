/** What went wrong: a status for programs and one sentence for people. Libraries print nothing; the caller prints or
 *  logs the sentence, which never holds a witness value.
 */
#ifndef PV_PROVE_ERROR_H
#define PV_PROVE_ERROR_H

#include "status.h"

enum { PROVE_ERROR_TEXT_BYTES = 320 };

struct prove_error {
    pv_status status;
    char text[PROVE_ERROR_TEXT_BYTES]; /* "" when status is PV_OK */
};

/** Writes status and the formatted sentence (cut to fit) and returns status, for `return prove_error_set(...)`. err may
 *  be NULL: then only the status is returned. */
pv_status prove_error_set(struct prove_error *err, pv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Puts "name: " before the sentence of a failure and returns status. Whoever opens a file calls it, so that the
 *  readers of its parts need not know the name. err may be NULL. */
pv_status prove_error_in(struct prove_error *err, pv_status status, const char *name);

#endif
