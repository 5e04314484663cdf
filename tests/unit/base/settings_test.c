/* The settings engine on a table of its own: every kind, every source in its order, every sentence with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "settings_file.h"
#include "temp_dir.h"

struct sample {
    const char *text, *level;
    int shape;
    uint64_t count, bytes, large, rest_ms;
    bool quick;
    int odd;
};

struct sample_item {
    const char *name;
    uint64_t weight;
};

static bool odd_read(void *member, const char *text)
{
    int n = atoi(text);
    if (n % 2 == 0) return false;
    *(int *)member = n;
    return true;
}

#define ROW(name_, kind_) .name = #name_, .kind = SETTING_##kind_, .offset = offsetof(struct sample, name_)
static const struct setting rows[] = {
    { ROW(text, TEXT), .fallback = "" },
    { ROW(level, WORD), .fallback = "low", .words = "low middle high" },
    { ROW(shape, CHOICE), .fallback = "round", .words = "flat round" },
    { ROW(count, NUMBER), .fallback = "3", .low = 1, .high = 64 },
    { ROW(bytes, SIZE), .fallback = "1K", .low = 0, .high = 1 << 20 },
    { ROW(large, LARGE_SIZE), .fallback = "1T", .low = 0, .high = INT64_MAX },
    { ROW(rest_ms, DURATION), .fallback = "2s", .low = 1, .high = INT64_MAX },
    { ROW(quick, SWITCH), .fallback = "no" },
    { ROW(odd, OTHER), .fallback = "1", .read = odd_read, .words = "an odd number" },
};
enum { TEXT, LEVEL, SHAPE, COUNT, BYTES, LARGE, REST, QUICK, ODD, ROWS };

static const struct setting item_rows[] = {
    { .name = "name", .kind = SETTING_TEXT, .fallback = "", .offset = offsetof(struct sample_item, name) },
    { .name = "weight",
      .kind = SETTING_NUMBER,
      .fallback = "1",
      .low = 1,
      .high = 9,
      .offset = offsetof(struct sample_item, weight) },
};
static const struct settings_table table = { rows, ROWS, "items", item_rows, 2, 3, NULL, NULL, false };

static char why[SETTINGS_WHY_BYTES], dir[64], path[80];
static struct sample s;
static struct settings_file *file;
static enum setting_origin origin[ROWS];
static const char *flags[ROWS], *texts[ROWS];

static int setup(void **state)
{
    s = (struct sample){ 0 };
    memset(flags, 0, sizeof flags);
    temp_dir_make(dir);
    snprintf(path, sizeof path, "%s/sample.yaml", dir);
    return 0;
}

static int teardown(void **state)
{
    settings_file_destroy(&file);
    unsetenv("PROVOST_COUNT");
    unsetenv("PROVOST_SAMPLE_COUNT");
    unsetenv("PROVOST_REST_MS");
    temp_dir_remove(dir);
    return 0;
}

static pv_status read_file(const char *yaml)
{
    FILE *f = fopen(path, "w");
    fputs(yaml, f);
    fclose(f);
    settings_file_destroy(&file);
    return settings_file_read(&file, path, &table, why);
}

static pv_status gather(const struct settings_table *t)
{
    const struct settings_target to = { &s, origin, texts };
    return settings_gather(t, &to, flags, file, why);
}

static void expect_why(const char *sentence)
{
    if (!strstr(why, sentence)) fail_msg("\"%s\" does not say \"%s\"", why, sentence);
}

static void defaults_are_read_like_any_value(void **state)
{
    assert_int_equal(gather(&table), PV_OK);
    assert_string_equal(s.text, "");
    assert_string_equal(s.level, "low");
    assert_int_equal(s.shape, 1);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.bytes, 1024);
    assert_true(s.large == 1ull << 40);
    assert_int_equal(s.rest_ms, 2000);
    assert_false(s.quick);
    assert_int_equal(s.odd, 1);
    for (size_t i = 0; i < ROWS; i++) assert_int_equal(origin[i], SETTING_DEFAULT);
}

static void a_flag_beats_the_environment_beats_the_file(void **state)
{
    assert_int_equal(read_file("count: 4\nlevel: high\nquick: on\nrest_ms: 3m\n"), PV_OK);
    assert_int_equal(gather(&table), PV_OK);
    assert_int_equal(s.count, 4);
    assert_string_equal(s.level, "high");
    assert_true(s.quick);
    assert_int_equal(s.rest_ms, 180000);
    assert_int_equal(origin[COUNT], SETTING_FILE);
    setenv("PROVOST_COUNT", "5", 1);
    assert_int_equal(gather(&table), PV_OK);
    assert_int_equal(s.count, 5);
    assert_int_equal(origin[COUNT], SETTING_ENVIRONMENT);
    flags[COUNT] = "6";
    assert_int_equal(gather(&table), PV_OK);
    assert_int_equal(s.count, 6);
    assert_string_equal(texts[COUNT], "6");
    assert_string_equal(setting_origin_word(origin[COUNT]), "flag");
}

static void an_empty_variable_counts_only_where_the_table_says_so(void **state)
{
    struct settings_table counting = table;
    counting.empty_variables = true;
    setenv("PROVOST_COUNT", "", 1);
    assert_int_equal(gather(&table), PV_OK);
    assert_int_equal(s.count, 3);
    assert_int_equal(gather(&counting), PV_BAD_CONFIG);
    expect_why("PROVOST_COUNT: not a number: \"\" (1 to 64)");
}

static char shared[64];

static void told(const char *variable, const char *own)
{
    snprintf(shared, sizeof shared, "%s %s", variable, own);
}

static void a_program_has_variables_of_its_own(void **state)
{
    struct settings_table own = table;
    own.program = "sample";
    own.identity = (const char *const[]){ "rest_ms", "count", NULL };
    shared[0] = 0;
    setenv("PROVOST_COUNT", "5", 1); /* as an older release read it */
    assert_int_equal(gather(&own), PV_OK);
    assert_int_equal(s.count, 5);
    settings_shared(&own, origin, told);
    assert_string_equal(shared, "PROVOST_COUNT PROVOST_SAMPLE_COUNT");
    setenv("PROVOST_SAMPLE_COUNT", "6", 1);
    assert_int_equal(gather(&own), PV_OK);
    assert_int_equal(s.count, 6);
    assert_int_equal(origin[COUNT], SETTING_ENVIRONMENT);
    shared[0] = 0;
    settings_shared(&own, origin, told);
    assert_string_equal(shared, "");
    assert_int_equal(gather(&table), PV_OK); /* another program */
    assert_int_equal(s.count, 5);
    setenv("PROVOST_SAMPLE_COUNT", "many", 1);
    assert_int_equal(gather(&own), PV_BAD_CONFIG);
    expect_why("PROVOST_SAMPLE_COUNT: not a number: \"many\"");
    flags[COUNT] = "7"; /* said by hand: nobody else reads that */
    assert_int_equal(gather(&own), PV_OK);
    settings_shared(&own, origin, told);
    assert_string_equal(shared, "");
}

