/* Uploads: credit is never exceeded, a cut upload goes on where it was, everything is bounded, and files are synced in
 * the background. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "temp_dir.h"
#include "upload.h"

#include <sys/eventfd.h>

enum { WINDOW = 1000, CHUNK = 300, LENGTH = 5000 };

static char dir[64];
static struct blobs blobs;
static struct uploads *t;
static struct shares shares;
static uint8_t data[LENGTH];
static wire_hash hash;
static const struct transfer_key input = { .kind = WIRE_KIND_INPUT, .task = { { 1 } } };

static uint64_t credit_offset, credit_bytes, credits, sent_to;
static const struct upload_note note;

static void credit(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes)
{
    credit_offset = offset;
    credit_bytes = bytes;
    credits++;
    sent_to = peer;
}

static enum upload_step feed(uint64_t peer, uint64_t offset, size_t bytes, pv_status *st)
{
    struct upload done;
    return upload_chunk(t, &input, peer, offset, data + offset, bytes, 0, &done, st);
}

/* Sends chunks as credit allows until the upload ends, or up to offset `until`. */
static enum upload_step feed_from(uint64_t peer, uint64_t offset, uint64_t until, pv_status *st)
{
    enum upload_step step = UPLOAD_MORE;
    while (step == UPLOAD_MORE && offset < until) {
        uint64_t n = until - offset < CHUNK ? until - offset : CHUNK;
        assert_true(offset + n <= credit_offset + credit_bytes || credit_offset + credit_bytes == LENGTH);
        if (offset + n > credit_offset + credit_bytes) n = credit_offset + credit_bytes - offset;
        step = feed(peer, offset, n, st);
        offset += n;
    }
    return step;
}

static void an_upload_asks_for_a_window_at_a_time(void **state)
{
    pv_status st;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(credit_offset, 0);
    assert_int_equal(credit_bytes, WINDOW);
    assert_int_equal(feed_from(1, 0, LENGTH, &st), UPLOAD_COMPLETE);
    assert_int_equal(st, PV_OK);
    int fd = blobs_read(&blobs, hash);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(uploads_read_stats(t).bytes_reserved, 0);
}

