/* Uploads: credit is never exceeded, a cut upload goes on where it was, everything is bounded, and files are synced in
 * the background. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "temp_dir.h"
#include "upload.h"

#include <dirent.h>
#include <errno.h>
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
    struct upload_piece piece = { offset, data + offset, bytes, NULL };
    return upload_chunk(t, &input, peer, &piece, 0, &done, st);
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
    uploads_drain(t);
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
    disk_jobs_settle(disk); /* its file has its name */
    upload_drop(t, &input);
    assert_int_equal(feed(1, 0, 100, &st), UPLOAD_UNKNOWN);
    assert_int_equal(published(&done, &st), UPLOAD_UNKNOWN);
    assert_true(wire_hash_equal(done.sha256, hash));
    assert_int_equal(uploads_read_stats(t).bytes_reserved, 0);
}

/* The thread that waits here is the only one. */
struct barrier {
    struct disk_job job;
    int pipe[2];
    bool closed;
};

static struct barrier barrier; /* which the end of a test that failed opens too */

static pv_status wait_here(struct disk_job *job)
{
    char c;
    return read(((struct barrier *)job)->pipe[0], &c, 1) == 1 ? PV_OK : PV_IO;
}

static void barrier_close(struct barrier *b)
{
    assert_int_equal(pipe(b->pipe), 0);
    b->closed = true;
    b->job.work = wait_here;
    disk_jobs_do(disk, &b->job);
}

/* What it did is taken back before the uploads look for their own. */
static void barrier_open(struct barrier *b)
{
    b->closed = false;
    assert_int_equal(write(b->pipe[1], "", 1), 1);
    struct disk_job *job = NULL;
    while (!job) job = disk_jobs_done(disk);
    assert_ptr_equal(job, &b->job);
    close(b->pipe[0]);
    close(b->pipe[1]);
}

static size_t files_in(const char *folder)
{
    size_t n = 0;
    char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, folder);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

