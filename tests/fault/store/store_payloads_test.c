/* Payloads in rows and in files: what is read back, and when a file is removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"

#include <errno.h>
#include <sys/stat.h>

static void payloads_come_back_as_they_went(void **state)
{
    static const size_t sizes[] = { 0, 1, 1024, STORE_INLINE_MAX };
    static uint8_t data[STORE_INLINE_MAX];
    struct store *s = open_or_die(*state, NULL);
    struct store_payload got;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < 4; i++) {
        struct store_payload p = inline_payload(data, sizes[i]);
        assert_int_equal(store_put_payload(s, STORE_INPUT, i + 1, &p), PV_OK);
    }
    committed(s, STORE_NOW);
    store_close(&s);
    s = open_or_die(*state, NULL);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(store_get_payload(s, STORE_INPUT, i + 1, &got), PV_OK);
        assert_int_equal(got.length, sizes[i]);
        assert_non_null(got.bytes);
        assert_memory_equal(got.bytes, data, sizes[i]);
        wire_hash h = hash_of(data, sizes[i]);
        assert_memory_equal(&got.sha256, &h, sizeof h);
    }
    assert_int_equal(store_get_payload(s, STORE_RESULT, 1, &got), PV_NOT_FOUND);
    store_close(&s);
}

static void put_number(struct store *s, uint64_t row, uint64_t number)
{
    struct store_payload p = inline_payload((const uint8_t *)&number, sizeof number);
    assert_int_equal(store_put_payload(s, STORE_INPUT, row, &p), PV_OK);
}

static void is_number(struct store *s, uint64_t row, uint64_t number)
{
    struct store_payload got;
    assert_int_equal(store_get_payload(s, STORE_INPUT, row, &got), PV_OK);
    assert_int_equal(got.length, sizeof number);
    assert_memory_equal(got.bytes, &number, sizeof number);
}

static bool is_none(struct store *s, uint64_t row)
{
    struct store_payload got;
    return store_get_payload(s, STORE_INPUT, row, &got) == PV_NOT_FOUND;
}

/* More than a store keeps in memory of what was written last. */
static void much_is_written(struct store *s)
{
    enum { ROWS = 1100 };
    static uint8_t data[STORE_INLINE_MAX];
    for (uint64_t row = 0; row < ROWS; row++) {
        struct store_payload p = inline_payload(data, sizeof data);
        assert_int_equal(store_put_payload(s, STORE_RESULT, 1000 + row, &p), PV_OK);
        if (row % 100 == 99) committed(s, STORE_NOW);
    }
}

/* One after the other, so that a store may read more of them than it is asked for, with what is not committed yet left out. */
static void rows_that_change_between_reads_are_read_as_they_are(void **state)
{
    enum { ROWS = 100, CHANGED = 7, GONE = 9, NEW = 300 };
    struct store *s = open_or_die(*state, NULL);
    for (uint64_t row = 1; row <= ROWS; row++)
        if (row != 50) put_number(s, row, row);
    committed(s, STORE_NOW);
    store_close(&s);
    s = open_or_die(*state, NULL);
    for (uint64_t row = 1; row <= ROWS; row++)
        if (row != 50) is_number(s, row, row);
    assert_true(is_none(s, 50));

    put_number(s, CHANGED, 1);
    assert_int_equal(store_delete_payload(s, STORE_INPUT, GONE), PV_OK);
    for (uint64_t row = 1; row < CHANGED; row++) is_number(s, row, row);
    committed(s, STORE_NOW);
    much_is_written(s);
    is_number(s, CHANGED, 1);
    is_number(s, CHANGED + 1, CHANGED + 1);
    assert_true(is_none(s, GONE));

    put_number(s, NEW, NEW);
    for (uint64_t row = ROWS - 5; row <= ROWS; row++) is_number(s, row, row);
    assert_true(is_none(s, ROWS + 1));
    committed(s, STORE_NOW);
    much_is_written(s);
    assert_true(is_none(s, ROWS + 1));
    is_number(s, NEW, NEW);
    store_close(&s);
}

