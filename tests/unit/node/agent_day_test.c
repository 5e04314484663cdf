/* A node's days: its agent on a stage (agent_play.h), from HELLO to the end, told in golden texts: every message field by field, every line of the
 * log, what is started and stopped, what is written, and when it wakes. `agent_day_test FILE write` makes a text anew; its lines "$ ..." are
 * the script. */
#include "agent_play.h"
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *file;

static void a_day_is_as_it_was_told(void **state)
{
    static char script[1 << 18];
    snprintf(script, sizeof script, "%s", golden_wanted(file));
    agent_play(script, -1);
    golden_is(file);
}

static unsigned count_of(const char *what)
{
    unsigned n = 0;
    for (const char *at = golden_told(); (at = strstr(at, what)); at++) n++;
    return n;
}

/* Whichever allocation fails: the day ends, nothing is left behind, says support/memory, and what is said instead is told by its number. */
static void each_allocation_may_fail(void **state)
{
    static char script[1 << 18], sum[1 << 16];
    char path[128];
    size_t n = 0;
    snprintf(script, sizeof script, "%s", golden_wanted(file));
    for (long at = 0; agent_play(script, at); at++) {
        n += (size_t)snprintf(sum + n, sizeof sum - n,
                              "%ld: hello %u started %u result %u fail %u release %u no agent %u\n", at,
                              count_of("> HELLO"), count_of("> STARTED"), count_of("> RESULT"), count_of("> FAIL"),
                              count_of("> RELEASE"), count_of("no agent"));
        assert_in_range(n, 1, sizeof sum - 1);
        *golden_told() = '\0';
    }
    *golden_told() = '\0';
    golden_tell("%s", sum);
    snprintf(path, sizeof path, "%.*s_memory.txt", (int)strcspn(file, "."), file);
    golden_is(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_day_is_as_it_was_told),
                                        cmocka_unit_test(each_allocation_may_fail) };
    file = argc > 1 ? argv[1] : "vectors/node/day.txt";
    golden_writes(argc > 2);
    if (!access("/dev/shm", W_OK))
        setenv("TMPDIR", "/dev/shm", 0); /* some hundred lives, each with its syncs: 2 s on a disk, 0.1 s in memory */
    if (!strstr(file, "refused")) return cmocka_run_group_tests(tests, NULL, NULL);
    const struct CMUnitTest refused[] = { cmocka_unit_test(
        a_day_is_as_it_was_told) }; /* its first life begins with no allocation */
    return cmocka_run_group_tests(refused, NULL, NULL);
}
