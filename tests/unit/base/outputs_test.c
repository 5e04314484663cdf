/* What a command leaves: files that appear whole, both or neither, where the user said and nowhere else. rename, link
 * and fsync are recorded, and made to fail at will. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "outputs.h"
#include "temp_dir.h"

static char dir[64];

/* --- the recorder --- */

static char record[256]; /* a letter for each call: s file synced, r renamed, l linked, S folder synced */
static int fail_rename, fail_fsync, fail_link; /* which one from now on, 0: none */
static void (*at_each_call)(void);

int __real_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __real_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_fsync(int fd);

static bool fails(int *count, char letter)
{
    size_t n = strlen(record);
    if (n + 1 < sizeof record) record[n] = letter, record[n + 1] = '\0';
    return *count > 0 && --*count == 0;
}

static void note(void)
{
    if (at_each_call) at_each_call();
}

int __wrap_rename(const char *from, const char *to)
{
    bool fail = fails(&fail_rename, 'r');
    int did = fail ? (errno = EBUSY, -1) : __real_rename(from, to);
    int error = errno;
    note();
    return errno = error, did;
}

int __wrap_link(const char *from, const char *to)
{
    int did = fails(&fail_link, 'l') ? (errno = EPERM, -1) : __real_link(from, to), error = errno;
    note();
    return errno = error, did;
}

int __wrap_fsync(int fd)
{
    struct stat st;
    fstat(fd, &st);
    int did = fails(&fail_fsync, S_ISDIR(st.st_mode) ? 'S' : 's') ? (errno = EIO, -1) : __real_fsync(fd), error = errno;
    note();
    return errno = error, did;
}

/* --- words of this test --- */

static int setup(void **state)
{
    temp_dir_make(dir);
    fail_rename = fail_fsync = fail_link = 0;
    *record = '\0';
    at_each_call = NULL;
    return chdir(dir);
}

