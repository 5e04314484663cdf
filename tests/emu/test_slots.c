/* Several threads on one device, as the slots of a node: keys come and go beside proofs, and proofs run beside one another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cuda_places.h"
#include "emu_fault.h"
#include "fixed_proof.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static json_t *vectors;
static const struct prove_run plain_run;
static const struct backend_options plain_options;

static pv_status open_key(struct prove_key **key, const char *name, struct prove_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "data/%s/circuit.zkey", name);
    return prove_key_new(key, path, &backend_cuda, &plain_options, &plain_run, err);
}

/* ---- keys that come and go ---- */

struct coming {
    atomic_int over;
    unsigned opened, failed;
    struct prove_error first;
};

static void *come_and_go(void *arg)
{
    struct coming *c = arg;
    while (!atomic_load(&c->over)) {
        struct prove_key *key = NULL;
        struct prove_error err = { 0 };
        c->opened++;
        if (open_key(&key, "chain-6", &err) != PV_OK && !c->failed++) c->first = err;
        prove_key_destroy(&key);
    }
    return NULL;
}

/* Each round proves with a key for the first time, so that its small sums are recorded. */
static void a_key_that_comes_or_goes_disturbs_no_recording(void **state)
{
    enum { ROUNDS = 6 };
    struct coming c = { 0 };
    pthread_t other;
    (void)state;
    emu_linger(5);
    assert_int_equal(pthread_create(&other, NULL, come_and_go, &c), 0);
    struct wtns w;
    struct prove_error err = { 0 }, first = { 0 };
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", &err), PV_OK);
    unsigned failed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct prove_key *key = NULL;
        struct groth16_proof proof;
        pv_status status = open_key(&key, "chain-5", &err);
        if (status == PV_OK) status = prove_groth16(&proof, key, &w, NULL, &plain_run, &err);
        if (status != PV_OK && !failed++) first = err;
        prove_key_destroy(&key);
    }
    atomic_store(&c.over, 1);
    pthread_join(other, NULL);
    emu_linger(0);
    wtns_close(&w);
    print_message("%u of %d proofs and %u of %u openings failed\n", failed, ROUNDS, c.failed, c.opened);
    if (failed) fail_msg("a proof: %s", first.text);
    if (c.failed) fail_msg("an opening: %s", c.first.text);
    assert_true(c.opened > 0);
    assert_int_equal(emu_live(), 0);
}

/* ---- places for proofs, which all keys share ---- */

enum { MIB = 1 << 20 };

struct joined {
    struct cuda_places *places;
    struct cuda_user user;
};

static pv_status join(struct joined *j, size_t bytes, unsigned places, struct prove_error *err)
{
    *j = (struct joined){ .user = { .bytes = bytes, .pinned_bytes = 256, .places = places } };
    return cuda_places_join(&j->places, 0, places, &j->user, NULL, err);
}

static void joined(struct joined *j, size_t bytes, unsigned places)
{
    struct prove_error err = { 0 };
    if (join(j, bytes, places, &err) != PV_OK) fail_msg("%s", err.text);
}

static struct cuda_place *taken(struct joined *j)
{
    struct cuda_place *place = NULL;
    struct prove_error err = { 0 };
    if (cuda_place_take(&place, j->places, &j->user, NULL, &err) != PV_OK) fail_msg("%s", err.text);
    assert_true(place->memory.bytes >= j->user.bytes);
    return place;
}

/* What a take that would have to wait says. */
static pv_status taken_at_once(struct joined *j, struct cuda_place **place)
{
    const atomic_int stop = 1;
    struct prove_error err = { 0 };
    return cuda_place_take(place, j->places, &j->user, &stop, &err);
}

static void as_many_proofs_run_as_there_are_places(void **state)
{
    (void)state;
    struct joined j;
    struct cuda_place *one = NULL, *two, *three = NULL;
    joined(&j, MIB, 2);
    assert_int_equal(cuda_places_bytes(0), MIB); /* the second is made when it is wanted */
    one = taken(&j);
    two = taken(&j);
    assert_ptr_not_equal(one, two);
    assert_int_equal(cuda_places_bytes(0), 2 * MIB);
    assert_int_equal(taken_at_once(&j, &three), PV_CANCELLED);
    cuda_place_give(j.places, &one);
    assert_int_equal(taken_at_once(&j, &three), PV_OK);
    cuda_place_give(j.places, &three);
    cuda_place_give(j.places, &two);
    assert_int_equal(cuda_places_bytes(0), 2 * MIB);
    cuda_places_leave(&j.places, &j.user);
    assert_int_equal(cuda_places_bytes(0), 0);
    assert_int_equal(emu_live(), 0);
}

