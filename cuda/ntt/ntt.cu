/* NTT: the plan of passes, the tables of a domain, the launches. */
#include "ntt.cuh"
#include "ntt_kernels.cuh"
#include "variants.cuh"

/* ---- host arithmetic for roots: the same functions, their C++ bodies ---- */
static fr fr_pow(fr b, uint64_t e)
{
    fr r = f_one<fr_modulus>();
    for (; e; e >>= 1) {
        if (e & 1) r = f_mul(r, b);
        b = f_sqr(b);
    }
    return r;
}
static fr fr_small(uint32_t x)
{
    fr t = f_zero<fr_modulus>();
    t.v[0] = x;
    return f_to_mont(t);
}
fr ntt_root(unsigned log_n)
{
    /* 5^((r - 1) / 2^28), by the words of r - 1 shifted down */
    fr w = f_one<fr_modulus>(), five = fr_small(5);
    for (int i = 253; i >= 28; i--) {
        w = f_sqr(w);
        const uint32_t word = fr_modulus::p(i >> 5) - (i < 32 ? 1 : 0);
        if (word >> (i & 31) & 1) w = f_mul(w, five);
    }
    for (unsigned k = NTT_LOG_MAX; k > log_n; k--) w = f_sqr(w);
    return w;
}
/* snarkjs's Fr.shift for the largest domain, where 2n has no root; w_2n below */
static fr coset_generator(unsigned log_n)
{
    return log_n == NTT_LOG_MAX ? fr_small(25) : ntt_root(log_n + 1);
}
static fr inverse_of_n(unsigned log_n)
{
    fr x = f_inv(fr_small(2)), r = f_one<fr_modulus>();
    for (unsigned k = 0; k < log_n; k++) r = f_mul(r, x);
    return r;
}

/* ---- tables ---- */
static uint32_t lo_log_of(unsigned log_n)
{
    return log_n > NTT_HI_LOG ? log_n - NTT_HI_LOG : 0;
}
bool ntt_has_all(unsigned log_n)
{
    return PV_NTT_TWO_PASSES && (log_n == 19 || log_n == 20);
}
enum { TABLE_HI, TABLE_LO, TABLE_COSET_HI, TABLE_COSET_LO, TABLE_ALL, TABLES };
/* in elements */
static void table_sizes(unsigned log_n, size_t size[TABLES])
{
    const uint32_t lo = lo_log_of(log_n);
    size[TABLE_HI] = (size_t)1 << NTT_HI_LOG;
    size[TABLE_LO] = size[TABLE_COSET_LO] = (size_t)1 << lo;
    size[TABLE_COSET_HI] = (size_t)1 << (log_n - lo);
    size[TABLE_ALL] = ntt_has_all(log_n) ? (size_t)1 << log_n : 0;
}
size_t ntt_table_bytes(unsigned log_n)
{
    size_t s[TABLES], sum = 0;
    table_sizes(log_n, s);
    for (unsigned i = 0; i < TABLES; i++) sum += s[i];
    return sum * sizeof(fr);
}
static cudaError_t powers(fr *out, fr base, fr scale, size_t count, cudaStream_t s)
{
    GPU_LAUNCH(ntt_powers_kernel, (uint32_t)((count + NTT_THREADS - 1) / NTT_THREADS), NTT_THREADS, 0, s, out, base,
               scale, (uint32_t)count);
    return cudaGetLastError();
}
cudaError_t ntt_tables_init(ntt_tables *t, unsigned log_n, fr *mem, cudaStream_t s)
{
    size_t n[TABLES];
    table_sizes(log_n, n);
    fr *at[TABLES] = { mem };
    for (unsigned i = 1; i < TABLES; i++) at[i] = at[i - 1] + n[i - 1];
    const uint32_t lo = lo_log_of(log_n);
    const fr one = f_one<fr_modulus>(), g = coset_generator(log_n), w = ntt_root(log_n);
    t->log_n = log_n;
    t->w = ntt_twiddles{ at[TABLE_HI], at[TABLE_LO], n[TABLE_ALL] ? at[TABLE_ALL] : NULL };
    t->coset = ntt_coset{ at[TABLE_COSET_HI], at[TABLE_COSET_LO], lo };
    t->inverse_n = inverse_of_n(log_n);
    cudaError_t e = powers(at[TABLE_HI], ntt_root(NTT_HI_LOG), one, n[TABLE_HI], s);
    if (e == cudaSuccess) e = powers(at[TABLE_LO], w, one, n[TABLE_LO], s);
    if (e == cudaSuccess)
        e = powers(at[TABLE_COSET_HI], fr_pow(g, (uint64_t)1 << lo), t->inverse_n, n[TABLE_COSET_HI], s);
    if (e == cudaSuccess) e = powers(at[TABLE_COSET_LO], g, one, n[TABLE_COSET_LO], s);
    if (e == cudaSuccess && n[TABLE_ALL]) e = powers(at[TABLE_ALL], w, one, n[TABLE_ALL], s);
    return e;
}

