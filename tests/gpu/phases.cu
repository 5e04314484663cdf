/* phases LOG_N: how long each stage of a proof takes on the device, one after another: sorting, the sums of G2 and of G1 of a
 * witness's four base sets (circom-like scalars), matrix rows, NTTs. One JSON line a stage; best of 5 after a warm-up. */
#include "curve.cuh"
#include "msm.cuh"
#include "ntt.cuh"
#include "quotient.cuh"
#include "timing.cuh"
#include <vector>

static unsigned log_n;
template <class F> static void phase(const char *name, F f)
{
    printf("{\"bench\":\"phases\",\"log_n\":%u,\"phase\":\"%s\",\"ms\":%.4f}\n", log_n, name, best_ms(f));
    fflush(stdout);
}
/* words below 2^253, or 0 and 1 for seven of ten */
static std::vector<uint64_t> values(size_t n, bool circom)
{
    std::vector<uint64_t> v(4 * n);
    for (size_t i = 0; i < n; i++) {
        const bool bit = circom && rnd() % 10 < 7;
        for (int k = 0; k < 4; k++) v[4 * i + k] = bit ? (k == 0 && rnd() % 2) : k == 3 ? rnd() >> 11 : rnd();
    }
    return v;
}
static void *upload(const void *from, size_t bytes)
{
    void *p;
    CU(cudaMalloc(&p, bytes));
    CU(cudaMemcpy(p, from, bytes, cudaMemcpyHostToDevice));
    return p;
}
static void *room(size_t bytes)
{
    void *p;
    CU(cudaMalloc(&p, bytes));
    return p;
}
/* Tables of coordinates at random: not on the curve, which the formulas do not notice, and no sum repeats. */
static void msm_phases(int sms)
{
    const size_t n = (size_t)1 << log_n;
    size_t free_bytes, total;
    msm_plan p;
    CU(cudaMemGetInfo(&free_bytes, &total));
    const msm_limits l = { free_bytes - free_bytes / 8, (unsigned)sms, 0, 0, 0, 0, 0 };
    if (msm_plan_for(&p, n, msm_bases{ 3, 1 }, &l) != PV_OK) exit(1);
    const auto k = values(n, true), piece = values((size_t)1 << 16, false);
    const fr *scalars = (const fr *)upload(k.data(), n * 32);
    uint8_t *tables = (uint8_t *)room(p.table_bytes);
    for (size_t at = 0; at < p.table_bytes; at += piece.size() * 8)
        CU(cudaMemcpy(tables + at, piece.data(), std::min(piece.size() * 8, p.table_bytes - at),
                      cudaMemcpyHostToDevice));
    msm_arena arena = { (uint8_t *)room(p.scratch_bytes), 0 };
    msm_scratch x;
    msm_scratch_layout(&x, &p, &arena);
    msm_sets g1 = {}, g2 = {};
    for (unsigned i = 0; i < 3; i++) {
        g1.table[i] = (const fp *)(tables + i * n * p.rows * 64), g1.buckets[i] = (fp *)x.buckets_g1[i],
        g1.parts[i] = (fp *)x.parts_g1[i];
        g1.lines[i] = (fp *)x.lines_g1[i], g1.result[i] = (fp *)((uint8_t *)x.result + i * msm_set_sums(&p) * 128);
    }
    g2.table[0] = (const fp *)(tables + 3 * n * p.rows * 64), g2.buckets[0] = (fp *)x.buckets_g2[0],
    g2.parts[0] = (fp *)x.parts_g2[0];
    g2.lines[0] = (fp *)x.lines_g2[0], g2.result[0] = (fp *)((uint8_t *)x.result + 3 * msm_set_sums(&p) * 128);
    const msm_input in = { scalars, NULL, UINT32_MAX, NULL, 0 };
    const uint32_t count = (uint32_t)std::min(n, p.chunk_n);
    phase("sort", [&] { return msm_sort(p, x, in, count, (uint32_t)n, 0); });
    /* the sums use up the work counters, which the sort sets: it goes before each and is taken off in the table's reading */
    phase("sort+g2_2_lanes", [&] {
        const cudaError_t e = msm_sort(p, x, in, count, (uint32_t)n, 0);
        return e == cudaSuccess ? msm_sums_g2(p, x, g2, 2, 0) : e;
    });
    phase("sort+g2_1_lane", [&] {
        const cudaError_t e = msm_sort(p, x, in, count, (uint32_t)n, 0);
        return e == cudaSuccess ? msm_sums_g2(p, x, g2, 1, 0) : e;
    });
    phase("sort+g1_of_3", [&] {
        const cudaError_t e = msm_sort(p, x, in, count, (uint32_t)n, 0);
        return e == cudaSuccess ? msm_sums_g1(p, x, g1, 0) : e;
    });
    cudaFree((void *)scalars), cudaFree(tables), cudaFree(arena.base);
}
/* three entries a row, and one row in a thousand with a hundred */
static qap_matrix matrix(size_t n)
{
    std::vector<uint32_t> start(n + 1), column, longer;
    for (size_t r = 0; r < n; r++) {
        const unsigned entries = r % 1000 == 7 ? 100 : 3;
        if (entries > QAP_SHORT) longer.push_back((uint32_t)r);
        for (unsigned e = 0; e < entries; e++) column.push_back((uint32_t)(rnd() % n) | (rnd() % 2 ? QAP_PLUS : 0));
        start[r + 1] = (uint32_t)column.size();
    }
    const auto v = values(column.size(), false);
    qap_matrix m = {};
    m.start = (uint32_t *)upload(start.data(), start.size() * 4);
    m.column = (uint32_t *)upload(column.data(), column.size() * 4);
    m.value = (fr *)upload(v.data(), v.size() * 8);
    m.long_rows = (uint32_t *)upload(longer.data(), longer.size() * 4); /* row 7 at least */
    m.long_count = (uint32_t)longer.size();
    return m;
}
static void quotient_phases()
{
    const size_t n = (size_t)1 << log_n;
    const auto v = values(3 * n, false);
    fr *abc = (fr *)upload(v.data(), v.size() * 8), *w = (fr *)upload(v.data(), n * 32);
    const qap_matrix m = matrix(n);
    ntt_tables t;
    CU(ntt_tables_init(&t, log_n, (fr *)room(ntt_table_bytes(log_n)), 0));
    phase("to_montgomery", [&] { return qap_to_mont(w, abc, (uint32_t)n, 0); });
    phase("rows_of_one_matrix", [&] { return qap_rows(abc, m, w, (uint32_t)n, 0); });
    ntt_job down = {};
    down.inverse = true, down.store = NTT_STORE_COSET;
    phase("ntt_of_two", [&] { return ntt_run(abc, n, 2, t, down, 0); });
    phase("coset_products", [&] { return ntt_coset_products(abc, abc + n, abc + 2 * n, t, 0); });
}
int main(int argc, char **argv)
{
    int sms = 0;
    if (argc != 2) return 2;
    log_n = (unsigned)atoi(argv[1]);
    if (cudaGetDeviceCount(&sms) != cudaSuccess || sms == 0) return fprintf(stderr, "no CUDA device\n"), 77;
    CU(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
    quotient_phases();
    msm_phases(sms);
    return 0;
}
