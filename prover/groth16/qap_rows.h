/** The loop of qap.h that multiplies, compiled once per path (paths.h); qap.c chooses at run time. The twins
 *  qap_portable.c and qap_adx.c define the tables; they have no headers of their own.
 */
#ifndef PV_QAP_ROWS_H
#define PV_QAP_ROWS_H

#include "types.h"
#include "zkey.h"

#include <stddef.h>
#include <stdint.h>

struct qap_rows {
    /** Adds records order[first .. last) of zkey's coefs (order NULL: the records themselves) to a and b. Their rows and
     *  signals are bounded here again: a mapped file may have changed since they were checked. */
    void (*add)(bn254_fr *a, bn254_fr *b, const struct zkey *zkey, const uint32_t *order, uint32_t first, uint32_t last,
                const bn254_scalar_packed *witness);
};

extern const struct qap_rows qap_rows_portable, qap_rows_adx;

#endif
