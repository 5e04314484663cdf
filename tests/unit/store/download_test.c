/* Downloads: credit is never exceeded, each ends with its cause, no file stays open for a peer that has it, and peers
 * take turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "download.h"
#include "temp_dir.h"

#include <dirent.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WINDOW = 1000, CHUNK = 300, LENGTH = 5000, PEERS = 4 };

static char dir[64];
static struct blobs blobs;
static struct downloads *t;
static struct shares shares;
static struct share *peer[PEERS + 1]; /* from 1 on; 4 is of another principal */
static uint8_t data[LENGTH], got[LENGTH];
static uint64_t sent_to[PEERS + 1];
static wire_hash hash;
static const struct transfer_key input = { .kind = WIRE_KIND_INPUT, .task = { { 1 } } };
static bool deaf;
static int wake;

static pv_status damage; /* as it was reported; PV_OK: nothing was */
static unsigned damages;

static pv_status chunk(void *context, struct download *d, size_t bytes)
{
    uint8_t piece[CHUNK];
    if (deaf) return PV_UNREACHABLE;
    assert_true(bytes <= CHUNK && d->at + bytes <= d->credit_end);
    if (pread(d->fd, piece, bytes, (off_t)d->at) != (ssize_t)bytes) return PV_GONE;
    pv_status st = download_digest(d, piece, bytes);
    if (st != PV_OK) return st;
    memcpy(got + d->at, piece, bytes);
    sent_to[d->share->peer] += bytes;
    return PV_OK;
}

static void damaged(void *context, const struct download *d, pv_status why)
{
    damage = why;
    damages++;
}

/* Open descriptors of this process. */
static int descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void send_all(void)
{
    while (downloads_pump(t, UINT64_MAX)) continue;
}

static void stored(void)
{
    struct blob_writer w;
    assert_int_equal(blob_writer_start(&w, &blobs, LENGTH, hash), PV_OK);
    assert_int_equal(blob_writer_feed(&w, data, LENGTH), PV_OK);
    assert_int_equal(blob_writer_keep(&w), PV_OK);
    memset(got, 0, sizeof got);
}

static void a_download_sends_what_credit_allows(void **state)
{
    stored();
    assert_int_equal(download_credit(t, &input, peer[1], 0, WINDOW), PV_NOT_FOUND);
    assert_int_equal(download_allow(t, &input, peer[1], 0, LENGTH, hash), PV_OK);
    assert_int_equal(download_credit(t, &input, peer[1], LENGTH + 1, 1), PV_BAD_MESSAGE);
    for (uint64_t at = 0; at < LENGTH; at += 500) {
        assert_int_equal(download_credit(t, &input, peer[1], at, WINDOW * 100), PV_OK);
        send_all();
        assert_int_equal(downloads_read_stats(t).bytes_out, at + WINDOW < LENGTH ? at + WINDOW : LENGTH);
    }
    assert_memory_equal(got, data, LENGTH);
}

/* As after a FETCH that is asked twice: one download, from its beginning, and what was sent before counts no more. */
static void what_is_allowed_again_takes_the_place_of_the_first(void **state)
{
    stored();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(download_allow(t, &input, peer[1], 0, LENGTH, hash), PV_OK);
        assert_int_equal(downloads_read_stats(t).downloads, 1);
        assert_int_equal(peer[1]->downloads_n, 1);
        assert_true(download_allowed(t, &input, peer[1]));
        assert_false(download_allowed(t, &input, peer[2]));
        assert_int_equal(download_credit(t, &input, peer[1], 0, WINDOW), PV_OK);
    }
    uint64_t before = downloads_read_stats(t).bytes_out;
    send_all();
    assert_int_equal(downloads_read_stats(t).bytes_out, before + WINDOW);
    downloads_peer_gone(t, peer[1]);
    assert_int_equal(downloads_read_stats(t).downloads, 0);
    assert_int_equal(peer[1]->downloads_n, 0);
    assert_false(download_allowed(t, &input, peer[1]));
}

