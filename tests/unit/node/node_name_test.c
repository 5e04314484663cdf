/* The default name of a node: two of one host tell themselves apart, and one that comes back has the name it had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "node_name.h"
#include "temp_dir.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not this machine's: its nodes, and other runs of this test, go on. */
static char host[WIRE_NAME_MAX + 1];

static int setup(void **state)
{
    static char dir[64];
    static unsigned tests;
    snprintf(host, sizeof host, "test-%d-%u", (int)getpid(), ++tests);
    temp_dir_make(dir);
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

static void expect_name(const struct node_name *n, const char *suffix)
{
    char want[2 * WIRE_NAME_MAX];
    snprintf(want, sizeof want, "%s%s", host, suffix);
    assert_string_equal(n->text, want);
}

static void nodes_of_one_host_have_names_of_their_own(void **state)
{
    struct node_name a, b, c;
    node_name_take(&a, host, NULL);
    node_name_take(&b, host, NULL);
    node_name_take(&c, host, NULL);
    expect_name(&a, "");
    expect_name(&b, "-2");
    expect_name(&c, "-3");
    node_name_clear(&b);
    node_name_take(&b, host, NULL); /* the first that is free */
    expect_name(&b, "-2");
    node_name_clear(&a);
    node_name_clear(&b);
    node_name_clear(&c);
}

/* A full disk: the name is had, and nothing is left open, nor a half of a file in place of the name that was kept. */
static void a_name_that_cannot_be_kept_is_had_all_the_same(void **state)
{
    struct node_name a, b, c;
    struct rlimit before, none;
    node_name_take(&a, host, NULL);
    node_name_take(&b, host, *state);
    expect_name(&b, "-2");
    node_name_take(&c, host, NULL);
    expect_name(&c, "-3");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    fflush(NULL); /* what cmocka says may be a file */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    bool next = node_name_next(&b);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_true(next);
    expect_name(&b, "-4");
    node_name_clear(&b);
    node_name_take(&b, host, *state); /* what was kept is the name before */
    expect_name(&b, "-2");
    node_name_clear(&a);
    node_name_clear(&b);
    node_name_clear(&c);
}

static void a_node_that_is_killed_gives_its_name_up(void **state)
{
    struct node_name n;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (!child) {
        node_name_take(&n, host, NULL);
        if (write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    node_name_take(&n, host, NULL);
    expect_name(&n, "-2");
    node_name_clear(&n);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    node_name_take(&n, host, NULL);
    expect_name(&n, "");
    node_name_clear(&n);
    close(ready[0]);
    close(ready[1]);
}

/* Whichever of them starts first the next time. */
static void the_state_folder_keeps_the_name(void **state)
{
    char second[96];
    struct node_name a, b;
    snprintf(second, sizeof second, "%s/second", (char *)*state);
    assert_int_equal(mkdir(second, 0700), 0);
    node_name_take(&a, host, *state);
    node_name_take(&b, host, second);
    node_name_clear(&a);
    node_name_clear(&b);
    node_name_take(&b, host, second);
    expect_name(&b, "-2");
    node_name_take(&a, host, *state);
    expect_name(&a, "");
    node_name_clear(&a);
    node_name_clear(&b);
    node_name_take(&b, "another-host", second); /* the folder moved, or the container has a new name */
    expect_name(&b, "-2");
    node_name_clear(&b);
}

static void a_kept_name_that_another_has_is_given_up_for_good(void **state)
{
    struct node_name a, b;
    node_name_take(&a, host, *state);
    node_name_clear(&a);
    node_name_take(&b, host, NULL);
    expect_name(&b, "");
    node_name_take(&a, host, *state);
    expect_name(&a, "-2");
    node_name_clear(&a);
    node_name_clear(&b);
    node_name_take(&a, host, *state);
    expect_name(&a, "-2");
    node_name_clear(&a);
}

static void what_is_kept_and_is_no_name_is_not_taken(void **state)
{
    static const char *const kept[] = { "", "\n", "two words\n", "../x\n", "\xff\n" };
    char path[96];
    snprintf(path, sizeof path, "%s/name", (char *)*state);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct node_name n;
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(kept[i], f);
        fclose(f);
        node_name_take(&n, host, *state);
        expect_name(&n, "");
        node_name_clear(&n);
    }
}

/* The broker knows of a node that this machine does not: in another container of that name. */
static void a_name_that_is_refused_leads_to_the_next_that_is_free(void **state)
{
    struct node_name a, b;
    node_name_take(&a, host, *state);
    node_name_take(&b, host, NULL);
    assert_true(node_name_next(&a));
    expect_name(&a, "-3");
    node_name_clear(&b);
    assert_true(node_name_next(&a));
    expect_name(&a, "-4");
    node_name_clear(&a);
    node_name_take(&a, host, *state);
    expect_name(&a, "-4");
    assert_true(node_name_next(&a)); /* one that was kept: from the beginning */
    expect_name(&a, "");
    node_name_clear(&a);
}

static void there_is_an_end_to_the_numbers(void **state)
{
    struct node_name n;
    unsigned names = 0;
    node_name_take(&n, host, NULL);
    while (names <= NODE_NAMES_MAX && node_name_next(&n)) names++;
    assert_int_equal(names, NODE_NAMES_MAX - 1);
    expect_name(&n, "-99");
    node_name_clear(&n);
}

static void a_given_name_is_held_and_never_changed(void **state)
{
    struct node_name a, b;
    node_name_given(&a, host);
    assert_false(node_name_next(&a));
    node_name_take(&b, host, NULL);
    expect_name(&b, "-2");
    node_name_clear(&b);
    node_name_given(&b, host); /* it was asked for: the broker decides */
    expect_name(&b, "");
    node_name_clear(&a);
    node_name_clear(&b);
}

static void the_longest_host_has_room_for_a_number(void **state)
{
    char longest[WIRE_NAME_MAX + 1], want[WIRE_NAME_MAX + 1];
    struct node_name a, b;
    memset(longest, 'x', WIRE_NAME_MAX);
    longest[WIRE_NAME_MAX] = 0;
    memcpy(longest, host, strlen(host));
    node_name_take(&a, longest, NULL);
    node_name_take(&b, longest, NULL);
    assert_string_equal(a.text, longest);
    snprintf(want, sizeof want, "%.*s-2", WIRE_NAME_MAX - 2, longest);
    assert_string_equal(b.text, want);
    node_name_clear(&a);
    node_name_clear(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nodes_of_one_host_have_names_of_their_own),
        T(a_name_that_cannot_be_kept_is_had_all_the_same),
        T(a_node_that_is_killed_gives_its_name_up),
        T(the_state_folder_keeps_the_name),
        T(a_kept_name_that_another_has_is_given_up_for_good),
        T(what_is_kept_and_is_no_name_is_not_taken),
        T(a_name_that_is_refused_leads_to_the_next_that_is_free),
        T(there_is_an_end_to_the_numbers),
        T(a_given_name_is_held_and_never_changed),
        T(the_longest_host_has_room_for_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
