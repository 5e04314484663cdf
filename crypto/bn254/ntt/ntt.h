/** Number-theoretic transforms over Fr, and the quotient of a Groth16 proof.
 *
 *  w(n) is 5^((r-1)/2^28) squared down to order n: the root of snarkjs and ffjavascript. log_n in 0..28.
 *  Nothing is allocated, and no frame is large: what the threads work in is the caller's scratch.
 *  run may be NULL (best path, all cores). All return false when *run->stop has become non-zero (vectors are then
 *  unspecified). */
#ifndef BN254_NTT_H
#define BN254_NTT_H
#include <stdbool.h>
#include <stddef.h>
#include "fr.h"
#include "run.h"
#include "scalar.h"

#define BN254_NTT_LOG_MAX 28

/** Roots of one domain: built once, then read by any number of transforms at a time. The memory is the caller's. */
struct bn254_twiddles {
    unsigned log_n;
    enum bn254_path path; /* the table is in this path's form, and transforms with it run on this path */
    bn254_fr *t;      /* t[i] = w(n)^rev(i), i < n/2, rev over log_n - 1 bits: a shorter domain's table is a prefix */
    bn254_fr *head;   /* the inverses of the first 64 entries */
    bn254_fr root_2n; /* w(2n) */
    bn254_fr *shift;  /* at log_n = 28, which has no root_2n: g^rev(i) for i < 2^14, then for i = 2^14 * j; else NULL */
};

/** Bytes of a table (about 16 * 2^log_n); mem needs no more alignment than malloc gives. */
size_t bn254_twiddles_bytes(unsigned log_n);
void bn254_twiddles_init(struct bn254_twiddles *tw, unsigned log_n, void *mem, const struct bn254_run *run);

/** The same with the caller's coset shift, which only log_n = 28 has otherwise: lets tests take that path at small
 *  sizes. */
void bn254_twiddles_init_shift(struct bn254_twiddles *tw, unsigned log_n, const bn254_fr *shift, void *mem,
                               const struct bn254_run *run);

/** Bytes of the scratch of one transform or quotient (up to 600 KiB a thread), on any path and for any size; its memory
 *  needs no more alignment than malloc gives. It derives from the vectors: wipe it where they are secret. */
size_t bn254_ntt_scratch_bytes(const struct bn254_run *run);

/** v[i] <- sum over j of v[j] * w^(i*j), in place, natural order in and out; the inverse divides by n. v has
 *  2^tw->log_n elements. */
bool bn254_ntt(bn254_fr *v, const struct bn254_twiddles *tw, const struct bn254_run *run, void *scratch);
bool bn254_intt(bn254_fr *v, const struct bn254_twiddles *tw, const struct bn254_run *run, void *scratch);

/** h[i] = a*b - c at the point g * w(n)^i, for the polynomials whose values on the domain are a, b and the products a*b
 *  (n = 2^log_n each, log_n = tw->log_n); g = w(2n), at log_n = 28 g = 25 (ffjavascript's Fr.shift). h is canonical:
 *  scalars for the H bases of a zkey. c is n elements of scratch; a and b are used up. h may lie over any of them. The
 *  paths agree bit for bit. Inverse transforms leave coefficients in bit-reversed order, forward ones take them from
 *  there: nothing is reordered. */
bool bn254_quotient(bn254_scalar_packed *h, bn254_fr *a, bn254_fr *b, bn254_fr *c, unsigned log_n,
                    const struct bn254_twiddles *tw, const struct bn254_run *run, void *scratch);
#endif