static void file_path(char path[160])
{
    char hex[WIRE_HASH_TEXT];
    snprintf(path, 160, "%s/blobs/%s", dir, wire_hash_text(hex, hash));
}

static void file_change(off_t at)
{
    char path[160];
    file_path(path);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    fputc(~data[at] & 0xff, f);
    fclose(f);
}

/* R20. Everything but what would have made it whole. */
static void a_changed_file_is_never_whole(void **state)
{
    stored();
    damage = PV_OK;
    file_change(17);
    assert_int_equal(download_allow(t, &input, peer[1], 0, LENGTH, hash), PV_OK);
    uint64_t before = downloads_read_stats(t).bytes_out;
    for (uint64_t at = 0; at < LENGTH; at += WINDOW) {
        assert_int_equal(download_credit(t, &input, peer[1], at, WINDOW), PV_OK);
        send_all();
    }
    assert_int_equal(damage, PV_HASH_MISMATCH);
    assert_true(downloads_read_stats(t).bytes_out - before < LENGTH);
}

static void a_cut_file_is_noticed_where_it_ends(void **state)
{
    char path[160];
    stored();
    damage = PV_OK;
    file_path(path);
    assert_int_equal(truncate(path, 2500), 0);
    assert_int_equal(download_allow(t, &input, peer[1], 0, LENGTH, hash), PV_OK);
    for (uint64_t at = 0; at < 3000; at += WINDOW) {
        download_credit(t, &input, peer[1], at, WINDOW);
        send_all();
    }
    assert_int_equal(damage, PV_GONE);
    assert_int_equal(unlink(path), 0);
    damage = PV_OK;
    assert_int_equal(download_allow(t, &input, peer[2], 0, LENGTH, hash), PV_OK);
    assert_int_equal(download_credit(t, &input, peer[2], 0, WINDOW), PV_GONE);
    assert_int_equal(damage, PV_GONE);
}

/* Resumed in the middle, and gone back over: the digest is of the whole file all the same. */
static void a_resumed_download_is_hashed_from_the_beginning(void **state)
{
    stored();
    damages = 0;
    assert_int_equal(download_allow(t, &input, peer[1], 0, LENGTH, hash), PV_OK);
    for (uint64_t at = 2000; at < LENGTH; at += WINDOW) {
        assert_int_equal(download_credit(t, &input, peer[1], at, WINDOW), PV_OK);
        send_all();
    }
    assert_int_equal(damages, 0);
    assert_memory_equal(got + 2000, data + 2000, LENGTH - 2000);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(download_credit(t, &input, peer[1], LENGTH - 300, WINDOW), PV_OK);
        send_all();
    }
    assert_int_equal(damages, 0);
    file_change(17); /* before the part that is asked for */
    assert_int_equal(download_allow(t, &input, peer[1], 0, LENGTH, hash), PV_OK);
    assert_int_equal(download_credit(t, &input, peer[1], LENGTH - 300, WINDOW), PV_OK);
    send_all();
    assert_int_equal(damages, 1);
}

static void a_download_starts_over_when_asked_and_not_for_ever(void **state)
{
    stored();
    assert_int_equal(download_allow(t, &input, peer[1], 0, LENGTH, hash), PV_OK);
    assert_int_equal(download_credit(t, &input, peer[1], 4000, 1000), PV_OK);
    send_all();
    assert_memory_equal(got + 4000, data + 4000, 1000);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(download_credit(t, &input, peer[1], 0, 300), PV_OK);
        send_all();
    }
    assert_memory_equal(got, data, 300);
    assert_int_equal(download_credit(t, &input, peer[1], 0, 300), PV_BUSY);
}