/* Dropped before a thread came to it: nothing of it is left, and nobody is asked to forget a file that has no name. */
static void one_that_is_dropped_before_it_is_written_leaves_nothing(void **state)
{
    struct upload done;
    enum upload_step step;
    pv_status st;
    barrier_close(&barrier);
    assert_int_equal(upload_start(t, &input, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    assert_int_equal(feed_from(1, 0, LENGTH, &st), UPLOAD_MORE);
    assert_int_equal(uploads_read_stats(t).bytes_waiting, LENGTH);
    upload_drop(t, &input);
    assert_int_equal(files_in("incoming"), 1);
    barrier_open(&barrier);
    uploads_drain(t);
    assert_false(uploads_published(t, &done, &step, &st));
    assert_int_equal(uploads_read_stats(t).uploads, 0);
    assert_int_equal(uploads_read_stats(t).bytes_waiting, 0);
    assert_int_equal(files_in("incoming"), 0);
    assert_int_equal(files_in("blobs"), 0);
}

/* Large pieces, so that none is gathered. */
enum { PIECE = 10000, LARGE = 5 * PIECE + 77, LARGE_WINDOW = 2 * PIECE };

static uint8_t large[LARGE];

static enum upload_step large_feed(uint64_t at, size_t bytes, pv_status *st)
{
    struct upload done;
    struct upload_piece piece = { at, large + at, bytes, frame_copy(large + at, bytes) };
    return upload_chunk(t, &input, 1, &piece, 0, &done, st);
}

/* What has come and is not written is a window, whatever the sender does, and credit goes on once the disk has caught up. */
static void credit_follows_what_is_written(void **state)
{
    struct upload done;
    pv_status st;
    wire_hash of;
    for (size_t i = 0; i < LARGE; i++) large[i] = (uint8_t)(i * 7 + i / 251);
    assert_int_equal(sha256_of(&of, large, LARGE), PV_OK);
    barrier_close(&barrier);
    assert_int_equal(upload_start(t, &input, 1, "acme", LARGE, of, &note, 0), PV_OK);
    assert_int_equal(credit_bytes, LARGE_WINDOW);
    assert_int_equal(large_feed(0, PIECE, &st), UPLOAD_MORE);
    assert_int_equal(large_feed(PIECE, PIECE, &st), UPLOAD_MORE);
    assert_int_equal(credits, 1);
    assert_int_equal(large_feed(2 * PIECE, PIECE, &st), UPLOAD_MORE); /* beyond it: dropped, and said once */
    assert_int_equal(large_feed(2 * PIECE, PIECE, &st), UPLOAD_MORE);
    assert_int_equal(credits, 2);
    assert_int_equal(credit_offset, 2 * PIECE);
    assert_int_equal(credit_bytes, 0);
    assert_int_equal(uploads_read_stats(t).bytes_waiting, 2 * PIECE);
    barrier_open(&barrier);
    uploads_drain(t);
    assert_int_equal(credits, 3);
    assert_int_equal(credit_bytes, LARGE_WINDOW);
    assert_int_equal(uploads_read_stats(t).bytes_waiting, 0);
    for (uint64_t at = 2 * PIECE; at < LARGE; at += PIECE) {
        assert_int_equal(large_feed(at, LARGE - at < PIECE ? (size_t)(LARGE - at) : PIECE, &st), UPLOAD_MORE);
        uploads_drain(t);
    }
    assert_int_equal(published(&done, &st), UPLOAD_COMPLETE);
}

/* A disk that fails in the middle of one: it ends, and its sender's next chunk is nobody's. */
static void a_write_that_fails_in_the_background_ends_the_upload(void **state)
{
    struct upload done;
    pv_status st;
    struct faults f = { .fail_at = { [FAULT_WRITE] = 1 }, .error = { [FAULT_WRITE] = ENOSPC } };
    blobs.faults = &f;
    assert_int_equal(upload_start(t, &input, 1, "acme", LARGE, hash, &note, 0), PV_OK);
    assert_int_equal(large_feed(0, PIECE, &st), UPLOAD_MORE);
    uploads_drain(t);
    assert_int_equal(large_feed(PIECE, PIECE, &st), UPLOAD_UNKNOWN);
    assert_int_equal(published(&done, &st), UPLOAD_FAILED);
    assert_int_equal(st, PV_DISK_FULL);
    assert_int_equal(files_in("incoming"), 0);
    assert_int_equal(uploads_read_stats(t).uploads, 0);
}

/* The same with the one that is dropped while it waits to be told of. */
static void one_that_failed_may_be_dropped_before_it_is_told(void **state)
{
    struct upload done;
    enum upload_step step;
    pv_status st;
    struct faults f = { .fail_at = { [FAULT_WRITE] = 1 } };
    blobs.faults = &f;
    assert_int_equal(upload_start(t, &input, 1, "acme", LARGE, hash, &note, 0), PV_OK);
    assert_int_equal(large_feed(0, PIECE, &st), UPLOAD_MORE);
    uploads_drain(t);
    upload_drop(t, &input);
    assert_int_equal(uploads_expire(t, 1000, NULL), UINT64_MAX);
    assert_false(uploads_published(t, &done, &step, &st));
    assert_int_equal(uploads_read_stats(t).uploads, 0);
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
        struct upload_piece piece = { at, data + at, n, NULL };
        assert_int_equal(upload_chunk(t, &other, 1, &piece, 0, &done, &st), UPLOAD_MORE);
    }
}

static int fresh_with(struct disk_jobs *threads, uint64_t window)
{
    struct uploads_config config = {
        .window = window,
        .uploads_max = window == WINDOW ? 4 * LENGTH + 200 : 4 * LARGE,
        .abandoned_ms = 100,
        .shares = &shares,
        .credit = credit,
        .disk = threads,
    };
    temp_dir_make(dir);
    credits = 0;
    if (shares_init(&shares, 0, window) != PV_OK) return 1;
    for (size_t i = 0; i < LENGTH; i++) data[i] = (uint8_t)(i * 31 + i / 256);
    return blobs_open(&blobs, dir, NULL) != PV_OK || sha256_of(&hash, data, LENGTH) != PV_OK ||
           uploads_new(&t, &blobs, &config) != PV_OK;
}

static int fresh(void **state)
{
    return fresh_with(NULL, WINDOW);
}

static int fresh_threads(void **state)
{
    wake = eventfd(0, EFD_NONBLOCK);
    return wake < 0 || disk_jobs_start(&disk, wake, 2) != PV_OK || fresh_with(disk, WINDOW);
}

static int fresh_thread(void **state)
{
    return disk_jobs_start(&disk, -1, 1) != PV_OK || fresh_with(disk, LARGE_WINDOW);
}

static int gone(void **state)
{
    if (barrier.closed) barrier_open(&barrier);
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
#define THREAD(f) cmocka_unit_test_setup_teardown(f, fresh_thread, gone)
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
        THREAD(one_that_is_dropped_before_it_is_written_leaves_nothing),
        THREAD(credit_follows_what_is_written),
        THREAD(a_write_that_fails_in_the_background_ends_the_upload),
        THREAD(one_that_failed_may_be_dropped_before_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
