/* Multi-scalar multiplications: the kernels beside crypto/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "twins_scene.h"
#include "same_sum.h"

#include "emu_fault.h"
#include "gpu_msm.h"
#include "msm.h"

#include <stdlib.h>
#include <string.h>

enum { POOL = 64 };
static bn254_g1_packed pool1[POOL];
static bn254_g2_packed pool2[POOL];

static void fill_pools(void)
{
    for (int i = 0; i < POOL; i++) {
        bn254_g1_affine p = random_g1_affine(&twins_rng);
        bn254_g2_affine q = random_g2_affine(&twins_rng);
        bn254_g1_pack(&pool1[i], &p);
        bn254_g2_pack(&pool2[i], &q);
    }
}

/* How many of 100 are infinity; the same ones in both groups, as B's are. */
static void make_bases(bn254_g1_packed *p, bn254_g2_packed *q, size_t n, unsigned infinite)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = seeded_below(&twins_rng, POOL);
        bool none = seeded_below(&twins_rng, 100) < infinite;
        p[i] = none ? (bn254_g1_packed){ { 0 } } : pool1[k];
        q[i] = none ? (bn254_g2_packed){ { 0 } } : pool2[k];
    }
}

enum family { DENSE, ZERO, ONE, SAME, MINUS_ONE, HALF, SMALL, CIRCOM, ONE_HOT, FAMILIES };

static bn254_scalar half(unsigned plus) /* (r - 1) / 2 + plus - 2 */
{
    bn254_scalar s;
    for (int i = 0; i < 4; i++) s.l[i] = BN254_FR_MODULUS[i] >> 1 | (i < 3 ? BN254_FR_MODULUS[i + 1] << 63 : 0);
    s.l[0] += plus - 2u;
    return s;
}

static bn254_scalar scalar_of(enum family f, size_t i, size_t n, const bn254_scalar *same)
{
    bn254_scalar minus = { { BN254_FR_MODULUS[0] - 1, BN254_FR_MODULUS[1], BN254_FR_MODULUS[2], BN254_FR_MODULUS[3] } };
    switch (f) {
    case ZERO: return bn254_scalar_of_u64(0);
    case ONE: return bn254_scalar_of_u64(1);
    case SAME: return *same;
    case MINUS_ONE: return minus;
    case HALF: return half((unsigned)seeded_below(&twins_rng, 6));
    case SMALL: return bn254_scalar_of_u64(seeded_below(&twins_rng, 65536));
    case CIRCOM:
        return seeded_below(&twins_rng, 10) < 7 ? bn254_scalar_of_u64(seeded_below(&twins_rng, 2))
                                                : random_scalar(&twins_rng);
    case ONE_HOT: return i == n / 2 ? *same : bn254_scalar_of_u64(0);
    default: return random_scalar(&twins_rng);
    }
}

struct msm_case {
    bn254_g1_packed *p;
    bn254_g2_packed *q;
    bn254_scalar_packed *k;
    size_t n, first; /* the G1 set starts at scalar `first` */
};

static struct msm_case msm_case(size_t n, size_t first, enum family f, unsigned infinite)
{
    struct msm_case c = { twins_take(n, sizeof *c.p), twins_take(n, sizeof *c.q), twins_take(n, sizeof *c.k), n,
                          first };
    const bn254_scalar same = random_scalar(&twins_rng);
    make_bases(c.p, c.q, n, infinite);
    for (size_t i = 0; i < n; i++) {
        bn254_scalar s = scalar_of(f, i, n, &same);
        bn254_scalar_pack(&c.k[i], &s);
    }
    return c;
}

static void msm_case_free(struct msm_case *c)
{
    free(c->p);
    free(c->q);
    free(c->k);
}

static void cpu_sums(bn254_g1 *r1, bn254_g2 *r2, const struct msm_case *c)
{
    const struct bn254_msm_set sets[] = { { .bases = c->p, .first = c->first, .count = c->n - c->first, .r1 = r1 },
                                          { .bases = c->q, .count = c->n, .r2 = r2 } };
    void *scratch = aligned_alloc(64, (bn254_msm_shared_scratch_bytes(sets, 2, c->n, NULL) + 63) / 64 * 64 + 64);
    assert_non_null(scratch);
    assert_true(bn254_msm_shared(sets, 2, c->k, c->n, NULL, scratch));
    free(scratch);
}

