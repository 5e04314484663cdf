/* One thread's arithmetic behind kernels of its own, so that tests can put vectors through it, machine code can be counted
 * and a benchmark can time it alone. */
#ifndef PROBE_CUH
#define PROBE_CUH
#include "curve.cuh"
#include "fr.cuh"

enum probe_op {
    PROBE_ADD,
    PROBE_SUB,
    PROBE_NEG,
    PROBE_MUL,
    PROBE_SQR,
    PROBE_MUL_SUB,
    PROBE_MUL_ADD,
    PROBE_CANON,
    PROBE_FROM_MONT,
    PROBE_TO_MONT,
    PROBE_INV,
    PROBE_OPS
};

/* r[i] = op(a[i], b[i], c[i], d[i]); all four are read */
cudaError_t probe_field(bool scalar_field, probe_op op, void *r, const void *a, const void *b, const void *c,
                        const void *d, uint32_t n, cudaStream_t s);
/* the same over Fp2, elements of two coordinates; lanes is 1 or 2 */
cudaError_t probe_fp2(unsigned lanes, probe_op op, fp *r, const fp *a, const fp *b, const fp *c, const fp *d,
                      uint32_t n, cudaStream_t s);
enum probe_point { PROBE_POINT_ADD_AFFINE, PROBE_POINT_DBL, PROBE_POINT_ADD, PROBE_POINTS };
/* a[i] <- a[i] + b[i] (b affine), a[i] + b[i] (b XYZZ), 2 a[i].
 * group 1 or 2; XYZZ sums of G2 on two lanes only */
cudaError_t probe_points(unsigned group, unsigned lanes, probe_point op, fp *a, const fp *b, uint32_t n,
                         cudaStream_t s);
#endif