static void places_are_as_large_as_the_largest_key_needs_and_shrink_when_it_goes(void **state)
{
    (void)state;
    struct joined small, large;
    struct cuda_place *one, *two;
    joined(&small, MIB, 2);
    one = taken(&small), two = taken(&small);
    cuda_place_give(small.places, &two);
    joined(&large, 3 * MIB, 1); /* which may be in one place at a time */
    assert_int_equal(cuda_places_bytes(0), 4 * MIB);
    cuda_place_give(small.places, &one);
    one = taken(&large);
    assert_int_equal(taken_at_once(&large, &two), PV_CANCELLED);
    two = taken(&small);
    assert_int_equal(two->memory.bytes, MIB);
    assert_int_equal(cuda_places_bytes(0), 4 * MIB);
    cuda_place_give(large.places, &one);
    cuda_places_leave(&large.places, &large.user);
    assert_int_equal(cuda_places_bytes(0), 2 * MIB);
    cuda_place_give(small.places, &two);
    cuda_places_leave(&small.places, &small.user);
    assert_int_equal(emu_live(), 0);
}

/* The device has room for one place: the second proof waits for it. A key that needs more is told so, and what was there is there. */
static void a_device_that_is_short_makes_a_proof_wait_and_none_fail(void **state)
{
    (void)state;
    emu_memory(3 * MIB);
    struct joined j, more;
    struct prove_error err = { 0 };
    struct cuda_place *one, *two = NULL;
    joined(&j, 2 * MIB, 4);
    one = taken(&j);
    assert_int_equal(taken_at_once(&j, &two), PV_CANCELLED);
    cuda_place_give(j.places, &one);
    assert_int_equal(join(&more, 4 * MIB, 1, &err), PV_NO_MEMORY);
    assert_non_null(strstr(err.text, "memory"));
    one = taken(&j);
    cuda_place_give(j.places, &one);
    assert_int_equal(cuda_places_bytes(0), 2 * MIB);
    emu_memory(0);
    one = taken(&j);
    two = taken(&j); /* since a key went, it is tried again */
    cuda_place_give(j.places, &two);
    cuda_place_give(j.places, &one);
    cuda_places_leave(&j.places, &j.user);
    assert_int_equal(emu_live(), 0);
}

/* ---- proofs of several keys at a time ---- */

struct prover {
    struct prove_key *key;
    struct wtns witness;
    unsigned proofs;
    pv_status status;
    struct prove_error err;
};

static void *prove_some(void *arg)
{
    struct prover *p = arg;
    struct groth16_proof proof; /* verified before it comes */
    for (unsigned i = 0; i < p->proofs && p->status == PV_OK; i++)
        p->status = prove_groth16(&proof, p->key, &p->witness, NULL, &plain_run, &p->err);
    return NULL;
}

static void proofs_of_several_keys_run_in_the_same_places(void **state)
{
    (void)state;
    enum { PROVERS = 4 };
    static const char *const names[2] = { "chain-5", "chain-6" };
    struct backend_options two = { .places = 2 };
    struct prove_key *key[2];
    struct prover p[PROVERS] = { 0 };
    pthread_t thread[PROVERS];
    for (int i = 0; i < 2; i++) key[i] = fixed_key(names[i], &backend_cuda, &two, &plain_run);
    const unsigned long long tables = emu_allocated() - cuda_places_bytes(0);
    const size_t one_place = cuda_places_bytes(0);
    for (int i = 0; i < PROVERS; i++) {
        char path[64];
        p[i].key = key[i % 2], p[i].proofs = 3;
        snprintf(path, sizeof path, "data/%s/witness.wtns", names[i % 2]);
        assert_int_equal(wtns_open(&p[i].witness, path, &p[i].err), PV_OK);
        assert_int_equal(pthread_create(&thread[i], NULL, prove_some, &p[i]), 0);
    }
    for (int i = 0; i < PROVERS; i++) {
        pthread_join(thread[i], NULL);
        if (p[i].status != PV_OK) fail_msg("%s", p[i].err.text);
        wtns_close(&p[i].witness);
    }
    assert_in_range(cuda_places_bytes(0), one_place, 2 * one_place);
    assert_int_equal(emu_allocated() - cuda_places_bytes(0), tables);
    for (int i = 0; i < 2; i++) fixed_prove(key[i], names[i], json_object_get(vectors, names[i]), &plain_run);
    for (int i = 0; i < 2; i++) prove_key_destroy(&key[i]);
    assert_int_equal(emu_live(), 0);
}

/* ---- what a proof leaves behind ---- */

