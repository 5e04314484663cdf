/* The GPUs of a node and whether they are believed, with processes and a clock that are the test's: what a task that wants one is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "gpu_tests.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- the processes and the clock ---- */

static unsigned gpus_n;
static struct gpus_facts facts[GPUS_MAX];
static char told[1024]; /* what was asked of them */
static uint64_t clock_ms;
static unsigned naps;
static void (*on_nap)(void); /* what happens meanwhile */

static void tell(const char *what, unsigned gpu)
{
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%s%s %u", n ? ", " : "", what, gpu);
}

unsigned __wrap_gpus_count(const struct gpus *g);
unsigned __wrap_gpus_count(const struct gpus *g)
{
    return gpus_n;
}

const char *__wrap_gpus_name(const struct gpus *g, unsigned i);
const char *__wrap_gpus_name(const struct gpus *g, unsigned i)
{
    return i ? "GPU-b" : "GPU-a";
}

void __wrap_gpus_now(struct gpus *g, unsigned i, struct gpus_facts *to);
void __wrap_gpus_now(struct gpus *g, unsigned i, struct gpus_facts *to)
{
    *to = facts[i];
}

void __wrap_gpus_doubt(struct gpus *g, unsigned i);
void __wrap_gpus_doubt(struct gpus *g, unsigned i)
{
    facts[i].tested = false;
    tell("doubt", i);
}

void __wrap_gpus_passed(struct gpus *g, unsigned i);
void __wrap_gpus_passed(struct gpus *g, unsigned i)
{
    facts[i].tested = true;
    tell("passed", i);
}

void __wrap_gpus_end(struct gpus *g, unsigned i, const char *why);
void __wrap_gpus_end(struct gpus *g, unsigned i, const char *why)
{
    assert_string_equal(why, "the node ends, and it was not ready");
    tell("end", i);
}

uint64_t __wrap_pv_clock_ms(void);
uint64_t __wrap_pv_clock_ms(void)
{
    return clock_ms;
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
    assert_int_equal(t->tv_sec, 0);
    clock_ms += (uint64_t)t->tv_nsec / 1000000;
    assert_true(++naps < 1000);
    if (on_nap) on_nap();
    return 0;
}

/* ---- the test of a GPU ---- */

static pv_status results[8];
static unsigned runs;

static pv_status run(void *arg, unsigned gpu, const atomic_int *stop, struct prove_error *err)
{
    tell("test", gpu);
    pv_status s = results[runs++];
    return s == PV_OK ? s : prove_error_set(err, s, "test %u of %u: as it was told", runs, gpu);
}

static bool make_room(void *arg)
{
    return false;
}

static struct gpu_tests t;
static const struct gpu_tests_how how = { run, make_room, NULL };
static struct prove_error err;
static atomic_int stop;

static int begin(void **state)
{
    static char handle; /* never looked at */
    memset(&t, 0, sizeof t);
    t.gpus = (struct gpus *)(void *)&handle;
    memset(facts, 0, sizeof facts);
    memset(results, 0, sizeof results);
    err = (struct prove_error){ 0 };
    gpus_n = 1;
    *told = 0;
    clock_ms = 5000;
    naps = runs = 0;
    on_nap = NULL;
    atomic_store(&stop, 0);
    return 0;
}

static void expect(pv_status status, const char *text, const char *asked, unsigned naps_n)
{
    assert_int_equal(gpu_tests_pass(&t, &how, &stop, &err), status);
    assert_string_equal(err.text, text);
    assert_string_equal(told, asked);
    assert_int_equal(naps, naps_n);
}

static void ready(unsigned gpu, bool tested)
{
    facts[gpu] = (struct gpus_facts){ .serves = true, .tested = tested };
}

static void one_that_has_passed_is_used_at_once(void **state)
{
    ready(0, true);
    expect(PV_OK, "", "", 0);
    assert_int_equal(gpu_tests_verdicts(&t), 0);
}

static void a_new_process_is_tested_first(void **state)
{
    ready(0, false);
    expect(PV_OK, "", "test 0, passed 0", 0);
    expect(PV_OK, "", "test 0, passed 0", 0);
    assert_int_equal(gpu_tests_verdicts(&t), 2); /* that it was suspect, and that it is not */
}

static void comes_at_the_third(void)
{
    if (naps == 3) ready(0, false);
}

static void one_that_is_not_ready_is_waited_for(void **state)
{
    on_nap = comes_at_the_third;
    expect(PV_OK, "", "test 0, passed 0", 3);
}

static void one_that_ends_in_its_test_is_tested_again(void **state)
{
    ready(0, false);
    results[0] = PV_DEVICE;
    results[1] = PV_NO_DEVICE;
    results[2] = PV_BAD_STATE;
    expect(PV_OK, "", "test 0, test 0, test 0, test 0, passed 0", 3);
}

static void one_that_is_wrong_is_broken(void **state)
{
    ready(0, false);
    results[0] = PV_BAD_PROOF;
    expect(PV_NO_DEVICE, "the GPU of this node failed its self-test: test 1 of 0: as it was told", "test 0", 0);
    expect(PV_NO_DEVICE, "the GPU of this node failed its self-test: test 1 of 0: as it was told", "test 0", 0);
}