static void a_turn_sends_one_chunk_to_each(void **state)
{
    struct transfer_key key = input;
    stored();
    for (uint8_t i = 1; i <= 3; i++) {
        key.task.bytes[0] = i;
        assert_int_equal(download_allow(t, &key, peer[i], 0, LENGTH, hash), PV_OK);
        assert_int_equal(download_credit(t, &key, peer[i], 0, WINDOW), PV_OK);
    }
    assert_true(downloads_pump(t, UINT64_MAX));
    assert_int_equal(downloads_read_stats(t).bytes_out, 3 * CHUNK);
    assert_true(downloads_pump(t, 1)); /* the budget is used up by one chunk */
    assert_int_equal(downloads_read_stats(t).bytes_out, 4 * CHUNK);
    downloads_peer_gone(t, peer[2]);
    send_all();
    assert_int_equal(downloads_read_stats(t).downloads, 2);
    deaf = true;
    key.task.bytes[0] = 1;
    assert_int_equal(download_credit(t, &key, peer[1], WINDOW, WINDOW), PV_OK);
    assert_false(downloads_pump(t, UINT64_MAX)); /* a peer that cannot take it does not make the loop spin */
    deaf = false;
}

/* None is left to open the file with: the download waits, the loop does not spin, and it goes on by itself. */
static void without_a_descriptor_a_download_waits(void **state)
{
    struct rlimit usual, none;
    stored();
    assert_int_equal(download_allow(t, &input, peer[1], 0, LENGTH, hash), PV_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = usual;
    none.rlim_cur = (rlim_t)dup(0); /* the lowest that is free */
    close((int)none.rlim_cur);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    pv_status asked = download_credit(t, &input, peer[1], 0, WINDOW);
    bool more[] = { downloads_pump(t, UINT64_MAX), downloads_pump(t, UINT64_MAX) };
    uint64_t sent = downloads_read_stats(t).bytes_out;
    struct blob_writer w;
    pv_status upload = blob_writer_start(&w, &blobs, LENGTH, hash);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(asked, PV_OK);
    assert_false(more[0] || more[1]);
    assert_int_equal(sent, 0);
    assert_int_equal(upload, PV_BUSY); /* to be tried again, and no failing disk */
    send_all();
    assert_int_equal(downloads_read_stats(t).bytes_out, WINDOW);
    assert_memory_equal(got, data, WINDOW);
}

static void ask(uint8_t task, int of, uint64_t offset, uint64_t bytes)
{
    struct transfer_key key = input;
    key.task.bytes[0] = task;
    assert_int_equal(download_credit(t, &key, peer[of], offset, bytes), PV_OK);
}

static void allow(uint8_t task, int of)
{
    struct transfer_key key = input;
    key.task.bytes[0] = task;
    assert_int_equal(download_allow(t, &key, peer[of], 0, LENGTH, hash), PV_OK);
}

static void no_file_is_open_between_two_credits(void **state)
{
    stored();
    int before = descriptors();
    for (uint8_t i = 1; i <= 20; i++) allow(i, 1);
    for (uint64_t at = 0; at < LENGTH; at += WINDOW)
        for (uint8_t i = 1; i <= 20; i++) {
            ask(i, 1, at, WINDOW);
            assert_true(descriptors() <= before + 1); /* however many it asks for */
            if (i == 10) downloads_pump(t, CHUNK);
        }
    send_all();
    assert_int_equal(descriptors(), before);
    assert_int_equal(downloads_read_stats(t).downloads, 20);
    ask(3, 1, 0, 300); /* its hash was wrong: the file is opened again */
    send_all();
    assert_int_equal(descriptors(), before);
    downloads_peer_gone(t, peer[1]);
    assert_int_equal(downloads_read_stats(t).downloads, 0);
}

static void one_that_began_ends_when_it_is_whole(void **state)
{
    stored();
    allow(1, 1);
    ask(1, 1, 0, WINDOW);
    send_all();
    download_started(t, &input); /* before it has all: unusual, and no reason to stop */
    for (uint64_t at = WINDOW; at < LENGTH; at += WINDOW) {
        assert_int_equal(downloads_read_stats(t).downloads, 1);
        ask(1, 1, at, WINDOW);
        send_all();
    }
    assert_int_equal(downloads_read_stats(t).downloads, 0);
    allow(1, 1);
    ask(1, 1, LENGTH - 300, 300);
    send_all();
    assert_int_equal(downloads_read_stats(t).downloads, 1); /* it may yet find a wrong hash */
    download_started(t, &input);
    assert_int_equal(downloads_read_stats(t).downloads, 0);
    assert_int_equal(download_credit(t, &input, peer[1], 0, 300), PV_NOT_FOUND);
}

static void an_end_is_for_one_peer_or_for_all(void **state)
{
    stored();
    int before = descriptors();
    for (int i = 1; i <= 3; i++) {
        allow(1, i);
        ask(1, i, 0, WINDOW);
    }
    allow(2, 1);
    download_end(t, &input, peer[2]);
    assert_int_equal(downloads_read_stats(t).downloads, 3);
    download_end(t, &input, NULL);
    assert_int_equal(downloads_read_stats(t).downloads, 1);
    assert_int_equal(descriptors(), before);
    assert_false(downloads_pump(t, UINT64_MAX));
}

/* Peer 1 asks for twenty payloads, peer 2 of the same principal and peer 4 of another one for one each. */
static void who_asks_for_much_waits_longer(void **state)
{
    stored();
    for (uint8_t i = 1; i <= 20; i++) {
        allow(i, 1);
        ask(i, 1, 0, 3 * CHUNK);
    }
    allow(1, 2);
    allow(1, 4);
    ask(1, 2, 0, 3 * CHUNK);
    ask(1, 4, 0, 3 * CHUNK);
    memset(sent_to, 0, sizeof sent_to);
    for (int i = 0; i < 6; i++) downloads_pump(t, CHUNK); /* a chunk at a time */
    assert_int_equal(sent_to[4], 3 * CHUNK);              /* every second chunk was of the other principal */
    assert_int_equal(sent_to[1], 2 * CHUNK);
    assert_int_equal(sent_to[2], CHUNK);
}

static void a_file_that_is_gone_is_said(void **state)
{
    stored();
    allow(1, 1);
    blobs_remove(&blobs, hash);
    assert_int_equal(download_credit(t, &input, peer[1], 0, WINDOW), PV_GONE);
    assert_false(downloads_pump(t, UINT64_MAX));
}

static int fresh(void **state)
{
    struct downloads_config config = {
        .window = WINDOW, .chunk_max = CHUNK, .shares = &shares, .chunk = chunk, .damaged = damaged
    };
    temp_dir_make(dir);
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (shares_init(&shares, wake, WINDOW) != PV_OK) return 1;
    for (size_t i = 0; i < LENGTH; i++) data[i] = (uint8_t)(i * 31 + i / 256);
    for (uint64_t i = 1; i <= PEERS; i++) peer[i] = share_open(&shares, i < PEERS ? "acme" : "other", i);
    return blobs_open(&blobs, dir, NULL) != PV_OK || sha256_of(&hash, data, LENGTH) != PV_OK ||
           downloads_new(&t, &blobs, &config) != PV_OK;
}

static int gone(void **state)
{
    downloads_destroy(&t);
    for (int i = 1; i <= PEERS; i++) share_close(&shares, &peer[i]);
    blobs_close(&blobs);
    temp_dir_remove(dir);
    shares_clear(&shares);
    close(wake);
    return !LIST_EMPTY(&shares.principals);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(a_download_sends_what_credit_allows),
        FRESH(a_download_starts_over_when_asked_and_not_for_ever),
        FRESH(what_is_allowed_again_takes_the_place_of_the_first),
        FRESH(a_changed_file_is_never_whole),
        FRESH(a_cut_file_is_noticed_where_it_ends),
        FRESH(a_resumed_download_is_hashed_from_the_beginning),
        FRESH(a_turn_sends_one_chunk_to_each),
        FRESH(no_file_is_open_between_two_credits),
        FRESH(one_that_began_ends_when_it_is_whole),
        FRESH(an_end_is_for_one_peer_or_for_all),
        FRESH(who_asks_for_much_waits_longer),
        FRESH(without_a_descriptor_a_download_waits),
        FRESH(a_file_that_is_gone_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
