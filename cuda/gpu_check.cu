/* The C face of msm/points.cuh: points on their way to the device, and what was found there. */
#include "gpu_check.h"
#include "gpu.cuh"
#include "points.cuh"

enum { VERDICT_BYTES = 256 }; /* in front of the points */

extern "C" pv_status gpu_check_begin(gpu_stream *s, gpu_buf work)
{
    if (work.bytes < GPU_CHECK_BYTES) return PV_INVALID_INPUT;
    ENTER(s->g);
    TRY_CUDA(s->g, cudaMemsetAsync(work.at, 0, VERDICT_BYTES, s->s));
    return PV_OK;
}
extern "C" pv_status gpu_check_points(gpu_stream *s, unsigned group, const void *points, size_t count, const void *b,
                                      gpu_buf work)
{
    const size_t point = 64 * group, step = (work.bytes - VERDICT_BYTES) / point;
    fp *to = (fp *)((uint8_t *)work.at + VERDICT_BYTES);
    ENTER(s->g);
    for (size_t at = 0; at < count; at += step) {
        const size_t n = count - at < step ? count - at : step;
        TRY_CUDA(s->g,
                 cudaMemcpyAsync(to, (const uint8_t *)points + at * point, n * point, cudaMemcpyHostToDevice, s->s));
        TRY_CUDA(s->g, points_check((uint32_t *)work.at, to, (uint32_t)n, group, b, s->s));
    }
    TRY_CUDA(s->g, cudaStreamSynchronize(s->s));
    return PV_OK;
}
extern "C" pv_status gpu_check_end(gpu_stream *s, bool *sound, gpu_buf work)
{
    uint32_t bad = 1;
    ENTER(s->g);
    TRY_CUDA(s->g, cudaMemcpyAsync(&bad, work.at, sizeof bad, cudaMemcpyDeviceToHost, s->s));
    TRY_CUDA(s->g, cudaStreamSynchronize(s->s));
    *sound = bad == 0;
    return PV_OK;
}
extern "C" pv_status gpu_coefs_async(gpu_stream *s, gpu_buf scalars, const uint16_t *coefs, size_t count, gpu_buf work)
{
    if (work.bytes < count * sizeof *coefs || scalars.bytes < count * sizeof(fr)) return PV_INVALID_INPUT;
    if (count == 0) return PV_OK;
    ENTER(s->g);
    TRY_CUDA(s->g, cudaMemcpyAsync(work.at, coefs, count * sizeof *coefs, cudaMemcpyHostToDevice, s->s));
    TRY_CUDA(s->g, points_coefs((fr *)scalars.at, (const uint16_t *)work.at, (uint32_t)count, s->s));
    return PV_OK;
}
