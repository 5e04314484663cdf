/* A payload is written, synced, given its name, and the folder synced, before anything names it; the folders of a new
 * store are synced too. Whichever step fails is told as what it is: no room ends the upload, all else the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"

#include "disk_steps.h"

#include <errno.h>

static const char *hex(char text[WIRE_HASH_TEXT])
{
    return wire_hash_text(text, hash_of("abc", 3));
}

/* Uploads "abc" with the step after n others failing; n -1: none. */
static pv_status keep(struct store *s, const char *dir, int n, int error)
{
    struct blob_writer w;
    disk_steps_watch(dir);
    disk_steps_fail(n, error);
    pv_status got = blob_writer_start(&w, store_blobs(s), 3, hash_of("abc", 3));
    assert_int_equal(got, PV_OK);
    got = blob_writer_feed(&w, "abc", 3);
    if (got == PV_OK)
        got = blob_writer_keep(&w);
    else
        blob_writer_drop(&w);
    assert_int_equal(disk_steps_failed(), n >= 0);
    disk_steps_fail(-1, 0);
    return got;
}

static void the_steps_are_in_order(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    char text[WIRE_HASH_TEXT], steps[512];
    assert_int_equal(keep(s, *state, -1, 0), PV_OK);
    snprintf(steps, sizeof steps, "write incoming/1; sync incoming/1; rename incoming/1 to blobs/%s; sync blobs",
             hex(text));
    assert_string_equal(disk_steps(), steps);
    disk_steps_watch(NULL);
    store_close(&s);
}

static void whichever_step_fails_is_told(void **state)
{
    static const struct {
        int step, error;
        pv_status told;
    } cases[] = {
        { 0, EIO, PV_IO },           { 0, ENOSPC, PV_DISK_FULL }, { 0, EDQUOT, PV_DISK_FULL },
        { 1, EIO, PV_STORE },        { 1, ENOSPC, PV_DISK_FULL }, { 2, EIO, PV_STORE },
        { 2, ENOSPC, PV_DISK_FULL }, { 3, EIO, PV_STORE },        { 3, ENOSPC, PV_STORE },
    };
    struct store *s = open_or_die(*state, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(keep(s, *state, cases[i].step, cases[i].error), cases[i].told);
        assert_int_equal(files_in(*state, "incoming"), 0);
    }
    assert_int_equal(keep(s, *state, -1, 0), PV_OK);
    assert_int_equal(files_in(*state, "blobs"), 1);
    disk_steps_watch(NULL);
    store_close(&s);
}

static void the_folders_of_a_new_store_are_synced(void **state)
{
    struct blobs b;
    disk_steps_watch(*state);
    assert_int_equal(blobs_open(&b, *state, NULL), PV_OK);
    assert_string_equal(disk_steps(), "sync .");
    blobs_close(&b);
    disk_steps_watch(*state);
    disk_steps_fail(0, EIO);
    assert_int_equal(blobs_open(&b, *state, NULL), PV_IO);
    disk_steps_fail(-1, 0);
    disk_steps_watch(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(the_steps_are_in_order),
        IN_A_FOLDER(whichever_step_fails_is_told),
        IN_A_FOLDER(the_folders_of_a_new_store_are_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
