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
    assert_true(endpoint_is_local("ipc://") && endpoint_is_local("inproc://")); /* they name no other machine */
    assert_false(endpoints_are_local("ipc:/,/x"));                              /* a part ends at its comma */
    assert_false(endpoints_are_local("ipc:,//x"));
    assert_false(endpoints_are_local("tcp://127.0.0.1:1,tcp://*:7070"));
    assert_false(endpoints_are_local("tcp://broker:1,tcp://127.0.0.1:1"));
    assert_false(endpoints_are_local("tcp://127.0.0.1, ipc://x"));
}

static void a_port_is_from_1_to_65535(void **state)
{
    static const char *const fit[] = { "tcp://127.0.0.1:1", "tcp://broker:65535", "tcp://[::1]:7070", "ipc:///run/x",
                                       "inproc://y" };
    static const char *const any[] = { "tcp://*:*", "tcp://[::]:!", "tcp://127.0.0.1:0" };
    static const char *const none[] = { "tcp://127.0.0.1",        "tcp://127.0.0.1:",      "tcp://127.0.0.1:65536",
                                        "tcp://127.0.0.1:99999",  "tcp://127.0.0.1:7070x", "tcp://[::1]",
                                        "tcp://127.0.0.1:000001", "tcp://127.0.0.1:-1" };
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++)
        if (!endpoint_port_fits(fit[i], false) || !endpoint_port_fits(fit[i], true)) fail_msg("%s fits", fit[i]);
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        if (endpoint_port_fits(any[i], false) || !endpoint_port_fits(any[i], true)) fail_msg("%s is any", any[i]);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (endpoint_port_fits(none[i], true)) fail_msg("%s has no port", none[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(here), cmocka_unit_test(elsewhere), cmocka_unit_test(lists),
                                        cmocka_unit_test(a_port_is_from_1_to_65535) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