static void a_quarantine_is_waited_for_a_second(void **state)
{
    facts[0] = (struct gpus_facts){ .quarantined = true, .why = "three deaths" };
    expect(PV_BUSY, "the GPU is left alone for a while: three deaths", "", 50);
    assert_int_equal(err.status, PV_BUSY);
    naps = 0;
    assert_int_equal(gpu_tests_pass(&t, &how, &stop, NULL), PV_BUSY); /* whoever wants no sentence */
    assert_int_equal(naps, 50);
}

static void another_proves_beside_a_broken_one(void **state)
{
    gpus_n = 2;
    ready(0, false);
    facts[1] = (struct gpus_facts){ .quarantined = true, .why = "three deaths" };
    results[0] = PV_BAD_PROOF;
    expect(PV_BUSY, "the GPU is left alone for a while: three deaths", "test 0", 50);
    ready(1, false);
    expect(PV_OK, "the GPU of this node failed its self-test: test 1 of 0: as it was told", "test 0, test 1, passed 1",
           50);
    facts[1].tested = false;
    results[2] = PV_BAD_PROOF;
    expect(PV_NO_DEVICE, "the GPU of this node failed its self-test: test 3 of 1: as it was told",
           "test 0, test 1, passed 1, test 1", 50);
}

static void stops_at_the_second(void)
{
    if (naps == 2) atomic_store(&stop, 1);
}

static void leaves_at_the_second(void)
{
    if (naps == 2) gpu_tests_leave(&t);
}

static void a_stop_and_the_nodes_end_are_told(void **state)
{
    on_nap = stops_at_the_second;
    expect(PV_CANCELLED, "stopped before the GPU was tested", "", 2);
    atomic_store(&stop, 0);
    naps = 0;
    gpus_n = 2;
    facts[1].tested = true; /* finishes what it works on; trusted only with the next line */
    gpu_tests_doubt(&t, 1);
    facts[1].tested = true;
    on_nap = leaves_at_the_second;
    expect(PV_BUSY, "the node ends, and its GPU is not ready", "doubt 1, end 0", 2);
}

static void expect_now(enum gpu_trust_state state, const char *text)
{
    char why[256] = "before";
    assert_int_equal(gpu_tests_now(&t, why, sizeof why), state);
    assert_string_equal(why, text);
}

static void what_is_told_of_them(void **state)
{
    expect_now(GPU_TRUSTED, "");
    gpu_tests_doubt(&t, 0);
    expect_now(GPU_SUSPECT, "");
    facts[0] = (struct gpus_facts){ .quarantined = true, .why = "three deaths", .deaths = 3 };
    expect_now(GPU_BROKEN, "the GPU is left alone for a while: three deaths");
    assert_int_equal(gpu_tests_ended(&t), 3);
    assert_int_equal(gpu_tests_verdicts(&t), 4);
    gpus_n = 2;
    facts[1].deaths = 2;
    expect_now(GPU_TRUSTED, "GPU-a is left alone for a while: three deaths");
    assert_int_equal(gpu_tests_ended(&t), 5);
    assert_int_equal(gpu_tests_verdicts(&t), 6);
    ready(0, false);
    results[0] = PV_BAD_PROOF;
    gpu_tests_try(&t, &how, NULL);
    expect_now(GPU_SUSPECT, "GPU-a failed its self-test: test 1 of 0: as it was told"); /* the other is a new process */
    assert_int_equal(gpu_tests_count(&t), 2);
    atomic_store(&t.trust[0].wrong_proofs, 2);
    atomic_store(&t.trust[GPUS_MAX - 1].wrong_proofs, 5);
    assert_int_equal(gpu_tests_wrong_proofs(&t), 7);
}

static void one_in_this_process_has_no_name(void **state)
{
    t.gpus = NULL;
    assert_int_equal(gpu_tests_count(&t), 1);
    expect_now(GPU_TRUSTED, "");
    gpu_tests_doubt(&t, 0);
    results[0] = PV_DEVICE; /* no other process follows */
    expect(PV_NO_DEVICE, "the GPU of this node failed its self-test: test 1 of 0: as it was told",
           "doubt 0, test 0" + 9, 0);
    expect_now(GPU_BROKEN, "the GPU failed its self-test: test 1 of 0: as it was told");
    assert_int_equal(gpu_tests_ended(&t), 0);
    gpu_tests_leave(&t);
    assert_string_equal(told, "test 0");
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_that_has_passed_is_used_at_once),
        T(a_new_process_is_tested_first),
        T(one_that_is_not_ready_is_waited_for),
        T(one_that_ends_in_its_test_is_tested_again),
        T(one_that_is_wrong_is_broken),
        T(a_quarantine_is_waited_for_a_second),
        T(another_proves_beside_a_broken_one),
        T(a_stop_and_the_nodes_end_are_told),
        T(what_is_told_of_them),
        T(one_in_this_process_has_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
