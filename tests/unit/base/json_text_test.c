/* JSON as it is written: what comes out is JSON, whatever text went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json_text.h"

#include <stdlib.h>

static void expect(struct json_text *j, const char *want)
{
    char *got = json_text_take(j);
    assert_string_equal(got, want);
    free(got);
}

static void values_and_commas_are_where_they_belong(void **state)
{
    struct json_text j = { .at = NULL };
    json_text_object(&j, NULL);
    json_text_number(&j, "n", UINT64_MAX);
    json_text_signed(&j, "s", -5);
    json_text_list(&j, "l");
    json_text_truth(&j, NULL, true);
    json_text_null(&j, NULL);
    json_text_object(&j, NULL);
    json_text_object_end(&j);
    json_text_list_end(&j);
    json_text_seconds(&j, "t", 61042);
    json_text_raw(&j, "r", "[1,2]");
    json_text_raw(&j, "none", NULL);
    json_text_object_end(&j);
    expect(&j, "{\"n\":18446744073709551615,\"s\":-5,\"l\":[true,null,{}],\"t\":61.042,\"r\":[1,2],\"none\":null}");
    json_text_list(&j, NULL); /* it is empty again */
    json_text_list_end(&j);
    expect(&j, "[]");
}

static void text_of_strangers_is_escaped(void **state)
{
    static const char *const cases[][2] = {
        { "", "\"\"" },
        { "a \"b\" \\c", "\"a \\\"b\\\" \\\\c\"" },
        { "\x1b[31m\n\t", "\"\\u001b[31m\\u000a\\u0009\"" },
        { "\x7f\xc2\x9b", "\"\\u007f\\u009b\"" },
        { "\xe2\x80\xae", "\"\\u202e\"" },               /* turns the direction of text */
        { "\xff\xc0\x80", "\"\\ufffd\\ufffd\\ufffd\"" }, /* no UTF-8 */
        { "sch\xc3\xb6n \xf0\x9f\x90\x9f", "\"sch\xc3\xb6n \xf0\x9f\x90\x9f\"" },
        { "</script><b>", "\"</script><b>\"" }, /* the page puts it in as text */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_text j = { .at = NULL };
        json_text_string(&j, NULL, cases[i][0]);
        expect(&j, cases[i][1]);
    }
}

static void it_grows_as_far_as_it_has_to(void **state)
{
    struct json_text j = { .at = NULL };
    json_text_list(&j, NULL);
    for (int i = 0; i < 10000; i++) json_text_number(&j, NULL, 7);
    json_text_list_end(&j);
    assert_int_equal(j.n, 2 * 10000 + 1);
    json_text_clear(&j);
    assert_null(j.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_commas_are_where_they_belong),
        cmocka_unit_test(text_of_strangers_is_escaped),
        cmocka_unit_test(it_grows_as_far_as_it_has_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
