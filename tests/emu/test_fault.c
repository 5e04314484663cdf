/* The device's side of a proof when something fails: the kth allocation, the kth launch, the kth other call, or the kth kernel
 * that runs (after which the device answers nothing). A status or the right result, nothing left behind, no abort; and what was
 * built before the failure still works. A good run notes where each comes from. Of each place the first fails, the last, and one
 * between, drawn by the seed; with "all" as argument every k, until none is left to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "backend.h"
#include "bn254_random.h"
#include "emu_fault.h"
#include "gpu_msm.h"
#include "gpu_ntt.h"
#include "prove.h"
#include "same_sum.h"
#include "toy_circuits.h"

#include "msm.h"
#include "ntt.h"

#include <stdlib.h>
#include <string.h>

static struct seeded rng;

/* What a job needs and what it should give, made once. */
enum { POINTS = 40, LOG_N = 5, N = 1 << LOG_N };
static bn254_g1_packed bases1[POINTS];
static bn254_g2_packed bases2[POINTS];
static bn254_scalar_packed scalars[POINTS];
static bn254_g1 sum1;
static bn254_g2 sum2;
static bn254_fr values[N], transformed[N];
static struct toy_circuit circuit;
static uint8_t *zkey_bytes, *wtns_bytes;
static size_t zkey_size, wtns_size;

/* ---- jobs: each takes all it needs, works, frees all it took, and checks its result when there is one ---- */

struct work {
    struct gpu *g;
    struct gpu_stream *s;
    gpu_buf in, memory;
    struct gpu_msm_run run; /* in memory */
};

static pv_status work_open(struct work *w, size_t in_bytes, size_t memory_bytes)
{
    char why[160];
    *w = (struct work){ 0 };
    TRY(gpu_open(&w->g, 0, why, sizeof why));
    TRY(gpu_stream_new(w->g, &w->s, false));
    TRY(gpu_buf_new(w->g, &w->in, in_bytes));
    TRY(gpu_recording_new(&w->run.recording));
    return gpu_buf_new(w->g, &w->memory, memory_bytes);
}

static void work_close(struct work *w)
{
    if (!w->g) return;
    gpu_stream_destroy(&w->s);
    gpu_buf_free(w->g, &w->in);
    gpu_buf_free(w->g, &w->memory);
    gpu_pinned_free(w->g, &w->run.sums);
    gpu_recording_destroy(&w->run.recording);
    gpu_close(&w->g);
}

static pv_status msm_steps(struct work *w, struct gpu_msm **m, const struct msm_plan *plan,
                           const struct gpu_msm_set *sets)
{
    TRY(work_open(w, sizeof scalars, plan->scratch_bytes));
    TRY(gpu_msm_new(w->g, m, plan, sets));
    TRY(gpu_upload_async(w->s, w->in, scalars, sizeof scalars));
    TRY(gpu_pinned_new(w->g, &w->run.sums, gpu_msm_sums_bytes(plan)));
    w->run.scratch = w->memory;
    TRY(gpu_msm_async(*m, w->s, w->in, &w->run));
    return gpu_stream_wait(w->s);
}

static pv_status msm_job(bool retry)
{
    (void)retry;
    const struct gpu_msm_set sets[] = { { bases1, 0, POINTS, NULL }, { bases2, 0, POINTS, NULL } };
    const struct msm_bases both = { 1, 1 };
    const struct msm_limits limits = {
        .free_bytes = (size_t)1 << 26, .sm_count = 4, .window_bits = 8, .rows = 2, .scalars = POINTS
    };
    struct msm_plan plan;
    struct work w;
    struct gpu_msm *m = NULL;
    bn254_g1 got1;
    bn254_g2 got2;
    assert_int_equal(msm_plan_for(&plan, gpu_msm_finite(sets, both, POINTS), both, &limits), PV_OK);
    pv_status status = msm_steps(&w, &m, &plan, sets);
    if (status == PV_OK) {
        gpu_msm_finish(&plan, w.run.sums, &got1, &got2);
        assert_true(same_sum_g1(&got1, &sum1) && same_sum_g2(&got2, &sum2));
    }
    gpu_msm_destroy(&m);
    work_close(&w);
    return status;
}

