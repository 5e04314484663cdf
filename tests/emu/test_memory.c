/* Keys that come and go on a device whose memory is short: planned by its bytes, idle ones closed before a plan gets slower, planned
 * again when memory frees, and told what is needed where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cuda_places.h"
#include "emu_fault.h"
#include "fixed_proof.h"
#include "handler_groth16.h"
#include "keycache_folder.h"
#include "log.h"
#include "zkey_survey.h"

#include <stdio.h>
#include <unistd.h>

static json_t *vectors;
static const struct prove_run plain_run;
static const struct backend_options one_place = { .places = 1 };

static struct backend_need need_of(const char *name, const struct backend_options *options)
{
    char path[64];
    struct backend_need need;
    struct prove_error err = { 0 };
    struct zkey z;
    snprintf(path, sizeof path, "data/%s/circuit.zkey", name);
    assert_int_equal(zkey_open(&z, path, &err), PV_OK);
    if (backend_cuda.need(&need, &z, options, &err) != PV_OK) fail_msg("%s", err.text);
    zkey_close(&z);
    return need;
}

static pv_status open_key(struct prove_key **key, const char *name, bool best_plan_only, struct prove_error *err)
{
    char path[64];
    const struct backend_options options = { .places = 1, .best_plan_only = best_plan_only };
    snprintf(path, sizeof path, "data/%s/circuit.zkey", name);
    return prove_key_new(key, path, &backend_cuda, &options, &plain_run, err);
}

static void a_key_that_gets_less_memory_proves_slower_and_is_told_when_there_is_more(void **state)
{
    (void)state;
    struct prove_error err = { 0 };
    struct prove_key *key = NULL;
    const struct backend_need best = need_of("chain-7", &one_place);
    struct backend_need now;
    bool better = true;
    assert_int_equal(best.slower, 0);
    emu_leave(best.key_bytes + best.proof_bytes - best.key_bytes / 8);
    assert_int_equal(open_key(&key, "chain-7", true, &err), PV_NO_MEMORY);
    assert_non_null(strstr(err.text, "this key needs 1 MiB and a proof 1 MiB more, but 0 MiB are free"));
    if (open_key(&key, "chain-7", false, &err) != PV_OK) fail_msg("%s", err.text);
    assert_true(prove_key_need(&now, &better, key));
    assert_false(better);
    assert_in_range(now.slower, 3, 300);
    assert_true(now.key_bytes < best.key_bytes);
    assert_int_equal(now.best_bytes, best.best_bytes);
    fixed_prove(key, "chain-7", json_object_get(vectors, "chain-7"), &plain_run);
    emu_leave(0);
    assert_true(prove_key_need(&now, &better, key));
    assert_true(better);
    prove_key_destroy(&key);
    assert_int_equal(open_key(&key, "chain-7", true, &err), PV_OK);
    assert_true(prove_key_need(&now, &better, key));
    assert_int_equal(now.slower, 0);
    assert_false(better);
    prove_key_destroy(&key);
    assert_int_equal(emu_live(), 0);
}

/* What is said of a card on which it never fits is another outcome than of one that is full. */
static void a_card_that_is_too_small_is_not_one_that_is_full(void **state)
{
    (void)state;
    struct prove_error err = { 0 };
    struct prove_key *key = NULL;
    emu_memory(400000);
    assert_int_equal(open_key(&key, "chain-7", false, &err), PV_RESOURCES);
    assert_non_null(strstr(err.text, "do not fit into"));
    emu_memory(0);
    emu_leave(400000);
    assert_int_equal(open_key(&key, "chain-7", false, &err), PV_NO_MEMORY);
    assert_non_null(strstr(err.text, "out of GPU memory"));
    emu_leave(0);
    assert_int_equal(emu_live(), 0);
}

/* Places come before tables: with room for one place only the key has its best plan, and one proof at a time. */
static void fewer_places_come_before_slower_sums(void **state)
{
    (void)state;
    const struct backend_options four = { .places = 4 };
    const struct backend_need all = need_of("chain-7", &four);
    assert_int_equal(all.places, 4);
    emu_memory((all.key_bytes + all.proof_bytes * 2) * 20 / 19);
    const struct backend_need few = need_of("chain-7", &four);
    assert_in_range(few.places, 1, 3);
    assert_int_equal(few.slower, 0);
    emu_memory(0);
}

/* As a node knows it before it reads the points. */
static struct backend_need surveyed(const char *name, const struct backend_options *options)
{
    char path[64];
    uint8_t digest[32];
    struct backend_need need;
    struct prove_error err = { 0 };
    struct zkey z;
    snprintf(path, sizeof path, "data/%s/circuit.zkey", name);
    assert_int_equal(zkey_survey(&z, digest, path, NULL, &err), PV_OK);
    if (backend_cuda.need(&need, &z, options, &err) != PV_OK) fail_msg("%s", err.text);
    zkey_close(&z);
    return need;
}

/* ---- a node's keys, one more than there is room for ---- */

enum { KEYS = 3 };
static const char *const names[KEYS] = { "chain-5", "chain-6", "chain-7" };

