/* The watermark: what was written last is read, whatever happened to one slot, and what was damaged is never believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "temp_dir.h"
#include "watermark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOT = 512 };

static char dir[64];
static int root = -1;

static int folder(void **state)
{
    temp_dir_make(dir);
    root = open(dir, O_RDONLY | O_DIRECTORY);
    return root < 0;
}

static int folder_gone(void **state)
{
    close(root);
    temp_dir_remove(dir);
    return 0;
}

static struct watermark_values values(uint64_t commits)
{
    return (struct watermark_values){ .identity = { { 7, 1 } }, .commits = commits, .epoch = (uint32_t)commits + 3 };
}

/* The newest after so many writes. */
static void written(uint64_t commits)
{
    struct watermark w;
    assert_int_equal(watermark_open(&w, root), PV_OK);
    for (uint64_t n = 1; n <= commits; n++) {
        struct watermark_values v = values(n);
        assert_int_equal(n % 2 ? watermark_write(&w, &v) : watermark_write_synced(&w, &v), 0);
        assert_int_equal(w.at.commits, n);
    }
    watermark_close(&w);
}

static void expect(bool known, uint64_t commits)
{
    struct watermark w;
    struct watermark_values want = values(commits);
    assert_int_equal(watermark_open(&w, root), PV_OK);
    assert_int_equal(w.known, known);
    if (known) assert_true(wire_id_equal(w.at.identity, want.identity));
    if (known) assert_int_equal(w.at.commits, want.commits);
    if (known) assert_int_equal(w.at.epoch, want.epoch);
    watermark_close(&w);
}

static void change(off_t at, uint8_t by)
{
    uint8_t byte;
    int fd = openat(root, "watermark", O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= by;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void what_was_written_last_is_read(void **state)
{
    expect(false, 0);
    for (uint64_t n = 1; n < 6; n++) {
        temp_dir_remove(dir);
        close(root);
        folder(state);
        written(n);
        expect(true, n);
    }
}

static void a_torn_slot_leaves_the_one_before(void **state)
{
    written(5);
    for (off_t at = 0; at < 56; at++) { /* slot 1 has the odd ones */
        change(SLOT + at, 0x20);
        expect(true, 4);
        change(SLOT + at, 0x20);
        expect(true, 5);
    }
    change(SLOT + 9, 1);
    change(9, 1);
    expect(false, 0);
}

static void one_that_is_cut_or_garbage_is_not_believed(void **state)
{
    written(2);
    char path[128];
    snprintf(path, sizeof path, "%s/watermark", dir);
    assert_int_equal(truncate(path, 40), 0);
    expect(false, 0);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 1024; i++) fputc(i * 7, f);
    fclose(f);
    expect(false, 0);
    written(1);
    expect(true, 1);
}

static void one_that_cannot_be_written_says_so(void **state)
{
    struct watermark w;
    struct watermark_values v = values(1);
    assert_int_equal(mkdirat(root, "watermark", 0700), 0);
    assert_int_equal(watermark_open(&w, root), PV_IO);
    assert_false(w.known);
    assert_int_equal(watermark_write(&w, &v), EBADF);
    assert_false(w.known);
    watermark_close(&w);
    assert_int_equal(unlinkat(root, "watermark", AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("/dev/full", root, "watermark"), 0);
    assert_int_equal(watermark_open(&w, root), PV_IO);
    assert_int_equal(watermark_write_synced(&w, &v), EBADF);
    watermark_close(&w);
}

#define IN_A_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder, folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(what_was_written_last_is_read),
        IN_A_FOLDER(a_torn_slot_leaves_the_one_before),
        IN_A_FOLDER(one_that_is_cut_or_garbage_is_not_believed),
        IN_A_FOLDER(one_that_cannot_be_written_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
