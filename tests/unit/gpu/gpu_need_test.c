/* What keys need of GPUs that are not here. That it is what the backend takes there, tests/emu/test_prove.c shows. */
#include "gpu_need.h"
#include "zkey_survey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const keys[] = { "data/chain-5/circuit.zkey", "data/bits/circuit.zkey", "data/member/circuit.zkey" };
enum { KEYS = sizeof keys / sizeof *keys };

static struct zkey opened(const char *path)
{
    struct prove_error err = { 0 };
    struct zkey z;
    if (zkey_open(&z, path, &err) != PV_OK) fail_msg("%s", err.text);
    return z;
}

static pv_status need_of(struct backend_need *need, const struct zkey *z, size_t bytes)
{
    struct prove_error err = { 0 };
    pv_status s = gpu_need(need, z, &(struct gpu_need_card){ .bytes = bytes }, &err);
    if (s != PV_OK) assert_non_null(strstr(err.text, "do not fit into"));
    return s;
}

static void a_key_fits_from_the_least_on(void **state)
{
    (void)state;
    for (int i = 0; i < KEYS; i++) {
        struct zkey z = opened(keys[i]);
        struct backend_need need;
        size_t least = gpu_need_least(&z, 0);
        assert_true(least > z.file.size);
        assert_int_equal(need_of(&need, &z, least), PV_OK);
        assert_true(need.key_bytes <= least);
        assert_true(need.place_host_bytes >= (size_t)z.vars * 32);
        assert_int_equal(need_of(&need, &z, least - least / 20), PV_RESOURCES);
        assert_int_equal(need_of(&need, &z, (size_t)80 << 30), PV_OK);
        assert_true(need.key_bytes > z.file.size && need.key_bytes < (size_t)1 << 30);
        zkey_close(&z);
    }
}

/* A survey does not keep the points: never less than what the whole key needs. */
static void a_survey_does_not_make_it_less(void **state)
{
    (void)state;
    for (int i = 0; i < KEYS; i++) {
        struct prove_error err = { 0 };
        struct backend_need whole, surveyed;
        uint8_t digest[32];
        struct zkey z = opened(keys[i]), s;
        if (zkey_survey(&s, digest, keys[i], NULL, &err) != PV_OK) fail_msg("%s", err.text);
        assert_true(s.points_absent && !z.points_absent);
        assert_int_equal(need_of(&whole, &z, (size_t)80 << 30), PV_OK);
        assert_int_equal(need_of(&surveyed, &s, (size_t)80 << 30), PV_OK);
        assert_true(surveyed.key_bytes >= whole.key_bytes);
        zkey_close(&s);
        zkey_close(&z);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_fits_from_the_least_on),
        cmocka_unit_test(a_survey_does_not_make_it_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
