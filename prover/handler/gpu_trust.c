#include "gpu_trust.h"

#include "log.h"

#include <string.h>
#include <time.h>

enum { NAP_MS = 20 };

void gpu_trust_doubt(struct gpu_trust *t)
{
    int was = atomic_load(&t->state);
    while (was != GPU_BROKEN && !atomic_compare_exchange_weak(&t->state, &was, GPU_SUSPECT)) {
    }
}

enum gpu_trust_state gpu_trust_now(const struct gpu_trust *t)
{
    int now = atomic_load(&t->state);
    return now == GPU_TESTING ? GPU_SUSPECT : (enum gpu_trust_state)now;
}

static void broken(struct gpu_trust *t, const struct prove_error *found)
{
    memcpy(t->why, found->text, sizeof t->why);
    LOG_ERROR("gpu.broken", "why=%s text=%s", t->why,
              "the GPU failed its self-test: it is not used again until the node is started again");
    atomic_store(&t->state, GPU_BROKEN);
    atomic_fetch_add(&t->verdicts, 1);
}

/* One that was doubted again during its test stays suspect. */
static void passed(struct gpu_trust *t)
{
    int testing = GPU_TESTING;
    if (!atomic_compare_exchange_strong(&t->state, &testing, GPU_TRUSTED)) return;
    atomic_fetch_add(&t->verdicts, 1);
    LOG_INFO("gpu.tested", "text=%s", "its self-test is right");
}

static bool is_want_of_room(pv_status s)
{
    return s == PV_NO_MEMORY || s == PV_RESOURCES;
}

static bool says_nothing(const struct gpu_trust_test *test, pv_status s)
{
    if (s == PV_CANCELLED || is_want_of_room(s)) return true;
    return test->restarts && (s == PV_DEVICE || s == PV_NO_DEVICE || s == PV_BAD_STATE);
}

/* By the thread that has t->busy. */
static pv_status test_it(struct gpu_trust *t, const struct gpu_trust_test *test, const atomic_int *stop,
                         struct prove_error *found)
{
    int suspect = GPU_SUSPECT;
    if (!atomic_compare_exchange_strong(&t->state, &suspect, GPU_TESTING)) return PV_OK;
    pv_status s;
    do s = test->run(test->arg, stop, found);
    while (is_want_of_room(s) && test->make_room(test->arg));
    if (s == PV_OK)
        passed(t);
    else if (says_nothing(test, s))
        gpu_trust_doubt(t);
    else
        broken(t, found);
    return s;
}

static pv_status test_if_free(struct gpu_trust *t, const struct gpu_trust_test *test, const atomic_int *stop,
                              struct prove_error *found)
{
    int free = 0;
    if (!atomic_compare_exchange_strong(&t->busy, &free, 1)) return PV_BUSY;
    pv_status s = test_it(t, test, stop, found);
    atomic_store(&t->busy, 0);
    return s;
}

static pv_status refused(const struct gpu_trust *t, struct prove_error *err)
{
    return prove_error_set(err, PV_NO_DEVICE, "the GPU of this node failed its self-test: %.200s", t->why);
}

pv_status gpu_trust_pass(struct gpu_trust *t, const struct gpu_trust_test *test, const atomic_int *stop,
                         struct prove_error *err)
{
    const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
    for (;;) {
        int now = atomic_load(&t->state);
        if (now == GPU_TRUSTED) return PV_OK;
        if (now == GPU_BROKEN) return refused(t, err);
        if (stop && atomic_load(stop)) return prove_error_set(err, PV_CANCELLED, "stopped before the GPU was tested");
        struct prove_error found = { 0 };
        pv_status s = test_if_free(t, test, stop, &found);
        if (is_want_of_room(s) && !stop)
            return prove_error_set(err, s, "no room for the GPU's self-test: %.200s", found.text);
        if (s == PV_BUSY || is_want_of_room(s)) nanosleep(&nap, NULL);
    }
}

pv_status gpu_trust_try(struct gpu_trust *t, const struct gpu_trust_test *test, const atomic_int *stop,
                        struct prove_error *found)
{
    return atomic_load(&t->state) == GPU_SUSPECT ? test_if_free(t, test, stop, found) : PV_OK;
}
