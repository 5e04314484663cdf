/* Files, pipes and stdin read to their end, and what is said when they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "file_io.h"
#include "temp_dir.h"
#include "whole_file.h"

enum { MANY = 300000 }; /* more than is read at first, and than a pipe holds */

static char dir[64], bytes[MANY];

static int setup(void **state)
{
    for (size_t i = 0; i < MANY; i++) bytes[i] = (char)(i * 2654435761u >> 24);
    temp_dir_make(dir);
    return chdir(dir);
}

static int teardown(void **state)
{
    if (chdir("/")) return -1;
    temp_dir_remove(dir);
    return 0;
}

static void make(const char *path, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(file_write_all(fd, bytes, n), 0);
    close(fd);
}

static void reads(const char *path, size_t most, size_t want)
{
    struct whole_file f;
    struct file_why why = { "" };
    pv_status s = whole_file_read(&f, path, most, &why);
    if (s != PV_OK) fail_msg("%s: %s", path, why.text);
    assert_int_equal(f.n, want);
    assert_memory_equal(f.bytes, bytes, want);
    whole_file_clear(&f);
    assert_null(f.bytes);
}

static void refuses(const char *path, size_t most, pv_status want, const char *word)
{
    struct whole_file f = { NULL, 77 };
    struct file_why why = { "" };
    assert_int_equal(whole_file_read(&f, path, most, &why), want);
    if (!strstr(why.text, word)) fail_msg("%s: \"%s\"", path, why.text);
    assert_int_equal(f.n, 77);
}

static void regular_files_at_the_limit(void **state)
{
    make("a", MANY);
    reads("a", MANY, MANY);
    refuses("a", MANY - 1, PV_TOO_LARGE, "a: has 300000 bytes, the limit is 299999");
    make("empty", 0);
    reads("empty", 0, 0);
}

static void *feed(void *fd)
{
    file_write_all(*(int *)fd, bytes, MANY);
    close(*(int *)fd);
    return NULL;
}

/* A pipe with MANY bytes to come, by its path. */
static pthread_t a_pipe(char path[32], int ends[2])
{
    pthread_t writer;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&writer, NULL, feed, &ends[1]), 0);
    snprintf(path, 32, "/dev/fd/%d", ends[0]);
    return writer;
}

static void pipes_at_the_limit(void **state)
{
    for (int less = 0; less < 2; less++) {
        char path[32];
        int ends[2];
        pthread_t writer = a_pipe(path, ends);
        if (less)
            refuses(path, MANY - 1, PV_TOO_LARGE, "has more than 299999 bytes, which is the limit");
        else
            reads(path, MANY, MANY);
        close(ends[0]);
        pthread_join(writer, NULL);
    }
}

static void a_dash_is_stdin(void **state)
{
    make("a", 10);
    int before = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10), in = open("a", O_RDONLY | O_CLOEXEC);
    dup2(in, STDIN_FILENO);
    close(in);
    reads("-", 10, 10);
    lseek(STDIN_FILENO, 0, SEEK_SET);
    refuses("-", 9, PV_TOO_LARGE, "stdin: has 10 bytes");
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* it stays open */
    dup2(before, STDIN_FILENO);
    close(before);
}

static void what_is_no_file_is_named(void **state)
{
    make("a", 1);
    refuses("none", 9, PV_NOT_FOUND, "none: No such file");
    refuses("a/b", 9, PV_NOT_FOUND, "Not a directory");
    refuses(".", 9, PV_INVALID_INPUT, "folder");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(regular_files_at_the_limit),
        TEST(pipes_at_the_limit),
        TEST(a_dash_is_stdin),
        TEST(what_is_no_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
