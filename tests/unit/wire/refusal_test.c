/* Each limit that the broker names has a sentence of its own (broker/SECURITY.md has the list). */
#include "refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void each_limit_has_its_sentence(void **state)
{
    static const char *const limits[] = { "queued_tasks", "queued_bytes", "rate",     "uploads",     "uploads_max",
                                          "results",      "disk",         "memory",   "descriptors", "connections",
                                          "sessions",     "provers",      "circuits", "attachments", "operations",
                                          "purges",       "lists",        "unread",   "restarts",    "claims" };
    enum { N = sizeof limits / sizeof *limits };
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(refusal_limit_text(limits[i]), refusal_limit_text(limits[k]));
    for (size_t i = 0; i < N; i++)
        assert_string_not_equal(refusal_limit_text(limits[i]), refusal_limit_text("of a newer broker"));
    assert_string_equal(refusal_limit_text(NULL), refusal_limit_text("of a newer broker"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_limit_has_its_sentence) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
