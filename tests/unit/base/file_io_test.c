/* Bytes that reach a file whole or fail: short writes, ends of files, no room, and a publish that leaves nothing half done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "file_io.h"
#include "fsync_watch.h"
#include "temp_dir.h"

enum { MANY = 1 << 20 };

static char dir[64];
static unsigned char sent[MANY], got[MANY];
static int folder;

static int setup(void **state)
{
    temp_dir_make(dir);
    folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < MANY; i++) sent[i] = (unsigned char)(i * 2654435761u >> 24);
    memset(got, 0, sizeof got);
    return folder < 0;
}

static int teardown(void **state)
{
    close(folder);
    temp_dir_remove(dir);
    return 0;
}

static int file_new(const char *name)
{
    return openat(folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static bool there(const char *name)
{
    struct stat st;
    return !fstatat(folder, name, &st, 0);
}

static void *read_slowly(void *fd)
{
    size_t have = 0;
    for (ssize_t n; have < MANY && (n = read(*(int *)fd, got + have, MANY - have < 4099 ? MANY - have : 4099)) > 0;)
        have += (size_t)n;
    return NULL;
}

static void short_writes_go_on(void **state)
{
    int ends[2];
    pthread_t reader;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
    assert_int_equal(file_write_all(ends[1], sent, MANY), 0); /* sixteen times what the pipe holds */
    close(ends[1]);
    pthread_join(reader, NULL);
    close(ends[0]);
    assert_memory_equal(sent, got, MANY);
}

static void writes_at_an_offset_leave_the_position(void **state)
{
    int fd = file_new("x");
    assert_int_equal(file_write_all_at(fd, sent, 1000, 500), 0);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    assert_int_equal(file_write_all(fd, sent, 500), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(file_read_all(fd, got, 1500), 0);
    assert_memory_equal(got, sent, 500);
    assert_memory_equal(got + 500, sent, 1000);
    assert_int_equal(file_read_all(fd, got, 1), ENODATA);
    close(fd);
}

static void no_room_is_told(void **state)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0) skip();
    assert_int_equal(file_write_all(full, sent, 10), ENOSPC);
    close(full);
    assert_int_equal(file_write_all(-1, sent, 10), EBADF);
    assert_int_equal(file_write_status(ENOSPC), PV_DISK_FULL);
    assert_int_equal(file_write_status(EDQUOT), PV_DISK_FULL);
    assert_int_equal(file_write_status(EFBIG), PV_DISK_FULL);
    assert_int_equal(file_write_status(EIO), PV_IO);
}

static void a_published_file_has_its_name_and_no_other(void **state)
{
    int fd = file_new("a.tmp");
    assert_int_equal(file_write_all(fd, "new", 3), 0);
    assert_int_equal(file_publish(folder, fd, "a.tmp", "a"), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
    assert_true(there("a"));
    assert_false(there("a.tmp"));
}

static void a_failed_publish_leaves_the_old_file_and_nothing_beside_it(void **state)
{
    assert_int_equal(mkdirat(folder, "a", 0700), 0); /* a folder: rename fails */
    int fd = file_new("a.tmp");
    assert_int_equal(file_publish(folder, fd, "a.tmp", "a"), EISDIR);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_true(there("a"));
    assert_false(there("a.tmp"));
}

/* A crash of the machine must not take a folder that is relied on. */
static void a_new_folder_is_synced_in_the_one_above(void **state)
{
    static const char *const names[] = { "/new", "/other/", "//third", "/new" /* again: it is there */ };
    char path[128];
    struct stat st;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s%s", dir, names[i]);
        fsync_watch(dir);
        assert_int_equal(file_folder_make(path), 0);
        assert_true(fsync_seen);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
    }
    fsync_watch(dir);
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(file_folder_make("here"), 0);
    assert_true(fsync_seen);
    fsync_watch(NULL);
}

static void a_folder_that_was_not_made_or_synced_is_said(void **state)
{
    char path[128];
    fsync_error = EIO;
    snprintf(path, sizeof path, "%s/failing", dir);
    assert_int_equal(file_folder_make(path), EIO);
    fsync_error = 0;
    snprintf(path, sizeof path, "%s/no/such", dir);
    assert_int_equal(file_folder_make(path), ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(short_writes_go_on),
        TEST(writes_at_an_offset_leave_the_position),
        TEST(no_room_is_told),
        TEST(a_published_file_has_its_name_and_no_other),
        TEST(a_new_folder_is_synced_in_the_one_above),
        TEST(a_folder_that_was_not_made_or_synced_is_said),
        TEST(a_failed_publish_leaves_the_old_file_and_nothing_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
