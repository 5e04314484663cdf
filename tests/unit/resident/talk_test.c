/* The frames of programs that stay: their bytes, their sizes, and cuts anywhere. */
#include "talk_message.h"
#include "talk_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void run_has_the_bytes_that_are_documented(void **state)
{
    uint8_t to[64];
    struct talk_writer w = { .bytes = to, .room = sizeof to };
    static const uint8_t expected[] = { 0, 0, 0, 15, 0x96, 2, 7, 0xa2, 'a', 'b', 0xa3, 'c', 'i', 'r', 0xc0, 0xc4, 3 };
    talk_begin(&w, TALK_RUN, 6);
    talk_put_uint(&w, 7);
    talk_put_text(&w, "ab", 2);
    talk_put_text(&w, "cir", 3);
    talk_put_nil(&w);
    talk_put_bin(&w, 3);
    assert_true(talk_end(&w, 3));
    assert_int_equal(w.n, sizeof expected);
    assert_int_equal(to[3], sizeof expected + 3 - 4);
    assert_memory_equal(to + 4, expected + 4, w.n - 4);
}

static void every_size_of_a_number_is_read_back(void **state)
{
    static const uint64_t values[] = { 0, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, 1ull << 32, UINT64_MAX };
    static const size_t bytes[] = { 1, 1, 2, 2, 3, 3, 5, 5, 9, 9 };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint8_t to[16];
        struct talk_writer w = { .bytes = to, .room = sizeof to };
        talk_put_uint(&w, values[i]);
        assert_int_equal(w.n, bytes[i]);
        struct talk_reader r = { to, to + w.n, false };
        assert_int_equal(talk_get_uint(&r), values[i]);
        assert_false(r.wrong);
        r = (struct talk_reader){ to, to + w.n - 1, false };
        (void)talk_get_uint(&r);
        assert_true(r.wrong);
    }
}

static void every_size_of_a_text_is_read_back(void **state)
{
    static char text[70000];
    static uint8_t to[70010];
    static const size_t sizes[] = { 0, 31, 32, 255, 256, 65535, 65536 };
    memset(text, 't', sizeof text);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n;
        struct talk_writer w = { .bytes = to, .room = sizeof to };
        talk_put_text(&w, text, sizes[i]);
        struct talk_reader r = { to, to + w.n, false };
        const char *got = talk_get_text(&r, &n);
        assert_int_equal(n, sizes[i]);
        assert_memory_equal(got, text, n);
        r = (struct talk_reader){ to, to + w.n - 1, false };
        (void)talk_get_text(&r, &n);
        assert_true(r.wrong);
        assert_int_equal(n, 0);
    }
}

static void what_does_not_fit_is_not_written(void **state)
{
    uint8_t to[8] = { 0 };
    struct talk_writer w = { .bytes = to, .room = 6 };
    talk_begin(&w, TALK_STOP, 2);
    talk_put_uint(&w, 5);
    assert_false(talk_end(&w, 0));
    assert_int_equal(to[6], 0);
}

static bool reads(const char *bytes, size_t n)
{
    struct talk_message m;
    uint8_t *copy = malloc(n ? n : 1); /* of that size alone: a byte too far is seen by the sanitizer */
    memcpy(copy, bytes, n);
    bool is = talk_message_read(&m, copy, n);
    free(copy);
    return is;
}
#define READS(bytes) reads(bytes, sizeof bytes - 1)

static void what_is_no_message_is_refused(void **state)
{
    assert_true(READS("\x92\x25\x07"));          /* PONG */
    assert_true(READS("\x93\x25\x07\xc0"));      /* and more than this version knows */
    assert_true(READS("\x93\x23\x07\xc4\x01x")); /* RESULT */
    assert_true(READS("\x94\x24\x07\x02\xa1x")); /* FAILURE */
    assert_false(READS(""));
    assert_false(READS("\x92"));
    assert_false(READS("\x25"));
    assert_false(READS("\x91\x25"));     /* too few */
    assert_false(READS("\x92\x32\x07")); /* no word */
    assert_false(READS("\x92\x00\x07"));
    assert_false(READS("\x92\xcc\xff\x07"));
    assert_false(READS("\x92\x25\xa1x"));                     /* a text for a number */
    assert_false(READS("\x92\x25\xff"));                      /* a negative number */
    assert_false(READS("\x93\x23\x07\xa1x"));                 /* a text for bytes */
    assert_false(READS("\x93\x23\x07\xc4\x02x"));             /* cut */
    assert_false(READS("\x93\x23\x07\xc6\xff\xff\xff\xffx")); /* longer than there is */
    assert_false(READS("\x94\x24\x07\x03\xa1x"));             /* no kind of failure */
    assert_false(READS("\xdd\xff\xff\xff\xff\x25\x07"));      /* elements that are not there */
    assert_false(READS("\x96\x02\x07\xa1t\xa1"
                       "c\xc0\xc0"));                     /* RUN without an input */
    assert_false(READS("\x94\x20\x01\xa1s\xdc\x04\x01")); /* READY with more circuits than bytes */
}

/* Feeds bytes in pieces; returns how many messages came. */
static unsigned fed(const uint8_t *bytes, size_t n, size_t piece, size_t most, enum talk_fed *last)
{
    struct talk_stream s = { .most = most };
    unsigned whole = 0;
    *last = TALK_MORE;
    while (n && *last != TALK_TOO_LONG) {
        size_t room;
        uint8_t *to = talk_stream_room(&s, &room);
        if (room > piece) room = piece;
        if (room > n) room = n;
        memcpy(to, bytes, room);
        bytes += room;
        n -= room;
        *last = talk_stream_add(&s, room);
        if (*last != TALK_WHOLE) continue;
        whole++;
        assert_true(s.wanted - TALK_HEAD_BYTES <= most);
        talk_stream_next(&s);
    }
    talk_stream_clear(&s);
    return whole;
}

static void a_cut_anywhere_makes_no_difference(void **state)
{
    static const uint8_t bytes[] = { 0, 0, 0, 3, 0x92, 0x25, 7, 0, 0, 0, 1, 5, 0, 0, 0, 2, 1, 2 };
    enum talk_fed last;
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        assert_int_equal(fed(bytes, sizeof bytes, piece, 3, &last), 3);
        assert_int_equal(last, TALK_WHOLE);
    }
    assert_int_equal(fed(bytes, sizeof bytes, 5, 2, &last), 0);
    assert_int_equal(last, TALK_TOO_LONG);
    assert_int_equal(fed(bytes, 4, 4, 3, &last), 0);
    assert_int_equal(last, TALK_MORE);
    static const uint8_t empty[4] = { 0 };
    assert_int_equal(fed(empty, 4, 4, 3, &last), 0);
    assert_int_equal(last, TALK_TOO_LONG);
}

static void memory_grows_with_what_came(void **state)
{
    struct talk_stream s = { .most = 1u << 30 };
    size_t n;
    static const uint8_t head[] = { 0x3f, 0xff, 0xff, 0xff };
    memcpy(talk_stream_room(&s, &n), head, 4);
    assert_int_equal(n, 4);
    assert_int_equal(talk_stream_add(&s, 4), TALK_MORE);
    assert_non_null(talk_stream_room(&s, &n));
    assert_true(s.room <= 2u << 20);
    talk_stream_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_has_the_bytes_that_are_documented), cmocka_unit_test(every_size_of_a_number_is_read_back),
        cmocka_unit_test(every_size_of_a_text_is_read_back),     cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(what_is_no_message_is_refused),         cmocka_unit_test(a_cut_anywhere_makes_no_difference),
        cmocka_unit_test(memory_grows_with_what_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
