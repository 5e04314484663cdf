/* Field and curve arithmetic of one thread (or two lanes) against GMP, values anywhere in [0, 2p). */
#include "check.h"
#include "probe.cuh"

static Z below(const Z &got, const Mod &m, unsigned k) /* the value modulo m; it must be below k m */
{
    Z lim;
    mpz_mul_ui(lim.z, m.p.z, k);
    CHECK(mpz_cmp(got.z, lim.z) < 0);
    return m.fix(got);
}
static Z field_want(const Mod &m, probe_op op, const Z &a, const Z &b, const Z &c, const Z &d)
{
    switch (op) {
    case PROBE_ADD: return m.add(a, b);
    case PROBE_SUB: return m.sub(a, b);
    case PROBE_NEG: return m.sub(Z(), a);
    case PROBE_MUL: return m.unmont(m.mul(a, b));
    case PROBE_SQR: return m.unmont(m.mul(a, a));
    case PROBE_MUL_SUB: return m.unmont(m.sub(m.mul(a, b), m.mul(c, d)));
    case PROBE_MUL_ADD: return m.unmont(m.add(m.mul(a, b), m.mul(c, d)));
    case PROBE_CANON: return m.fix(a);
    case PROBE_FROM_MONT: return m.unmont(m.fix(a));
    case PROBE_TO_MONT: return m.mont(a);
    default: return m.mont(m.inv(m.unmont(m.fix(a)))); /* R / (a / R) mod p */
    }
}
static void test_field(bool scalar, uint32_t n)
{
    const Mod &m = scalar ? FR : FP;
    std::vector<fp> v[4];
    std::vector<Z> z[4];
    for (int k = 0; k < 4; k++)
        for (uint32_t i = 0; i < n; i++) {
            fp t;
            z[k].push_back(z_lazy(m));
            z_put(t.v, z[k][i]);
            v[k].push_back(t);
        }
    dev<fp> a(v[0]), b(v[1]), c(v[2]), d(v[3]), r(n);
    for (int op = 0; op < PROBE_OPS; op++) {
        const uint32_t some = op == PROBE_INV ? (n < 40 ? n : 40) : n;
        CU(probe_field(scalar, (probe_op)op, r.p, a.p, b.p, c.p, d.p, some, 0));
        CU(cudaDeviceSynchronize());
        auto g = r.down();
        const int before = failed;
        for (uint32_t i = 0; i < some && failed == before; i++)
            CHECK(below(z_get(g[i].v), m, op == PROBE_CANON || op == PROBE_FROM_MONT ? 1 : 2) ==
                  field_want(m, (probe_op)op, z[0][i], z[1][i], z[2][i], z[3][i]));
        if (failed != before) printf("  in field operation %d of %s\n", op, scalar ? "Fr" : "Fp");
    }
}
static Z2 fp2_want(probe_op op, const Z2 &a, const Z2 &b, const Z2 &c, const Z2 &d)
{
    const Z2 u = { FP.rinv, Z() };
    switch (op) {
    case PROBE_ADD: return z2_add(a, b);
    case PROBE_SUB: return z2_sub(a, b);
    case PROBE_NEG: return z2_sub(Z2(), a);
    case PROBE_MUL: return z2_mul(u, z2_mul(a, b));
    case PROBE_SQR: return z2_mul(u, z2_mul(a, a));
    default: return z2_mul(u, z2_sub(z2_mul(a, b), z2_mul(c, d)));
    }
}
static void test_fp2(unsigned lanes, uint32_t n)
{
    std::vector<fp> v[4];
    std::vector<Z2> z[4];
    for (int k = 0; k < 4; k++)
        for (uint32_t i = 0; i < n; i++) {
            fp t;
            z[k].push_back({ z_lazy(FP), z_lazy(FP) });
            z_put(t.v, z[k][i].a), v[k].push_back(t);
            z_put(t.v, z[k][i].b), v[k].push_back(t);
        }
    dev<fp> a(v[0]), b(v[1]), c(v[2]), d(v[3]), r(2 * n);
    for (int op = 0; op <= PROBE_MUL_SUB; op++) {
        CU(probe_fp2(lanes, (probe_op)op, r.p, a.p, b.p, c.p, d.p, n, 0));
        CU(cudaDeviceSynchronize());
        auto g = r.down();
        const int before = failed;
        for (uint32_t i = 0; i < n && failed == before; i++) {
            const Z2 got = { below(z_get(g[2 * i].v), FP, 2), below(z_get(g[2 * i + 1].v), FP, 2) };
            CHECK(z2_eq(got, fp2_want((probe_op)op, z[0][i], z[1][i], z[2][i], z[3][i])));
        }
        if (failed != before) printf("  in Fp2 operation %d on %u lanes\n", op, lanes);
    }
}

