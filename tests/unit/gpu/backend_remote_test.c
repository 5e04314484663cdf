/* Proofs whose sums are made in the processes of GPUs (lying-prover gpu-child): whole proofs, stops, ends of processes, and what is left in
 * the memory that was lent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend_remote.h"
#include "clock.h"
#include "gpu_need.h"
#include "gpus.h"
#include "log.h"
#include "prove.h"
#include "selftest.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct gpus *gpus;
static char mode_file[] = "/tmp/lying-gpu-XXXXXX";
static struct prove_error err;

static void tell(const char *mode)
{
    char path[64];
    snprintf(path, sizeof path, "%s.new", mode_file);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(mode, out);
    fclose(out);
    assert_int_equal(rename(path, mode_file), 0);
}

static bool told(const char *mode)
{
    char now[32] = "";
    FILE *in = fopen(mode_file, "r");
    assert_non_null(in);
    if (fscanf(in, "%31s", now) != 1) *now = 0;
    fclose(in);
    return !strcmp(now, mode);
}

static void start(unsigned n, uint64_t limit_ms)
{
    struct gpus_options o = { .program = PV_LYING_PROVER, .n = n, .jobs = 4, .threads = 1, .limit_ms = limit_ms };
    for (unsigned i = 0; n > 1 && i < n; i++) snprintf(o.cards[i], sizeof o.cards[i], "%u", i);
    tell("honest");
    assert_int_equal(gpus_new(&gpus, &o, &err), PV_OK);
    for (unsigned i = 0; i < n; i++) assert_int_equal(gpus_wait(gpus, i, NULL, &err), PV_OK);
}

static int end(void **state)
{
    gpus_destroy(&gpus);
    return 0;
}

static pv_status test(unsigned i)
{
    const struct backend_options options = { .device = (int)i, .gpus = gpus };
    const struct prove_run run = { .cpu.threads = 1 };
    pv_status s = selftest_proof(&backend_remote, &options, &run, &err);
    if (s == PV_OK) gpus_passed(gpus, i);
    return s;
}

static pv_status key_of(struct prove_key **key, const char *name)
{
    char path[64];
    const struct backend_options options = { .device = GPUS_ANY, .gpus = gpus };
    snprintf(path, sizeof path, "data/%s/circuit.zkey", name);
    return prove_key_new(key, path, &backend_remote, &options, NULL, &err);
}

static pv_status prove(struct prove_key *key, const char *name, const atomic_int *stop, int *device)
{
    char path[64];
    struct wtns w;
    struct groth16_proof proof;
    const struct prove_run run = { .cpu = { .threads = 1, .stop = stop }, .device = device };
    snprintf(path, sizeof path, "data/%s/witness.wtns", name);
    assert_int_equal(wtns_open(&w, path, &err), PV_OK);
    pv_status s = prove_groth16(&proof, key, &w, NULL, &run, &err);
    wtns_close(&w);
    return s;
}

/* Waits until GPU i has another process that serves. */
static void next_process(unsigned i, uint64_t deaths)
{
    struct gpus_facts now;
    for (int k = 0; k < 4000; k++, poll(NULL, 0, 5)) {
        gpus_now(gpus, i, &now);
        if (now.deaths >= deaths && now.serves) return;
    }
    fail_msg("it does not come");
}

static void proofs_are_made_elsewhere_and_verified_here(void **state)
{
    static const char *const names[] = { "chain-5", "chain-7", "bits", "chain-5" };
    struct prove_key *keys[4];
    int device = -1;
    start(1, 0);
    assert_int_equal(test(0), PV_OK);
    for (int i = 0; i < 4; i++) assert_int_equal(key_of(&keys[i], names[i]), PV_OK);
    for (int i = 0; i < 8; i++) assert_int_equal(prove(keys[i % 4], names[i % 4], NULL, &device), PV_OK);
    assert_int_equal(device, 0);
    tell("wrong");
    assert_int_equal(prove(keys[0], names[0], NULL, NULL), PV_BAD_PROOF);
    for (int i = 0; i < 4; i++) prove_key_destroy(&keys[i]);
    struct gpus_facts now;
    gpus_now(gpus, 0, &now);
    assert_int_equal(now.deaths, 0);
}

