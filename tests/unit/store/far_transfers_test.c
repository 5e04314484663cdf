/* Uploads and downloads of a folder that is a cache of what lies far away: what waits for whom, what is tried again, and how each ends.
 * The far store is a stand-in that answers as it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "blobs_far.h"
#include "download.h"
#include "temp_dir.h"
#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { WINDOW = 2000, LENGTH = 5000 };

static char dir[64];
static struct blobs blobs;
static struct uploads *up;
static struct downloads *down;
static struct disk_jobs *disk, *away;
static struct shares shares;
static struct share *peers[3];
static int wake;
static uint8_t data[LENGTH], got[LENGTH];
static wire_hash hash;
static const struct transfer_key input = { .kind = WIRE_KIND_INPUT, .owner = "acme", .task = { { 1 } } };
static const struct upload_note note;

/* ---- the far store ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held: puts wait */
static atomic_uint puts_n, unreachable;                  /* so many puts fail first */
static _Atomic(pv_status) answer;
static unsigned fetches, used_n, dropped_n;

static pv_status far_put(struct blobs_far *f, int fd, uint64_t length, wire_hash of)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    if (atomic_fetch_add(&puts_n, 1) < atomic_load(&unreachable)) return PV_UNREACHABLE;
    return atomic_load(&answer);
}

static void far_fetch(struct blobs_far *f, wire_hash of, uint64_t length)
{
    fetches++;
}

static void far_kept(struct blobs_far *f, wire_hash of, uint64_t length)
{
}

static void far_used(struct blobs_far *f, wire_hash of)
{
    used_n++;
}

static void far_dropped(struct blobs_far *f, wire_hash of)
{
    dropped_n++;
}

static const struct blobs_far_calls calls = {
    .put = far_put, .fetch = far_fetch, .kept = far_kept, .used = far_used, .dropped = far_dropped
};
static struct blobs_far far = { &calls };

/* ---- uploads ---- */

static void credit(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes)
{
}

static void all_comes(const struct transfer_key *key)
{
    struct upload done;
    pv_status st;
    assert_int_equal(upload_start(up, key, 1, "acme", LENGTH, hash, &note, 0), PV_OK);
    for (uint64_t at = 0; at < LENGTH; at += 1000) {
        struct upload_piece piece = { at, data + at, 1000, NULL };
        enum upload_step step = upload_chunk(up, key, 1, &piece, 0, &done, &st);
        assert_int_equal(step, UPLOAD_MORE);
        uploads_drain(up); /* so that there is credit */
    }
}

static enum upload_step ends(pv_status *st)
{
    struct upload done;
    enum upload_step step = UPLOAD_MORE;
    for (int i = 0; i < 1000; i++) {
        if (uploads_published(up, &done, &step, st)) return step;
        usleep(1000);
    }
    return UPLOAD_MORE;
}

static bool in_cache(void)
{
    return blobs_there(&blobs, hash, LENGTH) == PV_OK;
}

static void a_whole_upload_ends_when_it_is_put(void **state)
{
    pv_status st;
    pthread_mutex_lock(&gate);
    all_comes(&input);
    uploads_drain(up); /* does not wait for what is on its way far away */
    assert_int_equal(uploads_read_stats(up).publishing, 1);
    assert_false(in_cache());
    pthread_mutex_unlock(&gate);
    assert_int_equal(ends(&st), UPLOAD_COMPLETE);
    assert_true(in_cache());
    assert_int_equal(atomic_load(&puts_n), 1);
}

static void the_disk_s_thread_goes_on_while_a_put_stands_still(void **state)
{
    struct transfer_key other = input;
    pv_status st;
    other.task.bytes[0] = 2;
    pthread_mutex_lock(&gate);
    all_comes(&input);
    all_comes(&other); /* with one thread for the disk */
    pthread_mutex_unlock(&gate);
    assert_int_equal(ends(&st), UPLOAD_COMPLETE);
    assert_int_equal(ends(&st), UPLOAD_COMPLETE);
}

static void what_cannot_be_had_is_tried_again(void **state)
{
    pv_status st;
    atomic_store(&unreachable, 3);
    all_comes(&input);
    assert_int_equal(ends(&st), UPLOAD_COMPLETE);
    assert_int_equal(atomic_load(&puts_n), 4);
    assert_true(in_cache());
}

static void what_is_refused_ends_the_upload(void **state)
{
    static const pv_status refusals[] = { PV_DISK_FULL, PV_TOO_LARGE, PV_CANCELLED };
    pv_status st;
    for (size_t i = 0; i < 3; i++) {
        atomic_store(&answer, refusals[i]);
        all_comes(&input);
        assert_int_equal(ends(&st), UPLOAD_FAILED);
        assert_int_equal(st, refusals[i]);
        assert_false(in_cache());
        assert_int_equal(uploads_read_stats(up).uploads, 0);
    }
}

