#include "quotient.cuh"

enum { QAP_THREADS = 128 };

__global__ void __launch_bounds__(QAP_THREADS) qap_mont_kernel(fr *out, const fr *in, size_t n, bool up)
{
    const size_t i = (size_t)blockIdx.x * QAP_THREADS + threadIdx.x;
    if (i >= n) return;
    const fr x = fr::load(in + i);
    fr::store(out + i, up ? f_to_mont(x) : f_from_mont(x));
}
GPU_DEV fr qap_term(const qap_matrix &m, const fr *w, uint32_t i)
{
    const uint32_t c = m.column[i];
    const fr x = fr::load(w + (c & QAP_COLUMN));
    if (c & QAP_PLUS) return x;
    if (c & QAP_MINUS) return f_neg(x);
    return f_mul(x, fr::load(m.value + i));
}
/* a thread a row; long rows are left to the other kernel */
__global__ void __launch_bounds__(QAP_THREADS) qap_short_kernel(fr *out, qap_matrix m, const fr *w, uint32_t rows)
{
    const uint32_t row = blockIdx.x * QAP_THREADS + threadIdx.x;
    if (row >= rows) return;
    const uint32_t first = m.start[row], end = m.start[row + 1];
    if (end - first > QAP_SHORT) return;
    fr sum = f_zero<fr_modulus>();
    GPU_ROLLED
    for (uint32_t i = first; i < end; i++) sum = f_add(sum, qap_term(m, w, i));
    fr::store(out + row, sum);
}
__global__ void __launch_bounds__(QAP_THREADS) qap_long_kernel(fr *out, qap_matrix m, const fr *w)
{
    const uint32_t n = (blockIdx.x * QAP_THREADS + threadIdx.x) >> 5, lane = threadIdx.x & 31;
    if (n >= m.long_count) return; /* whole warps */
    const uint32_t row = m.long_rows[n], first = m.start[row], end = m.start[row + 1];
    fr sum = f_zero<fr_modulus>();
    GPU_ROLLED
    for (uint32_t i = first + lane; i < end; i += 32) sum = f_add(sum, qap_term(m, w, i));
    __syncwarp();
    GPU_ROLLED
    for (uint32_t d = 16; d; d >>= 1) {
        fr other;
        GPU_UNROLL
        for (int k = 0; k < 8; k++) other.v[k] = __shfl_xor_sync(WHOLE_WARP, sum.v[k], d);
        sum = f_add(sum, other);
    }
    if (lane == 0) fr::store(out + row, sum);
}
static cudaError_t mont(fr *out, const fr *in, size_t n, bool up, cudaStream_t s)
{
    if (n == 0) return cudaSuccess;
    GPU_LAUNCH(qap_mont_kernel, (uint32_t)((n + QAP_THREADS - 1) / QAP_THREADS), QAP_THREADS, 0, s, out, in, n, up);
    return cudaGetLastError();
}
cudaError_t qap_to_mont(fr *out, const fr *in, uint32_t n, cudaStream_t s)
{
    return mont(out, in, n, true, s);
}
cudaError_t qap_values(fr *v, size_t n, cudaStream_t s)
{
    return mont(v, v, n, false, s);
}
cudaError_t qap_rows(fr *out, const qap_matrix &m, const fr *w, uint32_t rows, cudaStream_t s)
{
    GPU_LAUNCH(qap_short_kernel, (rows + QAP_THREADS - 1) / QAP_THREADS, QAP_THREADS, 0, s, out, m, w, rows);
    const cudaError_t e = cudaGetLastError();
    if (e != cudaSuccess || m.long_count == 0) return e;
    GPU_LAUNCH(qap_long_kernel, (m.long_count * 32 + QAP_THREADS - 1) / QAP_THREADS, QAP_THREADS, 0, s, out, m, w);
    return cudaGetLastError();
}
