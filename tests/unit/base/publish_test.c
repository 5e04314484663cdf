/* A file that is published is written, synced, renamed and its folder synced, in this order: a crash of the machine at any
 * moment leaves the old file or the new one. Whichever step fails is told, and leaves no name behind. */
#include "disk_steps.h"
#include "file_io.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static int folder = -1;

static int setup(void **state)
{
    temp_dir_make(dir);
    folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0;
}

static int teardown(void **state)
{
    disk_steps_watch(NULL);
    disk_steps_fail(-1, 0);
    close(folder);
    temp_dir_remove(dir);
    return 0;
}

static int file_new(const char *name)
{
    int fd = openat(folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static int publish(const char *bytes)
{
    int fd = file_new("a.tmp");
    int error = file_write_all(fd, bytes, strlen(bytes));
    assert_int_equal(error, 0);
    return file_publish(folder, fd, "a.tmp", "a");
}

static void content_is(const char *bytes)
{
    char is[16] = "";
    int fd = openat(folder, "a", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, is, sizeof is - 1) >= 0);
    close(fd);
    assert_string_equal(is, bytes);
    assert_int_equal(faccessat(folder, "a.tmp", F_OK, 0), -1);
}

static void the_steps_are_in_order(void **state)
{
    disk_steps_watch(dir);
    assert_int_equal(publish("new"), 0);
    assert_string_equal(disk_steps(), "write a.tmp; sync a.tmp; rename a.tmp to a; sync .");
    content_is("new");
}

static void whichever_step_fails_is_told(void **state)
{
    static const struct {
        int step, error;
        const char *steps, *content;
    } cases[] = {
        { 1, EIO, "write a.tmp; sync a.tmp!; remove a.tmp", "old" },
        { 1, ENOSPC, "write a.tmp; sync a.tmp!; remove a.tmp", "old" },
        { 2, EACCES, "write a.tmp; sync a.tmp; rename a.tmp to a!; remove a.tmp", "old" },
        { 3, EIO, "write a.tmp; sync a.tmp; rename a.tmp to a; sync .!", "new" }, /* it has its name: it may be lost */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        disk_steps_watch(NULL);
        assert_int_equal(publish("old"), 0);
        disk_steps_watch(dir);
        disk_steps_fail(cases[i].step, cases[i].error);
        assert_int_equal(publish("new"), cases[i].error);
        assert_true(disk_steps_failed());
        assert_string_equal(disk_steps(), cases[i].steps);
        content_is(cases[i].content);
    }
}

static void a_write_that_fails_is_told(void **state)
{
    static const int errors[] = { EIO, ENOSPC, EDQUOT, EFBIG };
    int fd = file_new("b");
    for (size_t i = 0; i < 4; i++) {
        disk_steps_watch(dir);
        disk_steps_fail(0, errors[i]);
        assert_int_equal(file_write_all(fd, "abc", 3), errors[i]);
        disk_steps_watch(dir);
        disk_steps_fail(0, errors[i]);
        assert_int_equal(file_write_all_at(fd, "abc", 3, 5), errors[i]);
        assert_int_equal(file_write_status(errors[i]), errors[i] == EIO ? PV_IO : PV_DISK_FULL);
    }
    disk_steps_watch(dir); /* interrupted: it goes on */
    disk_steps_fail(0, EINTR);
    assert_int_equal(file_write_all(fd, "abc", 3), 0);
    disk_steps_watch(dir);
    disk_steps_fail(0, EINTR);
    assert_int_equal(file_write_all_at(fd, "def", 3, 3), 0);
    char is[8] = "";
    assert_int_equal(pread(fd, is, 6, 0), 6);
    assert_string_equal(is, "abcdef");
    close(fd);
}

static void a_folder_is_synced_in_the_one_above(void **state)
{
    char path[128];
    snprintf(path, sizeof path, "%s/new", dir);
    disk_steps_watch(dir);
    assert_int_equal(file_folder_make(path), 0);
    assert_string_equal(disk_steps(), "sync .");
    static const int errors[] = { EIO, EINVAL, EROFS }, told[] = { EIO, 0, 0 };
    for (size_t i = 0; i < 3; i++) {
        disk_steps_watch(dir);
        disk_steps_fail(0, errors[i]);
        assert_int_equal(file_folder_make(path), told[i]);
        assert_true(disk_steps_failed());
    }
    disk_steps_fail(-1, 0);
    memset(path, 'x', sizeof path);
    char longest[4200];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    longest[0] = '/';
    assert_int_equal(file_folder_make(longest), ENAMETOOLONG);
}

static void what_is_too_short_is_told(void **state)
{
    char is[8];
    int fd = file_new("short");
    assert_int_equal(file_write_all(fd, "abc", 3), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(file_read_all(fd, is, 4), ENODATA);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(file_read_all(fd, is, 3), 0);
    assert_int_equal(file_read_all(fd, is, 0), 0);
    assert_int_equal(file_read_all(-1, is, 1), EBADF);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_steps_are_in_order),     TEST(whichever_step_fails_is_told),
        TEST(a_write_that_fails_is_told), TEST(a_folder_is_synced_in_the_one_above),
        TEST(what_is_too_short_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
