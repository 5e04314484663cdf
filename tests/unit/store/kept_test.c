/* Payloads that stay in memory: as much as there is room for, once, not for long, and only while their file is as it was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "download.h"
#include "temp_dir.h"
#include "upload.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 20000, PIECES = 3, LENGTH = PIECES * PIECE - 777, WINDOW = 1 << 20, CHUNK = PIECE };
enum { WHOLE_BYTES = LENGTH + PIECES * KEPT_FRAME_BYTES }; /* what one takes */

static char dir[64];
static struct blobs blobs;
static struct shares shares;
static struct share *peer[3]; /* from 1 on */
static struct uploads *uploads;
static struct downloads *downloads;
static struct kept *kept;
static uint8_t data[2][LENGTH], got[LENGTH];
static wire_hash hash[2];
static const struct upload_note note;
static unsigned from_memory, from_file, damages;
static atomic_int frames;
static int wake;

static struct transfer_key key_of(int i)
{
    return (struct transfer_key){ .kind = WIRE_KIND_INPUT, .task = { { (uint8_t)(i + 1) } } };
}

static void credit(void *context, uint64_t to, const struct transfer_key *key, uint64_t offset, uint64_t bytes)
{
}

static pv_status chunk(void *context, struct download *d, size_t bytes)
{
    uint8_t piece[CHUNK];
    assert_true(bytes <= CHUNK);
    *(d->memory ? &from_memory : &from_file) += 1;
    if (d->memory) {
        kept_copy(d->memory, piece, d->at, bytes);
        const struct frame *f = kept_piece(d->memory, d->at, bytes);
        if (f) assert_memory_equal(f->bytes + (d->at - f->at), piece, bytes);
    } else {
        if (pread(d->fd, piece, bytes, (off_t)d->at) != (ssize_t)bytes) return PV_GONE;
        pv_status st = download_digest(d, piece, bytes);
        if (st != PV_OK) return st;
    }
    memcpy(got + d->at, piece, bytes);
    return PV_OK;
}

static void damaged(void *context, const struct download *d, pv_status why)
{
    damages++;
}

/* A frame that says when it is freed. */
struct counted {
    struct frame frame;
    uint8_t bytes[PIECE];
};

static void counted_free(struct frame *self)
{
    frames--;
    free(self);
}

static struct frame *counted(const uint8_t *bytes, size_t n)
{
    struct counted *c = malloc(sizeof *c);
    memcpy(c->bytes, bytes, n);
    c->frame = (struct frame){ .bytes = c->bytes, .n = n, .refs = 1, .free = counted_free };
    frames++;
    return &c->frame;
}

static void piece_comes(int i, int piece, uint64_t now_ms)
{
    struct upload done;
    pv_status st = PV_OK;
    struct transfer_key key = key_of(i);
    size_t at = (size_t)piece * PIECE, n = LENGTH - at < PIECE ? LENGTH - at : PIECE;
    struct upload_piece p = { at, data[i % 2] + at, n, counted(data[i % 2] + at, n) };
    enum upload_step last = piece == PIECES - 1 ? UPLOAD_COMPLETE : UPLOAD_MORE;
    assert_int_equal(upload_chunk(uploads, &key, 1, &p, now_ms, &done, &st), last);
}

static void announced(int i, uint64_t now_ms)
{
    struct transfer_key key = key_of(i);
    assert_int_equal(upload_start(uploads, &key, 1, "acme", LENGTH, hash[i % 2], &note, now_ms), PV_OK);
}

static void comes(int i, uint64_t now_ms)
{
    announced(i, now_ms);
    for (int p = 0; p < PIECES; p++) piece_comes(i, p, now_ms);
}

static pv_status asks(int i, int who, uint64_t from, uint64_t bytes)
{
    struct transfer_key key = key_of(i);
    from_memory = from_file = damages = 0;
    memset(got + from, 0, LENGTH - from);
    if (!download_allowed(downloads, &key, peer[who]))
        assert_int_equal(download_allow(downloads, &key, peer[who], 0, LENGTH, hash[i % 2]), PV_OK);
    return download_credit(downloads, &key, peer[who], from, bytes);
}

/* Another one, from anywhere on. */
static pv_status asks_anew(int i, int who, uint64_t from, uint64_t bytes)
{
    struct transfer_key key = key_of(i);
    download_end(downloads, &key, peer[who]);
    return asks(i, who, from, bytes);
}

static void pump(void)
{
    while (downloads_pump(downloads, UINT64_MAX)) continue;
}

static void expect_whole(int i, int who, unsigned memory)
{
    assert_int_equal(asks(i, who, 0, LENGTH), PV_OK);
    pump();
    assert_int_equal(from_memory, memory);
    assert_int_equal(from_file, PIECES - memory);
    assert_memory_equal(got, data[i % 2], LENGTH);
}

static void what_came_is_sent_from_memory_once(void **state)
{
    comes(0, 0);
    assert_int_equal(kept_bytes(kept), WHOLE_BYTES);
    assert_int_equal(frames, PIECES);
    expect_whole(0, 1, PIECES);
    assert_int_equal(kept_bytes(kept), 0);
    assert_int_equal(frames, 0);
    expect_whole(0, 2, 0);
}