static void expect_flag_refused(size_t row, const char *text, const char *sentence)
{
    struct sample before = s;
    flags[row] = text;
    assert_int_equal(setting_of_flag(&rows[row], &s, text, why), PV_BAD_CONFIG);
    assert_string_equal(why, sentence);
    assert_memory_equal(&before, &s, sizeof s);
}

static void a_refused_value_says_what_is_allowed_and_changes_nothing(void **state)
{
    assert_int_equal(gather(&table), PV_OK);
    expect_flag_refused(LEVEL, "loud", "--level: not low, middle or high: \"loud\"");
    expect_flag_refused(SHAPE, "", "--shape: not flat or round: \"\"");
    expect_flag_refused(COUNT, "many", "--count: not a number: \"many\" (1 to 64)");
    expect_flag_refused(COUNT, "65", "--count: 65 is too large: 1 to 64");
    expect_flag_refused(BYTES, "1T", "--bytes: not a size: \"1T\" (bytes, or with K, M or G; 0 to 1048576)");
    expect_flag_refused(LARGE, "1X", "--large: not a size: \"1X\" (bytes, or with K, M, G or T)");
    expect_flag_refused(LARGE, "9223372036854775808",
                        "--large: 9223372036854775808 is too large: at most 9223372036854775807");
    expect_flag_refused(REST, "soon", "--rest-ms: not a time: \"soon\" (a number with ms, s, m, h or d; at least 1)");
    expect_flag_refused(REST, "0", "--rest-ms: 0 is too small: at least 1");
    expect_flag_refused(QUICK, "maybe", "--quick: not yes or no: \"maybe\" (also true, false, on, off, 1, 0)");
    expect_flag_refused(ODD, "2", "--odd: not an odd number: \"2\"");
}

