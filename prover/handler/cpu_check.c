#include "cpu_check.h"

#include "cpu_proof.h"

#include <stdio.h>
#include <time.h>

enum { NAP_MS = 20 };

static void phase(void *arg, const char *part, unsigned percent)
{
    const struct handler_watch *watch = arg;
    (void)part; /* the broker's stall timeout looks at the percent too */
    if (watch->progress) watch->progress(watch->ctx, "cpu-check", percent);
}

static pv_status turn_take(struct cpu_check *c, const struct handler_watch *watch, struct prove_error *err)
{
    const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
    for (int free = 0; !atomic_compare_exchange_strong(&c->busy, &free, 1); free = 0) {
        if (atomic_load(watch->stop)) return prove_error_set(err, PV_CANCELLED, "stopped before the CPU's check began");
        nanosleep(&nap, NULL);
    }
    return PV_OK;
}

static pv_status admitted(struct groth16_proof *proof, const struct cpu_check_of *of, struct prove_error *err)
{
    const struct prove_run run = { .cpu = of->cpu, .progress = phase, .progress_arg = (void *)of->watch };
    const struct prove_key *key = keycache_key(of->key);
    char because[64];
    size_t bytes;
    TRY(cpu_proof_need(&bytes, key, &run, err));
    if (!keycache_lend(of->cache, bytes)) {
        snprintf(because, sizeof because, "it needs %zu MiB of memory", bytes >> 20);
        return cpu_proof_undecided(err, because);
    }
    pv_status s = cpu_proof(proof, key, of->witness, 0, &run, err);
    keycache_lend_end(of->cache, bytes);
    return s;
}

pv_status cpu_check(struct groth16_proof *proof, struct cpu_check *c, const struct cpu_check_of *of,
                    struct prove_error *err)
{
    phase((void *)of->watch, "", 0);
    TRY(turn_take(c, of->watch, err));
    keycache_aside(of->cache, of->key);
    pv_status s = admitted(proof, of, err);
    keycache_aside_end(of->cache, of->key);
    atomic_store(&c->busy, 0);
    return s;
}
