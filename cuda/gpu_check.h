/** The check of a key's points on a GPU; gpu.h has the rules of all calls. That points of G2 are in the group is shown by sums of
 *  them with random coefficients (crypto/bn254/msm/msm_subgroup.h), which gpu_msm.h makes. */
#ifndef PV_GPU_CHECK_H
#define PV_GPU_CHECK_H
#include "gpu.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Clears the verdict: work's first bytes. work: device memory of GPU_CHECK_BYTES or more, for the points on their way. */
enum { GPU_CHECK_BYTES = 512 };
pv_status gpu_check_begin(struct gpu_stream *s, gpu_buf work);
/** Looks at count packed points of y^2 = x^3 + b in RAM: of G1 (group 1) or the twist (2), or infinity, each coordinate reduced. b is
 *  packed as a coordinate is. Returns when the points may go. */
pv_status gpu_check_points(struct gpu_stream *s, unsigned group, const void *points, size_t count, const void *b,
                           gpu_buf work);
/** *sound: whether all points since the beginning were. Waits. */
pv_status gpu_check_end(struct gpu_stream *s, bool *sound, gpu_buf work);

/** Queues scalars[i] <- coefs[i], plain scalars on the device; they go through work. */
pv_status gpu_coefs_async(struct gpu_stream *s, gpu_buf scalars, const uint16_t *coefs, size_t count, gpu_buf work);

#ifdef __cplusplus
}
#endif
#endif