/* Work goes to a process that has passed the self-test, and to no other. */
/* Told by the process at the key's opening and with each proof: to ask takes no call, so a process that hangs delays nobody. */
static void the_plan_of_a_key_is_known_here(void **state)
{
    struct prove_key *key = NULL;
    struct backend_need need;
    bool better = true;
    setenv("LYING_GPU_SLOW_PLAN", "1", 1);
    start(1, 0);
    unsetenv("LYING_GPU_SLOW_PLAN");
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(key_of(&key, "chain-5"), PV_OK);
    for (int proofs = 0; proofs <= 3; proofs++) {
        assert_true(prove_key_need(&need, &better, key));
        assert_int_equal(need.slower, 40);
        assert_int_equal(need.key_bytes, 1000);
        assert_int_equal(need.proof_bytes, 200);
        assert_int_equal(better, proofs == 3);
        assert_int_equal(prove(key, "chain-5", NULL, NULL), PV_OK);
    }
    tell("hang");
    uint64_t from = pv_clock_ms();
    assert_true(prove_key_need(&need, &better, key));
    assert_in_range(pv_clock_ms() - from, 0, 1000);
    prove_key_destroy(&key);
}

static unsigned meanwhile_calls;

static void meanwhile(void *arg)
{
    meanwhile_calls += *(unsigned *)arg;
}

/* The CPU's part of a proof is done once the process has its own. */
static void what_can_be_done_meanwhile_is_done_once(void **state)
{
    struct zkey zkey;
    struct wtns w;
    struct backend_key *key = NULL;
    struct backend_sums sums;
    unsigned one = 1;
    const struct prove_run run = { .cpu.threads = 1, .meanwhile = meanwhile, .meanwhile_arg = &one };
    start(1, 0);
    const struct backend_options options = { .device = GPUS_ANY, .gpus = gpus };
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(zkey_open(&zkey, "data/chain-5/circuit.zkey", &err), PV_OK);
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", &err), PV_OK);
    assert_int_equal(backend_remote.key_open(&key, &zkey, &options, NULL, &err), PV_OK);
    meanwhile_calls = 0;
    assert_int_equal(backend_remote.sums(&sums, key, w.values, &run, &err), PV_OK);
    assert_int_equal(meanwhile_calls, 1);
    backend_remote.key_close(&key);
    wtns_close(&w);
    zkey_close(&zkey);
}

static void an_untested_process_gets_no_work(void **state)
{
    struct prove_key *key;
    start(1, 0);
    assert_int_equal(key_of(&key, "chain-5"), PV_BAD_STATE);
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(key_of(&key, "chain-5"), PV_OK);
    gpus_end(gpus, 0, "the card is gone");
    next_process(0, 1);
    assert_int_equal(prove(key, "chain-5", NULL, NULL), PV_BAD_STATE);
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(prove(key, "chain-5", NULL, NULL), PV_OK); /* the key is sent again */
    gpus_doubt(gpus, 0);
    assert_int_equal(prove(key, "chain-5", NULL, NULL), PV_BAD_STATE);
    prove_key_destroy(&key);
}

/* What a device's process ends of is the device's failure; the next process is as good as the first. */
static void is_the_devices_failure(const char *mode, const char *why, unsigned limit_ms)
{
    struct prove_key *key;
    start(1, limit_ms);
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(key_of(&key, "chain-5"), PV_OK);
    tell(mode);
    assert_int_equal(prove(key, "chain-5", NULL, NULL), PV_DEVICE);
    if (!strstr(err.text, why)) fail_msg("\"%s\" does not say \"%s\"", err.text, why);
    next_process(0, 1);
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(prove(key, "chain-5", NULL, NULL), PV_OK);
    gpus_good(gpus, 0);
    prove_key_destroy(&key);
}

static void an_error_of_the_device_ends_the_process(void **state)
{
    is_the_devices_failure("broken-tasks-once", "an illegal memory access was encountered", 0);
}

static void a_process_that_crashes_is_the_devices_failure(void **state)
{
    is_the_devices_failure("crash-tasks-once", "killed by signal 10", 0);
}