static void what_nobody_wants_is_not_tried_again(void **state)
{
    pv_status st;
    atomic_store(&unreachable, 1000000);
    pthread_mutex_lock(&gate);
    all_comes(&input);
    upload_drop(up, &input);
    pthread_mutex_unlock(&gate);
    assert_int_equal(ends(&st), UPLOAD_MORE); /* it has no name that anybody must forget */
    assert_true(atomic_load(&puts_n) <= 1);
    assert_int_equal(uploads_read_stats(up).uploads, 0);
}

static void the_end_waits_for_one_try_and_no_other(void **state)
{
    atomic_store(&unreachable, 1000000);
    all_comes(&input);
    uploads_destroy(&up);
    assert_false(in_cache());
    unsigned so_far = atomic_load(&puts_n);
    usleep(20000);
    assert_int_equal(atomic_load(&puts_n), so_far);
}

/* ---- downloads ---- */

static pv_status damage;
static unsigned damages, opens;
static bool may_doubt;

static int open_it(void *context, const struct download *d)
{
    int fd = blobs_read(&blobs, d->sha256);
    opens++;
    if (fd < 0 && errno == ENOENT && blobs_fetch(&blobs, d->sha256, d->length)) errno = EINPROGRESS;
    return fd;
}

static pv_status chunk(void *context, struct download *d, size_t bytes)
{
    uint8_t piece[WINDOW];
    if (pread(d->fd, piece, bytes, (off_t)d->at) != (ssize_t)bytes) return PV_GONE;
    TRY(download_digest(d, piece, bytes));
    memcpy(got + d->at, piece, bytes);
    return PV_OK;
}

static bool doubt(void *context, const struct download *d)
{
    return may_doubt && blobs_distrust(&blobs, d->sha256);
}

static void damaged(void *context, const struct download *d, pv_status why)
{
    damage = why;
    damages++;
}

static void pump(void)
{
    for (int i = 0; i < 100 && downloads_pump(down, UINT64_MAX); i++) continue;
    assert_false(downloads_pump(down, UINT64_MAX)); /* nobody spins */
}

static void arrives(size_t bytes, uint8_t first)
{
    char hex[WIRE_HASH_TEXT];
    int fd = openat(blobs.files, wire_hash_text(hex, hash), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, &first, 1), 1);
    assert_int_equal(write(fd, data + 1, bytes - 1), bytes - 1);
    close(fd);
}

static void allowed(unsigned peer)
{
    assert_int_equal(download_allow(down, &input, peers[peer], 1, LENGTH, hash), PV_OK);
    assert_int_equal(download_credit(down, &input, peers[peer], 0, WINDOW), PV_OK);
}

static void the_rest_comes(unsigned peer)
{
    for (uint64_t at = WINDOW; at < LENGTH; at += WINDOW) {
        assert_int_equal(download_credit(down, &input, peers[peer], at, WINDOW), PV_OK);
        pump();
    }
    assert_memory_equal(got, data, LENGTH);
    assert_int_equal(damages, 0);
}

static void what_is_away_leaves_the_line_until_it_is_here(void **state)
{
    allowed(1);
    allowed(2);
    pump();
    unsigned before = opens;
    pump();
    assert_int_equal(opens, before); /* nobody asks for it again */
    assert_int_equal(downloads_read_stats(down).bytes_out, 0);
    downloads_fetched(down, (wire_hash){ { 1 } }, PV_OK); /* another's */
    pump();
    assert_int_equal(downloads_read_stats(down).bytes_out, 0);
    arrives(LENGTH, data[0]);
    downloads_fetched(down, hash, PV_OK);
    pump();
    assert_int_equal(downloads_read_stats(down).bytes_out, 2 * WINDOW);
    the_rest_comes(1);
    the_rest_comes(2);
    assert_true(used_n > 0);
}

static void credit_that_comes_later_finds_it_here(void **state)
{
    allowed(1);
    arrives(LENGTH, data[0]);
    assert_int_equal(download_credit(down, &input, peers[1], 0, WINDOW), PV_OK);
    pump();
    assert_int_equal(downloads_read_stats(down).bytes_out, WINDOW);
    downloads_fetched(down, hash, PV_OK); /* too late to matter */
    pump();
    assert_int_equal(downloads_read_stats(down).bytes_out, WINDOW);
    the_rest_comes(1);
}

static void what_is_lost_is_damaged_and_what_is_not_had_is_fetched_again(void **state)
{
    allowed(1);
    unsigned before = fetches;
    downloads_fetched(down, hash, PV_UNREACHABLE);
    assert_int_equal(fetches, before + 1);
    downloads_fetched(down, hash, PV_CANCELLED);
    assert_int_equal(fetches, before + 1);
    assert_int_equal(damages, 0);
    assert_int_equal(download_credit(down, &input, peers[1], 0, WINDOW), PV_OK); /* asks again */
    assert_int_equal(fetches, before + 2);
    downloads_fetched(down, hash, PV_GONE);
    assert_int_equal(damages, 1);
    assert_int_equal(damage, PV_GONE);
    downloads_fetched(down, hash, PV_HASH_MISMATCH); /* nobody waits */
    assert_int_equal(damages, 1);
}

