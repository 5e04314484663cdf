/** What went wrong, for a program to act on and for a person to read: a status and one sentence.
 *  Libraries are silent; whoever called prints or logs the sentence. It never holds a witness value.
 */
#ifndef PV_PROVE_ERROR_H
#define PV_PROVE_ERROR_H

#include "status.h"

enum { PROVE_ERROR_TEXT_BYTES = 320 };

struct prove_error {
    pv_status status;
    char text[PROVE_ERROR_TEXT_BYTES]; /* "" when status is PV_OK */
};

/** Writes status and the formatted sentence (cut to fit) and returns status, so that `return prove_error_set(...)`
 *  says both at once. err may be NULL: then only the status is told. */
pv_status prove_error_set(struct prove_error *err, pv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Puts "name: " before the sentence of a failure and returns status: for whoever opened the file that the sentence is about,
 *  so that the readers of its parts need not know its name. err may be NULL. */
pv_status prove_error_in(struct prove_error *err, pv_status status, const char *name);

#endif
