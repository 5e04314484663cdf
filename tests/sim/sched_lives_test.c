/** Whether the core does what it did: some lives of it, and after each step a digest of all that it said and holds, beside
 *  tests/vectors/core/lives.txt. What it should do is the business of the other tests; here any change is told.
 *
 *      sched_lives_test FILE write            makes the file anew, after a change that is meant
 *      sched_lives_test FILE show KIND SEED   the whole life as text (wild, calm, sim, without): of this tree and of the one before, for diff
 */
#include "core_digest.h"
#include "lives_wild.h"
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memory/heap_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
    MOVES = 600,
    EVERY = 60,
    WILD_LIVES = 12,
    CALM_LIVES = 18,
    SIM_LIVES = 6,
    POOR_MOVES = 90,
    LINES = 800,
    LINE = 96
};

static const char *golden;
static struct core_digest digest;
static struct wild wild;
static struct sim world;
static jmp_buf broken;
static char lines[LINES][LINE];
static size_t lines_n;

static void put_line(const char *kind, uint64_t seed, unsigned moves)
{
    if (lines_n == LINES) return;
    snprintf(lines[lines_n++], LINE, "%s %" PRIu64 ", %u moves: %016" PRIx64, kind, seed, moves, digest.sum);
}

/* ---- lives ---- */

static void see(const struct sched *s, const struct sched_event *ev, const struct sched_actions *out)
{
    core_digest_event(&digest, ev);
    core_digest_actions(&digest, out);
    core_digest_state(&digest, s);
}

static void see_wild(struct wild *w, const struct sched_event *ev)
{
    see(w->s, ev, &w->out);
}

/* What it says: what it holds is in part a question of which circuit of a prover came first. */
static void see_poor(struct wild *w, const struct sched_event *ev)
{
    core_digest_event(&digest, ev);
    core_digest_actions(&digest, &w->out);
}

static void see_sim(struct sim *w, const struct sched_event *ev)
{
    see(w->s, ev, &w->out);
}

static void wild_life(uint64_t seed, bool calm)
{
    digest.sum = seed;
    wild.watch = see_wild;
    wild.calm = calm;
    wild_open(&wild, seed);
    for (unsigned i = 1; i <= MOVES; i++) {
        wild_move(&wild, i);
        if (i % EVERY == 0) put_line(calm ? "calm" : "wild", seed, i);
    }
    wild_close(&wild);
}

static bool sim_life(uint64_t seed)
{
    digest.sum = seed;
    world.watch = see_sim;
    world.broken = &broken;
    if (setjmp(broken)) return false;
    sim_open(&world, seed);
    for (unsigned i = 1; i <= MOVES; i++) {
        sim_move(&world, i);
        if (i % EVERY == 0) put_line("sim", seed, i);
    }
    sim_close(&world);
    return true;
}

/* One allocation fails, and then life goes on: after a failed batch the store has failed, too. False: there are not so many. */
static bool poor_life(uint64_t seed, long after)
{
    wild.watch = see_poor;
    wild.calm = false;
    heap_fail_after(after);
    bool open = wild_open(&wild, seed);
    for (unsigned i = 1; open && i <= POOR_MOVES && wild.s; i++) {
        wild_move(&wild, i);
        if (!wild.broken || !heap_failed()) continue;
        struct sched_event ev = wild_event(&wild, SCHED_STORE_FAILED);
        wild_step(&wild, &ev);
    }
    bool failed = heap_failed();
    heap_fail_after(-1);
    wild_close(&wild);
    return failed;
}

/* ---- tests ---- */

static void lives_at_small_limits(void **state)
{
    for (uint64_t seed = 1; seed <= WILD_LIVES; seed++) wild_life(seed, false);
}

static void lives_that_go_their_way(void **state)
{
    for (uint64_t seed = 1; seed <= CALM_LIVES; seed++) wild_life(seed, true);
}

static void lives_of_the_simulation(void **state)
{
    for (uint64_t seed = 1; seed <= SIM_LIVES; seed++)
        if (!sim_life(seed)) fail_msg("sim %" PRIu64 ": %s", seed, world.why);
}

/* A digest of all the lives in which the allocations k, k + 1, ... failed. */
static void lives_without_memory(void **state)
{
    enum { MOST = 5000, IN_ONE = 100 };
    size_t before = heap_blocks();
    long k = 0;
    digest.sum = 1;
    for (; k < MOST && poor_life(2, k); k++) {
        if (heap_blocks() != before)
            fail_msg("allocation %ld fails, and %zu blocks are left", k, heap_blocks() - before);
        if (k % IN_ONE == 0) put_line("without an allocation", (uint64_t)k, POOR_MOVES);
    }
    assert_in_range(k, 200, MOST - 1);
    put_line("without an allocation", (uint64_t)k, POOR_MOVES);
}

/* ---- the golden text ---- */

static void write_golden(void)
{
    FILE *f = fopen(golden, "w");
    assert_non_null(f);
    for (size_t i = 0; i < lines_n; i++) fprintf(f, "%s\n", lines[i]);
    assert_int_equal(fclose(f), 0);
}

static void the_lives_are_as_they_were(void **state)
{
    if (*(const bool *)*state) {
        write_golden();
        return;
    }
    FILE *f = fopen(golden, "r");
    if (!f) fail_msg("%s is not there", golden);
    char line[LINE];
    size_t n = 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (n >= lines_n || strcmp(line, lines[n]))
            fail_msg("expected\n    %s\nand it is\n    %s\nFor the first difference compare `sched_lives_test FILE "
                     "show KIND SEED` of two trees",
                     line, n < lines_n ? lines[n] : "over");
        n++;
    }
    fclose(f);
    assert_int_equal(n, lines_n);
}

static int show(const char *kind, uint64_t seed)
{
    digest.out = stdout;
    if (!strcmp(kind, "sim")) return !sim_life(seed);
    if (!strcmp(kind, "without")) return !poor_life(2, (long)seed); /* the number of the allocation */
    wild_life(seed, !strcmp(kind, "calm"));
    return 0;
}

int main(int argc, char **argv)
{
    static bool write_it;
    golden = argc > 1 ? argv[1] : "vectors/core/lives.txt";
    write_it = argc > 2 && !strcmp(argv[2], "write");
    if (argc > 4 && !strcmp(argv[2], "show")) return show(argv[3], strtoull(argv[4], NULL, 10));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives_at_small_limits),
        cmocka_unit_test(lives_that_go_their_way),
        cmocka_unit_test(lives_of_the_simulation),
        cmocka_unit_test(lives_without_memory),
        cmocka_unit_test_prestate(the_lives_are_as_they_were, &write_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
