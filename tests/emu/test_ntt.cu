/* NTT passes, orders, cosets and the fused quotient against polynomials evaluated with GMP. */
#include "check.h"
#include "ntt.cuh"
#include "variants.cuh"

static uint32_t reversed(uint32_t i, unsigned bits)
{
    uint32_t r = 0;
    for (unsigned k = 0; k < bits; k++) r |= (i >> k & 1) << (bits - 1 - k);
    return r;
}
static Z root(unsigned log_n)
{
    Z e;
    mpz_sub_ui(e.z, FR.p.z, 1), mpz_fdiv_q_2exp(e.z, e.z, log_n);
    return FR.pow(Z(5), e);
}
/* Montgomery forms, values in [0, 2p) */
static std::vector<fr> random_values(uint32_t n)
{
    std::vector<fr> v(n);
    for (auto &x : v) z_put(x.v, z_lazy(FR));
    return v;
}
static Z value(const fr &x)
{
    return FR.unmont(FR.fix(z_get(x.v)));
}
static Z canonical(const fr &x)
{
    Z t = z_get(x.v);
    CHECK(mpz_cmp(t.z, FR.p.z) < 0);
    return t;
}
static Z evaluate(const std::vector<fr> &v, const Z &at)
{
    Z s;
    for (size_t i = v.size(); i--;) s = FR.add(FR.mul(s, at), FR.fix(z_get(v[i].v)));
    return FR.unmont(s);
}
/* the transform at every point when there are few, at some otherwise */
static void test_forward(const ntt_tables &t, unsigned log_n, bool inverse)
{
    const uint32_t n = 1u << log_n, batch = log_n < 10 ? 3 : 1;
    auto v = random_values(n * batch);
    dev<fr> d(v);
    ntt_job job = {};
    job.inverse = inverse;
    CU(ntt_run(d.p, n, batch, t, job, 0));
    CU(cudaDeviceSynchronize());
    auto r = d.down();
    Z w = root(log_n);
    if (inverse) w = FR.inv(w);
    const int before = failed;
    for (uint32_t b = 0; b < batch; b++) {
        std::vector<fr> one(v.begin() + b * n, v.begin() + (b + 1) * n);
        const uint32_t points = n <= 64 ? n : log_n > 14 ? 3 : 8;
        for (uint32_t i = 0; i < points; i++) {
            const uint32_t k = n <= 64 ? i : i == 0 ? 0 : i == 1 ? n - 1 : (uint32_t)(rnd() % n);
            CHECK(FR.unmont(canonical(r[b * n + reversed(k, log_n)])) == evaluate(one, FR.pow(w, Z(k))));
        }
    }
    /* and back: the other direction, reversed to natural, with 1/n */
    job = {};
    job.inverse = !inverse, job.to_natural = true;
    job.store = inverse ? NTT_STORE_PLAIN : NTT_STORE_SCALE;
    CU(ntt_run(d.p, n, batch, t, job, 0));
    CU(cudaDeviceSynchronize());
    r = d.down();
    for (uint32_t i = 0; i < n * batch && failed == before; i++)
        CHECK(value(r[i]) == (inverse ? FR.mul(Z(n), value(v[i])) : value(v[i])));
    if (failed != before) printf("  in the %s transform of 2^%u\n", inverse ? "inverse" : "forward", log_n);
}
/* h = a b - c at g w^k from interpolated polynomials: here by Lagrange in the naive form, so small domains only */
static void test_quotient(const ntt_tables &t, unsigned log_n, bool apart)
{
    const uint32_t n = 1u << log_n;
    auto va = random_values(n), vb = random_values(n);
    if (apart) va[0] = fr{}, vb[n - 1] = fr{};
    std::vector<fr> all(va);
    all.insert(all.end(), vb.begin(), vb.end());
    auto junk = random_values(n);
    all.insert(all.end(), junk.begin(), junk.end());
    dev<fr> d(all);
    fr *a = d.p, *b = d.p + n, *c = d.p + 2 * n;
    if (apart) { /* b below a: no common stride */
        CU(cudaMemcpy(a, vb.data(), n * sizeof(fr), cudaMemcpyHostToDevice));
        CU(cudaMemcpy(b, va.data(), n * sizeof(fr), cudaMemcpyHostToDevice));
        std::swap(a, b);
    }
    CU(ntt_coset_products(a, b, c, t, 0));
    CU(cudaDeviceSynchronize());
    auto r = d.down();
    const Z w = root(log_n), g = root(log_n + 1), ninv = FR.inv(Z(n));
    /* value at x of the polynomial through v: (x^n - 1)/n sum v_i w^i / (x - w^i) */
    std::vector<Z> wi(n);
    wi[0] = Z(1);
    for (uint32_t i = 1; i < n; i++) wi[i] = FR.mul(wi[i - 1], w);
    const uint32_t points = n <= 64 ? n : 3;
    for (uint32_t q = 0; q < points; q++) {
        const uint32_t k = n <= 64 ? q : (uint32_t)(rnd() % n);
        const Z x = FR.mul(g, FR.pow(w, Z(k)));
        Z s[3];
        for (uint32_t i = 0; i < n; i++) {
            const Z l = FR.mul(wi[i], FR.inv(FR.sub(x, wi[i])));
            const Z ai = value(va[i]), bi = value(vb[i]);
            s[0] = FR.add(s[0], FR.mul(l, ai)), s[1] = FR.add(s[1], FR.mul(l, bi)),
            s[2] = FR.add(s[2], FR.mul(l, FR.mul(ai, bi)));
        }
        const Z f = FR.mul(ninv, FR.sub(FR.pow(x, Z(n)), Z(1)));
        for (auto &z : s) z = FR.mul(z, f);
        CHECK(canonical(r[2 * n + k]) == FR.sub(FR.mul(s[0], s[1]), s[2]));
    }
}
/* c beside a and b, or apart: the same words, also where no default does it */
static void test_quotients_agree(const ntt_tables &t, unsigned log_n)
{
    const size_t n = (size_t)1 << log_n;
    const auto all = random_values(3 * n);
    std::vector<fr> h[2];
    for (int by = 0; by < 2; by++) {
        dev<fr> d(all);
        CU(ntt_coset_products_by(d.p, d.p + n, d.p + 2 * n, t, by ? NTT_QUOTIENT_OF_THREE : NTT_QUOTIENT_OF_TWO, 0));
        CU(cudaDeviceSynchronize());
        const auto r = d.down();
        h[by].assign(r.begin() + (ptrdiff_t)(2 * n), r.end());
    }
    CHECK(!memcmp(h[0].data(), h[1].data(), n * sizeof(fr)));
}
static void test_plan()
{
    for (unsigned log_n = 0; log_n <= NTT_LOG_MAX; log_n++) {
        unsigned k[NTT_PASSES_MAX], sum = 0, n = ntt_plan(log_n, k);
        for (unsigned i = 0; i < n; i++) {
            CHECK(k[i] >= 1 && k[i] <= NTT_TILE_LOG);
            sum += k[i];
        }
        CHECK(sum == log_n);
        const bool all = ntt_has_all(log_n);
        CHECK(n == (log_n == 0 ? 0 : log_n <= 11 ? 1 : log_n <= 18 || all ? 2 : 3));
        if (log_n >= 20 && log_n <= 24 && !all)
            for (unsigned i = 0; i < 3; i++) CHECK(k[i] >= 6 && k[i] <= 9);
        CHECK(ntt_table_bytes(log_n) <= (3u << 20) + (all ? sizeof(fr) << log_n : 0));
    }
#if PV_NTT_SMALL_TILES
    /* the blocks of a pass over a, b and c of a small quotient are enough for most of the device */
    for (unsigned log_n = 13; log_n <= NTT_DEVICE_LOG; log_n++) {
        unsigned k[NTT_PASSES_MAX], n = ntt_plan(log_n, k);
        for (unsigned i = 0; i < n; i++)
            CHECK(ntt_tile_log(log_n, k[i]) >= k[i] && (3u << log_n) >> ntt_tile_log(log_n, k[i]) >= 96);
    }
#endif
    for (unsigned log_n = 0; log_n <= 28; log_n++) CHECK(value(ntt_root(log_n)) == root(log_n));
    /* snarkjs, curve.Fr.w[28], and its w[27] */
    CHECK(root(28) == Z("19103219067921713944291392827692070036145651957329286315305642004821462161904"));
}

int main(int argc, char **argv)
{
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) return fprintf(stderr, "no CUDA device\n"), 77;
    rnd_start("ntt");
    const unsigned big = argc > 1 ? atoi(argv[1]) : 13;
    test_plan();
    for (unsigned log_n = 0; log_n <= big; log_n++) {
        if (log_n > 14 && log_n < big && log_n != 16 && log_n != NTT_DEVICE_LOG)
            continue; /* of the large ones, one of two passes and the one asked for */
        ntt_tables t;
        dev<fr> mem(ntt_table_bytes(log_n) / sizeof(fr));
        CU(ntt_tables_init(&t, log_n, mem.p, 0));
        if (log_n != NTT_DEVICE_LOG || log_n == big) test_forward(t, log_n, false);
        if (log_n <= 14) test_forward(t, log_n, true);
        if (log_n <= 6) test_quotient(t, log_n, false), test_quotient(t, log_n, true);
        if (log_n == 12) test_quotient(t, log_n, false), test_quotient(t, log_n, true);
        if (log_n == 3 || log_n == 12) test_quotients_agree(t, log_n);
        if (log_n == NTT_DEVICE_LOG) test_quotients_agree(t, log_n);
    }
    return check_done();
}
