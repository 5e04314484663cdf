/** The simulation: runs of random moves around the core; after every event the naive model's word (sim_model.h), after
 *  every move every invariant. On failure the seed of the run, and its shortest trace that still fails.
 *
 *      PV_SIM_STEPS  moves in all (1,000,000)      PV_SIM_SEED  of the first run (1; from the clock when "random")
 *
 *  With the argument soak: fifty million (ten minutes of an idle processor), from the clock.
 */
#include "sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUN_MOVES = 2500 };

static struct sim world;
static jmp_buf broken;

/* An assertion of the core is a failure like any other. */
static void on_abort(int signal_number)
{
    snprintf(world.why, sizeof world.why, "an assertion of the core");
    signal(SIGABRT, on_abort);
    longjmp(broken, 1);
}

/* True when the run holds. skip[i]: move i is left out. */
static bool run(uint64_t seed, const bool *skip, unsigned moves, unsigned *failed_at)
{
    volatile unsigned i = 0;
    world.broken = &broken;
    if (setjmp(broken)) {
        *failed_at = i;
        return false; /* what the core still holds is leaked: it may not be whole */
    }
    sim_open(&world, seed);
    for (i = 0; i < moves; i++)
        if (!skip || !skip[i]) sim_move(&world, i);
    sim_settle(&world);
    sim_close(&world);
    return true;
}

/* Leaves out halves, quarters, ... single moves, as long as it still fails in the same way. */
static void shrink(uint64_t seed, unsigned moves)
{
    static bool skip[RUN_MOVES + 1], trial[RUN_MOVES + 1];
    char why[sizeof world.why];
    unsigned at, left = moves;
    strcpy(why, world.why);
    for (unsigned piece = moves / 2; piece; piece /= 2)
        for (unsigned from = 0; from < moves; from += piece) {
            memcpy(trial, skip, sizeof skip);
            unsigned gone = 0;
            for (unsigned i = from; i < from + piece && i < moves; i++) {
                gone += !trial[i];
                trial[i] = true;
            }
            if (!gone || run(seed, trial, moves, &at) || strncmp(why, world.why, 12)) continue;
            memcpy(skip, trial, sizeof skip);
            left -= gone;
        }
    printf("shrunk from %u moves to %u:\n", moves, left);
    world.tell = true;
    run(seed, skip, moves, &at);
    printf("%s\n", world.why);
}

/* A world in which nothing happens proves nothing: each of these has to have happened so many times in a million moves.
 * (Shorter runs, for looking into something, are not asked.) */
static bool rich_enough(const struct sched_stats *c, uint64_t moves)
{
    const struct {
        const char *what;
        uint64_t count, least;
    } rows[] = {
        { "submitted", c->submitted, 5000 },
        { "refused", c->refused, 5000 },
        { "offers", c->offers, 20000 },
        { "started", c->started, 10000 },
        { "succeeded", c->succeeded, 5000 },
        { "dead", c->dead, 200 },
        { "cancelled", c->cancelled, 500 },
        { "expired", c->expired, 50 },
        { "failures", c->failures, 500 },
        { "losses", c->losses, 500 },
        { "releases", c->releases, 500 },
        { "recalls", c->recalls, 100 },
        { "revokes", c->revokes, 500 },
        { "late accepted", c->late_accepted, 100 },
        { "late refused", c->late_refused, 50 },
        { "superseded", c->superseded, 20 },
        { "stale reports", c->stale_reports, 500 },
        { "quarantines", c->quarantines, 20 },
        { "refunds", c->refunds, 20 },
        { "adopted", c->adopted, 100 },
        { "provers lost", c->provers_lost, 500 },
        { "progress", c->progress, 500 },
        { "cold offers", c->cold_offers, 500 },
        { "purged", c->purged, 100 },
    };
    bool rich = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool enough = moves < 1000000 || rows[i].count >= rows[i].least * (moves / 1000) / 1000;
        printf("%-14s %8llu%s\n", rows[i].what, (unsigned long long)rows[i].count, enough ? "" : "   too few");
        rich = rich && enough;
    }
    return rich;
}

int main(int argc, char **argv)
{
    bool soak = argc > 1 && !strcmp(argv[1], "soak");
    const char *steps = getenv("PV_SIM_STEPS"), *from = getenv("PV_SIM_SEED");
    uint64_t moves = steps ? strtoull(steps, NULL, 10) : soak ? 50000000 : 1000000, done = 0, restarts = 0;
    if (!from && soak) from = "random";
    uint64_t seed = !from ? 1 : !strcmp(from, "random") ? (uint64_t)time(NULL) * 1000 : strtoull(from, NULL, 10);
    struct sched_stats sum = { 0 };
    signal(SIGABRT, on_abort);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("seed %llu\n", (unsigned long long)seed);
    for (; done < moves; done += RUN_MOVES, seed++) {
        unsigned at;
        if (!run(seed, NULL, RUN_MOVES, &at)) {
            printf("PV_SIM_SEED=%llu PV_SIM_STEPS=1 fails at move %u: %s\n", (unsigned long long)seed, at, world.why);
            shrink(seed, at < RUN_MOVES ? at + 1 : RUN_MOVES);
            return 1;
        }
        restarts += world.restarts;
        for (size_t i = 0; i < offsetof(struct sched_stats, tasks) / sizeof(uint64_t); i++)
            ((uint64_t *)&sum)[i] += ((const uint64_t *)&world.sum)[i];
    }
    printf("%llu moves, %llu broker restarts\n", (unsigned long long)done, (unsigned long long)restarts);
    return rich_enough(&sum, done) ? 0 : 1;
}
