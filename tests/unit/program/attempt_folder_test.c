/* The folder of an attempt, and what becomes of whatever is put into it. */
#include "attempt_folder.h"
#include "program_place.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[64], work[80], outside[96];
static int work_fd;

static int set_up(void **state)
{
    temp_dir_make(folder);
    snprintf(work, sizeof work, "%s/work", folder);
    snprintf(outside, sizeof outside, "%s/outside", folder);
    mkdir(work, 0700);
    mkdir(outside, 0700);
    work_fd = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return work_fd < 0;
}

static int tear_down(void **state)
{
    close(work_fd);
    temp_dir_remove(folder);
    return 0;
}

static void touch_below(const char *at, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", at, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void it_is_made_filled_and_removed(void **state)
{
    struct attempt_folder f;
    struct prove_error err;
    struct stat st;
    struct attempt_owner mine = { UINT32_MAX, UINT32_MAX };
    assert_int_equal(attempt_folder_make(&f, work_fd, work, &err), PV_OK);
    assert_int_equal(attempt_folder_put(f.fd, ATTEMPT_INPUT, (const uint8_t *)"abc", 3, mine, &err), PV_OK);
    assert_int_equal(attempt_folder_put(f.fd, ATTEMPT_INPUT, (const uint8_t *)"abc", 3, mine, &err), PV_IO);
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    char path[4096];
    snprintf(path, sizeof path, "%s", f.path);
    attempt_folder_remove(&f);
    assert_int_equal(stat(path, &st), -1);
    attempt_folder_remove(&f); /* a second time does nothing */
}

/* Deep, wide, without rights, with links out: all of it goes, and nothing else. */
static void a_tree_goes_and_nothing_else(int wide, int deep)
{
    char name[32];
    touch_below(outside, "precious");
    assert_int_equal(mkdirat(work_fd, "try-1", 0700), 0);
    int at = openat(work_fd, "try-1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < wide; i++) {
        snprintf(name, sizeof name, "wide-%d", i);
        assert_int_equal(mkdirat(at, name, 0700), 0);
    }
    assert_int_equal(mkdirat(at, ".up-1", 0700), 0); /* a name that the removal would take itself */
    for (int i = 0; i < deep; i++) {
        assert_int_equal(symlinkat(outside, at, "link"), 0);
        assert_int_equal(mkdirat(at, "d", 0700), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (i % 7 == 0) fchmod(at, 0);
        close(at);
        at = next;
    }
    mkfifoat(at, "pipe", 0600);
    close(at);
    assert_true(folder_remove(work_fd, "try-1"));
    assert_int_equal(faccessat(work_fd, "try-1", F_OK, 0), -1);
    snprintf(name, sizeof name, "precious");
    int there = open(outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(faccessat(there, name, F_OK, 0), 0);
    close(there);
}

static void whatever_is_in_it_goes_and_nothing_else(void **state)
{
    a_tree_goes_and_nothing_else(20, 40);
}

static void a_tree_of_five_thousand_floors_goes(void **state)
{
    a_tree_goes_and_nothing_else(300, 5000);
}

static void a_start_sweeps_what_a_killed_node_left(void **state)
{
    struct program_place p = { .work_fd = -1 }, second = { .work_fd = -1 };
    struct prove_error err;
    mkdirat(work_fd, "try-left", 0700);
    mkdirat(work_fd, "try-left/result", 0700);
    mkdirat(work_fd, "not-ours", 0700);
    assert_int_equal(program_place_open(&p, work, &err), PV_OK);
    assert_int_equal(faccessat(work_fd, "try-left", F_OK, 0), -1);
    assert_int_equal(faccessat(work_fd, "not-ours", F_OK, 0), 0);
    assert_int_equal(program_place_open(&second, work, &err), PV_BUSY);
    program_place_close(&second);
    program_place_close(&p);
    assert_int_equal(program_place_open(&p, "", &err), PV_OK);
    char made[128];
    snprintf(made, sizeof made, "%s", p.work);
    assert_int_equal(access(made, F_OK), 0);
    program_place_close(&p);
    assert_int_equal(access(made, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_made_filled_and_removed),
        TEST(whatever_is_in_it_goes_and_nothing_else),
        TEST(a_tree_of_five_thousand_floors_goes),
        TEST(a_start_sweeps_what_a_killed_node_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