static void a_refusal_names_the_variable_or_the_line(void **state)
{
    setenv("PROVOST_REST_MS", "5 s", 1);
    assert_int_equal(gather(&table), PV_BAD_CONFIG);
    expect_why("PROVOST_REST_MS: not a time");
    unsetenv("PROVOST_REST_MS");
    assert_int_equal(read_file("# count: many\ntext: x\ncount: many\n"), PV_OK);
    assert_int_equal(gather(&table), PV_BAD_CONFIG);
    expect_why("sample.yaml: count: not a number: \"many\" (1 to 64) (line: 3)");
    assert_int_equal(read_file("text: x\nquick: no\ncuont: 3\n"), PV_BAD_CONFIG);
    expect_why("sample.yaml: unknown key \"cuont\" (line: 3)");
    assert_int_equal(read_file("text: [a, b]\n"), PV_BAD_CONFIG);
    expect_why("sample.yaml: text: expected text, found a list (line: 1)");
    assert_int_equal(read_file("items: 7\n"), PV_BAD_CONFIG);
    expect_why("sample.yaml: items: expected a list, found text (line: 1)");
    assert_int_equal(read_file("items:\n  - name: a\n  - b\n"), PV_BAD_CONFIG);
    expect_why("sample.yaml: item 2: expected key: value, found text (line: 3)");
    assert_int_equal(read_file("- a\n"), PV_BAD_CONFIG);
    expect_why("sample.yaml: expected key: value, found a list");
    assert_int_equal(read_file("count: 3\ncount: 4\n"), PV_BAD_CONFIG);
    expect_why("sample.yaml: count is there twice");
    assert_int_equal(read_file("text: \"open\n"), PV_BAD_CONFIG);
    expect_why("sample.yaml: ");
    assert_int_equal(settings_file_read(&file, "/nonexistent/sample.yaml", &table, why), PV_IO);
    assert_string_equal(why, "/nonexistent/sample.yaml: No such file or directory");
}

static void the_list_of_a_file_has_its_own_table(void **state)
{
    struct sample_item item = { "kept", 5 };
    assert_int_equal(read_file("items:\n  - name: a\n  - weight: 7\n  - {}\n"), PV_OK);
    assert_int_equal(settings_file_items(file), 3);
    assert_int_equal(settings_file_item(file, 0, &item, why), PV_OK);
    assert_string_equal(item.name, "a");
    assert_int_equal(item.weight, 5);
    assert_int_equal(settings_file_item(file, 1, &item, why), PV_OK);
    assert_int_equal(item.weight, 7);
    assert_int_equal(settings_file_item(file, 2, &item, why), PV_OK);
    assert_int_equal(read_file("count: 3\nitems:\n  - name: a\n    weight: 3\n  - name: b\n    weight: 10\n"), PV_OK);
    assert_int_equal(settings_file_item(file, 1, &item, why), PV_BAD_CONFIG);
    expect_why("weight: 10 is too large: 1 to 9 (line: 6)");
    assert_int_equal(read_file("items: [{}, {}, {}, {}]\n"), PV_BAD_CONFIG); /* one above the table's most */
    assert_int_equal(read_file("items:\n  - colour: red\n"), PV_BAD_CONFIG);
    expect_why("\"colour\" (line: 2)");
    assert_int_equal(read_file(""), PV_OK);
    assert_int_equal(settings_file_items(file), 0);
    assert_int_equal(gather(&table), PV_OK);
}

static void members_are_compared_copied_and_printed_by_their_kind(void **state)
{
    struct sample other = { 0 };
    char text[512] = "";
    settings_default(rows, ROWS, &s);
    settings_default(rows, ROWS, &other);
    other.text = "a \"b\"";
    other.count = 9;
    for (size_t i = 0; i < ODD; i++) assert_int_equal(setting_same(&rows[i], &s, &other), i != TEXT && i != COUNT);
    FILE *to = fmemopen(text, sizeof text, "w");
    for (size_t i = 0; i < ODD; i++) {
        setting_copy(&rows[i], &s, &other);
        if (i != SHAPE && i != REST) setting_print(&rows[i], &s, to);
        fputc('\n', to);
    }
    fclose(to);
    assert_int_equal(s.count, 9);
    assert_string_equal(
        text, "text: \"a \\\"b\\\"\"\nlevel: \"low\"\n\ncount: 9\nbytes: 1024\nlarge: 1099511627776\n\nquick: no\n");
}

static void names_of_flags_and_variables(void **state)
{
    char name[SETTING_NAME_BYTES];
    assert_string_equal(setting_flag(name, "heartbeat_ms"), "heartbeat-ms");
    assert_string_equal(setting_variable(name, NULL, "heartbeat_ms"), "PROVOST_HEARTBEAT_MS");
    assert_string_equal(setting_variable(name, NULL, "connect-timeout"), "PROVOST_CONNECT_TIMEOUT");
    assert_string_equal(setting_variable(name, "broker", "heartbeat_ms"), "PROVOST_BROKER_HEARTBEAT_MS");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_read_like_any_value),
        TEST(a_flag_beats_the_environment_beats_the_file),
        TEST(a_program_has_variables_of_its_own),
        TEST(an_empty_variable_counts_only_where_the_table_says_so),
        TEST(a_refused_value_says_what_is_allowed_and_changes_nothing),
        TEST(a_refusal_names_the_variable_or_the_line),
        TEST(the_list_of_a_file_has_its_own_table),
        TEST(members_are_compared_copied_and_printed_by_their_kind),
        TEST(names_of_flags_and_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
