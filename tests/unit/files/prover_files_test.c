/* Inputs that are not usable files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "mapfile.h"
#include "sha256.h"
#include "shared_bytes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/provost-files-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[2][512];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int make_folder(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') remove(in_folder(e->d_name));
    closedir(d);
    return rmdir(folder);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void assert_refused(const char *path, pv_status want, const char *word)
{
    struct mapfile m = { .size = 77 };
    struct prove_error err = { 0 };
    assert_int_equal(mapfile_open(&m, path, &err), want);
    assert_int_equal(err.status, want);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, word));
    assert_int_equal(m.size, 77);
    assert_int_equal(mapfile_open(&m, path, NULL), want);
}

static void refuses_what_is_not_a_file(void **state)
{
    (void)state;
    assert_refused(in_folder("nothing"), PV_NOT_FOUND, "No such file");
    assert_refused(folder, PV_INVALID_INPUT, "folder");
    write_text(in_folder("empty"), "");
    assert_refused(in_folder("empty"), PV_INVALID_INPUT, "empty");
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_refused(in_folder("pipe"), PV_INVALID_INPUT, "regular"); /* and does not wait for a writer */
    assert_refused("/dev/null", PV_INVALID_INPUT, "regular");
    write_text(in_folder("file"), "x");
    assert_refused(in_folder("file/below"), PV_NOT_FOUND, "Not a directory");
}

static void refuses_an_unreadable_file(void **state)
{
    (void)state;
    if (geteuid() == 0) skip(); /* root reads everything */
    write_text(in_folder("secret"), "x");
    chmod(in_folder("secret"), 0);
    assert_refused(in_folder("secret"), PV_IO, "Permission denied");
}

static void maps_a_file_that_outlives_its_name(void **state)
{
    (void)state;
    struct mapfile m;
    write_text(in_folder("file"), "hello");
    assert_int_equal(mapfile_open(&m, in_folder("file"), NULL), PV_OK);
    assert_int_equal(m.size, 5);
    remove(in_folder("file"));
    assert_memory_equal(m.bytes, "hello", 5);
    mapfile_close(&m);
    mapfile_close(&m);
}

static void reads_a_file_that_may_change_afterwards(void **state)
{
    (void)state;
    struct mapfile m = { .size = 77 };
    const atomic_int stop = 1;
    const struct mapfile_limits four = { .bytes_most = 4 }, five = { .bytes_most = 5 }, stopped = { .stop = &stop };
    write_text(in_folder("file"), "hello");
    assert_int_equal(mapfile_read(&m, in_folder("file"), &four, NULL), PV_TOO_LARGE);
    assert_int_equal(mapfile_read(&m, in_folder("file"), &stopped, NULL), PV_CANCELLED);
    assert_int_equal(m.size, 77);
    assert_int_equal(mapfile_read(&m, in_folder("file"), &five, NULL), PV_OK);
    assert_true(mapfile_is_current(&m, in_folder("file")));
    write_text(in_folder("file"), "");
    assert_false(mapfile_is_current(&m, in_folder("file")));
    assert_memory_equal(m.bytes, "hello", 5); /* mapped, this would be SIGBUS */
    remove(in_folder("file"));
    assert_false(mapfile_is_current(&m, in_folder("file")));
    mapfile_pass_by(&m, m.bytes, m.size);
    assert_memory_equal(m.bytes, "hello", 5);
    mapfile_close(&m);
}

