/** The result that a program has left in its folder: what there has to be, and nothing else. */
#ifndef PV_RESULT_TAKE_H
#define PV_RESULT_TAKE_H

#include "attempt_folder.h"
#include "program.h"

#define RESULT_FILE "result"
#define RESULT_PROOF "proof.json"
#define RESULT_PUBLIC "public.json"

/** Reads it into out->bytes, malloc'ed. Taken is a regular file of at least one byte and at most most bytes, without a
 *  second name, alone in the folder; of PROGRAM_RESULT_GROTH16 two of them, JSON, joined as {"proof": ..., "public": ...}.
 *  With PROGRAM_RESULT_STDOUT the folder has to be empty, and nothing is read. PV_NOT_FOUND: none; PV_CONFLICT: two;
 *  PV_TOO_LARGE, PV_BAD_JSON, PV_NO_MEMORY, PV_IO. Each with a sentence. */
pv_status result_take(struct handler_output *out, const struct attempt_folder *f, enum program_result kind,
                      uint64_t most, struct prove_error *err);

#endif
