/* One value from text: what each reader takes, and that everything else leaves the value as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "values.h"

#define N(array) (sizeof(array) / sizeof *(array))

static void a_number_is_digits_alone(void **state)
{
    static const char *const wrong[] = { "", "-1", "+1", " 1", "1 ", "1K", "0x10", "ten", "18446744073709551616" };
    uint64_t n = 7;
    for (size_t i = 0; i < N(wrong); i++)
        if (value_number(&n, wrong[i])) fail_msg("\"%s\" is no number", wrong[i]);
    assert_int_equal(n, 7);
    assert_true(value_number(&n, "0"));
    assert_int_equal(n, 0);
    assert_true(value_number(&n, "18446744073709551615"));
    assert_true(n == UINT64_MAX);
}

static void a_size_takes_the_letters_it_is_given(void **state)
{
    static const char *const wrong[] = {
        "", "K", "1T", "1k", "1KB", "1KK", "-1K", "1 K", "18014398509481984K", "99999999999G"
    };
    uint64_t n = 7;
    for (size_t i = 0; i < N(wrong); i++)
        if (value_size(&n, wrong[i], "KMG")) fail_msg("\"%s\" is no size", wrong[i]);
    assert_int_equal(n, 7);
    assert_true(value_size(&n, "12", "KMG"));
    assert_int_equal(n, 12);
    assert_true(value_size(&n, "3K", "KMG"));
    assert_int_equal(n, 3 << 10);
    assert_true(value_size(&n, "3G", "KMG"));
    assert_int_equal(n, 3ull << 30);
    assert_true(value_size(&n, "2T", "KMGT"));
    assert_int_equal(n, 2ull << 40);
    assert_true(value_size(&n, "18014398509481983K", "KMG"));
}

static void a_duration_is_seconds_without_a_unit(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } right[] = { { "5", 5000 },    { "0", 0 },        { "7ms", 7 },      { "30s", 30000 },
                  { "5m", 300000 }, { "2h", 7200000 }, { "1d", 86400000 } };
    static const char *const wrong[] = { "", "s", "5x", "5 s", "-5s", "5min", "106751991168d", "9223372036854775807" };
    uint64_t ms = 7;
    for (size_t i = 0; i < N(wrong); i++)
        if (value_duration(&ms, wrong[i])) fail_msg("\"%s\" is no duration", wrong[i]);
    assert_int_equal(ms, 7);
    for (size_t i = 0; i < N(right); i++) {
        assert_true(value_duration(&ms, right[i].text));
        assert_int_equal(ms, right[i].ms);
    }
}

static void a_switch_has_four_words_each_way(void **state)
{
    static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no", "false", "off", "0" };
    static const char *const wrong[] = { "", "Yes", "ON", "y", "2", "no yes", "on ", "10" };
    for (size_t i = 0; i < 4; i++) {
        bool is = false;
        assert_true(value_switch(&is, yes[i]) && is);
        assert_true(value_switch(&is, no[i]) && !is);
    }
    for (size_t i = 0; i < N(wrong); i++) {
        bool is = true;
        if (value_switch(&is, wrong[i]) || !is) fail_msg("\"%s\" is no switch", wrong[i]);
    }
}

static void a_word_is_whole(void **state)
{
    size_t at = 9;
    assert_true(value_word(&at, "auto", "auto cpu cuda") && at == 0);
    assert_true(value_word(&at, "cuda", "auto cpu cuda") && at == 2);
    assert_false(value_word(&at, "cp", "auto cpu cuda"));
    assert_false(value_word(&at, "cpu ", "auto cpu cuda"));
    assert_false(value_word(&at, "cpu cuda", "auto cpu cuda"));
    assert_false(value_word(&at, "", "auto cpu cuda"));
    assert_false(value_word(&at, "x", ""));
    assert_int_equal(at, 2);
}

static void sizes_and_times_are_cut_to_what_people_read(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = { { 0, "0 B" },
                  { 1023, "1023 B" },
                  { 1024, "1 KiB" },
                  { 1536, "1.5 KiB" },
                  { 10 * 1024 + 1023, "10 KiB" },
                  { UINT64_C(572) << 20, "572 MiB" },
                  { (UINT64_C(1) << 30) - 1, "1023 MiB" },
                  { UINT64_C(12884901888), "12 GiB" },
                  { UINT64_MAX, "15 EiB" } };
    static const struct {
        uint64_t ms;
        const char *text;
    } times[] = { { 0, "0 ms" },           { 999, "999 ms" },         { 1000, "1.0 s" },      { 9999, "9.9 s" },
                  { 10000, "10 s" },       { 59999, "59 s" },         { 65000, "1 m 05 s" },  { 3599999, "59 m 59 s" },
                  { 3660000, "1 h 01 m" }, { 86399999, "23 h 59 m" }, { 97200000, "1 d 3 h" } };
    char text[VALUE_TEXT_BYTES];
    for (size_t i = 0; i < N(sizes); i++) assert_string_equal(value_size_text(text, sizes[i].bytes), sizes[i].text);
    for (size_t i = 0; i < N(times); i++) assert_string_equal(value_duration_text(text, times[i].ms), times[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_digits_alone),
        cmocka_unit_test(a_size_takes_the_letters_it_is_given),
        cmocka_unit_test(a_duration_is_seconds_without_a_unit),
        cmocka_unit_test(a_switch_has_four_words_each_way),
        cmocka_unit_test(a_word_is_whole),
        cmocka_unit_test(sizes_and_times_are_cut_to_what_people_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
