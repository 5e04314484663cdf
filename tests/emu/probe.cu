#include "probe.cuh"

template <class F, int op> __device__ __forceinline__ F probe_one(const F &a, const F &b, const F &c, const F &d)
{
    switch (op) {
    case PROBE_ADD: return f_add(a, b);
    case PROBE_SUB: return f_sub(a, b);
    case PROBE_NEG: return f_neg(a);
    case PROBE_MUL: return f_mul(a, b);
    case PROBE_SQR: return f_sqr(a);
    default: return f_mul_sub(a, b, c, d);
    }
}
template <class M, int op>
__device__ __forceinline__ fe<M> probe_prime(const fe<M> &a, const fe<M> &b, const fe<M> &c, const fe<M> &d)
{
    switch (op) {
    case PROBE_MUL_ADD: return f_mul_add(a, b, c, d);
    case PROBE_CANON: return f_canon(a);
    case PROBE_FROM_MONT: return f_from_mont(a);
    case PROBE_TO_MONT: return f_to_mont(a);
    case PROBE_INV: return f_inv(a);
    default: return probe_one<fe<M>, op>(a, b, c, d);
    }
}
template <class M, int op>
__global__ void __launch_bounds__(128)
    k_field(fe<M> *r, const fe<M> *a, const fe<M> *b, const fe<M> *c, const fe<M> *d, uint32_t n)
{
    const uint32_t i = blockIdx.x * 128 + threadIdx.x;
    typedef fe<M> F;
    if (i < n) F::store(r + i, probe_prime<M, op>(F::load(a + i), F::load(b + i), F::load(c + i), F::load(d + i)));
}
template <class F, int op>
__global__ void __launch_bounds__(128) k_fp2(fp *r, const fp *a, const fp *b, const fp *c, const fp *d, uint32_t n)
{
    const uint32_t t = (blockIdx.x * 128 + threadIdx.x) / F::LANES, i = 2 * (t < n ? t : n - 1); /* no lane may leave */
    const F x = probe_one<F, op>(F::load(a + i), F::load(b + i), F::load(c + i), F::load(d + i));
    if (t < n) F::store(r + i, x);
}
template <class M, int op>
static void field_op(void *r, const void *a, const void *b, const void *c, const void *d, uint32_t n, cudaStream_t s)
{
    typedef const fe<M> *in;
    GPU_LAUNCH((k_field<M, op>), (n + 127) / 128, 128, 0, s, (fe<M> *)r, (in)a, (in)b, (in)c, (in)d, n);
}
typedef void field_fn(void *, const void *, const void *, const void *, const void *, uint32_t, cudaStream_t);
template <class M> static field_fn *field_pick(probe_op op)
{
    static field_fn *const f[PROBE_OPS] = {
        field_op<M, PROBE_ADD>,       field_op<M, PROBE_SUB>,     field_op<M, PROBE_NEG>,     field_op<M, PROBE_MUL>,
        field_op<M, PROBE_SQR>,       field_op<M, PROBE_MUL_SUB>, field_op<M, PROBE_MUL_ADD>, field_op<M, PROBE_CANON>,
        field_op<M, PROBE_FROM_MONT>, field_op<M, PROBE_TO_MONT>, field_op<M, PROBE_INV>
    };
    return f[op];
}
cudaError_t probe_field(bool scalar_field, probe_op op, void *r, const void *a, const void *b, const void *c,
                        const void *d, uint32_t n, cudaStream_t s)
{
    (scalar_field ? field_pick<fr_modulus>(op) : field_pick<fp_modulus>(op))(r, a, b, c, d, n, s);
    return cudaGetLastError();
}
template <class F, int op>
static void fp2_op(fp *r, const fp *a, const fp *b, const fp *c, const fp *d, uint32_t n, cudaStream_t s)
{
    GPU_LAUNCH((k_fp2<F, op>), (n * F::LANES + 127) / 128, 128, 0, s, r, a, b, c, d, n);
}
typedef void fp2_fn(fp *, const fp *, const fp *, const fp *, const fp *, uint32_t, cudaStream_t);
template <class F> static fp2_fn *fp2_pick(probe_op op)
{
    static fp2_fn *const f[] = { fp2_op<F, PROBE_ADD>, fp2_op<F, PROBE_SUB>, fp2_op<F, PROBE_NEG>,
                                 fp2_op<F, PROBE_MUL>, fp2_op<F, PROBE_SQR>, fp2_op<F, PROBE_MUL_SUB> };
    return f[op];
}
cudaError_t probe_fp2(unsigned lanes, probe_op op, fp *r, const fp *a, const fp *b, const fp *c, const fp *d,
                      uint32_t n, cudaStream_t s)
{
    (lanes == 1 ? fp2_pick<fp2>(op) : fp2_pick<fp2_half>(op))(r, a, b, c, d, n, s);
    return cudaGetLastError();
}
/* Left out where only the fields are of interest: ten copies of the curve's formulas are half a minute of compiling, and
 * msm_accumulate has them too. */
#ifndef PROBE_NO_POINTS
template <class F, int op>
__global__ void __launch_bounds__(128, sizeof(F) > sizeof(fp) ? 2
                                       : F::LANES == 2        ? 3
                                                              : 4) k_point(fp *a, const fp *b, uint32_t n)
{
    const uint32_t t = (blockIdx.x * 128 + threadIdx.x) / F::LANES, i = t < n ? t : n - 1;
    fp *at = a + (size_t)i * XYZZ_COORDS * F::COORD;
    xyzz<F> p = {}; /* a thread too many must not look at what the last one writes */
    if (t < n) p = xyzz_load<F>(at);
    if (op == PROBE_POINT_ADD_AFFINE) xyzz_add_affine(p, affine_load<F>(b + (size_t)i * AFFINE_COORDS * F::COORD));
    if (op == PROBE_POINT_ADD) xyzz_add(p, xyzz_load<F>(b + (size_t)i * XYZZ_COORDS * F::COORD));
    if (op == PROBE_POINT_DBL) p = xyzz_dbl(p);
    if (t < n) xyzz_store(at, p);
}

template <class F, int op> static void point_op(fp *a, const fp *b, uint32_t n, cudaStream_t s)
{
    GPU_LAUNCH((k_point<F, op>), (n * F::LANES + 127) / 128, 128, 0, s, a, b, n);
}
typedef void point_fn(fp *, const fp *, uint32_t, cudaStream_t);
template <class F> static point_fn *point_pick(probe_point op)
{
    static point_fn *const f[PROBE_POINTS] = { point_op<F, PROBE_POINT_ADD_AFFINE>, point_op<F, PROBE_POINT_DBL>,
                                               point_op<F, PROBE_POINT_ADD> };
    return f[op];
}
/* Two whole G2 points and their sum do not fit into 255 registers; no kernel adds them so. */
template <> point_fn *point_pick<fp2>(probe_point op)
{
    return op == PROBE_POINT_DBL ? point_op<fp2, PROBE_POINT_DBL> : point_op<fp2, PROBE_POINT_ADD_AFFINE>;
}
cudaError_t probe_points(unsigned group, unsigned lanes, probe_point op, fp *a, const fp *b, uint32_t n, cudaStream_t s)
{
    (group == 1 ? point_pick<fp>(op) : lanes == 1 ? point_pick<fp2>(op) : point_pick<fp2_half>(op))(a, b, n, s);
    return cudaGetLastError();
}
#endif