static void a_cut_upload_goes_on_where_it_was(void **state)
{
    pv_status st;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(feed_from(1, 0, 2000, &st), UPLOAD_MORE);
    uploads_peer_gone(t, 1);
    assert_int_equal(feed(1, 2000, 100, &st), UPLOAD_UNKNOWN);
    assert_int_equal(upload_start(t, &input, 2, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(credit_offset, 2000);
    assert_int_equal(sent_to, 2);
    assert_int_equal(feed_from(2, 2000, LENGTH, &st), UPLOAD_COMPLETE);
    assert_int_equal(st, PV_OK);
}

static void a_misplaced_chunk_is_dropped_and_answered_once(void **state)
{
    pv_status st;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    uint64_t before = credits;
    assert_int_equal(feed(1, 300, 300, &st), UPLOAD_MORE);
    assert_int_equal(feed(1, 600, 300, &st), UPLOAD_MORE);
    assert_int_equal(credits, before + 1);
    assert_int_equal(credit_offset, 0);
    assert_int_equal(feed_from(1, 0, LENGTH, &st), UPLOAD_COMPLETE);
    assert_int_equal(st, PV_OK);
}

static void other_content_fails_by_its_hash(void **state)
{
    pv_status st;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(feed_from(1, 0, 4900, &st), UPLOAD_MORE);
    data[4950] ^= 1;
    assert_int_equal(feed(1, 4900, 100, &st), UPLOAD_FAILED);
    data[4950] ^= 1;
    assert_int_equal(st, PV_HASH_MISMATCH);
    assert_int_equal(uploads_read_stats(t).uploads, 0);
}

static void uploads_are_bounded_and_the_forgotten_go(void **state)
{
    struct transfer_key other = input;
    other.task.bytes[0] = 2;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(upload_start(t, &other, 1, "acme", LENGTH, hash, &note, 50), PV_OK);
    other.task.bytes[0] = 3;
    assert_int_equal(upload_start(t, &other, 1, "acme", LENGTH, hash, &note, 50), PV_BUSY);
    assert_int_equal(uploads_of(t, "acme", 10), 2);
    assert_int_equal(uploads_of(t, "acme", 1), 1);
    assert_int_equal(uploads_of(t, "other", 10), 0);
    assert_int_equal(uploads_expire(t, 100, NULL), 150);
    assert_int_equal(uploads_read_stats(t).uploads, 1);
    assert_int_equal(upload_start(t, &other, 1, "acme", LENGTH, hash, &note, 100), PV_OK);
}

/* --- files synced by threads --- */

static struct disk_jobs *disk;
static int wake = -1;

/* Waits for the next upload whose file is synced. */
static enum upload_step published(struct upload *done, pv_status *st)
{
    enum upload_step step = UPLOAD_MORE;
    disk_jobs_settle(disk);
    assert_true(uploads_published(t, done, &step, st));
    return step;
}

static void a_whole_upload_is_told_once_it_is_synced(void **state)
{
    struct upload done;
    enum upload_step step;
    pv_status st;
    uint64_t n;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(feed_from(1, 0, LENGTH, &st), UPLOAD_MORE);
    assert_int_equal(uploads_read_stats(t).uploads, 1);
    assert_int_equal(uploads_expire(t, 1000, NULL), UINT64_MAX); /* it waits for no peer, so it does not expire */
    assert_int_equal(uploads_of(t, "acme", 10), 1);              /* and still counts for its principal */
    assert_int_equal(uploads_read_stats(t).publishing, 1);
    assert_int_equal(published(&done, &st), UPLOAD_COMPLETE);
    assert_int_equal(read(wake, &n, sizeof n), sizeof n);
    assert_int_equal(st, PV_OK);
    assert_int_equal(done.peer, 1);
    assert_true(wire_hash_equal(done.sha256, hash));
    assert_int_equal(uploads_read_stats(t).uploads, 0);
    assert_int_equal(uploads_of(t, "acme", 10), 0);
    assert_int_equal(uploads_read_stats(t).publishing, 0);
    assert_false(uploads_published(t, &done, &step, &st));
    int fd = blobs_read(&blobs, hash);
    assert_true(fd >= 0);
    close(fd);
}

static void one_that_is_dropped_meanwhile_is_nobodys(void **state)
{
    struct upload done;
    pv_status st;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(feed_from(1, 0, LENGTH, &st), UPLOAD_MORE);
    upload_drop(t, &input);
    assert_int_equal(feed(1, 0, 100, &st), UPLOAD_UNKNOWN);
    assert_int_equal(published(&done, &st), UPLOAD_UNKNOWN);
    assert_true(wire_hash_equal(done.sha256, hash));
    assert_int_equal(uploads_read_stats(t).bytes_reserved, 0);
}

static void one_announced_again_meanwhile_is_its_announcers(void **state)
{
    struct upload done;
    pv_status st;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(feed_from(1, 0, LENGTH, &st), UPLOAD_MORE);
    uploads_peer_gone(t, 1);
    uint64_t before = credits;
    assert_int_equal(upload_start(t, &input, 2, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(credits, before); /* no byte is missing */
    assert_int_equal(feed(2, 0, 100, &st), UPLOAD_UNKNOWN);
    assert_int_equal(published(&done, &st), UPLOAD_COMPLETE);
    assert_int_equal(done.peer, 2);
}

static void a_sync_that_fails_is_told(void **state)
{
    struct upload done;
    pv_status st;
    struct faults f = { .fail_at = { [FAULT_SYNC] = 1 } };
    blobs.faults = &f;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(feed_from(1, 0, LENGTH, &st), UPLOAD_MORE);
    assert_int_equal(published(&done, &st), UPLOAD_FAILED);
    assert_int_equal(st, PV_STORE);
    assert_int_equal(blobs_read(&blobs, hash), -1);
}

/* Also: uploads_destroy waits for files that are being published. */
static void uploads_of_the_same_content_do_not_meet(void **state)
{
    struct transfer_key other = input;
    pv_status st;
    struct upload done;
    other.task.bytes[0] = 2;
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(feed_from(1, 0, LENGTH, &st), UPLOAD_MORE);
    assert_int_equal(upload_start(t, &other, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    for (uint64_t at = 0; at < LENGTH; at += CHUNK) {
        size_t n = LENGTH - at < CHUNK ? (size_t)(LENGTH - at) : CHUNK;
        assert_int_equal(upload_chunk(t, &other, 1, at, data + at, n, 0, &done, &st), UPLOAD_MORE);
    }
}

static int fresh_with(struct disk_jobs *threads)
{
    struct uploads_config config = {
        .window = WINDOW,
        .uploads_max = 4 * LENGTH + 200,
        .abandoned_ms = 100,
        .shares = &shares,
        .credit = credit,
        .disk = threads,
    };
    temp_dir_make(dir);
    if (shares_init(&shares, 0, WINDOW) != PV_OK) return 1;
    for (size_t i = 0; i < LENGTH; i++) data[i] = (uint8_t)(i * 31 + i / 256);
    return blobs_open(&blobs, dir, NULL) != PV_OK || sha256_of(&hash, data, LENGTH) != PV_OK ||
           uploads_new(&t, &blobs, &config) != PV_OK;
}

static int fresh(void **state)
{
    return fresh_with(NULL);
}

static int fresh_threads(void **state)
{
    wake = eventfd(0, EFD_NONBLOCK);
    return wake < 0 || disk_jobs_start(&disk, wake, 2) != PV_OK || fresh_with(disk);
}

static int gone(void **state)
{
    uploads_destroy(&t);
    shares_clear(&shares);
    disk_jobs_stop(&disk);
    if (wake >= 0) close(wake);
    wake = -1;
    blobs_close(&blobs);
    temp_dir_remove(dir);
    return !LIST_EMPTY(&shares.principals);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, gone)
#define THREADS(f) cmocka_unit_test_setup_teardown(f, fresh_threads, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(an_upload_asks_for_a_window_at_a_time),
        FRESH(a_cut_upload_goes_on_where_it_was),
        FRESH(a_misplaced_chunk_is_dropped_and_answered_once),
        FRESH(other_content_fails_by_its_hash),
        FRESH(uploads_are_bounded_and_the_forgotten_go),
        THREADS(a_whole_upload_is_told_once_it_is_synced),
        THREADS(one_that_is_dropped_meanwhile_is_nobodys),
        THREADS(one_announced_again_meanwhile_is_its_announcers),
        THREADS(a_sync_that_fails_is_told),
        THREADS(uploads_of_the_same_content_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