static void a_process_that_hangs_is_the_devices_failure(void **state)
{
    is_the_devices_failure("hang-tasks-once", "took longer than", 3000);
}

static atomic_int stop;

static void *stop_when_it_hangs(void *arg)
{
    for (int i = 0; i < 2000 && !told("honest"); i++) poll(NULL, 0, 5);
    atomic_store(&stop, 1);
    return NULL;
}

/* It is a stop all the same: the task is not to blame for it. */
static void a_stop_ends_a_process_that_does_not_listen(void **state)
{
    struct prove_key *key;
    pthread_t thread;
    start(1, 0);
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(key_of(&key, "chain-5"), PV_OK);
    atomic_store(&stop, 1);
    assert_int_equal(prove(key, "chain-5", &stop, NULL), PV_CANCELLED);
    atomic_store(&stop, 0);
    tell("hang-tasks-once");
    pthread_create(&thread, NULL, stop_when_it_hangs, NULL);
    uint64_t from = pv_clock_ms();
    assert_int_equal(prove(key, "chain-5", &stop, NULL), PV_CANCELLED);
    assert_in_range(pv_clock_ms() - from, 0, 15000);
    pthread_join(thread, NULL);
    prove_key_destroy(&key);
}

struct beside {
    pthread_t thread;
    struct prove_key *key;
    int device;
    pv_status status;
};

static void *prove_beside(void *arg)
{
    struct beside *b = arg;
    b->status = prove(b->key, "chain-5", NULL, &b->device);
    return NULL;
}

/* A second each; the same key lies on both. */
static void several_share_the_work(void **state)
{
    struct prove_key *key;
    struct beside b[2];
    start(2, 0);
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(test(1), PV_OK);
    assert_int_equal(gpus_proofs_at_once(gpus), 2);
    assert_int_equal(key_of(&key, "chain-5"), PV_OK);
    tell("slow");
    for (int i = 0; i < 2; i++) {
        b[i].key = key;
        pthread_create(&b[i].thread, NULL, prove_beside, &b[i]);
        poll(NULL, 0, 50);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(b[i].thread, NULL);
        assert_int_equal(b[i].status, PV_OK);
    }
    assert_int_equal(b[0].device + b[1].device, 1);
    tell("honest");
    gpus_end(gpus, 0, "gone");
    next_process(0, 1);
    for (int i = 0; i < 3; i++) { /* by the other: this one is not tested */
        assert_int_equal(prove(key, "chain-5", NULL, &b[0].device), PV_OK);
        assert_int_equal(b[0].device, 1);
    }
    prove_key_destroy(&key);
}

/* The process has one place for a key's witness: two proofs take their turns. */
static void a_key_has_no_more_proofs_at_once_than_the_device_takes(void **state)
{
    struct prove_key *key;
    struct beside b[3];
    start(1, 0);
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(key_of(&key, "chain-5"), PV_OK);
    for (int i = 0; i < 3; i++) {
        b[i].key = key;
        pthread_create(&b[i].thread, NULL, prove_beside, &b[i]);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(b[i].thread, NULL);
        assert_int_equal(b[i].status, PV_OK);
    }
    prove_key_destroy(&key);
}

/* Bytes of the witness in this process's memory that is shared as "witness". */
static size_t left_of_the_witness(void)
{
    char line[512];
    size_t left = 0;
    FILE *in = fopen("/proc/self/maps", "r");
    while (in && fgets(line, sizeof line, in)) {
        unsigned long from, to;
        if (!strstr(line, "memfd:witness") || sscanf(line, "%lx-%lx", &from, &to) != 2) continue;
        for (const uint8_t *p = (const uint8_t *)from; p < (const uint8_t *)to; p++) left += *p != 0; // NOLINT
    }
    if (in) fclose(in);
    return left;
}

static atomic_bool over;

/* The most that there was at a time. */
static void *look_meanwhile(void *arg)
{
    size_t *most = arg;
    for (; !atomic_load(&over); poll(NULL, 0, 20)) {
        size_t now = left_of_the_witness();
        if (now > *most) *most = now;
    }
    return NULL;
}

