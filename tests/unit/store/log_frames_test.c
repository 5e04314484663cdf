/* A log of SQLite is read as far as it is valid: each transaction with its frames, in logs that are written here by the file format's
 * own words, cut at every byte, and with every byte changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "log_frames.h"

#include <string.h>

enum { HEADER = 32, FRAME = 24, LOG_MOST = 70000 };

/* ---- logs, as https://sqlite.org/fileformat2.html#the_write_ahead_log says ---- */

static uint8_t bytes[LOG_MOST];
static size_t n, page;
static bool big;
static uint32_t sum[2];

static void put(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void summed(const uint8_t *from, size_t many)
{
    for (size_t i = 0; i < many; i += 4) {
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) v |= (uint32_t)from[i + k] << (big ? 24 - 8 * k : 8 * k);
        sum[i / 4 % 2] += v + sum[1 - i / 4 % 2];
    }
}

static void header(uint32_t magic, uint32_t page_bytes)
{
    const uint32_t words[] = { magic, 3007000, page_bytes, 1, 0x12345678, 0x9abcdef0 };
    for (size_t i = 0; i < 6; i++) put(bytes + 4 * i, words[i]);
    sum[0] = sum[1] = 0;
    page = page_bytes;
    big = magic & 1;
    summed(bytes, 24);
    put(bytes + 24, sum[0]);
    put(bytes + 28, sum[1]);
    n = HEADER;
}

/* pages: of the database then, where the transaction ends with this frame; else 0. */
static void frame(uint32_t pages)
{
    uint8_t *at = bytes + n;
    put(at, (uint32_t)n);
    put(at + 4, pages);
    memcpy(at + 8, bytes + 16, 8);
    for (size_t i = 0; i < page; i++) at[FRAME + i] = (uint8_t)(n * 31 + i * 7);
    summed(at, 8);
    summed(at + FRAME, page);
    put(at + 16, sum[0]);
    put(at + 20, sum[1]);
    n += FRAME + page;
}

static void transactions(uint32_t magic)
{
    header(magic, 512);
    frame(1);
    for (int i = 0; i < 2; i++) frame(0);
    frame(0x01000000); /* each byte of the number counts */
    frame(0);
    frame(7);
}

/* Where each of them ends, in frames. */
static const size_t ends[] = { 0, 1, 4, 6 };

/* How many there are in the first so many bytes; each is where it has to be. */
static size_t whole(size_t many)
{
    struct log_frames f;
    const uint8_t *from, *to;
    size_t found = 0;
    if (!log_frames_begin(&f, bytes, many)) return 0;
    for (; log_frames_next(&f, &from, &to); found++) {
        assert_in_range(found, 0, 2);
        assert_ptr_equal(from, bytes + HEADER + ends[found] * (FRAME + page));
        assert_ptr_equal(to, bytes + HEADER + ends[found + 1] * (FRAME + page));
    }
    return found;
}

static size_t transaction_of(size_t at)
{
    size_t i = 0;
    while (at >= HEADER + ends[i + 1] * (FRAME + page)) i++;
    return at < HEADER ? 0 : i;
}

static const uint32_t magics[] = { 0x377f0682, 0x377f0683 };

static void each_transaction_is_found(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct log_frames f;
        transactions(magics[i]);
        assert_true(log_frames_begin(&f, bytes, n));
        assert_int_equal(f.page_bytes, 512);
        assert_int_equal(f.big_endian, i);
        assert_int_equal(whole(n), 3);
    }
}

static void a_cut_log_ends_with_its_last_whole_transaction(void **state)
{
    transactions(magics[0]);
    for (size_t many = 0; many < n; many++) {
        size_t want = many < HEADER ? 0 : transaction_of(many);
        if (whole(many) != want) fail_msg("%zu bytes: %zu, wanted %zu", many, whole(many), want);
    }
}

static void a_changed_byte_ends_it_too(void **state)
{
    for (int i = 0; i < 2; i++) {
        transactions(magics[i]);
        for (size_t at = 0; at < n; at++) {
            bytes[at] ^= 0x10;
            if (whole(n) != transaction_of(at)) fail_msg("byte %zu: %zu", at, whole(n));
            bytes[at] ^= 0x10;
        }
    }
}

/* A frame of before the log began anew is no more than bytes, though its own sums go on. */
static void a_frame_of_another_salt_is_none(void **state)
{
    for (size_t at = 8; at < 16; at++) {
        header(magics[0], 512);
        frame(1);
        bytes[HEADER + at] ^= 1; /* the salt is not summed */
        assert_int_equal(whole(n), 0);
    }
}

static void a_header_has_its_bounds(void **state)
{
    static const struct {
        uint32_t magic, page_bytes;
        bool good;
    } all[] = { { 0x377f0682, 512, true },     { 0x377f0682, 65536, true }, { 0x377f0682, 256, false },
                { 0x377f0682, 131072, false }, { 0x377f0682, 0, false },    { 0x377f0682, 1000, false },
                { 0x377f0682, 513, false },    { 0x377f0680, 512, false },  { 0x377f0684, 512, false },
                { 0x377f0683, 4096, true } };
    struct log_frames f;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        header(all[i].magic, all[i].page_bytes);
        if (log_frames_begin(&f, bytes, n) != all[i].good) fail_msg("%#x %u", all[i].magic, all[i].page_bytes);
        assert_false(log_frames_begin(&f, bytes, n - 1));
    }
    header(magics[0], 65536);
    frame(1);
    assert_true(log_frames_begin(&f, bytes, n));
    const uint8_t *from, *to;
    assert_true(log_frames_next(&f, &from, &to));
    assert_ptr_equal(to, bytes + n);
    assert_false(log_frames_next(&f, &from, &to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_transaction_is_found),  cmocka_unit_test(a_cut_log_ends_with_its_last_whole_transaction),
        cmocka_unit_test(a_changed_byte_ends_it_too), cmocka_unit_test(a_frame_of_another_salt_is_none),
        cmocka_unit_test(a_header_has_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