static pv_status ntt_steps(struct work *w, struct gpu_domain **d, bn254_fr *v)
{
    TRY(work_open(w, sizeof values, 1));
    TRY(gpu_domain_new(w->g, d, LOG_N));
    TRY(gpu_upload_async(w->s, w->in, values, sizeof values));
    TRY(gpu_ntt_async(*d, w->s, w->in, 1, GPU_NTT_TO_REVERSED));
    TRY(gpu_ntt_async(*d, w->s, w->in, 1, GPU_NTT_TO_NATURAL | GPU_NTT_INVERSE));
    TRY(gpu_ntt_async(*d, w->s, w->in, 1, GPU_NTT_TO_REVERSED));
    TRY(gpu_download_async(w->s, v, w->in, sizeof values));
    return gpu_stream_wait(w->s);
}

static pv_status ntt_job(bool retry)
{
    (void)retry;
    struct work w;
    struct gpu_domain *d = NULL;
    bn254_fr v[N];
    pv_status status = ntt_steps(&w, &d, v);
    if (status == PV_OK) assert_memory_equal(v, transformed, sizeof transformed);
    gpu_domain_destroy(&d);
    work_close(&w);
    return status;
}

static pv_status quotient_steps(struct work *w, struct gpu_qap **q, const struct zkey *z, const struct wtns *in,
                                bn254_scalar_packed *h)
{
    gpu_buf out;
    struct gpu_qap_need need = gpu_qap_need_for(z->coef_count, z->vars, z->log_domain);
    TRY(work_open(w, (size_t)z->vars * 32, need.work_bytes));
    TRY(gpu_qap_new(w->g, q, z->coefs, z->coef_count, z->vars, z->log_domain));
    TRY(gpu_upload_async(w->s, w->in, in->values, (size_t)z->vars * 32));
    TRY(gpu_quotient_async(*q, w->s, w->in, w->memory, w->run.recording, &out));
    TRY(gpu_download_async(w->s, h, out, (size_t)z->domain * 32));
    return gpu_stream_wait(w->s);
}

static pv_status quotient_job(bool retry)
{
    (void)retry;
    static bn254_scalar_packed first[64], h[64]; /* the first right answer; test_twins.c says that it is right */
    static bool known;
    struct prove_error err = { 0 };
    struct zkey z;
    struct wtns in;
    struct work w;
    struct gpu_qap *q = NULL;
    assert_int_equal(zkey_of(&z, zkey_bytes, zkey_size, "toy", &err), PV_OK);
    assert_int_equal(wtns_of(&in, wtns_bytes, wtns_size, "toy", &err), PV_OK);
    assert_true(z.domain <= 64);
    pv_status status = quotient_steps(&w, &q, &z, &in, h);
    if (status == PV_OK && known) assert_memory_equal(h, first, z.domain * 32);
    if (status == PV_OK) memcpy(first, h, sizeof h);
    known |= status == PV_OK;
    gpu_qap_destroy(&q);
    work_close(&w);
    wtns_close(&in);
    zkey_close(&z);
    return status;
}

/* A proof that leaves prove_groth16 has been verified. retry: the key must be good for another proof. */
static pv_status proof_job(bool retry)
{
    const struct backend_options options = { .memory_bytes_max = (size_t)4 << 20 };
    const struct prove_run run = { 0 };
    struct prove_error err = { 0 };
    struct prove_key *key = NULL;
    struct groth16_proof proof;
    struct wtns in;
    TRY(prove_key_new_of(&key, zkey_bytes, zkey_size, "toy", &backend_cuda, &options, &run, &err));
    assert_int_equal(wtns_of(&in, wtns_bytes, wtns_size, "toy", &err), PV_OK);
    pv_status status = prove_groth16(&proof, key, &in, NULL, &run, &err);
    if (status != PV_OK) assert_true(strlen(err.text) > 5);
    if (status != PV_OK && retry && prove_groth16(&proof, key, &in, NULL, &run, &err) != PV_OK)
        fail_msg("after a failure: %s", err.text);
    wtns_close(&in);
    prove_key_destroy(&key);
    return status;
}