static struct gpu_msm_run run_new(const struct msm_plan *plan)
{
    struct gpu_msm_run run = { 0 };
    assert_int_equal(gpu_buf_new(twins_gpu, &run.scratch, plan->scratch_bytes), PV_OK);
    assert_int_equal(gpu_pinned_new(twins_gpu, &run.sums, gpu_msm_sums_bytes(plan)), PV_OK);
    assert_int_equal(gpu_recording_new(&run.recording), PV_OK);
    return run;
}

static void run_free(struct gpu_msm_run *run)
{
    gpu_buf_free(twins_gpu, &run->scratch);
    gpu_pinned_free(twins_gpu, &run->sums);
    gpu_recording_destroy(&run->recording);
}

static void queue_and_wait(struct gpu_msm *m, struct gpu_stream *s, gpu_buf scalars, const struct gpu_msm_run *run,
                           const struct msm_case *c)
{
    assert_int_equal(gpu_upload_async(s, scalars, c->k, c->n * 32), PV_OK);
    assert_int_equal(gpu_msm_async(m, s, scalars, run), PV_OK);
    assert_int_equal(gpu_stream_wait(s), PV_OK);
}

static struct msm_plan plan_of(const struct msm_case *c, const struct gpu_msm_set sets[2], unsigned window_bits,
                               unsigned rows)
{
    const struct msm_bases both = { 1, 1 };
    struct msm_plan plan;
    struct msm_limits l = {
        .free_bytes = (size_t)1 << 30, .sm_count = 4, .window_bits = window_bits, .rows = rows, .scalars = c->n
    };
    assert_int_equal(msm_plan_for(&plan, gpu_msm_finite(sets, both, c->n), both, &l), PV_OK);
    return plan;
}

static void check_msm(const struct msm_case *c, unsigned window_bits, unsigned rows, unsigned lanes)
{
    const struct gpu_msm_set sets[] = { { c->p, c->first, c->n - c->first, NULL }, { c->q, 0, c->n, NULL } };
    const struct msm_plan plan = plan_of(c, sets, window_bits, rows);
    struct gpu_msm *m;
    struct gpu_stream *s;
    gpu_buf scalars;
    bn254_g1 want1, got1;
    bn254_g2 want2, got2;
    cpu_sums(&want1, &want2, c);
    assert_int_equal(gpu_stream_new(twins_gpu, &s, false), PV_OK);
    assert_int_equal(gpu_msm_new(twins_gpu, &m, &plan, sets), PV_OK);
    gpu_msm_set_g2_lanes(m, lanes);
    assert_int_equal(gpu_buf_new(twins_gpu, &scalars, c->n * 32), PV_OK);
    struct gpu_msm_run run = run_new(&plan);
    queue_and_wait(m, s, scalars, &run, c);
    gpu_msm_finish(&plan, run.sums, &got1, &got2);
    assert_true(same_sum_g1(&got1, &want1) && same_sum_g2(&got2, &want2));
    gpu_buf_free(twins_gpu, &scalars);
    run_free(&run);
    gpu_msm_destroy(&m);
    gpu_stream_destroy(&s);
}

static void sums_at_every_edge_are_crypto_s(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 31, 32, 33, 127, 129, 255, 257 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct msm_case c = msm_case(sizes[i], sizes[i] / 3, DENSE, 0);
        check_msm(&c, 8, sizes[i] < 40 ? 0 : 4, 2);
        msm_case_free(&c);
    }
}

static void sums_of_every_family_are_crypto_s(void **state)
{
    (void)state;
    static const unsigned infinite[] = { 25, 50, 68, 100, 0 };
    for (enum family f = 0; f < FAMILIES; f++) {
        struct msm_case c = msm_case(97, f % 2 ? 11 : 0, f, infinite[f % 5]);
        check_msm(&c, 7, f % 3 ? 3 : 0, 1 + f % 2);
        msm_case_free(&c);
    }
}

