/* A peer's bytes never do more than fail: cut, flipped, doubled, nested, counted wrong. Bodies lie in blocks of exactly
 * their size, so that a sanitizer build sees one byte read too many. */
#include "decode.h"
#include "encode.h"
#include "wire_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char why[WIRE_WHY_BYTES];

/* Decodes a copy of exactly n bytes. */
static pv_status decode_exactly(enum wire_way way, const struct wire_frames *f, const uint8_t *body, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    struct wire_msg m;
    memcpy(copy, body, n);
    struct wire_frames g = *f;
    g.body = copy;
    g.body_bytes = n;
    pv_status s = wire_msg_decode(&m, way, &g, why);
    if (s == PV_OK) wire_msg_clear(&m);
    assert_int_equal(s == PV_OK, why[0] == 0);
    free(copy);
    return s;
}

static void encode(struct wire_sample *s, size_t i, uint8_t *buffer, size_t bytes, struct wire_frames *f)
{
    wire_sample_make(s, i, SAMPLE_FULL);
    assert_int_equal(wire_msg_encode(&s->msg, s->way, buffer, bytes, f, why), PV_OK);
}

static void test_every_truncation_fails(void **state)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    for (size_t i = 0; i < wire_samples(); i++) {
        struct wire_sample s;
        struct wire_frames f;
        encode(&s, i, buffer, sizeof buffer, &f);
        for (size_t n = 0; n < f.body_bytes; n++)
            assert_int_equal(decode_exactly(s.way, &f, f.body, n), PV_BAD_MESSAGE);
        for (f.head_bytes = 0; f.head_bytes < 4; f.head_bytes++)
            assert_int_equal(decode_exactly(s.way, &f, f.body, f.body_bytes), PV_BAD_MESSAGE);
        f.head_bytes = 4;
        assert_int_equal(decode_exactly(s.way, &f, f.body, f.body_bytes), PV_OK);
    }
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

