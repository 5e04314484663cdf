/* What a stranger wrote, as a terminal and a log get it. */
#include "log.h"
#include "visible.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Writes a point as UTF-8. */
static size_t put(char *to, uint32_t p)
{
    if (p < 0x80) return to[0] = (char)p, 1;
    if (p < 0x800) return to[0] = (char)(0xc0 | p >> 6), to[1] = (char)(0x80 | (p & 0x3f)), 2;
    size_t n = p < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; p >>= 6) to[i] = (char)(0x80 | (p & 0x3f));
    to[0] = (char)((n == 3 ? 0xe0 : 0xf0) | p);
    return n;
}

static bool stays(uint32_t point)
{
    char from[8] = "", to[32];
    put(from, point);
    return strcmp(visible_text(to, sizeof to, from), from) == 0;
}

static void test_controls_and_marks_of_direction_are_escaped_and_letters_stay(void **state)
{
    static const struct {
        uint32_t first, last;
    } never[] = { { 1, 0x1f },        { 0x7f, 0x9f },     { 0x61c, 0x61c },   { 0x200b, 0x200f },  { 0x2028, 0x202e },
                  { 0x2060, 0x2069 }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0001, 0xe007f } };
    static const uint32_t always[] = {
        ' ', 'a', '~', 0xa0, 0xe9, 0x416, 0x5d0, 0x627, 0x2013, 0x20ac, 0x4e2d, 0x1f600
    };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        for (uint32_t p = never[i].first; p <= never[i].last; p++) assert_false(stays(p));
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) assert_true(stays(always[i]));
}

static void expect_text(const char *from, const char *want)
{
    char to[256];
    assert_string_equal(visible_text(to, sizeof to, from), want);
}

static void test_escapes_are_those_of_json(void **state)
{
    expect_text("bad\xc2\x9b"
                "31m",
                "bad\\u009b31m");
    expect_text("x\xe2\x80\xaegnp", "x\\u202egnp");
    expect_text("a\nb\tc\x1b[2J\x7f", "a\\u000ab\\u0009c\\u001b[2J\\u007f");
    expect_text("\xf3\xa0\x80\x81", "\\udb40\\udc01");
    expect_text("\x9b"
                "2J \xc0\x80 \xed\xa0\x80 \xe2\x80",
                "\\ufffd2J \\ufffd\\ufffd \\ufffd\\ufffd\\ufffd \\ufffd\\ufffd");
    expect_text("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
}

static void test_a_cut_is_never_inside_an_escape_or_a_letter(void **state)
{
    static const char from[] = "a\xc2\x9b\xc3\xbc";
    char to[16];
    for (size_t room = 1; room < sizeof to; room++) {
        memset(to, 'x', sizeof to);
        visible_text(to, room, from);
        size_t n = strlen(to);
        assert_true(n < room);
        assert_true(n == 0 || n == 1 || n == 7 || n == 9);
    }
    visible_text(NULL, 0, "a");
}

static void test_json_keeps_its_lines_and_loses_what_upsets_a_terminal(void **state)
{
    char *safe = visible_json("{\n \"a\": \"\xc2\x9b\x7f\xe2\x80\xae\xc3\xbc\\u001b\"\n}");
    assert_string_equal(safe, "{\n \"a\": \"\\u009b\\u007f\\u202e\xc3\xbc\\u001b\"\n}");
    free(safe);
}

/* One line of the log, as it is written to stderr. */
static void log_line(char *to, size_t room, enum log_format format, const char *text)
{
    int pipe_fd[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipe_fd), 0);
    fflush(stderr);
    dup2(pipe_fd[1], STDERR_FILENO);
    log_setup(LOG_LEVEL_INFO, format);
    log_event(LOG_LEVEL_INFO, "task.failed", "text=%s after=%d", text, 1);
    dup2(before, STDERR_FILENO);
    ssize_t n = read(pipe_fd[0], to, room - 1);
    assert_true(n > 0);
    to[n] = '\0';
    close(before);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

static void test_the_log_escapes_in_both_forms(void **state)
{
    static const char bad[] = "bad\xc2\x9b"
                              "31m\xe2\x80\xae\xe2\x80\xa8\x9b\xc3\xbc";
    char line[512];
    log_line(line, sizeof line, LOG_FORMAT_TEXT, bad);
    assert_non_null(strstr(line, " text=\"bad\\u009b31m\\u202e\\u2028\\ufffd\xc3\xbc\" after=1\n"));
    log_line(line, sizeof line, LOG_FORMAT_JSON, bad);
    assert_non_null(strstr(line, ",\"text\":\"bad\\u009b31m\\u202e\\u2028\\ufffd\xc3\xbc\",\"after\":1}\n"));
    log_line(line, sizeof line, LOG_FORMAT_TEXT, "\xc3\xbc");
    assert_non_null(strstr(line, " text=\xc3\xbc after=1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_controls_and_marks_of_direction_are_escaped_and_letters_stay),
        cmocka_unit_test(test_escapes_are_those_of_json),
        cmocka_unit_test(test_a_cut_is_never_inside_an_escape_or_a_letter),
        cmocka_unit_test(test_json_keeps_its_lines_and_loses_what_upsets_a_terminal),
        cmocka_unit_test(test_the_log_escapes_in_both_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
