#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "door.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 3, KEPT = 2, PAIRS = 8 };

static struct door d;
static int near[PAIRS], far[PAIRS]; /* connections */

static int setup(void **state)
{
    for (int i = 0; i < PAIRS; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
        near[i] = pair[0];
        far[i] = pair[1];
    }
    return door_init(&d, (struct door_places){ MOST, KEPT }) != PV_OK;
}

static int teardown(void **state)
{
    for (int i = 0; i < PAIRS; i++) {
        close(near[i]);
        close(far[i]);
    }
    door_clear(&d);
    return 0;
}

/* Whether the other side of connection i was told of its end. */
static bool ended(int i)
{
    char byte;
    return recv(far[i], &byte, 1, MSG_DONTWAIT) == 0;
}

static void is_places(struct door_places p, uint32_t most, uint32_t kept)
{
    assert_int_equal(p.most, most);
    assert_int_equal(p.kept, kept);
}

static void places_are_what_the_descriptors_leave(void **state)
{
    is_places(door_places(10000, 20000), 10000, 16);
    is_places(door_places(10000, UINT64_MAX), 10000, 16);
    is_places(door_places(2, 1024), 2, 16);
    is_places(door_places(10000, 1024), 1024 - 48 - 128 - 16, 16);
    is_places(door_places(832, 1024), 832, 16); /* N, and one more */
    is_places(door_places(833, 1024), 832, 16);
    is_places(door_places(10000, 64), 6, 2);
    is_places(door_places(10000, 59), 3, 1); /* the least: 59 - 48 - 7 */
    is_places(door_places(10000, 58), 0, 0);
    is_places(door_places(10000, 0), 0, 0);
    is_places(door_places(UINT64_MAX, UINT64_MAX), (1 << 20) - 16, 16);
}

/* A report that comes twice, or for nobody, changes no number. */
static void connections_are_a_set(void **state)
{
    door_came(&d, near[0]);
    door_came(&d, near[1]);
    door_came(&d, near[1]);
    door_came(&d, -1);
    assert_int_equal(d.n, 2);
    door_gone(&d, near[2]);
    door_gone(&d, 100000);
    door_gone(&d, -1);
    assert_int_equal(d.n, 2);
    door_cut(&d, near[0]);
    door_cut(&d, near[0]);
    assert_int_equal(d.leaving, 1);
    assert_false(door_has(&d, near[0]));
    assert_true(door_has(&d, near[1]));
    door_gone(&d, near[0]);
    door_gone(&d, near[0]);
    assert_int_equal(d.n, 1);
    assert_int_equal(d.leaving, 0);
    door_cut(&d, near[1]);
    door_came(&d, near[1]); /* accepted again: the end of the one before was not told */
    assert_int_equal(d.n, 1);
    assert_int_equal(d.leaving, 0);
    assert_true(door_has(&d, near[1]));
}

static void strangers_have_the_free_places_and_never_fewer_than_those_kept(void **state)
{
    static const struct {
        uint32_t members, strangers, most;
        bool anybody;
    } at[] = { { 0, 0, 3, true },  { 0, 3, 3, true },  { 0, 4, 3, true },  { 1, 1, 2, true },  { 2, 1, 2, true },
               { 3, 0, 2, false }, { 3, 2, 2, false }, { 4, 1, 1, false }, { 5, 0, 0, false }, { 5, 1, 0, false } };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        while (d.n) door_gone(&d, near[d.n - 1]);
        for (uint32_t k = 0; k < at[i].members + at[i].strangers; k++) door_came(&d, near[k]);
        assert_int_equal(door_members(&d, at[i].strangers), at[i].members);
        assert_int_equal(door_strangers_most(&d, at[i].strangers), at[i].most);
        assert_int_equal(door_admits(&d, at[i].strangers, false), at[i].anybody);
        assert_true(door_admits(&d, at[i].strangers, true));
    }
    /* Who was told to go takes no place. */
    door_cut(&d, near[0]);
    door_cut(&d, near[1]);
    door_cut(&d, near[2]);
    assert_int_equal(door_members(&d, 1), 2);
    assert_true(door_admits(&d, 1, false));
}

