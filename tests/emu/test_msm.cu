/* The whole MSM through its C face, on every shape of scalars and bases that has gone wrong somewhere, against sums made with
 * GMP. Bases are small multiples of the generator, so that the right answer is one multiplication. */
#include "check.h"
#include "gpu_msm.h"
#include "msm.cuh"

#define OK(x)                                                                                                          \
    do {                                                                                                               \
        pv_status s_ = (x);                                                                                            \
        if (s_ != PV_OK) {                                                                                             \
            printf("FAIL %s:%d %s gave %d\n", __FILE__, __LINE__, #x, (int)s_);                                        \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* base i is log[i] times the generator; 0: infinity */
struct bases {
    unsigned group;
    std::vector<Z> log;
    std::vector<uint8_t> bytes;
};
static std::vector<Pt> small_multiples[3]; /* 0 .. 300 times the generator */
static bases make_bases(unsigned group, const std::vector<long> &log)
{
    bases b;
    b.group = group;
    b.bytes.resize(log.size() * 64 * group);
    auto &m = small_multiples[group];
    if (m.empty()) m.push_back(Pt());
    while (m.size() <= 300) m.push_back(pt_add(m.back(), pt_generator(group)));
    for (size_t i = 0; i < log.size(); i++) {
        Z z(labs(log[i]));
        Pt p = m[labs(log[i])];
        if (log[i] < 0) p = pt_neg(p), z = FR.sub(Z(), z);
        b.log.push_back(z);
        pt_put(&b.bytes[i * 64 * group], p, group);
    }
    return b;
}
static Pt want(const bases &b, size_t first, const std::vector<Z> &k)
{
    Z s;
    for (size_t i = 0; i < b.log.size(); i++) s = FR.add(s, FR.mul(b.log[i], k[first + i]));
    return pt_mul(pt_generator(b.group), s);
}
/* x / z^2, y / z^3 */
static Pt got(const void *r, unsigned group)
{
    const char *c = (const char *)r;
    static const char zero[64] = { 0 };
    Pt p;
    if (!memcmp(c + 64 * group, zero, 32 * group)) {
        CHECK(!memcmp(c, zero, 32 * group));
        return p;
    }
    const Z2 z = z2_get(c + 64 * group, group), zz = z2_mul(z, z);
    p.inf = false;
    p.x = z2_mul(z2_get(c, group), z2_inv(zz)), p.y = z2_mul(z2_get(c + 32 * group, group), z2_inv(z2_mul(z, zz)));
    return p;
}

struct run_options {
    unsigned window_bits, rows, g2_lanes;
    size_t free_bytes;
};
static struct gpu *the_gpu;
static unsigned runs;
static unsigned comb_rows; /* 0: buckets, unless PV_COMB */
/* all sets share k; set i starts at first[i] */
static void run(const char *what, const std::vector<bases> &sets, const std::vector<size_t> &first,
                const std::vector<Z> &k, run_options o)
{
    struct msm_plan plan;
    struct msm_bases count = { 0, 0 };
    std::vector<gpu_msm_set> s, rest(sets.size());
    const bool pieces = runs % 5 == 3; /* bases and scalars in two pieces each, not cut at the same place */
    for (size_t i = 0; i < sets.size(); i++) {
        const size_t all = sets[i].log.size(), half = pieces ? all / 2 : all;
        (sets[i].group == 1 ? count.g1 : count.g2)++;
        rest[i] = { sets[i].bytes.data() + half * 64 * sets[i].group, first[i] + half, all - half, NULL };
        s.push_back({ sets[i].bytes.data(), first[i], half, pieces ? &rest[i] : NULL });
    }
    struct msm_limits l = { o.free_bytes ? o.free_bytes : (size_t)1 << 30,
                            gpu_about(the_gpu)->sm_count,
                            o.window_bits,
                            o.rows,
                            k.size(),
                            0,
                            comb_rows,
                            0 };
    /* every other time points at infinity are left out, otherwise they are summed */
    const size_t n = runs % 2 ? gpu_msm_finite(s.data(), count, k.size()) : k.size();
    OK(msm_plan_for(&plan, n, count, &l));
    struct gpu_msm *m;
    struct gpu_stream *st;
    gpu_buf scratch, scalars, more = { NULL, 0 };
    std::vector<uint8_t> words(k.size() * 32);
    const size_t here = (pieces ? k.size() / 3 : k.size()) * 32;
    for (size_t i = 0; i < k.size(); i++) z_put(&words[32 * i], k[i]);
    OK(gpu_stream_new(the_gpu, &st, false));
    OK(gpu_msm_new(the_gpu, &m, &plan, s.data()));
    if (o.g2_lanes) gpu_msm_set_g2_lanes(m, o.g2_lanes);
    OK(gpu_buf_new(the_gpu, &scratch, plan.scratch_bytes));
    OK(gpu_buf_new(the_gpu, &scalars, here));
    OK(gpu_upload_async(st, scalars, words.data(), here));
    if (here < words.size()) {
        OK(gpu_buf_new(the_gpu, &more, words.size() - here));
        OK(gpu_upload_async(st, more, words.data() + here, words.size() - here));
    }
    gpu_msm_run run = { scratch, NULL, NULL, more };
    OK(gpu_pinned_new(the_gpu, &run.sums, gpu_msm_sums_bytes(&plan)));
    if (runs % 3) OK(gpu_recording_new(&run.recording));
    OK(gpu_msm_async(m, st, scalars, &run));
    OK(gpu_stream_wait(st));
    std::vector<bn254_g1> g1(count.g1);
    std::vector<bn254_g2> g2(count.g2);
    gpu_msm_finish(&plan, run.sums, g1.data(), g2.data());
    const int before = failed;
    size_t i1 = 0, i2 = 0;
    for (size_t i = 0; i < sets.size(); i++)
        CHECK(pt_eq(got(sets[i].group == 1 ? (void *)&g1[i1++] : (void *)&g2[i2++], sets[i].group),
                    want(sets[i], first[i], k)));
    if (failed != before)
        printf("  in %s: n=%zu c=%u rows=%u chunks=%u comb=%u\n", what, k.size(), plan.window_bits, plan.rows,
               plan.chunks, plan.comb);
    gpu_buf_free(the_gpu, &scratch), gpu_buf_free(the_gpu, &scalars), gpu_buf_free(the_gpu, &more);
    gpu_pinned_free(the_gpu, &run.sums), gpu_recording_destroy(&run.recording);
    gpu_msm_destroy(&m), gpu_stream_destroy(&st);
    runs++;
}
static std::vector<long> logs(size_t n)
{
    std::vector<long> v(n);
    for (auto &x : v) x = (long)(rnd() % 601) - 300;
    return v;
}
static Z half(int d) /* (r - 1) / 2 + d */
{
    Z t;
    mpz_fdiv_q_2exp(t.z, FR.p.z, 1);
    if (d < 0)
        mpz_sub_ui(t.z, t.z, -d);
    else
        mpz_add_ui(t.z, t.z, d);
    return t;
}
enum family { DENSE, ZERO, ONE, SAME, MINUS_ONE, HALF, SMALL, CIRCOM, ONE_HOT, TOP, FAMILIES };
static std::vector<Z> scalars(size_t n, int f)
{
    std::vector<Z> k(n);
    const Z same = z_random(FR), m1 = FR.sub(Z(), Z(1));
    for (size_t i = 0; i < n; i++) switch (f) {
        case DENSE: k[i] = z_random(FR); break;
        case ONE: k[i] = Z(1); break;
        case SAME: k[i] = same; break;
        case MINUS_ONE: k[i] = m1; break;
        case HALF: k[i] = half((int)(rnd() % 7) - 3); break;
        case SMALL: k[i] = Z(rnd() % 65536); break;
        case CIRCOM: k[i] = rnd() % 10 < 7 ? Z(rnd() % 2) : rnd() % 2 ? Z(rnd() % 256) : z_random(FR); break;
        case ONE_HOT:
            if (i == n / 2) k[i] = same;
            break;
        case TOP: /* digits at the edges of windows of 4 and 11 bits, carries that run all the way */
            for (int b = 0; b < 253; b++)
                if (rnd() % 8) mpz_setbit(k[i].z, b);
            k[i] = FR.fix(k[i]);
            break;
        }
    return k;
}
static void test_sizes()
{
    for (size_t n : { 0, 1, 2, 31, 33, 127, 129, 511, 513 })
        run("sizes", { make_bases(1, logs(n)) }, { 0 }, scalars(n, DENSE),
            { n < 100 ? 0u : 6u, n < 100 ? 0u : 3u, 0, 0 });
}
static void test_families(unsigned group, size_t n, unsigned lanes)
{
    for (int f = 0; f < FAMILIES; f++) {
        auto l = logs(n);
        if (f == SMALL)
            for (size_t i = 0; i + 1 < n; i += 2) l[i + 1] = -l[i]; /* P and -P next to each other */
        if (f == SAME)
            for (auto &x : l) x = 7; /* every addition a doubling or of equals */
        if (f == ONE)
            for (size_t i = 0; i < n; i++) l[i] = i % 3 ? 0 : l[i]; /* mostly infinity */
        auto k = scalars(n, f);
        if (f == SMALL)
            for (size_t i = 0; i + 1 < n; i += 2) k[i + 1] = k[i]; /* in the same bucket */
        run("families", { make_bases(group, l) }, { 0 }, k, { 8, 4, lanes, 0 });
    }
}
/* a witness and its four base sets: A, B1, C (from an offset) in G1, B2 in G2, B with many infinities */
static void test_shared(size_t n, run_options o)
{
    auto la = logs(n), lb = logs(n);
    for (auto &x : lb)
        if (rnd() % 3) x = 0;
    const size_t off = n / 5 + 1;
    run("shared", { make_bases(1, la), make_bases(1, lb), make_bases(1, logs(n - off)), make_bases(2, lb) },
        { 0, 0, off, 0 }, scalars(n, CIRCOM), o);
}
static void test_shapes()
{
    const size_t n = 60;
    auto b = make_bases(1, logs(n));
    for (unsigned c : { 4, 5, 7, 8, 11, 13 }) { /* 11 covers exactly 253 bits */
        const unsigned windows = (253 + c - 1) / c;
        for (unsigned rows : { 1u, 2u, windows })
            run("shapes", { b }, { 0 }, scalars(n, c == 11 ? (rows == 2 ? HALF : TOP) : DENSE), { c, rows, 0, 0 });
    }
}
/* One bucket in so many parts that it is put together in pieces and then once more, and its tasks are written by a whole
 * block; beside it others in a few parts. The sum is wrong when any part is lost or added twice. */
static void test_giant(unsigned group, size_t n, unsigned c)
{
    auto k = scalars(n, ONE);
    for (size_t i = 0; i < n; i++)
        if (i % 4 == 3) k[i] = Z(2 + rnd() % 8);
    struct msm_plan p;
    struct msm_limits l = { (size_t)1 << 30, gpu_about(the_gpu)->sm_count, c, 1, 0, 0, 0, 0 };
    CHECK(msm_plan_for(&p, n, msm_bases{ group == 1, group == 2 }, &l) == PV_OK);
    CHECK(3 * n / 4 / p.segment > MSM_PIECE_PARTS && n / 32 > p.segment);
    run("giant", { make_bases(group, logs(n)) }, { 0 }, k, { c, 1, 0, 0 });
}
static void test_plan()
{
    struct msm_plan p;
    const struct msm_bases four = { 3, 1 };
    for (unsigned log_n = 0; log_n <= 26; log_n++)
        for (size_t gb : { 0, 1, 8, 40, 139 }) {
            struct msm_limits l = { gb << 30, 132, 0, 0, 0, 0, 0, 0 };
            const pv_status s = msm_plan_for(&p, (size_t)1 << log_n, four, &l);
            if (s != PV_OK) {
                CHECK(s == PV_NO_MEMORY);
                CHECK(gb == 0 || ((size_t)1 << log_n) * 320 * 2 > gb << 30);
                continue;
            }
            CHECK(p.table_bytes + p.scratch_bytes <= gb << 30);
            if (p.comb) {
                CHECK(log_n <= 14 && p.strips >= 1 && p.comb >= 4 && p.comb <= COMB_ROWS_MOST);
                continue;
            }
            CHECK(p.rows * p.sets >= p.windows && (p.rows - 1) * p.sets < p.windows);
            CHECK(p.windows * p.window_bits >= 253 && p.keys == p.sets << (p.window_bits - 1));
            CHECK(p.bins <= MSM_BINS_MAX && (size_t)p.bins << p.bin_log >= p.keys && p.bin_log <= MSM_BIN_LOG_MAX);
            CHECK(p.chunk_n * p.chunks >= p.n);
            struct msm_arena dry = { NULL, 0 };
            struct msm_scratch x;
            msm_scratch_layout(&x, &p, &dry);
            CHECK(dry.used == p.scratch_bytes);
        }
    /* on an H200 the plan is the one the floors are counted with: one bucket set, 13 windows at 2^20 */
    struct msm_limits h200 = { (size_t)139 << 30, 132, 0, 0, 0, 0, 0, 0 };
    CHECK(msm_plan_for(&p, 1 << 20, msm_bases{ 1, 0 }, &h200) == PV_OK && p.sets == 1 && p.windows <= 13);
    struct msm_limits sparse = h200; /* a third of the digits: fewer buckets are worth more additions */
    sparse.dense = 30;
    struct msm_plan narrow;
    CHECK(msm_plan_for(&narrow, 1 << 20, msm_bases{ 1, 0 }, &sparse) == PV_OK && narrow.window_bits < p.window_bits);
    CHECK(msm_plan_cost(&narrow) < msm_plan_cost(&p) && narrow.entries_max >= narrow.n * narrow.windows);
    CHECK(msm_plan_for(&p, (size_t)1 << 29, four, &h200) == PV_INVALID_INPUT);
    CHECK(msm_plan_for(&p, 10, msm_bases{ 0, 0 }, &h200) == PV_INVALID_INPUT);
    CHECK(msm_plan_for(&p, 10, msm_bases{ 5, 0 }, &h200) == PV_INVALID_INPUT);
}
/* memory so short that the scalars go in pieces */
static void test_chunks()
{
    const size_t n = 3000;
    struct msm_plan p;
    struct msm_limits l = { 0, gpu_about(the_gpu)->sm_count, 8, 1, 0, 0, 0, 0 };
    size_t free_bytes = 0;
    for (free_bytes = 200000; free_bytes < 4000000; free_bytes += 20000) {
        l.free_bytes = free_bytes;
        if (msm_plan_for(&p, n, msm_bases{ 1, 0 }, &l) == PV_OK) break;
    }
    CHECK(p.chunks > 1);
    run("chunks", { make_bases(1, logs(n)) }, { 0 }, scalars(n, DENSE), { 8, 1, 0, free_bytes });
}

/* ---- combs ---- */

/* Points and scalars of two groups, so that tables and strips both meet what is asked for. */
static void comb_case(const char *what, std::vector<long> log, const std::vector<Z> &k)
{
    for (unsigned group : { 1u, 2u })
        comb_rows = group == 1 ? 8 : 2, run(what, { make_bases(group, log) }, { 0 }, k, {});
    comb_rows = 0;
}
/* In a table: equal points are doubled, opposite ones cancel, infinity changes nothing. In the strips and the tree: groups whose
 * sums are equal, opposite or infinity. */
static void test_comb_edges()
{
    std::vector<long> equal(16, 7), opposite(16), groups(16), none(16, 0), some(16), chain(16), late(16);
    for (int i = 0; i < 16; i++) {
        opposite[i] = i % 2 ? -5 : 5;
        groups[i] = i < 8 ? i + 1 : -(i - 7); /* the second group's points are the first's, turned */
        some[i] = i % 3 ? 0 : i - 20;         /* mostly infinity */
        chain[i] = 1 << i % 8;                /* every sum of points before equals a later one but for one */
        late[i] = i % 8 < 2 ? 3 : -3;         /* infinity as the sum of four, then on from it */
    }
    const std::vector<Z> ones(16, Z(1)), dense = scalars(16, DENSE), same = scalars(16, SAME),
                                         minus = scalars(16, MINUS_ONE);
    for (const auto &k : { ones, dense, same, minus }) comb_case("comb: equal points", equal, k);
    for (const auto &k : { ones, dense, same }) comb_case("comb: opposite points", opposite, k);
    for (const auto &k : { ones, dense, same }) comb_case("comb: opposite groups", groups, k);
    for (const auto &k : { ones, dense }) comb_case("comb: infinity everywhere", none, k);
    for (const auto &k : { same, dense }) comb_case("comb: infinity here and there", some, k);
    for (const auto &k : { same, dense }) comb_case("comb: sums that meet points", chain, k);
    for (const auto &k : { ones, dense }) comb_case("comb: through infinity", late, k);
}
static void test_comb_families(size_t n, unsigned rows)
{
    for (int f = 0; f < FAMILIES; f++) {
        auto l = logs(n);
        if (f == ONE)
            for (size_t i = 0; i < n; i++) l[i] = i % 3 ? 0 : l[i];
        comb_rows = rows;
        run("comb families", { make_bases(1 + f % 2, l) }, { 0 }, scalars(n, f), {});
    }
    comb_rows = 0;
}
static void test_comb_sizes()
{
    for (size_t n : { 0, 1, 7, 8, 9, 33, 130 }) {
        comb_rows = n % 2 ? 8 : 1;
        run("comb sizes", { make_bases(1, logs(n)) }, { 0 }, scalars(n, DENSE), {});
    }
    comb_rows = 0;
}
static void test_combs(bool little)
{
    struct msm_plan p;
    struct msm_limits l = { (size_t)1 << 30, 132, 0, 0, 0, 0, 8, 0 };
    CHECK(msm_plan_for(&p, 1 << 13, msm_bases{ 1, 0 }, &l) == PV_OK && p.comb == 8 && p.strips == 64);
    CHECK(p.table_bytes == (size_t)16384 << 13 && msm_set_sums(&p) == 32);
    l.comb = 3;
    CHECK(msm_plan_for(&p, 1 << 13, msm_bases{ 1, 0 }, &l) == PV_INVALID_INPUT);
    l.comb = 8, l.free_bytes = 1 << 20;
    CHECK(msm_plan_for(&p, 1 << 13, msm_bases{ 1, 0 }, &l) == PV_NO_MEMORY);
    comb_rows = 4, test_shared(little ? 20 : 150, {}), comb_rows = 0;
    if (little) return;
    test_comb_edges();
    test_comb_families(40, 8);
    test_comb_sizes();
}

int main(int argc, char **argv)
{
    rnd_start("msm");
    char why[200];
    if (gpu_open(&the_gpu, 0, why, sizeof why) != PV_OK) return fprintf(stderr, "%s\n", why), 77;
    const char *what = argc > 1 ? argv[1] : "";
    const bool little = !strcmp(what, "little"), combs = !strcmp(what, "comb"), giant = !strcmp(what, "giant");
    test_plan();
    if (combs) {
        test_combs(false);
    } else if (giant) { /* with a seed whose order has the first part written last */
        test_giant(1, 1100, 11);
    } else if (little) { /* for the slow builds: every kernel once, every family once */
        run("little", { make_bases(1, logs(33)) }, { 0 }, scalars(33, DENSE), {});
        test_shared(70, { 7, 3, 2, 0 }), test_shared(70, { 6, 0, 1, 0 });
        run("hot", { make_bases(1, logs(300)) }, { 0 }, scalars(300, ONE), { 6, 2, 0, 0 });
        run("tiles", { make_bases(1, logs(300)) }, { 0 }, scalars(300, DENSE),
            { 8, 0, 0, 0 }); /* more than blocks, with EMU_SMS=1 */
        test_giant(1, 1100, 11);
        test_combs(true);
    } else {
        test_sizes();
        test_giant(1, 1600, 6), test_giant(2, 1100, 6);
        test_families(1, 300, 0), test_families(2, 60, 2);
        test_shared(90, {}), test_shared(200, { 7, 3, 1, 0 });
        test_shapes();
        test_chunks();
    }
    printf("%u sums\n", runs);
    gpu_close(&the_gpu);
    return check_done();
}
