#include "gpu_tests.h"

#include "clock.h"

#include <stdio.h>
#include <time.h>

enum {
    NAP_MS = 20,
    REST_MS =
        1000, /* a task is not handed back sooner: a node that has other work too would be offered it again at once */
};

/* What gpu_trust_test.arg is. */
struct one_test {
    const struct gpu_tests_how *how;
    struct gpus *gpus;
    unsigned gpu;
};

static pv_status run_one(void *arg, const atomic_int *stop, struct prove_error *err)
{
    const struct one_test *o = arg;
    pv_status s = o->how->run(o->how->arg, o->gpu, stop, err);
    if (s == PV_OK && o->gpus) gpus_passed(o->gpus, o->gpu);
    return s;
}

static bool make_room(void *arg)
{
    const struct one_test *o = arg;
    return o->how->make_room(o->how->arg);
}

static struct gpu_trust_test test_of(struct one_test *o)
{
    return (struct gpu_trust_test){ .run = run_one, .make_room = make_room, .arg = o, .restarts = o->gpus != NULL };
}

unsigned gpu_tests_count(const struct gpu_tests *t)
{
    return t->gpus ? gpus_count(t->gpus) : 1;
}

void gpu_tests_doubt(struct gpu_tests *t, unsigned gpu)
{
    if (t->gpus) gpus_doubt(t->gpus, gpu);
    gpu_trust_doubt(&t->trust[gpu]);
}

/* What can be said of one in a process of its own: a new process is suspect. */
static enum gpu_trust_state state_of(struct gpu_tests *t, unsigned gpu, struct gpus_facts *facts)
{
    gpus_now(t->gpus, gpu, facts);
    if (!facts->tested && gpu_trust_now(&t->trust[gpu]) == GPU_TRUSTED) {
        gpu_trust_doubt(&t->trust[gpu]);
        atomic_fetch_add(&t->trust[gpu].verdicts, 1);
    }
    return gpu_trust_now(&t->trust[gpu]);
}

static pv_status broken(const struct gpu_trust *t, struct prove_error *err)
{
    return prove_error_set(err, PV_NO_DEVICE, "the GPU of this node failed its self-test: %.200s", t->why);
}

/* PV_OK: trusted. PV_NO_DEVICE: broken. PV_RESOURCES: in quarantine. PV_BUSY: it is about to be tested. */
static pv_status try_one(struct gpu_tests *t, unsigned gpu, const struct gpu_tests_how *how, const atomic_int *stop,
                         struct prove_error *err)
{
    struct one_test o = { how, t->gpus, gpu };
    const struct gpu_trust_test test = test_of(&o);
    struct gpus_facts facts;
    struct prove_error found = { 0 };
    enum gpu_trust_state state = state_of(t, gpu, &facts);
    if (state == GPU_SUSPECT && facts.quarantined)
        return prove_error_set(err, PV_RESOURCES, "the GPU is left alone for a while: %.220s", facts.why);
    if (state == GPU_SUSPECT && facts.serves) (void)gpu_trust_try(&t->trust[gpu], &test, stop, &found);
    state = state_of(t, gpu, &facts);
    if (state == GPU_BROKEN) return broken(&t->trust[gpu], err);
    return state == GPU_TRUSTED ? PV_OK : PV_BUSY;
}

static bool is_stopped(const atomic_int *stop)
{
    return stop && atomic_load(stop);
}

/* One that waits for its process is waited for: it comes, or is in quarantine. */
static pv_status pass_many(struct gpu_tests *t, const struct gpu_tests_how *how, const atomic_int *stop,
                           struct prove_error *err)
{
    const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
    const uint64_t patience_ms = pv_clock_ms() + REST_MS;
    for (;;) {
        unsigned of_broken = 0, resting = 0;
        for (unsigned i = 0; i < gpus_count(t->gpus); i++) {
            pv_status s = try_one(t, i, how, stop, err);
            if (s == PV_OK) return PV_OK;
            of_broken += s == PV_NO_DEVICE;
            resting += s == PV_RESOURCES;
        }
        if (of_broken == gpus_count(t->gpus)) return PV_NO_DEVICE;
        if (of_broken + resting == gpus_count(t->gpus) && pv_clock_ms() >= patience_ms)
            return err ? err->status = PV_BUSY : PV_BUSY;
        if (is_stopped(stop)) return prove_error_set(err, PV_CANCELLED, "stopped before the GPU was tested");
        if (atomic_load(&t->leaving)) return prove_error_set(err, PV_BUSY, "the node ends, and its GPU is not ready");
        nanosleep(&nap, NULL);
    }
}