/* Once, whatever the pieces are in which the file is read. */
static void a_digest_gets_every_byte_as_it_is_read(void **state)
{
    (void)state;
    enum { BYTES = (2 << 20) + 77 };
    struct mapfile m;
    struct sha256 sha = { 0 };
    wire_hash read, wanted;
    const struct mapfile_limits limits = { .digest = &sha };
    char *text = malloc(BYTES + 1);
    for (size_t i = 0; i < BYTES; i++) text[i] = (char)('a' + i % 23 + i / 100000);
    text[BYTES] = 0;
    write_text(in_folder("file"), text);
    assert_int_equal(sha256_start(&sha), PV_OK);
    assert_int_equal(mapfile_read(&m, in_folder("file"), &limits, NULL), PV_OK);
    assert_int_equal(sha256_finish(&sha, &read), PV_OK);
    assert_int_equal(sha256_of(&wanted, text, BYTES), PV_OK);
    assert_true(wire_hash_equal(read, wanted));
    assert_memory_equal(m.bytes, text, BYTES);
    sha256_clear(&sha);
    mapfile_close(&m);
    free(text);
}

static size_t descriptors(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* What a child gets to see is this process's own copy: whatever becomes of the file, and it cannot be written to. */
static void a_copy_can_be_lent(void **state)
{
    (void)state;
    struct mapfile m;
    struct shared_bytes theirs;
    struct prove_error err = { 0 };
    const struct mapfile_limits limits = { .lendable = true };
    const size_t before = descriptors();
    write_text(in_folder("file"), "hello");
    assert_int_equal(mapfile_read(&m, in_folder("file"), &limits, &err), PV_OK);
    assert_true(m.owned && m.lendable > 2);
    write_text(in_folder("file"), "HELLO");
    assert_int_equal(shared_bytes_of(&theirs, dup(m.lendable), 5), PV_OK);
    assert_memory_equal(theirs.at, "hello", 5);
    assert_ptr_equal(mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, m.lendable, 0), MAP_FAILED);
    assert_int_equal(pwrite(m.lendable, "x", 1, 0), -1);
    mapfile_close(&m);
    assert_memory_equal(theirs.at, "hello", 5);
    shared_bytes_clear(&theirs);
    assert_int_equal(descriptors(), before);
}

/* A node with thousands of keys needs its descriptors for other things. */
static void where_descriptors_are_short_a_copy_is_private(void **state)
{
    (void)state;
    struct mapfile m[40];
    struct rlimit was, few;
    const struct mapfile_limits limits = { .lendable = true };
    size_t lendable = 0, before = descriptors();
    write_text(in_folder("file"), "hello");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = (struct rlimit){ 60, was.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(mapfile_read(&m[i], in_folder("file"), &limits, NULL), PV_OK);
        assert_memory_equal(m[i].bytes, "hello", 5);
        lendable += m[i].lendable != 0;
    }
    assert_in_range(lendable, 1, 30);
    assert_in_range(descriptors(), before + 1, 35);
    for (size_t i = 0; i < 40; i++) mapfile_close(&m[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(descriptors(), before);
}

static void a_file_that_ends_early_or_changes_is_said_to(void **state)
{
    (void)state;
    struct prove_error err = { 0 };
    struct file_stamp stamp;
    char bytes[8];
    int fd;
    write_text(in_folder("file"), "hello");
    assert_int_equal(regular_open(&fd, &stamp, in_folder("file"), &err), PV_OK);
    assert_int_equal(regular_unchanged(fd, &stamp, "file", &err), PV_OK);
    write_text(in_folder("file"), "bye");
    assert_int_equal(regular_read(fd, bytes, 5, 0, "file", &err), PV_IO);
    assert_non_null(strstr(err.text, "cut short"));
    assert_int_equal(regular_unchanged(fd, &stamp, "file", &err), PV_IO);
    assert_non_null(strstr(err.text, "written to"));
    close(fd);
}

int main(void)
{
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(refuses_what_is_not_a_file),
        IN_FOLDER(refuses_an_unreadable_file),
        IN_FOLDER(maps_a_file_that_outlives_its_name),
        IN_FOLDER(reads_a_file_that_may_change_afterwards),
        IN_FOLDER(a_digest_gets_every_byte_as_it_is_read),
        IN_FOLDER(a_copy_can_be_lent),
        IN_FOLDER(where_descriptors_are_short_a_copy_is_private),
        IN_FOLDER(a_file_that_ends_early_or_changes_is_said_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