/* ---- passes ---- */
unsigned ntt_plan(unsigned log_n, unsigned k[NTT_PASSES_MAX])
{
    if (log_n == 0) return 0;
    if (ntt_has_all(log_n)) return k[0] = log_n - NTT_TILE_LOG, k[1] = NTT_TILE_LOG, 2;
    const unsigned passes = log_n <= NTT_TILE_LOG ? 1 : log_n <= 18 ? 2 : 3;
    for (unsigned i = 0; i < passes; i++) k[i] = log_n / passes + (i < log_n % passes);
    return passes;
}
unsigned ntt_tile_log(unsigned log_n, unsigned k)
{
    const unsigned tile = !PV_NTT_SMALL_TILES || log_n >= NTT_DEVICE_LOG ? NTT_TILE_LOG : log_n <= 14 ? 8 : 9;
    const unsigned most = log_n < tile ? log_n : tile;
    return k > most ? k : most;
}
template <bool DIT>
static cudaError_t launch(fr *data, size_t stride, unsigned batch, const ntt_pass &p, const ntt_tables &t,
                          cudaStream_t s)
{
    const uint32_t tile = p.k + p.lc, threads = tile > 3 ? 1u << (tile - 3) : 1, bytes = 32u << tile;
    /* 64 KB instead of the default 48; set each time, because another context may have become current */
    cudaError_t e =
        cudaFuncSetAttribute(ntt_pass_kernel<DIT>, cudaFuncAttributeMaxDynamicSharedMemorySize, 32 << NTT_TILE_LOG);
    if (e != cudaSuccess) return e;
    GPU_LAUNCH(ntt_pass_kernel<DIT>, dim3(1u << (p.log_n - tile), batch), threads, bytes, s, data, stride, p, t.w,
               t.coset);
    return cudaGetLastError();
}
cudaError_t ntt_run(fr *data, size_t stride, unsigned batch, const ntt_tables &t, const ntt_job &job, cudaStream_t s)
{
    unsigned k[NTT_PASSES_MAX], passes = ntt_plan(t.log_n, k), done = 0;
    for (unsigned i = 0; i < passes; i++) {
        const unsigned nth = job.to_natural ? passes - 1 - i : i;
        ntt_pass p = {};
        p.log_n = t.log_n, p.k = k[nth];
        p.log_m = job.to_natural ? done + k[nth] : t.log_n - done;
        const uint32_t free_log = p.log_m - p.k;
        p.lc = ntt_tile_log(t.log_n, p.k) - p.k;
        p.across = free_log == 0;
        if (!p.across && p.lc > free_log) p.lc = free_log;
        p.inverse = job.inverse, p.last = i + 1 == passes;
        if (p.last) {
            p.store = job.store;
            if (job.store == NTT_STORE_SCALE) p.scale = t.inverse_n;
        }
        if ((i == 0 && job.store != NTT_STORE_QUOTIENT) || (p.last && job.store == NTT_STORE_QUOTIENT))
            p.factor_a = job.factor_a, p.factor_b = job.factor_b;
        const cudaError_t e =
            job.to_natural ? launch<true>(data, stride, batch, p, t, s) : launch<false>(data, stride, batch, p, t, s);
        if (e != cudaSuccess) return e;
        done += k[nth];
    }
    return cudaSuccess;
}
/* c <- a b; or with less_c a b - c as plain scalars */
__global__ void __launch_bounds__(NTT_THREADS)
    ntt_products_kernel(fr *c, const fr *a, const fr *b, uint32_t n, bool less_c)
{
    const uint32_t i = blockIdx.x * NTT_THREADS + threadIdx.x;
    if (i >= n) return;
    fr x = f_mul(fr::load(a + i), fr::load(b + i));
    if (less_c) x = f_canon(f_from_mont(f_sub(x, fr::load(c + i))));
    fr::store(c + i, x);
}
static cudaError_t products(fr *c, const fr *a, const fr *b, uint32_t n, bool less_c, cudaStream_t s)
{
    GPU_LAUNCH(ntt_products_kernel, (n + NTT_THREADS - 1) / NTT_THREADS, NTT_THREADS, 0, s, c, a, b, n, less_c);
    return cudaGetLastError();
}
/* c in the same launches as a and b; they lie stride apart */
static cudaError_t coset_products_of_three(fr *a, size_t stride, const ntt_tables &t, const ntt_job &down,
                                           const ntt_job &up, cudaStream_t s)
{
    fr *b = a + stride, *c = b + stride;
    const uint32_t n = 1u << t.log_n;
    cudaError_t e = products(c, a, b, n, false, s);
    if (e == cudaSuccess) e = ntt_run(a, stride, 3, t, down, s);
    if (e == cudaSuccess) e = ntt_run(a, stride, 3, t, up, s);
    return e == cudaSuccess ? products(c, a, b, n, true, s) : e;
}
cudaError_t ntt_coset_products(fr *a, fr *b, fr *c, const ntt_tables &t, cudaStream_t s)
{
    const bool three = PV_QUOTIENT_OF_THREE && t.log_n <= PV_OF_THREE_LOG && b > a && c > b && b - a == c - b;
    return ntt_coset_products_by(a, b, c, t, three ? NTT_QUOTIENT_OF_THREE : NTT_QUOTIENT_OF_TWO, s);
}
cudaError_t ntt_coset_products_by(fr *a, fr *b, fr *c, const ntt_tables &t, ntt_quotient by, cudaStream_t s)
{
    ntt_job down = {};
    down.inverse = true, down.store = NTT_STORE_COSET;
    ntt_job up = {};
    up.to_natural = true;
    ntt_job down_c = down, up_c = up;
    down_c.factor_a = up_c.factor_a = a, down_c.factor_b = up_c.factor_b = b;
    up_c.store = NTT_STORE_QUOTIENT;
    cudaError_t e = cudaSuccess;
    if (t.log_n == 0) return ntt_quotient_of_one(a, b, c, s);
    if (by == NTT_QUOTIENT_OF_THREE) return coset_products_of_three(a, (size_t)(b - a), t, down, up, s);
    /* c reads a and b as they are, before they are transformed in place, and again when both are done */
    if (e == cudaSuccess) e = ntt_run(c, 0, 1, t, down_c, s);
    const bool together = b > a;
    const size_t stride = together ? (size_t)(b - a) : 0;
    for (fr *v : { a, b }) {
        if (e == cudaSuccess && (v == a || !together)) e = ntt_run(v, stride, together ? 2 : 1, t, down, s);
        if (e == cudaSuccess && (v == a || !together)) e = ntt_run(v, stride, together ? 2 : 1, t, up, s);
    }
    if (e == cudaSuccess) e = ntt_run(c, 0, 1, t, up_c, s);
    return e;
}
__global__ void ntt_quotient_of_one_kernel(const fr *a, const fr *b, fr *c)
{
    /* one constraint: polynomials are constants and c = a b already, so h = a b - c = 0 */
    const fr x = f_mul(fr::load(a), fr::load(b));
    fr::store(c, f_from_mont(f_sub(x, x)));
}
cudaError_t ntt_quotient_of_one(const fr *a, const fr *b, fr *c, cudaStream_t s)
{
    GPU_LAUNCH(ntt_quotient_of_one_kernel, 1, 1, 0, s, a, b, c);
    return cudaGetLastError();
}
