/** The probes of probe.cuh for a C test: host arrays in, host arrays out. All return false when CUDA does not do it. */
#ifndef EMU_TWINS_H
#define EMU_TWINS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
enum twin_op {
    TWIN_ADD,
    TWIN_SUB,
    TWIN_NEG,
    TWIN_MUL,
    TWIN_SQR,
    TWIN_CANON,
    TWIN_FROM_MONT,
    TWIN_TO_MONT,
    TWIN_INV,
    TWIN_OPS
};
/** r[i] <- op(a[i], b[i]), canonical or not; elements of 32 bytes, over Fr or Fp. */
bool twin_field(bool scalar_field, enum twin_op op, void *r, const void *a, const void *b, uint32_t n);
enum twin_point { TWIN_ADD_AFFINE, TWIN_DBL, TWIN_ADD_XYZZ };
/** a[i] <- a[i] + b[i] (b affine or XYZZ) or 2 a[i]; a: XYZZ, coordinates of 32 bytes times group. G2 on two lanes. */
bool twin_points(unsigned group, enum twin_point op, void *a, const void *b, uint32_t n);
#ifdef __cplusplus
}
#endif
#endif
