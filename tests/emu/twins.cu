#include "twins.h"
#include "probe.cuh"

static bool done(cudaError_t e)
{
    return e == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess;
}
static bool up(void **to, const void *from, size_t bytes)
{
    return cudaMalloc(to, bytes) == cudaSuccess && cudaMemcpy(*to, from, bytes, cudaMemcpyHostToDevice) == cudaSuccess;
}
extern "C" bool twin_field(bool scalar_field, twin_op op, void *r, const void *a, const void *b, uint32_t n)
{
    static const probe_op ops[TWIN_OPS] = { PROBE_ADD,   PROBE_SUB,       PROBE_NEG,     PROBE_MUL, PROBE_SQR,
                                            PROBE_CANON, PROBE_FROM_MONT, PROBE_TO_MONT, PROBE_INV };
    const size_t bytes = (size_t)n * 32;
    void *x = NULL, *y = NULL, *z = NULL;
    const bool ok = up(&x, a, bytes) && up(&y, b, bytes) && cudaMalloc(&z, bytes) == cudaSuccess &&
                    done(probe_field(scalar_field, ops[op], z, x, y, x, y, n, 0)) &&
                    cudaMemcpy(r, z, bytes, cudaMemcpyDeviceToHost) == cudaSuccess;
    cudaFree(x), cudaFree(y), cudaFree(z);
    return ok;
}
extern "C" bool twin_points(unsigned group, twin_point op, void *a, const void *b, uint32_t n)
{
    static const probe_point ops[] = { PROBE_POINT_ADD_AFFINE, PROBE_POINT_DBL, PROBE_POINT_ADD };
    const size_t xyzz = (size_t)n * group * 128;
    void *x = NULL, *y = NULL;
    const bool ok = up(&x, a, xyzz) && up(&y, b, op == TWIN_ADD_XYZZ ? xyzz : xyzz / 2) &&
                    done(probe_points(group, group, ops[op], (fp *)x, (fp *)y, n, 0)) &&
                    cudaMemcpy(a, x, xyzz, cudaMemcpyDeviceToHost) == cudaSuccess;
    cudaFree(x), cudaFree(y);
    return ok;
}