/* ---- which fail ---- */

static void assert_failed_well(enum emu_fault kind, pv_status status)
{
    switch (kind) {
    case EMU_MALLOC: assert_int_equal(status, PV_NO_MEMORY); break;
    case EMU_LAUNCH:
    case EMU_KERNEL: assert_int_equal(status, PV_DEVICE); break;
    default: /* a call of the clean-up may fail without harm, and then the result was checked */
        assert_true(status == PV_OK || status == PV_DEVICE || status == PV_NO_DEVICE || status == PV_NO_MEMORY);
    }
}

/* What was chosen of a job's things of one kind. */
struct choice {
    unsigned things, places, failed; /* failed: how many of the things were made to fail */
};

static bool all; /* of them */
enum { THINGS = 1 << 14 };
static unsigned long long place_of[THINGS];
static bool chosen[THINGS];

/* The kth fails, or nothing does. */
static void fail_one(enum emu_fault kind, unsigned k, bool there, pv_status (*job)(bool retry), unsigned before)
{
    emu_fail(kind, k);
    pv_status status = job(kind != EMU_KERNEL);
    assert_int_equal(emu_failed(), there);
    emu_fail(kind, 0);
    emu_revive();
    if (emu_live() != before) fail_msg("%u things left behind by failure %u of kind %d", emu_live() - before, k, kind);
    if (there)
        assert_failed_well(kind, status);
    else
        assert_int_equal(status, PV_OK);
}

/* Of the place of thing i, where it is the first: its last, and one between. */
static void choose_of_place(unsigned i, unsigned things)
{
    unsigned last = i, between = 0, drawn = i;
    for (unsigned k = i + 1; k < things; k++)
        if (place_of[k] == place_of[i]) {
            if (last != i && seeded_u64(&rng) % ++between == 0) drawn = last; /* each with the same chance */
            last = k;
        }
    chosen[i] = chosen[drawn] = chosen[last] = true;
}

static struct choice choose(enum emu_fault kind, pv_status (*job)(bool retry))
{
    struct choice c = { 0 };
    emu_note(kind);
    assert_int_equal(job(false), PV_OK);
    c.things = emu_noted(place_of, THINGS);
    assert_in_range(c.things, 1, THINGS);
    for (unsigned i = 0; i < c.things; i++) chosen[i] = all;
    for (unsigned i = 0; i < c.things; i++) {
        unsigned k = 0;
        while (k < i && place_of[k] != place_of[i]) k++;
        if (k < i) continue;
        c.places++;
        choose_of_place(i, c.things);
    }
    for (unsigned i = 0; i < c.things; i++) c.failed += chosen[i];
    return c;
}

static void some_fail(const char *what, const char *things, enum emu_fault kind, pv_status (*job)(bool retry))
{
    const unsigned before = emu_live();
    const struct choice c = choose(kind, job);
    print_message("%s: %u of %u %s, of %u places\n", what, c.failed, c.things, things, c.places);
    for (unsigned i = 0; i < c.things; i++)
        if (chosen[i]) fail_one(kind, i + 1, true, job, before);
    fail_one(kind, c.things + 1, false, job, before);
    assert_true(c.failed >= c.places && c.places > 0);
}

static void every_kind(const char *what, pv_status (*job)(bool retry))
{
    assert_int_equal(job(false), PV_OK);
    some_fail(what, "allocations", EMU_MALLOC, job);
    some_fail(what, "launches", EMU_LAUNCH, job);
    some_fail(what, "other calls", EMU_CALL, job);
    some_fail(what, "kernels", EMU_KERNEL, job);
    assert_int_equal(job(false), PV_OK);
}

