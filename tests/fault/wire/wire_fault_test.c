/* The Nth allocation fails: decode says NO_MEMORY and leaks nothing. */
#include "decode.h"
#include "encode.h"
#include "heap_watch.h"
#include "wire_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_the_nth_allocation_fails(void **state)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    char why[WIRE_WHY_BYTES];
    unsigned failures = 0;
    for (size_t i = 0; i < wire_samples(); i++) {
        struct wire_sample s;
        struct wire_frames f;
        struct wire_msg m;
        wire_sample_make(&s, i, SAMPLE_FULL);
        /* so many rows that one block and the nodes inside the parser do not suffice */
        struct wire_row rows[WIRE_ROWS_MAX];
        for (size_t r = 0; s.msg.type == WIRE_ROWS && r < WIRE_ROWS_MAX; r++) rows[r] = s.msg.rows[r % 2];
        if (s.msg.type == WIRE_ROWS) WIRE_SET_LIST(&s.msg, rows, rows, WIRE_ROWS_MAX);
        assert_int_equal(wire_msg_encode(&s.msg, s.way, buffer, sizeof buffer, &f, why), PV_OK);
        for (long n = 0;; n++) {
            heap_fail_after(n);
            pv_status status = wire_msg_decode(&m, s.way, &f, why);
            heap_fail_after(-1);
            if (status == PV_OK) break;
            assert_int_equal(status, PV_NO_MEMORY);
            failures++;
        }
        wire_msg_clear(&m);
    }
    print_message("%u failures injected\n", failures);
    assert_true(failures > wire_samples() / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_the_nth_allocation_fails) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
