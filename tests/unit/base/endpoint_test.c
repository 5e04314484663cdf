/* What stays on this machine, and what only looks like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "endpoint.h"

static void here(void **state)
{
    static const char *const all[] = { "tcp://127.0.0.1:7070", "tcp://127.0.0.1:*", "tcp://127.8.9.10:1",
                                       "tcp://localhost:7070", "tcp://[::1]:7070",  "ipc:///run/provost",
                                       "ipc://@provost",       "inproc://here",     "tcp://127.0.0.2:*[60000-]" };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!endpoint_is_local(all[i])) fail_msg("%s is here", all[i]);
}

static void elsewhere(void **state)
{
    static const char *const all[] = { "tcp://10.0.0.1:7070",
                                       "tcp://0.0.0.0:7070",
                                       "tcp://*:7070",
                                       "tcp://broker:7070",
                                       "tcp://127.0.0.1.example.org:7070",
                                       "tcp://127.example.org:7070",
                                       "tcp://127.0.0.1",
                                       "tcp://127.0.0.1.:7070",
                                       "tcp://localhost.example.org:7070",
                                       "tcp://[::1%eth0]:7070",
                                       "tcp://[::]:7070",
                                       "udp://127.0.0.1:7070",
                                       "pgm://127.0.0.1:1",
                                       "127.0.0.1:7070",
                                       "tcp://127.evil.com:7070",
                                       "tcp://127.999.0.1:7070",
                                       "tcp://127...1:7070",
                                       "tcp://127.0.0.1:0;10.0.0.1:7070",
                                       "tcp://localhost:0;broker:7070",
                                       "tcp://localhost@broker:7070",
                                       "tcp://[::1]",
                                       "ipc",
                                       "tcp://",
                                       "" };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (endpoint_is_local(all[i])) fail_msg("%s is not here", all[i]);
}

static void lists(void **state)
{
    assert_true(endpoints_are_local("tcp://127.0.0.1:1,tcp://[::1]:1,ipc:///run/x"));
    assert_true(endpoints_are_local("tcp://localhost:1,,tcp://127.0.0.2:1,"));
    assert_true(endpoints_are_local(""));
    assert_false(endpoints_are_local("tcp://127.0.0.1:1,tcp://*:7070"));
    assert_false(endpoints_are_local("tcp://broker:1,tcp://127.0.0.1:1"));
    assert_false(endpoints_are_local("tcp://127.0.0.1, ipc://x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(here), cmocka_unit_test(elsewhere), cmocka_unit_test(lists) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