static void the_witness_is_wiped_whatever_becomes_of_the_process(void **state)
{
    static const char *const modes[] = { "slow-tasks", "broken-tasks-once", "crash-tasks-once", "hang-tasks-once" };
    start(1, 2000);
    for (int i = 0; i < 4; i++) {
        struct prove_key *key;
        struct wtns w;
        struct groth16_proof proof;
        size_t during = 0;
        pthread_t thread;
        const struct prove_run run = { .cpu.threads = 1 };
        if (i) next_process(0, (uint64_t)(i - 1));
        assert_int_equal(test(0), PV_OK);
        assert_int_equal(key_of(&key, "bits"), PV_OK);
        assert_int_equal(wtns_open(&w, "data/bits/witness.wtns", &err), PV_OK);
        tell(modes[i]);
        atomic_store(&over, false);
        pthread_create(&thread, NULL, look_meanwhile, &during);
        assert_int_equal(prove_groth16(&proof, key, &w, NULL, &run, &err), i ? PV_DEVICE : PV_OK);
        atomic_store(&over, true);
        pthread_join(thread, NULL);
        if (!i || i == 3) assert_true(during > 100); /* it was there, so we look in the right place */
        assert_int_equal(left_of_the_witness(), 0);
        gpus_good(gpus, 0);
        wtns_close(&w);
        prove_key_destroy(&key);
    }
}

static pid_t child_of_ours(void)
{
    char path[64];
    long pid = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *e; (e = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/self/task/%.20s/children", e->d_name);
        FILE *in = fopen(path, "r");
        if (in && !pid && fscanf(in, "%ld", &pid) != 1) pid = 0;
        if (in) fclose(in);
    }
    closedir(tasks);
    assert_true(pid > 0);
    return (pid_t)pid;
}

/* How many KiB of that process's memory lie in memory files, and the number of the last of these files. */
static size_t in_memory_files(pid_t pid, unsigned long *inode)
{
    char path[64], line[512];
    size_t kib = 0;
    snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        unsigned long from, to;
        if (!strstr(line, "/memfd:") || sscanf(line, "%lx-%lx %*s %*s %*s %lu", &from, &to, inode) != 3) continue;
        kib += (to - from) >> 10;
    }
    fclose(in);
    return kib;
}

/* The process has the node's own copy of a key, and none besides: the pages are the same. */
static void a_key_is_in_memory_once(void **state)
{
    static const char path[] = "data/member/circuit.zkey";
    struct zkey zkey, whole;
    struct prove_key *key = NULL;
    uint8_t digest[32];
    unsigned long here = 0, there = 1;
    start(1, 0);
    const struct backend_options options = { .device = GPUS_ANY, .gpus = gpus };
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(zkey_open(&whole, path, &err), PV_OK);
    assert_int_equal(zkey_digest_of(digest, whole.bytes, whole.size, &err), PV_OK);
    zkey_close(&whole);
    assert_int_equal(zkey_load_digest(&zkey, path, digest, ZKEY_LENDABLE, NULL, &err), PV_OK);
    const size_t kib = (zkey.size + 4095) >> 12 << 2;
    assert_int_equal(prove_key_take(&key, &zkey, path, &backend_remote, &options, NULL, &err), PV_OK);
    assert_int_equal(in_memory_files(getpid(), &here), kib);
    assert_int_equal(in_memory_files(child_of_ours(), &there), kib);
    assert_int_equal(here, there);
    assert_int_equal(prove(key, "member", NULL, NULL), PV_OK);
    kill(child_of_ours(), SIGKILL); /* the next one has it, too */
    next_process(0, 1);
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(prove(key, "member", NULL, NULL), PV_OK);
    prove_key_destroy(&key);
    assert_int_equal(in_memory_files(getpid(), &here), 0);
}