/* Any offset, any size, over the edges of pieces; and those that go on where memory ends. */
static void any_part_is_had_and_the_rest_from_the_file(void **state)
{
    comes(0, 0);
    for (uint64_t at = 0; at < LENGTH - 1; at += 7001) {
        size_t n = LENGTH - 1 - at < CHUNK ? (size_t)(LENGTH - 1 - at) : CHUNK;
        assert_int_equal(asks_anew(0, 1, at, n), PV_OK);
        pump();
        assert_int_equal(from_file, 0);
        assert_memory_equal(got + at, data[0] + at, n);
    }
    kept_expire(kept, KEPT_MS);
    assert_int_equal(asks_anew(0, 1, LENGTH - 100, 100), PV_OK);
    pump();
    assert_int_equal(from_file, 1);
    assert_memory_equal(got + LENGTH - 100, data[0] + LENGTH - 100, 100);
}

/* A frame of which little is sent is not held for that. */
static void a_small_part_is_no_piece(void **state)
{
    comes(0, 0);
    const struct kept_payload *p = kept_find(kept, hash[0], kept_same(kept, &blobs, hash[0]));
    assert_non_null(kept_piece(p, 0, PIECE));
    assert_non_null(kept_piece(p, PIECE + 1, PIECE / 2));
    assert_null(kept_piece(p, 0, PIECE / 2 - 1));
    assert_null(kept_piece(p, 1, PIECE)); /* over an edge */
    assert_null(kept_find(kept, hash[0], 12345));
    assert_null(kept_find(kept, hash[1], kept_same(kept, &blobs, hash[0])));
}

/* Room for two of them and nothing more. */
static void as_much_is_kept_as_there_is_room_for(void **state)
{
    comes(0, 0);
    comes(1, 0);
    assert_int_equal(kept_bytes(kept), 2 * WHOLE_BYTES);
    comes(2, 0); /* the content of 0, in another file: the one in memory is not that of the file any more */
    assert_int_equal(kept_bytes(kept), 2 * WHOLE_BYTES);
    expect_whole(2, 1, 0);
    assert_int_equal(kept_bytes(kept), WHOLE_BYTES);
    comes(4, 0);
    assert_int_equal(kept_bytes(kept), 2 * WHOLE_BYTES);
    expect_whole(4, 1, PIECES);
    expect_whole(1, 1, PIECES);
    assert_int_equal(frames, 0);
}

/* Both begin with room for both, and a third takes what the second would need. */
static void what_finds_no_room_half_way_is_not_kept(void **state)
{
    comes(0, 0);
    announced(1, 0);
    announced(3, 0);
    for (int p = 0; p < PIECES; p++) {
        piece_comes(1, p, 0);
        piece_comes(3, p, 0);
        assert_true(kept_bytes(kept) <= 2 * WHOLE_BYTES);
    }
    assert_int_equal(kept_bytes(kept), 2 * WHOLE_BYTES); /* one of the two */
    assert_int_equal(frames, 2 * PIECES);
}

static void nothing_is_kept_for_long(void **state)
{
    comes(0, 1000);
    announced(1, 1000);
    piece_comes(1, 0, 1000);
    kept_expire(kept, 1000 + KEPT_MS - 1);
    assert_int_equal(frames, PIECES + 1);
    kept_expire(kept, 1000 + KEPT_MS);
    assert_int_equal(frames, 0);
    assert_int_equal(kept_bytes(kept), 0);
    for (int p = 1; p < PIECES; p++) piece_comes(1, p, 1000 + KEPT_MS); /* it goes on, and is a file */
    expect_whole(1, 1, 0);
}

/* Its credit is granted, and it is in line; it does not read. */
static void who_never_reads_holds_nothing(void **state)
{
    void *hint;
    comes(0, 0);
    assert_non_null(unread_frame(peer[1]->unread, 2 * WINDOW, &hint));
    assert_int_equal(asks(0, 1, 0, LENGTH), PV_OK);
    pump();
    assert_int_equal(from_memory + from_file, 0);
    kept_expire(kept, KEPT_MS);
    assert_int_equal(frames, 0);
    unread_frame_free(NULL, hint); /* it reads after all */
    pump();
    assert_int_equal(from_file, PIECES);
    assert_memory_equal(got, data[0], LENGTH);
}

static void an_upload_that_ends_otherwise_leaves_nothing(void **state)
{
    struct transfer_key key = key_of(0);
    announced(0, 0);
    piece_comes(0, 0, 0);
    assert_int_equal(frames, 1);
    upload_drop(uploads, &key);
    assert_int_equal(frames, 0);
    assert_int_equal(kept_bytes(kept), 0);
}

/* --- damage --- */

static void path_of(char path[160])
{
    char hex[WIRE_HASH_TEXT];
    snprintf(path, 160, "%s/blobs/%s", dir, wire_hash_text(hex, hash[0]));
}

