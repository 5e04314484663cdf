/** The rows of a zkey's matrices times a witness: a = A w, b = B w. (bn254_quotient forms c = a * b, row by row.)
 *
 *  Records are read in place. When rows never decrease, as snarkjs writes them, threads take pieces cut at row
 *  boundaries and need no lock; for another order a permutation by row is made once. Duplicate records add up.
 */
#ifndef PV_QAP_H
#define PV_QAP_H

#include "fr.h"
#include "run.h"
#include "prove_error.h"
#include "zkey.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qap {
    const struct zkey *zkey; /* borrowed until qap_clear */
    uint32_t *order;         /* record numbers by row, or NULL when the file's own order serves */
};

/** Bytes that qap_init allocates: 0 for a zkey in order, 4 a record otherwise. */
size_t qap_bytes(const struct zkey *zkey);

pv_status qap_init(struct qap *q, const struct zkey *zkey, struct prove_error *err);
void qap_clear(struct qap *q);

/** a, b: domain elements each, Montgomery; rows without records are 0. witness: vars values < r.
 *  False when run's stop flag was seen; a and b are then meaningless, but derive from the witness: wipe them. */
bool qap_evaluate(bn254_fr *a, bn254_fr *b, const struct qap *q, const bn254_scalar_packed *witness,
                  const struct bn254_run *run);

#endif
