/* A node's days: its agent on a stage (agent_play.h), from HELLO to the end, told in golden texts: every message field by field, every line of the
 * log, what is started and stopped, what is written, and when it wakes. `agent_day_test FILE write` makes a text anew; its lines "$ ..." are
 * the script. */
#include "agent_play.h"
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Whichever allocation fails: the day ends, and nothing is left behind, says support/memory. */
static void each_allocation_may_fail(void **state)
{
    static char script[1 << 18];
    snprintf(script, sizeof script, "%s", golden_wanted(file));
    for (long n = 0; agent_play(script, n); n++) *golden_told() = '\0';
    *golden_told() = '\0';
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_day_is_as_it_was_told),
                                        cmocka_unit_test(each_allocation_may_fail) };
    file = argc > 1 ? argv[1] : "vectors/node/day.txt";
    golden_writes(argc > 2);
    if (!access("/dev/shm", W_OK))
        setenv("TMPDIR", "/dev/shm", 0); /* some hundred lives, each with its syncs: 2 s on a disk, 0.1 s in memory */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