static int teardown(void **state)
{
    if (chdir("/")) return -1;
    temp_dir_remove(dir);
    return 0;
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static const char *text_of(const char *path)
{
    static char text[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return "(none)";
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

#define assert_text(path, text) assert_string_equal(text_of(path), text)

static int names(void)
{
    int n = 0;
    DIR *d = opendir(".");
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static ino_t inode(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_ino;
}

static struct file_why why;

static pv_status try_both(struct outputs *o, const char *one, const char *two, const char *input)
{
    const char *paths[] = { one, two }, *inputs[] = { NULL, input };
    why.text[0] = '\0';
    return outputs_open(o, paths, two ? 2 : 1, inputs, 2, &why);
}

/* Opens, writes "new" and "newer", closes. */
static pv_status write_both(const char *one, const char *two)
{
    static const struct output_bytes bytes[] = { { "new", 3 }, { "newer", 5 } };
    struct outputs o;
    pv_status s = try_both(&o, one, two, NULL);
    if (s == PV_OK) {
        s = outputs_write(&o, bytes, &why);
        outputs_close(&o);
    }
    return s;
}

static void refused(pv_status want, const char *word, const char *one, const char *two, const char *input)
{
    struct outputs o;
    int before = names();
    pv_status s = try_both(&o, one, two, input);
    if (s != want || !strstr(why.text, word)) fail_msg("%s, %s: %d \"%s\"", one, two ? two : "", s, why.text);
    assert_int_equal(names(), before);
}

static void accepted(const char *one, const char *two, const char *input)
{
    struct outputs o;
    int before = names();
    pv_status s = try_both(&o, one, two, input);
    if (s != PV_OK) fail_msg("%s, %s: %d \"%s\"", one, two ? two : "", s, why.text);
    outputs_close(&o);
    outputs_close(&o);
    assert_int_equal(names(), before);
}

static void as_nobody(void)
{
    if (geteuid() != 0) skip(); /* root may all, so it plays another user */
    assert_int_equal(chmod(".", 0755), 0);
    assert_int_equal(seteuid(65534), 0);
}

/* --- one file --- */

static void a_new_file_has_the_umasks_mode(void **state)
{
    struct stat st;
    mode_t before = umask(0027);
    assert_int_equal(write_both("a", NULL), PV_OK);
    umask(before);
    assert_text("a", "new");
    assert_int_equal(stat("a", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(names(), 1);
}

static void a_plain_file_is_replaced_and_keeps_mode_and_owner(void **state)
{
    struct stat st;
    put("a", "old");
    assert_int_equal(chmod("a", 0604), 0);
    bool root = geteuid() == 0 && chown("a", 65534, 65533) == 0;
    ino_t before = inode("a");
    assert_int_equal(write_both("a", NULL), PV_OK);
    assert_text("a", "new");
    assert_int_not_equal(inode("a"), before);
    assert_int_equal(stat("a", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0604);
    if (root) assert_true(st.st_uid == 65534 && st.st_gid == 65533);
    assert_int_equal(names(), 1);
}

static void links_stay_links(void **state)
{
    assert_int_equal(mkdir("d", 0755), 0);
    put("d/a", "old");
    assert_int_equal(symlink("d/b", "c"), 0);
    assert_int_equal(symlink("a", "d/b"), 0);   /* relative to its own folder */
    assert_int_equal(symlink("d/new", "e"), 0); /* to nothing */
    assert_int_equal(write_both("c", "e"), PV_OK);
    assert_text("d/a", "new");
    assert_text("d/new", "newer");
    char to[8] = "";
    assert_int_equal(readlink("c", to, sizeof to), 3);
    assert_int_equal(readlink("d/b", to, sizeof to), 1);
    assert_int_equal(readlink("e", to, sizeof to), 5);
    assert_int_equal(symlink("loop", "loop"), 0);
    refused(PV_IO, "symbolic links", "loop", NULL, NULL);
}

static void all_names_of_a_file_see_the_new_bytes(void **state)
{
    put("a", "a longer old text");
    assert_int_equal(link("a", "b"), 0);
    assert_int_equal(write_both("a", "c"), PV_OK);
    assert_text("b", "new");
    assert_text("c", "newer");
    assert_int_equal(names(), 3);
}

static void a_file_with_attributes_is_written_where_it_is(void **state)
{
    put("a", "old");
    if (setxattr("a", "user.owner", "me", 2, 0)) skip();
    ino_t before = inode("a");
    assert_int_equal(write_both("a", NULL), PV_OK);
    assert_text("a", "new");
    assert_int_equal(inode("a"), before);
}

static void a_file_in_a_folder_that_takes_no_new_ones_is_written_where_it_is(void **state)
{
    put("a", "old");
    assert_int_equal(chmod("a", 0666), 0);
    as_nobody();
    pv_status s = write_both("a", NULL), t = write_both("b", NULL);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(s, PV_OK);
    assert_text("a", "new");
    assert_int_equal(t, PV_IO);
    assert_non_null(strstr(why.text, "Permission denied"));
}

static void another_users_file_in_a_shared_folder_is_written_where_it_is(void **state)
{
    assert_int_equal(mkdir("tmp", 0755), 0);
    assert_int_equal(chmod("tmp", 01777), 0);
    put("tmp/a", "old");
    assert_int_equal(chmod("tmp/a", 0666), 0);
    ino_t before = inode("tmp/a");
    as_nobody();
    pv_status s = write_both("tmp/a", NULL);
    assert_int_equal(seteuid(0), 0);
    if (s != PV_OK) skip(); /* fs.protected_regular may forbid it altogether */
    assert_text("tmp/a", "new");
    assert_int_equal(inode("tmp/a"), before);
}

static void a_file_without_the_right_to_write_is_not_replaced(void **state)
{
    assert_int_equal(mkdir("own", 0777), 0);
    assert_int_equal(chmod("own", 0777), 0);
    put("own/a", "old");
    assert_int_equal(chmod("own/a", 0444), 0);
    as_nobody();
    struct outputs o;
    pv_status s = try_both(&o, "own/a", NULL, NULL);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(s, PV_IO);
    assert_non_null(strstr(why.text, "Permission denied"));
}

/* --- what is no file --- */

static void *read_fifo(void *text)
{
    strcpy(text, text_of("pipe"));
    return NULL;
}

static void a_pipe_is_written_and_stays(void **state)
{
    char got[64] = "";
    pthread_t reader;
    struct stat st;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    accepted("pipe", "a", NULL); /* and nobody reads yet */
    assert_int_equal(pthread_create(&reader, NULL, read_fifo, got), 0);
    assert_int_equal(write_both("pipe", NULL), PV_OK);
    pthread_join(reader, NULL);
    assert_string_equal(got, "new");
    assert_int_equal(lstat("pipe", &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
}

static void descriptors_are_written_where_they_are(void **state)
{
    char path[32], link_to_it[] = "stdout";
    put("log", "before,");
    int fd = open("log", O_WRONLY | O_APPEND | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_int_equal(symlink(path, link_to_it), 0);
    assert_int_equal(write_both(link_to_it, NULL), PV_OK);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    assert_int_equal(write_both(path, "a"), PV_OK);
    close(fd);
    assert_text("log", "before,newnew");
    assert_text("a", "newer");
    assert_int_equal(names(), 3);
    fd = open("log", O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    refused(PV_IO, "not open for writing", path, NULL, NULL);
    close(fd);
    refused(PV_IO, "cannot be written", path, NULL, NULL);
}

/* With stdout at a file of ours. */
static void a_dash_is_stdout(void **state)
{
    fflush(stdout);
    int before = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10), to = open("out", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(dup2(to, STDOUT_FILENO), STDOUT_FILENO);
    close(to);
    printf("said,");
    struct outputs o;
    pv_status twice = try_both(&o, "-", "/dev/stdout", NULL), named = try_both(&o, "./out", "-", NULL),
              alone = try_both(&o, "x", "out", NULL);
    bool used = alone == PV_OK && outputs_use_stdout(&o);
    outputs_close(&o);
    pv_status s = write_both("-", "b");
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    assert_int_equal(s, PV_OK);
    assert_text("out", "said,new");
    assert_text("b", "newer");
    assert_int_equal(names(), 2); /* no file "-" */
    assert_true(twice == PV_USAGE && named == PV_USAGE && used);
}

static void places_that_cannot_be_written_are_told_before(void **state)
{
    put("a", "old");
    refused(PV_IO, "No such file", "no/such/proof", NULL, NULL);
    refused(PV_IO, "No such file", "", NULL, NULL);
    refused(PV_IO, "directory", ".", NULL, NULL);
    refused(PV_IO, "directory", "new/", NULL, NULL);
    refused(PV_IO, "directory", "a/b", NULL, NULL);
    refused(PV_IO, "directory", "b", "no/such", NULL);
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "socket" };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    refused(PV_IO, "No such device", "socket", NULL, NULL); /* it cannot be opened */
    close(fd);
    accepted("a", "b", NULL);
    assert_text("a", "old");
}

/* --- equal ones --- */

static void two_outputs_are_two_files(void **state)
{
    put("a", "old");
    assert_int_equal(link("a", "hard"), 0);
    assert_int_equal(symlink("a", "soft"), 0);
    assert_int_equal(symlink("x", "dangling"), 0);
    assert_int_equal(symlink(".", "here"), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    static const char *const same[][2] = {
        { "a", "a" },      { "a", "./a" },      { "a", "hard" },   { "soft", "hard" }, { "x", "./x" },
        { "x", "here/x" }, { "x", "dangling" }, { "here/a", "a" }, { "pipe", "pipe" }, { "dangling", "here/here/x" }
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        refused(PV_USAGE, "are one file", same[i][0], same[i][1], NULL);
    accepted("a", "x", NULL);
    accepted("x", "y", NULL);
    accepted("/dev/null", "/dev/null", NULL); /* it keeps nothing */
}

static void an_output_is_no_input(void **state)
{
    put("key", "key");
    assert_int_equal(link("key", "hard"), 0);
    assert_int_equal(symlink("key", "soft"), 0);
    static const char *const names_of_it[] = { "key", "./key", "hard", "soft" };
    for (size_t i = 0; i < 4; i++) {
        refused(PV_USAGE, "would overwrite the input", names_of_it[i], NULL, "key");
        refused(PV_USAGE, "would overwrite the input", "b", names_of_it[i], "hard");
    }
    accepted("b", NULL, "key");
    accepted("b", "c", "no-such-input");
    accepted("/dev/null", NULL, "/dev/null");
    int before = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10), in = open("key", O_RDONLY | O_CLOEXEC);
    dup2(in, STDIN_FILENO);
    close(in);
    struct outputs o;
    pv_status s = try_both(&o, "soft", NULL, "-");
    dup2(before, STDIN_FILENO);
    close(before);
    assert_int_equal(s, PV_USAGE);
    assert_text("key", "key");
}

/* --- both or neither --- */

static void as_before(void)
{
    assert_text("a", "old");
    assert_text("b", "older");
    assert_int_equal(names(), 2);
}

static void whichever_step_fails_both_are_as_before(void **state)
{
    put("a", "old");
    put("b", "older");
    int steps = 0;
    for (int i = 1; i < 20; i++, steps++) {
        fail_rename = i;
        pv_status s = write_both("a", "b");
        fail_rename = 0;
        if (s == PV_OK) break;
        assert_int_equal(s, PV_IO);
        as_before();
    }
    assert_int_equal(steps, 3); /* the old second one goes, and two come */
    put("a", "old");
    put("b", "older");
    for (int i = 1; i < 20; i++, steps++) {
        fail_fsync = i;
        pv_status s = write_both("a", "b");
        fail_fsync = 0;
        if (s == PV_OK) break;
        as_before();
    }
    assert_int_equal(steps, 3 + 4); /* two files, two folders */
    put("a", "old");
    put("b", "older");
    fail_link = 1;
    fail_rename = 3; /* the second to come, where there are no hard links */
    assert_int_equal(write_both("a", "b"), PV_IO);
    as_before();
}

static void a_file_alone_is_never_lost(void **state)
{
    put("a", "old");
    fail_rename = 1;
    assert_int_equal(write_both("a", NULL), PV_IO);
    assert_text("a", "old");
    fail_fsync = 2; /* its folder, when the new one is in place */
    assert_int_equal(write_both("a", NULL), PV_IO);
    assert_text("a", "new");
    assert_int_equal(names(), 1);
}

static void whichever_step_fails_nothing_is_there_as_before(void **state)
{
    for (fail_rename = 1; fail_rename < 3; fail_rename++) {
        int at = fail_rename;
        assert_int_equal(write_both("a", "b"), PV_IO);
        assert_int_equal(names(), 0);
        fail_rename = at;
    }
    put("b", "older");
    fail_rename = 3; /* b aside, a, b */
    assert_int_equal(write_both("a", "b"), PV_IO);
    assert_text("b", "older");
    assert_int_equal(names(), 1);
}

/* Seen from outside after each step: a new proof never stands beside old values. */
static unsigned looks;

static void no_mixture(void)
{
    bool fresh = !strcmp(text_of("a"), "new"), old = !strcmp(text_of("b"), "older");
    if (fresh && old) fail_msg("a new first file beside an old second one, after \"%s\"", record);
    looks++;
}

static void both_are_put_and_never_mixed(void)
{
    looks = 0;
    at_each_call = no_mixture;
    assert_int_equal(write_both("a", "b"), PV_OK);
    at_each_call = NULL;
    assert_true(looks >= 4);
    assert_text("a", "new");
    assert_text("b", "newer");
}

static void a_process_that_ends_in_between_leaves_no_mixture(void **state)
{
    put("a", "old");
    put("b", "older");
    both_are_put_and_never_mixed();
    assert_int_equal(names(), 2);
}

static void nor_where_the_first_is_overwritten(void **state)
{
    put("a", "old");
    put("b", "older");
    assert_int_equal(link("a", "a2"), 0);
    both_are_put_and_never_mixed();
    assert_text("a2", "new");
    assert_int_equal(names(), 3);
}

/* The signal comes to a thread that does not block it, as threads of a pool do. */
static atomic_int hung_up;

static void on_hang_up(int sig)
{
    hung_up = sig;
}

static void hang_up(void)
{
    static int done;
    if (done || !strchr(record, 'r')) return; /* from the first file that is put */
    done = 1;
    kill(getpid(), SIGHUP);
    nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    if (hung_up) fail_msg("the signal did not wait, after \"%s\"", record);
}

static void *idle(void *fd)
{
    char byte;
    while (read(*(int *)fd, &byte, 1) < 0 && errno == EINTR) continue;
    return NULL;
}

static void signals_wait_for_files_whatever_threads_there_are(void **state)
{
    pthread_t thread;
    int ends[2];
    struct sigaction mine = { .sa_handler = on_hang_up }, before;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&thread, NULL, idle, &ends[0]), 0);
    sigaction(SIGHUP, &mine, &before);
    at_each_call = hang_up;
    assert_int_equal(write_both("a", "b"), PV_OK);
    at_each_call = NULL;
    assert_int_equal(hung_up, SIGHUP); /* afterwards it came */
    struct sigaction now;
    sigaction(SIGHUP, &before, &now);
    assert_ptr_equal(now.sa_handler, on_hang_up);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
}

static void files_are_synced_before_and_folders_after(void **state)
{
    assert_int_equal(write_both("a", "b"), PV_OK);
    assert_string_equal(record, "ssrrSS");
    *record = '\0';
    assert_int_equal(write_both("a", NULL), PV_OK);
    assert_string_equal(record, "srS");
    *record = '\0';
    assert_int_equal(write_both("a", "b"), PV_OK);
    assert_string_equal(record, "sslrrrSS");
    assert_int_equal(link("a", "c"), 0);
    *record = '\0';
    assert_int_equal(write_both("a", NULL), PV_OK);
    assert_string_equal(record, "s");
}

static void files_with_several_names_come_back_too(void **state)
{
    put("a", "old");
    put("b", "older");
    assert_int_equal(link("a", "a2"), 0);
    for (int step = 1; step <= 2; step++) { /* the old b goes, the new b comes */
        fail_rename = step;
        assert_int_equal(write_both("a", "b"), PV_IO);
        assert_text("a2", "old");
        assert_text("b", "older");
        assert_int_equal(names(), 3);
    }
    assert_int_equal(link("b", "b2"), 0);
    fail_fsync = 2;
    assert_int_equal(write_both("b", "a"), PV_IO);
    assert_text("a2", "old");
    assert_text("b2", "older");
    assert_int_equal(write_both("b", "a"), PV_OK);
    assert_text("b2", "new");
    assert_text("a2", "newer");
}

/* A limit on file size stands in for a disk that fills. */
static pv_status write_much(const char *one, const char *two)
{
    static const char much[10000];
    const struct output_bytes bytes[] = { { "new", 3 }, { much, sizeof much } };
    struct outputs o;
    struct rlimit before, small;
    assert_int_equal(try_both(&o, one, two, NULL), PV_OK);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){ 4096, before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    pv_status s = outputs_write(&o, bytes, &why);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    outputs_close(&o);
    return s;
}

static void a_full_disk_changes_nothing(void **state)
{
    put("a", "old");
    put("b", "older");
    assert_int_equal(write_much("a", "b"), PV_DISK_FULL);
    as_before();
    assert_int_equal(link("b", "c"), 0);
    assert_int_equal(write_much("a", "b"), PV_DISK_FULL);
    assert_text("a", "old");
    assert_text("c", "older");
    assert_int_equal(names(), 3);
    assert_int_equal(write_both("a", "/dev/full"), PV_DISK_FULL);
    assert_non_null(strstr(why.text, "/dev/full: cannot be written: No space left"));
    assert_int_equal(write_both("/dev/full", "b"), PV_DISK_FULL);
    assert_text("a", "old");
    assert_text("b", "older");
}

static void a_folder_that_came_meanwhile_is_not_touched(void **state)
{
    static const struct output_bytes bytes[] = { { "new", 3 }, { "newer", 5 } };
    struct outputs o;
    put("b", "older");
    assert_int_equal(try_both(&o, "a", "b", NULL), PV_OK);
    assert_int_equal(symlink("b", "a"), 0);
    assert_int_equal(outputs_write(&o, bytes, &why), PV_IO);
    outputs_close(&o);
    assert_text("a", "older");
    assert_int_equal(names(), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_has_the_umasks_mode),
        TEST(a_plain_file_is_replaced_and_keeps_mode_and_owner),
        TEST(links_stay_links),
        TEST(all_names_of_a_file_see_the_new_bytes),
        TEST(a_file_with_attributes_is_written_where_it_is),
        TEST(a_file_in_a_folder_that_takes_no_new_ones_is_written_where_it_is),
        TEST(another_users_file_in_a_shared_folder_is_written_where_it_is),
        TEST(a_file_without_the_right_to_write_is_not_replaced),
        TEST(a_pipe_is_written_and_stays),
        TEST(descriptors_are_written_where_they_are),
        TEST(a_dash_is_stdout),
        TEST(places_that_cannot_be_written_are_told_before),
        TEST(two_outputs_are_two_files),
        TEST(an_output_is_no_input),
        TEST(whichever_step_fails_both_are_as_before),
        TEST(a_file_alone_is_never_lost),
        TEST(whichever_step_fails_nothing_is_there_as_before),
        TEST(a_process_that_ends_in_between_leaves_no_mixture),
        TEST(nor_where_the_first_is_overwritten),
        TEST(signals_wait_for_files_whatever_threads_there_are),
        TEST(files_are_synced_before_and_folders_after),
        TEST(files_with_several_names_come_back_too),
        TEST(a_full_disk_changes_nothing),
        TEST(a_folder_that_came_meanwhile_is_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