/* a with a random Z, its coordinates anywhere in [0, 2p) */
static void put_xyzz(fp *out, const Pt &p, unsigned group)
{
    Z2 l = { z_random(FP), group == 2 ? z_random(FP) : Z() }, zz = z2_mul(l, l), zzz = z2_mul(zz, l);
    const Z2 c[4] = { z2_mul(p.x, zz), z2_mul(p.y, zzz), zz, zzz };
    for (int k = 0; k < 4; k++)
        for (unsigned j = 0; j < group; j++) {
            Z t = FP.mont(j ? c[k].b : c[k].a);
            if (rnd() % 2) mpz_add(t.z, t.z, FP.p.z);
            z_put(out[k * group + j].v, p.inf && k == 2 ? Z() : t);
        }
}
static void test_points(unsigned group, unsigned lanes, uint32_t n)
{
    std::vector<Pt> p, q;
    Pt g = pt_generator(group);
    for (uint32_t i = 0; i < n; i++) {
        p.push_back(pt_mul(g, Z(rnd() % 50 + 1)));
        q.push_back(pt_mul(g, Z(rnd() % 50 + 1)));
        switch (i % 8) { /* infinity, equal and opposite sit between the others of a warp */
        case 1: p[i] = Pt(); break;
        case 2: q[i] = Pt(); break;
        case 3: q[i] = p[i]; break;
        case 4: q[i] = pt_neg(p[i]); break;
        case 5: p[i] = q[i] = Pt(); break;
        }
    }
    const size_t xs = 4 * group, as = 2 * group;
    for (int op = 0; op < PROBE_POINTS; op++) {
        if (op == PROBE_POINT_ADD && group == 2 && lanes == 1) continue; /* no such kernel */
        const size_t bs = op == PROBE_POINT_ADD ? xs : as;
        std::vector<fp> a(n * xs), b(n * bs);
        for (uint32_t i = 0; i < n; i++) {
            put_xyzz(&a[i * xs], p[i], group);
            if (op == PROBE_POINT_ADD)
                put_xyzz(&b[i * bs], q[i], group);
            else
                pt_put(&b[i * bs], q[i], group);
        }
        dev<fp> da(a), db(b);
        CU(probe_points(group, lanes, (probe_point)op, da.p, db.p, n, 0));
        CU(cudaDeviceSynchronize());
        auto r = da.down();
        const int before = failed;
        for (uint32_t i = 0; i < n && failed == before; i++)
            CHECK(
                pt_eq(pt_get_xyzz(&r[i * xs], group), op == PROBE_POINT_DBL ? pt_add(p[i], p[i]) : pt_add(p[i], q[i])));
        if (failed != before) printf("  in point operation %d of G%u on %u lanes\n", op, group, lanes);
    }
}

int main(int argc, char **argv)
{
    rnd_start("field");
    const uint32_t n = argc > 1 ? atoi(argv[1]) : 1500;
    test_field(false, n), test_field(true, n);
    test_fp2(1, n / 2), test_fp2(2, n / 2);
    if (getenv("EMU_PTX"))
        printf("points: only as C++ (their PTX runs in the MSM)\n");
    else
        test_points(1, 1, 163), test_points(2, 1, 101), test_points(2, 2, 101);
    return check_done();
}
