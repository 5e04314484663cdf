/* Bytes on their way to a file: in order, whatever their pieces; a job does a bounded part; single bytes cost no more than they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "feed.h"
#include "temp_dir.h"

#include <unistd.h>

enum { LENGTH = (9 << 20) + 12345 };

static char dir[64];
static struct blobs blobs;
static struct feed feed;
static uint8_t *data, *got;
static wire_hash hash;

static void begin(uint64_t length)
{
    memset(&feed, 0, sizeof feed);
    assert_int_equal(sha256_of(&hash, data, length), PV_OK);
    assert_int_equal(blob_writer_start(&feed.writer, &blobs, length, hash), PV_OK);
    feed_init(&feed);
}

static void finish(pv_status published)
{
    blob_writer_end(&feed.writer, published);
    feed_clear(&feed);
}

static void expect_file(uint64_t length)
{
    int fd = blobs_read(&blobs, hash);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, LENGTH), length);
    assert_memory_equal(got, data, length);
    close(fd);
}

/* Large, small, single bytes, at every side of the limits. */
static void pieces_of_any_size_come_out_in_order(void **state)
{
    static const size_t sizes[] = {
        1, 262144, FEED_SMALL_BYTES - 1, FEED_SMALL_BYTES, 1, 1, FEED_SMALL_BYTES + 1, 5000, 5000, 5000, 5000, 100000
    };
    begin(LENGTH);
    size_t i = 0;
    for (uint64_t at = 0; at < LENGTH; i++) {
        size_t n = sizes[i % (sizeof sizes / sizeof *sizes)];
        if (n > LENGTH - at) n = (size_t)(LENGTH - at);
        assert_int_equal(feed_put(&feed, data + at, n, i % 2 ? frame_copy(data + at, n) : NULL), PV_OK);
        at += n;
    }
    assert_int_equal(feed_put(&feed, data, 1, NULL), PV_TOO_LARGE);
    assert_int_equal(feed_close(&feed), PV_OK);
    while (feed_has_work(&feed)) assert_int_equal(feed_work(&feed), PV_OK);
    assert_true(feed_whole(&feed));
    feed_back(&feed);
    assert_int_equal(feed_waiting(&feed), 0);
    finish(PV_OK);
    expect_file(LENGTH);
}

static void a_job_does_a_bounded_part(void **state)
{
    begin(LENGTH);
    for (uint64_t at = 0; at < LENGTH; at += 1 << 20)
        assert_int_equal(feed_put(&feed, data + at, LENGTH - at < 1 << 20 ? (size_t)(LENGTH - at) : 1 << 20, NULL),
                         PV_OK);
    assert_int_equal(feed_close(&feed), PV_OK);
    for (uint64_t left = LENGTH; left > FEED_RUN_BYTES; left -= FEED_RUN_BYTES) {
        assert_int_equal(feed_waiting(&feed), left);
        assert_int_equal(feed_work(&feed), PV_OK);
        feed_back(&feed);
    }
    assert_false(feed_whole(&feed));
    assert_int_equal(feed_work(&feed), PV_OK);
    assert_true(feed_whole(&feed));
    finish(PV_OK);
    expect_file(LENGTH);
}

/* A job between every two bytes: nothing is handed in before it is worth it. */
static void single_bytes_are_gathered(void **state)
{
    enum { BYTES = 3 * FEED_GATHER_BYTES + 5 };
    size_t most = 0;
    begin(BYTES);
    for (size_t at = 0; at < BYTES; at++) {
        assert_int_equal(feed_put(&feed, data + at, 1, NULL), PV_OK);
        if (feed.n > most) most = feed.n;
    }
    assert_int_equal(most, 3);
    assert_int_equal(feed_waiting(&feed), 3 * FEED_GATHER_BYTES);
    assert_int_equal(feed_close(&feed), PV_OK);
    while (feed_has_work(&feed)) assert_int_equal(feed_work(&feed), PV_OK);
    finish(PV_OK);
    expect_file(BYTES);
}

static void other_bytes_are_noticed_before_the_file_has_a_name(void **state)
{
    begin(LENGTH);
    data[LENGTH - 1] ^= 1;
    assert_int_equal(feed_put(&feed, data, LENGTH, NULL), PV_OK);
    data[LENGTH - 1] ^= 1;
    assert_int_equal(feed_close(&feed), PV_OK);
    pv_status st = PV_OK;
    while (st == PV_OK && feed_has_work(&feed)) st = feed_work(&feed);
    assert_int_equal(st, PV_HASH_MISMATCH);
    assert_false(feed_whole(&feed));
    finish(st);
    assert_int_equal(blobs_read(&blobs, hash), -1);
}

static void one_that_is_stopped_writes_no_more(void **state)
{
    begin(LENGTH);
    assert_int_equal(feed_put(&feed, data, LENGTH, NULL), PV_OK);
    assert_int_equal(feed_close(&feed), PV_OK);
    feed_stop(&feed);
    assert_int_equal(feed_work(&feed), PV_GONE);
    feed_back(&feed);
    assert_int_equal(feed_waiting(&feed), LENGTH);
    finish(PV_GONE);
    assert_int_equal(blobs_read(&blobs, hash), -1);
}

static unsigned freed;

static void count_free(struct frame *self)
{
    freed++;
}

/* A frame that somebody else holds outlives the feed's use of it, and is freed once. */
static void a_frame_is_freed_by_the_last(void **state)
{
    struct frame f = { .bytes = data, .n = LENGTH, .refs = 1, .free = count_free }, *held = frame_hold(&f);
    freed = 0;
    begin(LENGTH);
    assert_int_equal(feed_put(&feed, data, LENGTH, &f), PV_OK);
    assert_int_equal(feed_close(&feed), PV_OK);
    while (feed_has_work(&feed)) assert_int_equal(feed_work(&feed), PV_OK);
    finish(PV_OK);
    assert_int_equal(freed, 0);
    frame_release(&held);
    assert_int_equal(freed, 1);
    assert_null(held);
    frame_release(&held);
}

static int fresh(void **state)
{
    temp_dir_make(dir);
    data = malloc(LENGTH);
    got = malloc(LENGTH);
    for (size_t i = 0; i < LENGTH; i++) data[i] = (uint8_t)(i * 31 + i / 256);
    return blobs_open(&blobs, dir, NULL) != PV_OK;
}

static int gone(void **state)
{
    blobs_close(&blobs);
    temp_dir_remove(dir);
    free(data);
    free(got);
    return 0;
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(pieces_of_any_size_come_out_in_order),
        FRESH(a_job_does_a_bounded_part),
        FRESH(single_bytes_are_gathered),
        FRESH(other_bytes_are_noticed_before_the_file_has_a_name),
        FRESH(one_that_is_stopped_writes_no_more),
        FRESH(a_frame_is_freed_by_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
