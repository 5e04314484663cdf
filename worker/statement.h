/** What a proof has to be a proof of: the public values that a caller expects. */
#ifndef PV_STATEMENT_H
#define PV_STATEMENT_H

#include "provost.h"

#include "proof.h"

/** Zero: nothing is expected. */
struct statement {
    bool known; /* the values below are what is expected */
    bool lost;  /* the input is a witness, but its public values cannot be read: no proof can be compared with it */
    bn254_scalar_packed *values; /* owned */
    size_t n;
};

/** Takes the first n values after the constant 1 of a witness (circom's .wtns). An input of another kind sets nothing:
 *  its handler's results are not compared. A witness that is damaged, of another curve, or shorter sets lost.
 *  PV_NO_MEMORY. */
pv_status statement_of_input(struct statement *s, const uint8_t *input, size_t bytes, size_t n);

/** Takes the values of a public.json. PV_BAD_JSON with a sentence in why (may be NULL), PV_NO_MEMORY. */
pv_status statement_of_json(struct statement *s, const char *json, size_t bytes, char why[PV_TEXT_BYTES]);

/** Whether a proof's public values are those expected. Otherwise PV_BAD_PROOF with a sentence in why (may be NULL). */
pv_status statement_check(const struct statement *s, const bn254_scalar_packed *publics, size_t n,
                          char why[PV_TEXT_BYTES]);

void statement_clear(struct statement *s);

#endif
