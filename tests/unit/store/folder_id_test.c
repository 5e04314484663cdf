/* The mark of a payload folder: what was written is read, and garbage is nobody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "folder_id.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static int root = -1, blobs = -1;

static int folder(void **state)
{
    temp_dir_make(dir);
    root = open(dir, O_RDONLY | O_DIRECTORY);
    if (root < 0 || mkdirat(root, "blobs", 0700)) return -1;
    blobs = openat(root, "blobs", O_RDONLY | O_DIRECTORY);
    return blobs < 0;
}

static int folder_gone(void **state)
{
    close(blobs);
    close(root);
    temp_dir_remove(dir);
    return 0;
}

static void put(const char *name, const char *text)
{
    int fd = openat(blobs, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void expect(enum folder_state want, uint8_t id, uint32_t epoch)
{
    struct folder_mark mark;
    assert_int_equal(folder_look(root, 1, &mark), want);
    assert_int_equal(mark.id.bytes[15], id);
    assert_int_equal(mark.epoch, epoch);
}

static void what_was_written_is_read(void **state)
{
    char name[FOLDER_NAME_BYTES];
    struct folder_mark mark = { .id = { { [15] = 9 } }, .epoch = UINT32_MAX };
    expect(FOLDER_EMPTY, 0, 0);
    assert_int_equal(folder_look(root, 2, &mark), FOLDER_ABSENT);
    put("ab", "payload");
    expect(FOLDER_UNKNOWN, 0, 0);
    mark = (struct folder_mark){ .id = { { [15] = 9 } }, .epoch = UINT32_MAX };
    assert_int_equal(folder_mark_write(blobs, &mark), PV_OK);
    expect(FOLDER_KNOWN, 9, UINT32_MAX);
    mark.epoch = 7;
    assert_int_equal(folder_mark_write(blobs, &mark), PV_OK);
    expect(FOLDER_KNOWN, 9, 7);
    assert_string_equal(folder_name(name, 1), "blobs");
    assert_string_equal(folder_name(name, FOLDERS_MOST), "blobs-99");
}

static void garbage_is_nobodys(void **state)
{
    static const char *const texts[] = { "",
                                         "000000000000000000000000000000",
                                         "00000000000000000000000000000009\n",
                                         "00000000000000000000000000000009 0000000007",
                                         "00000000000000000000000000000009 00000000 7\n",
                                         "00000000000000000000000000000009 9999999999\n",
                                         "0000000000000000000000000000000g 0000000007\n",
                                         "00000000000000000000000000000009-0000000007\n" };
    put("ab", "payload");
    put(".identity", "00000000000000000000000000000009 0000000007\n");
    expect(FOLDER_KNOWN, 9, 7);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(".identity", texts[i]);
        expect(FOLDER_UNKNOWN, 0, 0);
    }
    assert_int_equal(unlinkat(blobs, ".identity", 0), 0);
    assert_int_equal(mkdirat(blobs, ".identity", 0700), 0);
    expect(FOLDER_UNKNOWN, 0, 0);
    struct folder_mark mark = { .epoch = 1 };
    assert_int_not_equal(folder_mark_write(blobs, &mark), PV_OK);
    struct stat st;
    assert_int_not_equal(fstatat(blobs, ".identity.new", &st, 0), 0);
}

#define IN_A_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder, folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(what_was_written_is_read),
        IN_A_FOLDER(garbage_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