static void an_msm_fails_with_a_status(void **state)
{
    (void)state;
    every_kind("msm", msm_job);
}

static void an_ntt_fails_with_a_status(void **state)
{
    (void)state;
    every_kind("ntt", ntt_job);
}

static void a_quotient_fails_with_a_status(void **state)
{
    (void)state;
    every_kind("quotient", quotient_job);
}

static void a_proof_fails_with_a_status_and_the_next_one_is_made(void **state)
{
    (void)state;
    every_kind("proof", proof_job);
}

/* A device that is there and cannot be used: auto takes the CPU and says why, cuda says it as an error. */
static void a_device_that_cannot_be_asked_is_none(void **state)
{
    (void)state;
    const struct backend_options options = { 0 };
    for (unsigned k = 1; k <= 2; k++) { /* the count, the properties */
        struct prove_error err = { 0 };
        emu_fail(EMU_CALL, k);
        assert_int_equal(backend_cuda.usable(&options, &err), PV_NO_DEVICE);
        assert_non_null(strstr(err.text, "no usable GPU: "));
        assert_true(emu_failed());
    }
    emu_fail(EMU_CALL, 0);
}

/* ---- */

static void make_msm(void)
{
    const struct bn254_msm_set sets[] = { { .bases = bases1, .count = POINTS, .r1 = &sum1 },
                                          { .bases = bases2, .count = POINTS, .r2 = &sum2 } };
    for (int i = 0; i < POINTS; i++) {
        bn254_g1_affine p = random_g1_affine(&rng);
        bn254_g2_affine q = random_g2_affine(&rng);
        bn254_scalar k = random_scalar(&rng);
        bn254_scalar_pack(&scalars[i], &k);
        if (i % 4 == 1) continue; /* infinity */
        bn254_g1_pack(&bases1[i], &p);
        bn254_g2_pack(&bases2[i], &q);
    }
    void *scratch = aligned_alloc(64, bn254_msm_shared_scratch_bytes(sets, 2, POINTS, NULL) / 64 * 64 + 128);
    if (!scratch || !bn254_msm_shared(sets, 2, scalars, POINTS, NULL, scratch)) abort();
    free(scratch);
}

static void make_ntt(void)
{
    bn254_fr v[N];
    void *mem = malloc(bn254_twiddles_bytes(LOG_N)), *scratch = malloc(bn254_ntt_scratch_bytes(NULL));
    struct bn254_twiddles tw;
    if (!mem || !scratch) abort();
    bn254_twiddles_init(&tw, LOG_N, mem, NULL);
    for (int i = 0; i < N; i++) v[i] = values[i] = random_fr(&rng);
    bn254_ntt(v, &tw, NULL, scratch);
    for (unsigned i = 0; i < N; i++) {
        unsigned r = 0;
        for (unsigned k = 0; k < LOG_N; k++) r |= (i >> k & 1) << (LOG_N - 1 - k);
        transformed[r] = v[i];
    }
    free(mem), free(scratch);
}

int main(int argc, char **argv)
{
    all = argc > 1 && !strcmp(argv[1], "all");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_msm_fails_with_a_status),
        cmocka_unit_test(an_ntt_fails_with_a_status),
        cmocka_unit_test(a_quotient_fails_with_a_status),
        cmocka_unit_test(a_proof_fails_with_a_status_and_the_next_one_is_made),
        cmocka_unit_test(a_device_that_cannot_be_asked_is_none),
    };
    rng = seeded_start();
    make_msm();
    make_ntt();
    toy_bits(&circuit, 7, seeded_u64(&rng));
    zkey_bytes = toy_zkey(&zkey_size, &circuit.r1cs, seeded_u64(&rng));
    wtns_bytes = toy_wtns(&wtns_size, circuit.witness, circuit.r1cs.wires);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    toy_circuit_clear(&circuit);
    free(zkey_bytes);
    free(wtns_bytes);
    return failed;
}
