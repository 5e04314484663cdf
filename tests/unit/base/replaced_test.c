/* A file that is replaced: after each step what stands at its name, beside it and in the record, and the same when something else has
 * come to stand there. */
#include "replaced.h"
#include "temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], name[96], other[96];
static struct replaced r;

static int setup(void **state)
{
    temp_dir_make(dir);
    snprintf(name, sizeof name, "%s/file", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    r = (struct replaced){ .name = name, .mode = 0640 };
    return 0;
}

static int teardown(void **state)
{
    replaced_undo(&r);
    temp_dir_remove(dir);
    return 0;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* What the name has, and how many names there are. text NULL: nothing. */
static void there(const char *text, unsigned names)
{
    char got[64] = "";
    FILE *f = fopen(name, "r");
    assert_int_equal(f != NULL, text != NULL);
    if (f) {
        got[fread(got, 1, sizeof got - 1, f)] = 0;
        fclose(f);
        assert_string_equal(got, text);
    }
    unsigned n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    assert_int_equal(n, names);
}

static mode_t mode_of(const char *path)
{
    struct stat s;
    assert_int_equal(lstat(path, &s), 0);
    return s.st_mode & 07777;
}

static void each_step_leaves_what_it_says(void **state)
{
    put(name, "old");
    assert_int_equal(replaced_try(&r), 0);
    there("old", 1);
    assert_int_equal(replaced_stage(&r, "new", 3), 0);
    there("old", 2);
    assert_int_equal(mode_of(r.temporary), 0640);
    assert_int_equal(replaced_set_aside(&r, REPLACED_STAYS), 0);
    assert_non_null(r.aside);
    there("old", 3);
    assert_int_equal(replaced_put(&r), 0);
    assert_true(r.put && !r.temporary);
    there("new", 2);
    assert_int_equal(replaced_sync(&r), 0);
    replaced_done(&r);
    assert_true(!r.aside && !r.temporary);
    there("new", 1);
    assert_int_equal(mode_of(name), 0640);
}

static void undo_is_as_before_at_any_point(void **state)
{
    for (int steps = 0; steps <= 3; steps++)
        for (int how = REPLACED_STAYS; how <= REPLACED_GOES; how++) {
            put(name, "old");
            r = (struct replaced){ .name = name, .mode = 0600 };
            if (steps > 0) assert_int_equal(replaced_stage(&r, "new", 3), 0);
            if (steps > 1) assert_int_equal(replaced_set_aside(&r, (enum replaced_aside)how), 0);
            if (steps > 1 && how == REPLACED_GOES) there(NULL, 2);
            if (steps > 2) assert_int_equal(replaced_put(&r), 0);
            replaced_undo(&r);
            assert_true(!r.aside && !r.temporary && !r.put);
            there("old", 1);
        }
}

static void where_nothing_was_undo_leaves_nothing(void **state)
{
    assert_int_equal(replaced_stage(&r, "new", 3), 0);
    assert_int_equal(replaced_set_aside(&r, REPLACED_STAYS), 0);
    assert_null(r.aside);
    assert_int_equal(replaced_put(&r), 0);
    there("new", 1);
    replaced_undo(&r);
    there(NULL, 0);
}

/* Over an old file that was not set aside: better the new one than none. */
static void over_an_old_one_the_new_one_stays(void **state)
{
    struct stat old;
    put(name, "old");
    assert_int_equal(stat(name, &old), 0);
    r.like = &old;
    assert_int_equal(replaced_stage(&r, "new", 3), 0);
    assert_int_equal(replaced_put(&r), 0);
    replaced_undo(&r);
    there("new", 1);
}

/* It was a file when it was asked. A link is not followed and not replaced, a folder not moved. */
static void what_is_no_file_is_left_alone(void **state)
{
    put(other, "its");
    assert_int_equal(symlink(other, name), 0);
    assert_int_equal(replaced_stage(&r, "new", 3), 0);
    assert_int_equal(replaced_set_aside(&r, REPLACED_STAYS), EEXIST);
    assert_int_equal(replaced_set_aside(&r, REPLACED_GOES), EEXIST);
    assert_null(r.aside);
    assert_int_equal(replaced_put(&r), EEXIST);
    assert_true(!r.put && r.temporary);
    there("its", 3);
    replaced_undo(&r);
    there("its", 2);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkdir(name, 0700), 0);
    assert_int_equal(replaced_set_aside(&r, REPLACED_GOES), EEXIST);
    assert_null(r.aside);
    assert_int_equal(mode_of(name), 0700);
    assert_int_equal(rmdir(name), 0);
}

static void no_folder_is_told_at_each_step(void **state)
{
    char nowhere[128];
    snprintf(nowhere, sizeof nowhere, "%s/nowhere/file", dir);
    r.name = nowhere;
    assert_int_equal(replaced_try(&r), ENOENT);
    assert_int_equal(replaced_stage(&r, "new", 3), ENOENT);
    assert_null(r.temporary);
    assert_int_equal(replaced_set_aside(&r, REPLACED_STAYS), 0);
    assert_int_equal(replaced_sync(&r), 0);
    r.name = name;
    put(other, "its");
    snprintf(nowhere, sizeof nowhere, "%s/file", other);
    r.name = nowhere;
    assert_int_equal(replaced_try(&r), ENOTDIR);
    assert_int_equal(replaced_set_aside(&r, REPLACED_STAYS), ENOTDIR);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_step_leaves_what_it_says),         T(undo_is_as_before_at_any_point),
        T(where_nothing_was_undo_leaves_nothing), T(over_an_old_one_the_new_one_stays),
        T(what_is_no_file_is_left_alone),         T(no_folder_is_told_at_each_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
