/** What a generator's last words mean: the line that circom printed, and whose fault the failure is.
 */
#ifndef PV_WITNESS_TEXT_H
#define PV_WITNESS_TEXT_H

#include "handler.h"
#include "program_run.h"

enum { WITNESS_TEXT_BYTES = 200 };

/** One line for people from a generator's last words: of its stdout the line of a failed assert, which is where circom's C++ says it,
 *  and nothing else, as log() of a circuit may be of private signals; else what it said on stderr, from circom's own message on. Returns
 *  to. */
const char *witness_text(char to[WITNESS_TEXT_BYTES], const struct error_tail *out, const struct error_tail *errors);

/** A generator that ended by itself without success. Circom's programs say an assert by abort or status 1, so both are the
 *  input's fault, which fails everywhere: HANDLER_PERMANENT. Those that say that memory or a file of theirs is missing: HANDLER_RESOURCE.
 *  Any other signal: HANDLER_RETRYABLE. text: what witness_text made. */
enum handler_verdict witness_text_verdict(const struct program_end *end, const char *text);

#endif