static void byte_change(void)
{
    char path[160];
    path_of(path);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 12345), 1);
    close(fd);
}

/* The time of a marked file is none that a write within the same tick would leave. */
static void a_mark_is_between_two_ticks(void **state)
{
    for (int i = 0; i < 50; i++) {
        struct blob_mark mark;
        struct stat st;
        int fd = openat(blobs.incoming, "one", O_RDWR | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, "x", 1), 1);
        assert_int_equal(fstat(fd, &st), 0);
        assert_true(blob_mark_set(&mark, fd));
        assert_true(mark.ns != st.st_mtim.tv_nsec);
        assert_true(blob_mark_holds(&mark, blobs.incoming, "one"));
        assert_false(blob_mark_holds(&mark, blobs.files, "one"));
        assert_false(blob_mark_set(&mark, -1));
        close(fd);
    }
}

/* At once: within the same tick of the file system's clock. */
static void a_file_that_was_changed_since_is_noticed(void **state)
{
    for (int i = 0; i < 20; i++) {
        comes(0, 0);
        byte_change();
        assert_int_equal(asks_anew(0, 1, 0, LENGTH), PV_OK);
        pump();
        assert_int_equal(from_memory, 0);
        assert_int_equal(damages, 1);
        assert_int_equal(kept_bytes(kept), 0);
    }
}

static void a_file_that_changes_between_two_credits_is_noticed(void **state)
{
    comes(0, 0);
    assert_int_equal(asks(0, 1, 0, CHUNK), PV_OK);
    pump();
    assert_int_equal(from_memory, 1);
    byte_change();
    assert_int_equal(asks(0, 1, CHUNK, LENGTH), PV_OK);
    pump();
    assert_int_equal(from_memory, 0);
    assert_int_equal(damages, 1);
}

static void a_file_that_is_gone_or_cut_is_noticed(void **state)
{
    char path[160];
    path_of(path);
    comes(0, 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(asks(0, 1, 0, LENGTH), PV_GONE);
    assert_int_equal(damages, 1);
    comes(0, 0);
    assert_int_equal(truncate(path, LENGTH - 1), 0);
    assert_int_equal(asks(0, 1, 0, LENGTH), PV_OK);
    pump();
    assert_int_equal(damages, 1);
    assert_int_equal(from_memory, 0);
}

/* The same bytes in another file, and a link to it. */
static void another_file_in_its_place_is_read(void **state)
{
    char path[160], aside[200];
    path_of(path);
    snprintf(aside, sizeof aside, "%s/aside-file", dir);
    comes(0, 0);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(aside, path), 0);
    expect_whole(0, 1, 0);
}

static int fresh(void **state)
{
    struct uploads_config up = { .window = WINDOW, .uploads_max = 100 * LENGTH, .abandoned_ms = 600000 };
    struct downloads_config down = { .window = WINDOW, .chunk_max = CHUNK, .chunk = chunk, .damaged = damaged };
    up.shares = down.shares = &shares;
    up.credit = credit;
    temp_dir_make(dir);
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (shares_init(&shares, wake, WINDOW) != PV_OK || kept_new(&kept, 2 * WHOLE_BYTES) != PV_OK) return 1;
    up.kept = down.kept = kept;
    for (int i = 0; i < 2; i++)
        for (size_t at = 0; at < LENGTH; at++) data[i][at] = (uint8_t)(at * 31 + at / 256 + (size_t)i);
    for (uint64_t i = 1; i <= 2; i++) peer[i] = share_open(&shares, "acme", i);
    return blobs_open(&blobs, dir, NULL) != PV_OK || sha256_of(&hash[0], data[0], LENGTH) != PV_OK ||
           sha256_of(&hash[1], data[1], LENGTH) != PV_OK || uploads_new(&uploads, &blobs, &up) != PV_OK ||
           downloads_new(&downloads, &blobs, &down) != PV_OK;
}

static int gone(void **state)
{
    uploads_destroy(&uploads);
    downloads_destroy(&downloads);
    kept_destroy(&kept);
    for (int i = 1; i <= 2; i++) share_close(&shares, &peer[i]);
    blobs_close(&blobs);
    temp_dir_remove(dir);
    shares_clear(&shares);
    close(wake);
    return frames != 0;
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(what_came_is_sent_from_memory_once),
        FRESH(any_part_is_had_and_the_rest_from_the_file),
        FRESH(a_small_part_is_no_piece),
        FRESH(as_much_is_kept_as_there_is_room_for),
        FRESH(what_finds_no_room_half_way_is_not_kept),
        FRESH(nothing_is_kept_for_long),
        FRESH(who_never_reads_holds_nothing),
        FRESH(an_upload_that_ends_otherwise_leaves_nothing),
        FRESH(a_mark_is_between_two_ticks),
        FRESH(a_file_that_was_changed_since_is_noticed),
        FRESH(a_file_that_changes_between_two_credits_is_noticed),
        FRESH(a_file_that_is_gone_or_cut_is_noticed),
        FRESH(another_file_in_its_place_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