static struct handler_groth16_context context = { .backend = &backend_cuda, .options = { .places = 2 } };
static struct handler handler;

static bool is_warm(const char *name)
{
    struct handler_circuit list[40];
    size_t n = keycache_list(context.cache, "", list, 40);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, name)) return list[i].warm;
    fail_msg("%s is not served", name);
    return false;
}

static void prove_task(const char *name)
{
    char path[64];
    struct prove_error err = { 0 };
    struct wtns w;
    struct handler_output out = { 0 };
    const struct handler_watch watch = { 0 };
    snprintf(path, sizeof path, "data/%s/witness.wtns", name);
    assert_int_equal(wtns_open(&w, path, &err), PV_OK);
    const struct handler_input in = { .task = "t", .circuit = name, .bytes = w.file.bytes, .size = w.file.size };
    if (handler_run(&handler, &in, &watch, &out) != PV_OK) fail_msg("%s: %s", name, out.text);
    free(out.bytes);
    wtns_close(&w);
}

/* Room for the two largest keys with two places: the third makes the one go that was used longest ago, and comes back in its turn.
 * Each has its best plan, and the device never holds more than was planned. */
static void keys_take_turns_where_one_more_is_wanted_than_there_is_room_for(void **state)
{
    (void)state;
    struct prove_error err = { 0 };
    uint64_t room = 0;
    for (int i = 1; i < KEYS; i++) room += surveyed(names[i], &context.options).key_bytes;
    room += 2 * surveyed(names[KEYS - 1], &context.options).proof_bytes;
    const struct keycache_options o = {
        .folder = "data", .ops = &handler_groth16_keys, .arg = &context, .bytes_most = room
    };
    if (keycache_new(&context.cache, &o, &err) != PV_OK) fail_msg("%s", err.text);
    handler = handler_groth16(&context);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < KEYS; i++) {
            prove_task(names[i]);
            const bool first = round == 0 && i == 0;
            assert_true(is_warm(names[i]) && emu_allocated() <= room);
            assert_int_equal(is_warm(names[(i + KEYS - 1) % KEYS]), !first);
            assert_false(is_warm(names[(i + 1) % KEYS]));
        }
    prove_task(names[1]);
    prove_task(names[2]); /* two keys are at home */
    assert_true(is_warm(names[1]) && is_warm(names[2]) && !is_warm(names[0]));
    keycache_destroy(&context.cache);
    assert_int_equal(emu_live(), 0);
}

/* A key of 9 MiB, beside others of whom so much is left. */
static void what_is_free_is_said(void **state)
{
    (void)state;
    for (unsigned mib = 1; mib <= 2; mib++) {
        struct prove_error err = { 0 };
        struct prove_key *key = NULL;
        char free_now[32];
        emu_leave(mib * 1048576ull + 1000);
        assert_int_equal(open_key(&key, "bits", true, &err), PV_NO_MEMORY);
        snprintf(free_now, sizeof free_now, "but %u MiB are free", mib);
        if (!strstr(err.text, free_now)) fail_msg("%s", err.text);
    }
    emu_leave(0);
    assert_int_equal(emu_live(), 0);
}

/* Another process takes the card's memory between two tasks: the task is proved with less, or goes to another prover without blame. */
static void memory_that_is_gone_is_nobody_s_fault(void **state)
{
    (void)state;
    struct prove_error err = { 0 };
    const struct keycache_options o = { .folder = "data", .ops = &handler_groth16_keys, .arg = &context };
    struct handler_output out = { 0 };
    const struct handler_watch watch = { 0 };
    if (keycache_new(&context.cache, &o, &err) != PV_OK) fail_msg("%s", err.text);
    handler = handler_groth16(&context);
    emu_leave(500000);
    struct wtns w;
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", &err), PV_OK);
    const struct handler_input in = { .task = "t", .circuit = "chain-5", .bytes = w.file.bytes, .size = w.file.size };
    assert_int_equal(handler_run(&handler, &in, &watch, &out), PV_NO_MEMORY);
    assert_int_equal(out.verdict, HANDLER_RESOURCE);
    assert_non_null(strstr(out.text, "out of GPU memory: this key needs"));
    assert_int_equal(gpu_trust_now(&context.tests.trust[0]), GPU_TRUSTED);
    emu_leave(0);
    wtns_close(&w);
    prove_task("chain-5");
    keycache_destroy(&context.cache);
    assert_int_equal(emu_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_gets_less_memory_proves_slower_and_is_told_when_there_is_more),
        cmocka_unit_test(a_card_that_is_too_small_is_not_one_that_is_full),
        cmocka_unit_test(fewer_places_come_before_slower_sums),
        cmocka_unit_test(keys_take_turns_where_one_more_is_wanted_than_there_is_room_for),
        cmocka_unit_test(what_is_free_is_said),
        cmocka_unit_test(memory_that_is_gone_is_nobody_s_fault),
    };
    vectors = fixed_vectors();
    if (!vectors || json_object_size(vectors) == 0) return fprintf(stderr, "no vectors\n"), 1;
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vectors);
    return failed;
}