static void a_connection_is_ended(void **state)
{
    door_came(&d, near[0]);
    door_cut(&d, near[1]); /* not there */
    assert_false(ended(1));
    assert_false(ended(0));
    door_cut(&d, near[0]);
    assert_true(ended(0));
}

/* The number is somebody else's by now: another connection, a file, or nobody. */
static void a_descriptor_that_has_changed_hands_is_left_alone(void **state)
{
    char byte = 'x';
    door_came(&d, near[0]);
    assert_int_equal(dup2(near[1], near[0]), near[0]);
    door_cut(&d, near[0]);
    assert_false(ended(1));
    assert_int_equal(write(near[0], &byte, 1), 1);
    assert_int_equal(read(far[1], &byte, 1), 1);
    door_came(&d, near[2]);
    int file = open("/dev/null", O_RDONLY);
    assert_int_equal(dup2(file, near[2]), near[2]);
    close(file);
    door_cut(&d, near[2]);
    assert_int_equal(read(near[2], &byte, 1), 0);
    door_came(&d, near[3]);
    close(near[3]);
    door_cut(&d, near[3]);
    assert_int_equal(d.leaving, 3);
}

static void an_end_that_nobody_reported_is_found(void **state)
{
    int lost[PAIRS], n = 0;
    uint64_t now = 0;
    for (int i = 0; i < 4; i++) door_came(&d, near[i]);
    close(near[0]);
    dup2(near[4], near[2]);
    for (int i = 0; i < 200; i++, now += DOOR_LOOK_MS)
        for (int fd; (fd = door_look(&d, now)) >= 0;) lost[n++] = fd;
    assert_int_equal(n, 2);
    assert_int_equal(lost[0], near[0]);
    assert_int_equal(lost[1], near[2]);
    assert_int_equal(d.n, 2);
    assert_true(door_has(&d, near[1]) && door_has(&d, near[3]));
    dup2(near[4], near[1]); /* and in a later round of looks */
    for (int i = 0; i < 200; i++, now += DOOR_LOOK_MS)
        for (int fd; (fd = door_look(&d, now)) >= 0;) lost[n++] = fd;
    assert_int_equal(n, 3);
    assert_int_equal(lost[2], near[1]);
}

static void descriptors_in_hand_are_given_up_when_none_are_left(void **state)
{
    struct rlimit usual, none;
    int taken[DOOR_SPARE + 1], n = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(door_look(&d, 0), -1);
    assert_false(d.tight);
    none = usual;
    none.rlim_cur = (rlim_t)dup(0); /* the lowest that is free */
    close((int)none.rlim_cur);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(door_look(&d, DOOR_LOOK_MS - 1), -1);
    assert_false(d.tight); /* not yet due */
    assert_int_equal(door_look(&d, DOOR_LOOK_MS), -1);
    assert_true(d.tight);
    door_came(&d, near[0]);
    assert_int_equal(door_strangers_most(&d, 1), 3);
    d.places.most = 100;
    assert_int_equal(door_strangers_most(&d, 1), DOOR_SPARE / 2);
    /* Others get what was given up, all of it, and the door can still end a connection. */
    while (n <= DOOR_SPARE && (taken[n] = dup(0)) >= 0) n++;
    assert_int_equal(n, DOOR_SPARE);
    door_cut(&d, near[0]);
    assert_true(ended(0));
    assert_int_equal(door_look(&d, 2 * DOOR_LOOK_MS), -1);
    assert_true(d.tight);
    while (n) close(taken[--n]);
    /* As many as it needs are too few: one more has to be free. */
    assert_int_equal(door_look(&d, 3 * DOOR_LOOK_MS), -1);
    assert_true(d.tight);
    none.rlim_cur++;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(door_look(&d, 4 * DOOR_LOOK_MS), -1);
    assert_false(d.tight);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_what_the_descriptors_leave),
        cmocka_unit_test_setup_teardown(connections_are_a_set, setup, teardown),
        cmocka_unit_test_setup_teardown(strangers_have_the_free_places_and_never_fewer_than_those_kept, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_connection_is_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(a_descriptor_that_has_changed_hands_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_that_nobody_reported_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors_in_hand_are_given_up_when_none_are_left, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