pv_status gpu_tests_pass(struct gpu_tests *t, const struct gpu_tests_how *how, const atomic_int *stop,
                         struct prove_error *err)
{
    struct one_test o = { .how = how };
    const struct gpu_trust_test test = test_of(&o);
    return t->gpus ? pass_many(t, how, stop, err) : gpu_trust_pass(&t->trust[0], &test, stop, err);
}

void gpu_tests_leave(struct gpu_tests *t)
{
    struct gpus_facts facts;
    atomic_store(&t->leaving, 1);
    for (unsigned i = 0; t->gpus && i < gpus_count(t->gpus); i++) {
        gpus_now(t->gpus, i, &facts);
        if (!facts.tested) gpus_end(t->gpus, i, "the node ends, and it was not ready");
    }
}

void gpu_tests_try(struct gpu_tests *t, const struct gpu_tests_how *how, const atomic_int *stop)
{
    struct one_test o = { .how = how };
    const struct gpu_trust_test test = test_of(&o);
    struct prove_error found = { 0 };
    if (!t->gpus) (void)gpu_trust_try(&t->trust[0], &test, stop, &found);
    for (unsigned i = 0; t->gpus && i < gpus_count(t->gpus); i++) (void)try_one(t, i, how, stop, &found);
}

/* One GPU needs no name; of several it is said which. */
static void say(const struct gpu_tests *t, unsigned gpu, char *why, size_t room, const char *what, const char *because)
{
    bool many = gpu_tests_count(t) > 1;
    snprintf(why, room, "%s%s%s: %s", many ? gpus_name(t->gpus, gpu) : "the GPU", *what ? " " : "", what, because);
}

enum gpu_trust_state gpu_tests_now(const struct gpu_tests *t, char *why, size_t room)
{
    enum gpu_trust_state best = GPU_BROKEN;
    *why = 0;
    for (unsigned i = 0; i < gpu_tests_count(t); i++) {
        enum gpu_trust_state state = gpu_trust_now(&t->trust[i]);
        struct gpus_facts facts = { 0 };
        if (t->gpus) gpus_now(t->gpus, i, &facts);
        bool rests = state == GPU_SUSPECT && facts.quarantined;
        if (!rests && state < best) best = state;
        if (state == GPU_BROKEN) say(t, i, why, room, "failed its self-test", t->trust[i].why);
        if (rests) say(t, i, why, room, "is left alone for a while", facts.why);
    }
    return best;
}

unsigned long gpu_tests_wrong_proofs(const struct gpu_tests *t)
{
    unsigned long n = 0;
    for (unsigned i = 0; i < GPUS_MAX; i++) n += atomic_load(&t->trust[i].wrong_proofs);
    return n;
}

uint64_t gpu_tests_ended(const struct gpu_tests *t)
{
    uint64_t n = 0;
    for (unsigned i = 0; t->gpus && i < gpus_count(t->gpus); i++) {
        struct gpus_facts facts;
        gpus_now(t->gpus, i, &facts);
        n += facts.deaths;
    }
    return n;
}

unsigned long gpu_tests_verdicts(const struct gpu_tests *t)
{
    unsigned long n = 0;
    for (unsigned i = 0; i < gpu_tests_count(t); i++) {
        struct gpus_facts facts = { 0 };
        if (t->gpus) gpus_now(t->gpus, i, &facts);
        n += atomic_load(&t->trust[i].verdicts) + facts.deaths + facts.quarantined;
    }
    return n;
}