static void same_content_is_one_file_until_its_last_row(void **state)
{
    char *dir = *state;
    struct store *s = open_or_die(dir, NULL);
    struct store_payload p, got;
    for (uint64_t row = 1; row <= 2; row++) {
        assert_int_equal(file_payload(s, 7, &p), PV_OK);
        assert_int_equal(store_put_payload(s, STORE_INPUT, row, &p), PV_OK);
        committed(s, STORE_NOW);
    }
    assert_int_equal(files_in(dir, "blobs"), 1);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(files_in(dir, "blobs"), 1);
    /* The last name goes and a new one comes in the same transaction: the file stays. */
    assert_int_equal(store_delete_task(s, 2), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_RESULT, 3, &p), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(files_in(dir, "blobs"), 1);
    assert_int_equal(store_get_payload(s, STORE_RESULT, 3, &got), PV_OK);
    assert_null(got.bytes);
    int fd = blobs_read(store_blobs(s), got.sha256);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 100000);
    assert_int_equal(store_delete_task(s, 3), PV_OK);
    assert_int_equal(files_in(dir, "blobs"), 1); /* not before the commit */
    committed(s, STORE_NOW);
    assert_int_equal(files_in(dir, "blobs"), 0);
    close(fd);
    store_close(&s);
}

static void orphans_are_swept_at_the_start(void **state)
{
    char *dir = *state;
    struct store *s = open_or_die(dir, NULL);
    struct store_payload named, orphan;
    struct blob_writer half;
    assert_int_equal(file_payload(s, 1, &named), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &named), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(file_payload(s, 2, &orphan), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 2, &orphan), PV_OK); /* never committed */
    assert_int_equal(blob_writer_start(&half, store_blobs(s), 10, named.sha256), PV_OK);
    assert_int_equal(blob_writer_feed(&half, "abc", 3), PV_OK);
    assert_int_equal(files_in(dir, "blobs"), 2);
    assert_int_equal(files_in(dir, "incoming"), 1);
    store_close(&s);
    s = open_or_die(dir, NULL);
    assert_int_equal(files_in(dir, "blobs"), 1);
    assert_int_equal(files_in(dir, "incoming"), 0);
    int fd = blobs_read(store_blobs(s), named.sha256);
    assert_true(fd >= 0);
    close(fd);
    close(half.fd);
    sha256_clear(&half.hash);
    store_close(&s);
}

static void an_upload_of_other_content_is_not_kept(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct blob_writer w;
    wire_hash h = hash_of("abc", 3);
    assert_int_equal(blob_writer_start(&w, store_blobs(s), 3, h), PV_OK);
    assert_int_equal(blob_writer_feed(&w, "abd", 3), PV_OK);
    assert_int_equal(blob_writer_feed(&w, "x", 1), PV_TOO_LARGE);
    assert_int_equal(blob_writer_keep(&w), PV_HASH_MISMATCH);
    assert_int_equal(blob_writer_start(&w, store_blobs(s), 3, h), PV_OK);
    assert_int_equal(blob_writer_feed(&w, "ab", 2), PV_OK);
    assert_int_equal(blob_writer_keep(&w), PV_HASH_MISMATCH);
    assert_int_equal(files_in(*state, "blobs"), 0);
    assert_int_equal(files_in(*state, "incoming"), 0);
    store_close(&s);
}

/* Otherwise a crash of the machine could bring back a row whose file is gone. */
static void a_file_stays_until_its_end_is_durable(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct store_payload p;
    assert_int_equal(file_payload(s, 7, &p), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &p), PV_OK);
    uint64_t named = committed(s, STORE_SOON);
    store_sync(s);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    committed(s, STORE_LAZY);
    store_settle(s); /* this sync began before the deletion */
    assert_int_equal(store_durable(s), named);
    assert_int_equal(files_in(*state, "blobs"), 1);
    store_sync(s);
    assert_false(store_syncing(s)); /* nothing asked for a sync */
    store_tidy(s);
    store_sync(s);
    store_settle(s);
    assert_int_equal(store_durable(s), named + 1);
    assert_int_equal(files_in(*state, "blobs"), 0);
    store_close(&s);
}