/* What a key needs is counted with the card's multiprocessors, as its process tells them, and not with an H100's. */
static void a_need_is_that_of_the_card(void **state)
{
    const struct gpu_need_card h100 = { .bytes = (size_t)1 << 30, .places = 1 },
                               theirs = { .bytes = (size_t)1 << 30, .places = 1, .sm_count = 256 };
    struct backend_need asked, wanted, other;
    const struct zkey zkey = {
        .vars = 1 << 19, .publics = 1, .domain = 1 << 19, .log_domain = 19, .coef_count = 1 << 19, .points_absent = true
    };
    start(1, 0);
    const struct backend_options options = { .device = GPUS_ANY, .gpus = gpus, .places = 1 };
    assert_int_equal(backend_remote.need(&asked, &zkey, &options, &err), PV_OK);
    assert_int_equal(gpu_need(&wanted, &zkey, &theirs, &err), PV_OK);
    assert_int_equal(gpu_need(&other, &zkey, &h100, &err), PV_OK);
    assert_int_equal(asked.proof_bytes, wanted.proof_bytes);
    assert_int_not_equal(asked.proof_bytes, other.proof_bytes);
}

/* A failure to look, and a process that ends of it, are no words against the key. */
static void a_keys_points_are_looked_at_there(void **state)
{
    struct prove_key *key = NULL;
    start(1, 0);
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(key_of(&key, "chain-5"), PV_OK);
    assert_int_equal(prove_key_check(key, NULL, &err), PV_OK);
    tell("check-bad");
    assert_int_equal(prove_key_check(key, NULL, &err), PV_BAD_ZKEY);
    assert_string_equal(err.text, "a point of the key is damaged");
    tell("crash");
    assert_int_equal(prove_key_check(key, NULL, &err), PV_DEVICE);
    tell("honest");
    next_process(0, 1);
    assert_int_equal(prove_key_check(key, NULL, &err), PV_BAD_STATE); /* not tested */
    assert_int_equal(test(0), PV_OK);
    assert_int_equal(prove_key_check(key, NULL, &err), PV_OK);
    prove_key_destroy(&key);
}

static void a_program_that_is_no_gpus_is_told(void **state)
{
    const struct gpus_options o = { .program = "/bin/true", .n = 1 };
    assert_int_equal(gpus_new(&gpus, &o, &err), PV_OK);
    assert_int_equal(gpus_wait(gpus, 0, NULL, &err), PV_NO_DEVICE);
    assert_non_null(strstr(err.text, "ended with status 0"));
    gpus_destroy(&gpus);
    setenv("LYING_GPU_MISSING", "1", 1);
    const struct gpus_options without = { .program = PV_LYING_PROVER, .n = 1 };
    assert_int_equal(gpus_new(&gpus, &without, &err), PV_OK);
    uint64_t from = pv_clock_ms();
    assert_int_equal(gpus_wait(gpus, 0, NULL, &err), PV_NO_DEVICE);
    assert_in_range(pv_clock_ms() - from, 0, 900); /* at once: it would say so again */
    assert_string_equal(err.text, "driver 535.183 has CUDA 12.2, but 13.0 is needed");
    unsetenv("LYING_GPU_MISSING");
}

int main(void)
{
#define REMOTE(t) cmocka_unit_test_teardown(t, end)
    const struct CMUnitTest tests[] = {
        REMOTE(proofs_are_made_elsewhere_and_verified_here),
        REMOTE(the_plan_of_a_key_is_known_here),
        REMOTE(what_can_be_done_meanwhile_is_done_once),
        REMOTE(an_untested_process_gets_no_work),
        REMOTE(an_error_of_the_device_ends_the_process),
        REMOTE(a_process_that_crashes_is_the_devices_failure),
        REMOTE(a_process_that_hangs_is_the_devices_failure),
        REMOTE(a_stop_ends_a_process_that_does_not_listen),
        REMOTE(several_share_the_work),
        REMOTE(a_key_has_no_more_proofs_at_once_than_the_device_takes),
        REMOTE(the_witness_is_wiped_whatever_becomes_of_the_process),
        REMOTE(a_key_is_in_memory_once),
        REMOTE(a_need_is_that_of_the_card),
        REMOTE(a_keys_points_are_looked_at_there),
        REMOTE(a_program_that_is_no_gpus_is_told),
    };
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    close(mkstemp(mode_file));
    setenv("LYING_GPU", mode_file, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(mode_file);
    return failed;
}
