/* Several threads on one device, as the slots of a node: keys come and go beside proofs, and proofs run beside one another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_comes_or_goes_disturbs_no_recording),
    };
    vectors = fixed_vectors();
    if (!vectors || json_object_size(vectors) == 0) return fprintf(stderr, "no vectors\n"), 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vectors);
    return failed;
}