/* A file loses its name, gets another and loses that too. The name in between is what is durable, so the file stays. */
static void a_file_named_again_meanwhile_stays(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct store_payload p;
    assert_int_equal(file_payload(s, 7, &p), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &p), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    committed(s, STORE_LAZY);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 2, &p), PV_OK);
    uint64_t named = committed(s, STORE_SOON);
    store_sync(s);
    assert_int_equal(store_delete_task(s, 2), PV_OK);
    store_settle(s);
    assert_int_equal(store_durable(s), named);
    assert_int_equal(files_in(*state, "blobs"), 1);
    committed(s, STORE_NOW);
    assert_int_equal(files_in(*state, "blobs"), 0);
    store_close(&s);
}

/* The last row with a content goes while an upload with the same content gets its name: the name is the upload's. */
static void a_file_being_published_is_not_removed(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct store_payload p;
    struct blob_writer w;
    static uint8_t data[100000];
    memset(data, 7, sizeof data);
    assert_int_equal(file_payload(s, 7, &p), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &p), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(blob_writer_start(&w, store_blobs(s), sizeof data, p.sha256), PV_OK);
    assert_int_equal(blob_writer_feed(&w, data, sizeof data), PV_OK);
    blob_writer_spare(&w);
    assert_int_equal(blob_writer_finish(&w), PV_OK);
    assert_int_equal(blob_writer_publish(&w), PV_OK);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(files_in(*state, "blobs"), 1);
    blob_writer_end(&w, PV_OK);
    store_forget_file(s, p.sha256); /* and no row wants the upload either */
    committed(s, STORE_NOW);
    assert_int_equal(files_in(*state, "blobs"), 0);
    store_close(&s);
}

static void reads_of_a_batch_share_one_view(void **state)
{
    static const uint8_t data[4] = "abc";
    struct store *s = open_or_die(*state, NULL);
    struct store_payload p = inline_payload(data, sizeof data), got;
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &p), PV_OK);
    committed(s, STORE_NOW);
    store_read_begin(s);
    assert_int_equal(store_get_payload(s, STORE_INPUT, 1, &got), PV_OK);
    assert_memory_equal(got.bytes, data, sizeof data);
    assert_int_equal(store_get_payload(s, STORE_INPUT, 2, &got), PV_NOT_FOUND);
    store_read_end(s);
    assert_int_equal(store_delete_task(s, 1), PV_OK); /* writes go on after the reads */
    committed(s, STORE_NOW);
    assert_int_equal(store_get_payload(s, STORE_INPUT, 1, &got), PV_NOT_FOUND);
    store_close(&s);
}

static void no_space_for_a_payload_is_told_apart(void **state)
{
    struct faults f = { .error = { [FAULT_WRITE] = ENOSPC } };
    struct store *s = open_or_die(*state, &f);
    struct store_payload p;
    f.fail_at[FAULT_WRITE] = f.seen[FAULT_WRITE] + 1;
    assert_int_equal(file_payload(s, 1, &p), PV_DISK_FULL);
    assert_null(store_failure(s)); /* the upload is refused, the store goes on */
    assert_int_equal(files_in(*state, "incoming"), 0);
    assert_int_equal(file_payload(s, 1, &p), PV_OK);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(payloads_come_back_as_they_went),
        IN_A_FOLDER(rows_that_change_between_reads_are_read_as_they_are),
        IN_A_FOLDER(same_content_is_one_file_until_its_last_row),
        IN_A_FOLDER(orphans_are_swept_at_the_start),
        IN_A_FOLDER(an_upload_of_other_content_is_not_kept),
        IN_A_FOLDER(a_file_stays_until_its_end_is_durable),
        IN_A_FOLDER(a_file_named_again_meanwhile_stays),
        IN_A_FOLDER(a_file_being_published_is_not_removed),
        IN_A_FOLDER(reads_of_a_batch_share_one_view),
        IN_A_FOLDER(no_space_for_a_payload_is_told_apart),
    };
    return cmocka_run_group_tests(tests, scene_up, scene_down);
}