/* The real shape: many of B at infinity, in pieces too. */
static void infinities_are_left_out_before_the_sort(void **state)
{
    (void)state;
    for (unsigned infinite = 25; infinite <= 68; infinite += 43) {
        struct msm_case c = msm_case(600, 0, CIRCOM, infinite);
        const struct gpu_msm_set sets[] = { { c.p, 0, c.n, NULL }, { c.q, 0, c.n, NULL } };
        size_t finite = 0;
        for (size_t i = 0; i < c.n; i++) finite += memcmp(&c.p[i], &(bn254_g1_packed){ { 0 } }, 64) != 0;
        const struct msm_plan plan = plan_of(&c, sets, 8, 2);
        assert_int_equal(plan.n, finite);
        assert_true(plan.entries_max < 33 * c.n * (100 - infinite + 8) / 100);
        check_msm(&c, 8, 2, 2);
        msm_case_free(&c);
    }
}

static void a_plan_for_other_bases_is_refused(void **state)
{
    (void)state;
    struct msm_case c = msm_case(50, 0, DENSE, 50);
    const struct gpu_msm_set sets[] = { { c.p, 0, c.n, NULL }, { c.q, 0, c.n, NULL } },
                             late[] = { { c.p, 1, c.n, NULL }, { c.q, 0, c.n, NULL } };
    struct msm_plan plan = plan_of(&c, sets, 6, 1);
    struct gpu_msm *m = NULL;
    assert_int_equal(gpu_msm_new(twins_gpu, &m, &plan, late), PV_INVALID_INPUT);
    memset(c.p, 0, c.n * sizeof *c.p);
    memset(c.q, 0, c.n * sizeof *c.q);
    assert_int_equal(gpu_msm_new(twins_gpu, &m, &plan, sets), PV_INVALID_INPUT);
    assert_null(m);
    msm_case_free(&c);
}

/* Latency: after the first time one call hands over an MSM of both groups, whatever the scalars now are. */
static void small_sums_are_one_launch(void **state)
{
    (void)state;
    struct msm_case c = msm_case(80, 0, DENSE, 0), d = msm_case(80, 0, CIRCOM, 0);
    const struct gpu_msm_set sets[] = { { c.p, 0, c.n, NULL }, { c.q, 0, c.n, NULL } };
    const struct msm_plan plan = plan_of(&c, sets, 7, 4);
    struct gpu_msm *m;
    struct gpu_stream *s;
    gpu_buf scalars, other;
    bn254_g1 want1, got1;
    bn254_g2 want2, got2;
    assert_int_equal(plan.replay, 1);
    assert_int_equal(gpu_stream_new(twins_gpu, &s, false), PV_OK);
    assert_int_equal(gpu_msm_new(twins_gpu, &m, &plan, sets), PV_OK);
    assert_int_equal(gpu_buf_new(twins_gpu, &scalars, c.n * 32), PV_OK);
    assert_int_equal(gpu_buf_new(twins_gpu, &other, c.n * 32), PV_OK);
    struct gpu_msm_run run = run_new(&plan);
    queue_and_wait(m, s, scalars, &run, &c);
    gpu_msm_finish(&plan, run.sums, &got1, &got2);
    memcpy(c.k, d.k, c.n * 32);
    cpu_sums(&want1, &want2, &c);
    for (int k = 0; k < 3; k++) { /* replayed, recorded for another buffer, replayed */
        unsigned before = emu_submitted();
        queue_and_wait(m, s, k ? other : scalars, &run, &c);
        assert_int_equal(emu_submitted() - before, 2); /* the upload and the sums */
        gpu_msm_finish(&plan, run.sums, &got1, &got2);
        assert_true(same_sum_g1(&got1, &want1) && same_sum_g2(&got2, &want2));
    }
    gpu_buf_free(twins_gpu, &scalars);
    gpu_buf_free(twins_gpu, &other);
    run_free(&run);
    gpu_msm_destroy(&m);
    gpu_stream_destroy(&s);
    msm_case_free(&c);
    msm_case_free(&d);
}

int twins_sums(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_at_every_edge_are_crypto_s),
        cmocka_unit_test(sums_of_every_family_are_crypto_s),
        cmocka_unit_test(infinities_are_left_out_before_the_sort),
        cmocka_unit_test(a_plan_for_other_bases_is_refused),
        cmocka_unit_test(small_sums_are_one_launch),
    };
    fill_pools();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