/* All that lies in the place that is free now, on the device and in pinned memory. */
static void assert_nothing_left(const struct wtns *w)
{
    struct joined j;
    joined(&j, 1, 1);
    struct cuda_place *place = taken(&j);
    uint8_t *seen = malloc(place->memory.bytes);
    assert_non_null(seen);
    assert_int_equal(gpu_download_async(place->stream[CUDA_STREAM_H], seen, place->memory, place->memory.bytes), PV_OK);
    assert_int_equal(gpu_stream_wait(place->stream[CUDA_STREAM_H]), PV_OK);
    for (size_t i = 0; i < place->memory.bytes; i++)
        if (seen[i]) fail_msg("byte %zu of %zu is %02x", i, place->memory.bytes, seen[i]);
    for (uint32_t i = 0; i < w->count; i++) {
        const uint8_t *value = (const uint8_t *)&w->values[i];
        static const uint8_t none[24] = { 0 };
        if (!memcmp(value + 8, none, sizeof none)) continue; /* a small number may be there by chance */
        assert_null(memmem(place->pinned, place->pinned_bytes, value, 32));
    }
    free(seen);
    cuda_place_give(j.places, &place);
    cuda_places_leave(&j.places, &j.user);
}

static atomic_int stop_at_once;

static void stop_when_staged(void *arg, const char *phase, unsigned percent)
{
    (void)arg, (void)phase;
    if (percent == 5) atomic_store(&stop_at_once, 1);
}

static void a_place_holds_nothing_of_the_proof_that_ran_in_it(void **state)
{
    (void)state;
    const struct backend_options one = { .places = 1 };
    const struct prove_run stopped = { .cpu = { .stop = &stop_at_once }, .progress = stop_when_staged };
    struct prove_key *key = fixed_key("chain-5", &backend_cuda, &one, &plain_run);
    struct groth16_proof proof;
    struct prove_error err = { 0 };
    struct wtns w;
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", &err), PV_OK);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &plain_run, &err), PV_OK);
    assert_nothing_left(&w);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &stopped, &err), PV_CANCELLED);
    assert_nothing_left(&w);
    emu_fail(EMU_LAUNCH, 1);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &plain_run, &err), PV_DEVICE);
    assert_true(emu_failed());
    assert_nothing_left(&w);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &plain_run, &err), PV_OK);
    wtns_close(&w);
    prove_key_destroy(&key);
    assert_int_equal(emu_live(), 0);
}

/* ---- what the host does meanwhile ---- */

struct shadow {
    unsigned calls, submitted; /* submitted: when it was called */
};

static void in_the_shadow(void *arg)
{
    struct shadow *s = arg;
    s->calls++;
    s->submitted = emu_submitted();
}

static void the_host_works_while_the_device_does(void **state)
{
    (void)state;
    const struct backend_options one = { .places = 1 };
    struct prove_error err = { 0 };
    struct zkey z;
    struct wtns w;
    struct backend_key *key = NULL;
    struct backend_sums sums;
    struct backend_times t = { 0 };
    struct shadow s = { 0 };
    const struct prove_run run = { .times = &t, .meanwhile = in_the_shadow, .meanwhile_arg = &s };
    assert_int_equal(zkey_open(&z, "data/chain-5/circuit.zkey", &err), PV_OK);
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", &err), PV_OK);
    assert_int_equal(backend_cuda.key_open(&key, &z, &one, &run, &err), PV_OK);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(backend_cuda.sums(&sums, key, w.values, &run, &err), PV_OK);
        assert_int_equal(s.calls, i);
        assert_int_equal(emu_submitted() - s.submitted, 1); /* all was queued before, but the wipe */
        assert_true(0 < t.staged_ms && t.staged_ms <= t.uploaded_ms && t.uploaded_ms <= t.device_ms &&
                    t.device_ms <= t.wiped_ms && t.wiped_ms <= t.finished_ms);
    }
    backend_cuda.key_close(&key);
    wtns_close(&w);
    zkey_close(&z);
    assert_int_equal(emu_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_comes_or_goes_disturbs_no_recording),
        cmocka_unit_test(as_many_proofs_run_as_there_are_places),
        cmocka_unit_test(places_are_as_large_as_the_largest_key_needs_and_shrink_when_it_goes),
        cmocka_unit_test(a_device_that_is_short_makes_a_proof_wait_and_none_fail),
        cmocka_unit_test(proofs_of_several_keys_run_in_the_same_places),
        cmocka_unit_test(a_place_holds_nothing_of_the_proof_that_ran_in_it),
        cmocka_unit_test(the_host_works_while_the_device_does),
    };
    vectors = fixed_vectors();
    if (!vectors || json_object_size(vectors) == 0) return fprintf(stderr, "no vectors\n"), 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vectors);
    return failed;
}