static void who_goes_while_it_is_fetched_is_forgotten(void **state)
{
    allowed(1);
    allowed(2);
    downloads_peer_gone(down, peers[1]);
    download_end(down, &input, NULL);
    arrives(LENGTH, data[0]);
    downloads_fetched(down, hash, PV_OK);
    pump();
    assert_int_equal(downloads_read_stats(down).bytes_out, 0);
    assert_int_equal(downloads_read_stats(down).downloads, 0);
}

static void damage_in_the_cache_is_fetched_anew_once(void **state)
{
    may_doubt = true;
    arrives(LENGTH, (uint8_t)~data[0]);
    allowed(1);
    for (uint64_t at = WINDOW; at < LENGTH; at += WINDOW) {
        pump();
        assert_int_equal(download_credit(down, &input, peers[1], at, WINDOW), PV_OK);
    }
    pump();
    assert_int_equal(dropped_n, 1);
    assert_int_equal(fetches, 1);
    assert_int_equal(damages, 0);
    assert_false(in_cache());
    arrives(LENGTH, data[0]);
    downloads_fetched(down, hash, PV_OK);
    pump();
    assert_int_equal(downloads_read_stats(down).bytes_out, LENGTH);
    assert_int_equal(download_credit(down, &input, peers[1], 0, WINDOW),
                     PV_OK); /* the receiver saw it, and begins anew */
    pump();
    the_rest_comes(1);
    arrives(LENGTH, (uint8_t)~data[0]); /* again: that is no accident of a disk */
    for (uint64_t at = 0; at < LENGTH; at += WINDOW) {
        assert_int_equal(download_credit(down, &input, peers[1], at, WINDOW), PV_OK);
        pump();
    }
    assert_int_equal(damages, 1);
    assert_int_equal(damage, PV_HASH_MISMATCH);
}

static void a_cut_file_in_the_cache_is_fetched_anew(void **state)
{
    may_doubt = true;
    arrives(WINDOW / 2, data[0]);
    allowed(1);
    pump();
    assert_int_equal(fetches, 1);
    arrives(LENGTH, data[0]);
    downloads_fetched(down, hash, PV_OK);
    pump();
    assert_int_equal(downloads_read_stats(down).bytes_out, WINDOW);
    the_rest_comes(1);
}

/* ---- */

static int begin(void **state)
{
    const struct downloads_config d = { .window = WINDOW,
                                        .chunk_max = WINDOW,
                                        .shares = &shares,
                                        .open = open_it,
                                        .chunk = chunk,
                                        .doubt = doubt,
                                        .damaged = damaged };
    temp_dir_make(dir);
    atomic_store(&puts_n, 0);
    atomic_store(&unreachable, 0);
    atomic_store(&answer, PV_OK);
    fetches = used_n = dropped_n = damages = opens = 0;
    may_doubt = false;
    memset(got, 0, sizeof got);
    for (size_t i = 0; i < LENGTH; i++) data[i] = (uint8_t)(i * 31 + i / 256);
    if (disk_jobs_start(&disk, -1, 1) != PV_OK || disk_jobs_start(&away, -1, 2) != PV_OK) return 1;
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake < 0 || shares_init(&shares, wake, 1 << 20) != PV_OK) return 1;
    for (uint64_t i = 1; i <= 2; i++) peers[i] = share_open(&shares, "acme", i);
    const struct uploads_config u = { .window = LENGTH,
                                      .uploads_max = 10 * LENGTH,
                                      .shares = &shares,
                                      .abandoned_ms = 1000,
                                      .credit = credit,
                                      .disk = disk,
                                      .far = away };
    if (blobs_open_named(&blobs, dir, "cache", NULL) != PV_OK || sha256_of(&hash, data, LENGTH) != PV_OK) return 1;
    blobs.far = &far;
    return uploads_new(&up, &blobs, &u) != PV_OK || downloads_new(&down, &blobs, &d) != PV_OK;
}

static int end(void **state)
{
    uploads_destroy(&up);
    downloads_destroy(&down);
    for (int i = 1; i <= 2; i++) share_close(&shares, &peers[i]);
    shares_clear(&shares);
    close(wake);
    disk_jobs_stop(&disk);
    disk_jobs_stop(&away);
    blobs_close(&blobs);
    temp_dir_remove(dir);
    return 0;
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_whole_upload_ends_when_it_is_put),
        SCENE(the_disk_s_thread_goes_on_while_a_put_stands_still),
        SCENE(what_cannot_be_had_is_tried_again),
        SCENE(what_is_refused_ends_the_upload),
        SCENE(what_nobody_wants_is_not_tried_again),
        SCENE(the_end_waits_for_one_try_and_no_other),
        SCENE(what_is_away_leaves_the_line_until_it_is_here),
        SCENE(credit_that_comes_later_finds_it_here),
        SCENE(what_is_lost_is_damaged_and_what_is_not_had_is_fetched_again),
        SCENE(who_goes_while_it_is_fetched_is_forgotten),
        SCENE(damage_in_the_cache_is_fetched_anew_once),
        SCENE(a_cut_file_in_the_cache_is_fetched_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