/* Whatever still decodes has to be sayable: what is in the struct is in bound. */
static bool flip_and_try(struct wire_sample *s, struct wire_frames *f, uint8_t *body, uint64_t *seed)
{
    static uint8_t again[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_msg m;
    struct wire_frames out;
    for (uint64_t flips = 1 + next_random(seed) % 3; flips; flips--) {
        uint64_t bit = next_random(seed) % (8 * f->body_bytes);
        body[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    struct wire_frames g = *f;
    g.body = body;
    if (wire_msg_decode(&m, s->way, &g, why) != PV_OK) return false;
    if (wire_msg_encode(&m, s->way, again, sizeof again, &out, why) != PV_OK) fail_msg("%s: %s", s->name, why);
    wire_msg_clear(&m);
    return true;
}

static void test_flipped_bits_fail_or_mean_something_legal(void **state)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    const char *given = getenv("PV_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 20261122;
    unsigned accepted = 0, refused = 0;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < wire_samples(); i++) {
        struct wire_sample s;
        struct wire_frames f;
        encode(&s, i, buffer, sizeof buffer, &f);
        uint8_t *body = malloc(f.body_bytes);
        for (int round = 0; round < 1000; round++) {
            memcpy(body, f.body, f.body_bytes);
            flip_and_try(&s, &f, body, &seed) ? accepted++ : refused++;
        }
        free(body);
    }
    print_message("%u accepted, %u refused\n", accepted, refused);
    assert_true(accepted > 0 && refused > 0);
}

/* ---- bodies written by hand for READY {credit} ---- */

static pv_status ready(const void *body, size_t n)
{
    static const uint8_t head[] = { 'P', 'V', 1, 40 };
    struct wire_frames f = { .head = head, .head_bytes = 4 };
    return decode_exactly(WIRE_TO_BROKER, &f, body, n);
}

#define READY(bytes) ready(bytes, sizeof bytes - 1)

static void test_unknown_keys_are_passed_over(void **state)
{
    assert_int_equal(READY("\x81\xa6"
                           "credit\x01"),
                     PV_OK);
    assert_int_equal(READY("\x83\xa3new\xcb\1\2\3\4\5\6\7\x08\xa6"
                           "credit\x01\xa4what\xa1x"),
                     PV_OK);
    /* a field of another message is unknown to this one, whatever its type */
    assert_int_equal(READY("\x82\xa6"
                           "credit\x01\xa4slot\xc0"),
                     PV_OK);
    assert_int_equal(READY("\x82\xa6"
                           "credit\x01\xa5slots\xc0"),
                     PV_OK);
}

static void test_a_key_twice_fails(void **state)
{
    assert_int_equal(READY("\x82\xa6"
                           "credit\x01\xa6"
                           "credit\x01"),
                     PV_BAD_MESSAGE);
    assert_string_equal(why, "a map has a key twice");
    assert_int_equal(READY("\x83\xa1x\x01\xa6"
                           "credit\x01\xa1x\x01"),
                     PV_BAD_MESSAGE);
}

static void test_a_wrong_type_fails(void **state)
{
    static const char *const bodies[] = { "\x81\xa6"
                                          "credit\xff",
                                          "\x81\xa6"
                                          "credit\xc0",
                                          "\x81\xa6"
                                          "credit\xa1"
                                          "1",
                                          "\x81\xa6"
                                          "credit\xc3",
                                          "\x81\xa6"
                                          "credit\x90",
                                          "\x80",
                                          "\x90",
                                          "\x01",
                                          "\xc1",
                                          "\x81\x01\x01",
                                          "\x81\xa0\x01" };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(ready(bodies[i], strlen(bodies[i])), PV_BAD_MESSAGE);
    assert_int_equal(READY("\x81\xa6"
                           "credit\xca\x3f\x80\x00\x00"),
                     PV_BAD_MESSAGE);
}

static void test_a_number_out_of_bound_fails(void **state)
{
    assert_int_equal(READY("\x81\xa6"
                           "credit\xcd\x08\x00"),
                     PV_OK); /* 2048 */
    assert_int_equal(READY("\x81\xa6"
                           "credit\xcd\x08\x01"),
                     PV_BAD_MESSAGE);
    assert_int_equal(READY("\x81\xa6"
                           "credit\xcf\0\0\0\0\0\0\x08\x00"),
                     PV_OK); /* a longer form of the same number */
    assert_int_equal(READY("\x81\xa6"
                           "credit\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
                     PV_BAD_MESSAGE);
}

static void test_bytes_behind_the_body_fail(void **state)
{
    assert_int_equal(READY("\x81\xa6"
                           "credit\x01\xc0"),
                     PV_BAD_MESSAGE);
    assert_string_equal(why, "bytes follow the body");
}

static void test_ext_fails(void **state)
{
    assert_int_equal(READY("\x82\xa6"
                           "credit\x01\xa1x\xd4\x01\x01"),
                     PV_BAD_MESSAGE);
    assert_int_equal(READY("\x81\xa1x\xc9\xff\xff\xff\xff"), PV_BAD_MESSAGE);
    assert_int_equal(READY("\x81\xa1x\xc9\xff\xff\xff\xff\x01\x01"), PV_BAD_MESSAGE);
}

static void test_depth_is_bounded(void **state)
{
    uint8_t body[20000];
    /* the body's map is the first container: three lists in it are four deep, legal; four are not */
    assert_int_equal(READY("\x82\xa6"
                           "credit\x01\xa1x\x91\x91\x91\x01"),
                     PV_OK);
    assert_int_equal(READY("\x82\xa6"
                           "credit\x01\xa1x\x91\x91\x91\x91\x01"),
                     PV_BAD_MESSAGE);
    assert_string_equal(why, "nested too deep");
    assert_int_equal(READY("\x82\xa6"
                           "credit\x01\xa1x\x91\x91\x91\x90"),
                     PV_BAD_MESSAGE);
    memset(body, 0x91, sizeof body);
    assert_int_equal(ready(body, sizeof body), PV_BAD_MESSAGE);
    memset(body, 0x81, sizeof body);
    assert_int_equal(ready(body, sizeof body), PV_BAD_MESSAGE);
}

/* A count of 2^32 - 1 in nine bytes: refused before memory is taken for it. */
static void test_huge_counts_fail(void **state)
{
    assert_int_equal(READY("\x81\xa1x\xdd\xff\xff\xff\xff"), PV_BAD_MESSAGE);
    assert_string_equal(why, "too many values");
    assert_int_equal(READY("\x81\xa1x\xdf\xff\xff\xff\xff"), PV_BAD_MESSAGE);
    assert_int_equal(READY("\xdf\x80\x00\x00\x01"), PV_BAD_MESSAGE);
    assert_int_equal(READY("\xdd\xff\xff\xff\xff"), PV_BAD_MESSAGE);
    assert_int_equal(READY("\x81\xa1x\xdb\xff\xff\xff\xffz"), PV_BAD_MESSAGE);
    assert_int_equal(READY("\x81\xa1x\xc6\xff\xff\xff\xffz"), PV_BAD_MESSAGE);
    assert_int_equal(READY("\x81\xa1x\xdc\xff\xff\x01"), PV_BAD_MESSAGE);
}

/* Small values, many of them: the bound is on memory, not on bytes. 4 are the map's two keys and values. */
static void test_more_values_than_the_bound_fail(void **state)
{
    for (uint32_t values = WIRE_VALUES_MAX - 4; values <= WIRE_VALUES_MAX - 3; values++) {
        uint8_t *body = malloc(32 + values);
        size_t n = 0;
        memcpy(body,
               "\x82\xa6"
               "credit\x01\xa1x\xdc",
               12);
        n = 12;
        body[n++] = (uint8_t)(values >> 8);
        body[n++] = (uint8_t)values;
        memset(body + n, 0xc0, values);
        assert_int_equal(ready(body, n + values), values == WIRE_VALUES_MAX - 4 ? PV_OK : PV_BAD_MESSAGE);
        free(body);
    }
}

static void test_a_list_of_too_many_fails(void **state)
{
    uint8_t body[4096] = { 0x82, 0xa6, 'c', 'r', 'e', 'd', 'i', 't', 1, 0xa4, 'w', 'a', 'r', 'm', 0xdc, 1, 1 };
    size_t n = 17; /* 257 items of a list of at most 256; what they are does not matter any more */
    for (int i = 0; i < 257; i++) body[n++] = 0xc0;
    assert_int_equal(ready(body, n), PV_BAD_MESSAGE);
    assert_string_equal(why, "warm has too many items");
    body[16] = 0;
    assert_int_equal(ready(body, n - 1), PV_BAD_MESSAGE);
    assert_string_equal(why, "warm is not binary");
}

static void test_a_map_of_too_many_keys_fails(void **state)
{
    for (int keys = WIRE_KEYS_MAX; keys <= WIRE_KEYS_MAX + 1; keys++) {
        uint8_t body[4096] = { 0xde, 0, (uint8_t)keys, 0xa6, 'c', 'r', 'e', 'd', 'i', 't', 1 };
        size_t n = 11;
        for (int i = 1; i < keys; i++, n += 4)
            memcpy(body + n, (uint8_t[]){ 0xa2, (uint8_t)('!' + i / 80), (uint8_t)('!' + i % 80), 1 }, 4);
        assert_int_equal(ready(body, n), keys == WIRE_KEYS_MAX ? PV_OK : PV_BAD_MESSAGE);
    }
}

static void test_frames_above_their_limit_fail(void **state)
{
    static uint8_t big[WIRE_CHUNK_MAX + 1] = { 0x81, 0xa6, 'c', 'r', 'e', 'd', 'i', 't', 1 };
    assert_int_equal(ready(big, WIRE_BODY_MAX + 1), PV_TOO_LARGE);
    struct wire_sample s;
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_frames f;
    for (size_t i = 0; i < wire_samples(); i++) {
        encode(&s, i, buffer, sizeof buffer, &f);
        f.payload = big;
        f.payload_bytes = WIRE_CHUNK_MAX + 1;
        assert_int_equal(decode_exactly(s.way, &f, f.body, f.body_bytes), PV_TOO_LARGE);
        f.payload_bytes = WIRE_CHUNK_MAX;
        pv_status expected = s.msg.type == WIRE_CHUNK ? PV_OK : PV_BAD_MESSAGE;
        assert_int_equal(decode_exactly(s.way, &f, f.body, f.body_bytes), expected);
        f.payload_bytes = 0; /* only a chunk has to hold something, and what is inline has to be as long as it says */
        assert_int_equal(decode_exactly(s.way, &f, f.body, f.body_bytes), PV_BAD_MESSAGE);
    }
}

static void test_another_version_or_type_fails(void **state)
{
    static const uint8_t body[] = { 0x81, 0xa6, 'c', 'r', 'e', 'd', 'i', 't', 1 };
    for (unsigned version = 0; version < 256; version++) {
        uint8_t head[] = { 'P', 'V', (uint8_t)version, WIRE_READY };
        struct wire_frames f = { .head = head, .head_bytes = 4 };
        assert_int_equal(decode_exactly(WIRE_TO_BROKER, &f, body, sizeof body), version == 1 ? PV_OK : PV_BAD_VERSION);
    }
    for (unsigned type = 0; type < 256; type++) {
        uint8_t head[] = { 'P', 'V', 1, (uint8_t)type };
        struct wire_frames f = { .head = head, .head_bytes = 4 };
        pv_status s = decode_exactly(WIRE_TO_BROKER, &f, body, sizeof body);
        /* what needs no field of its own */
        bool fits = type == WIRE_READY || type == WIRE_HEARTBEAT || type == WIRE_DRAIN || type == WIRE_CIRCUITS;
        assert_int_equal(s, fits ? PV_OK : PV_BAD_MESSAGE);
    }
}

static void test_text_is_checked(void **state)
{
    static const struct {
        const char *text;
        bool legal;
    } cases[] = { { "fine \xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x98\x80\n\t", true },
                  { "\xc0\x80", false },
                  { "\xed\xa0\x80", false },
                  { "\xed\xbf\xbf", false },
                  { "\xee\x80\x80", true },
                  { "\xf4\x90\x80\x80", false },
                  { "\xff", false },
                  { "\xe2\x9c", false },
                  { "bell\x07", false },
                  { "\x7f", false },
                  { "\x80", false } };
    static const uint8_t head[] = { 'P', 'V', 1, WIRE_DISCONNECT };
    struct wire_frames f = { .head = head, .head_bytes = 4 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t body[64] = { 0x82, 0xa6, 's', 't', 'a', 't', 'u', 's', 0, 0xa4, 't', 'e', 'x', 't' };
        size_t n = strlen(cases[i].text);
        body[14] = (uint8_t)(0xa0 | n);
        memcpy(body + 15, cases[i].text, n);
        assert_int_equal(decode_exactly(WIRE_TO_PEER, &f, body, 15 + n), cases[i].legal ? PV_OK : PV_BAD_MESSAGE);
    }
    uint8_t nul[] = { 0x82, 0xa6, 's', 't', 'a', 't', 'u', 's', 0, 0xa4, 't', 'e', 'x', 't', 0xa1, 0 };
    assert_int_equal(decode_exactly(WIRE_TO_PEER, &f, nul, sizeof nul), PV_BAD_MESSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_truncation_fails),
        cmocka_unit_test(test_flipped_bits_fail_or_mean_something_legal),
        cmocka_unit_test(test_unknown_keys_are_passed_over),
        cmocka_unit_test(test_a_key_twice_fails),
        cmocka_unit_test(test_a_wrong_type_fails),
        cmocka_unit_test(test_a_number_out_of_bound_fails),
        cmocka_unit_test(test_bytes_behind_the_body_fail),
        cmocka_unit_test(test_ext_fails),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_huge_counts_fail),
        cmocka_unit_test(test_more_values_than_the_bound_fail),
        cmocka_unit_test(test_a_list_of_too_many_fails),
        cmocka_unit_test(test_a_map_of_too_many_keys_fails),
        cmocka_unit_test(test_frames_above_their_limit_fail),
        cmocka_unit_test(test_another_version_or_type_fails),
        cmocka_unit_test(test_text_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
