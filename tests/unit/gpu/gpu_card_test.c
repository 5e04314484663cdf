/* What a person is told of a driver and a card that cannot run the kernels. */
#include "gpu_card.h"

#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A machine on which everything is well: a Hopper with CUDA 13.0. */
static struct gpu_card well(void)
{
    return (struct gpu_card){ .driver = 13000,
                              .runtime = 13000,
                              .release = "580.65.06",
                              .devices = 1,
                              .name = "NVIDIA H100 80GB HBM3",
                              .major = 9,
                              .oldest = 80 };
}

static void expect_usable(struct gpu_card c)
{
    char why[160] = "untouched";
    assert_true(gpu_card_usable(&c, why, sizeof why));
    assert_string_equal(why, "untouched");
}

static void expect_sentence(struct gpu_card c, const char *says)
{
    char why[160] = "", cut[20];
    assert_false(gpu_card_usable(&c, why, sizeof why));
    assert_string_equal(why, says);
    assert_false(gpu_card_usable(&c, cut, sizeof cut)); /* a short place gets the beginning */
    assert_memory_equal(cut, says, 19);
}

static void drivers(void **state)
{
    (void)state;
    struct gpu_card c = well();
    expect_usable(c);
    c.driver = 13010; /* newer */
    expect_usable(c);
    c.runtime = 13020; /* of the same major version: any will do */
    expect_usable(c);
    c.too_old = true; /* unless CUDA says otherwise */
    expect_sentence(c, "driver 580.65.06 has CUDA 13.1, but 13.2 is needed: install driver release 580 or later");
    c = well();
    c.driver = 12020;
    c.release = "535.183.01";
    expect_sentence(c, "driver 535.183.01 has CUDA 12.2, but 13.0 is needed: install driver release 580 or later");
    c.release = "";
    expect_sentence(c, "driver has CUDA 12.2, but 13.0 is needed: install driver release 580 or later");
    c.runtime = 14000; /* of which no release is known */
    expect_sentence(c, "driver has CUDA 12.2, but 14.0 is needed");
    c = well();
    c.driver = 0;
    c.error = "CUDA driver version is insufficient for CUDA runtime version";
    c.too_old = true;
    expect_sentence(c, "no NVIDIA driver here, and one with CUDA 13.0 is needed: install driver release 580 or later");
}

static void devices(void **state)
{
    (void)state;
    struct gpu_card c = well();
    c.device = 1;
    expect_sentence(c, "there is no GPU 1: the machine has 1");
    c.device = -1;
    expect_sentence(c, "there is no GPU -1: the machine has 1");
    c = well();
    c.error = "unknown error";
    expect_sentence(c, "no usable GPU: unknown error");
    c = well();
    c.devices = 0;
    expect_sentence(c, "the driver shows no GPU: is CUDA_VISIBLE_DEVICES empty?");
}

static void cards(void **state)
{
    (void)state;
    static const int good[] = { 80, 86, 87, 89, 90, 100, 103, 110, 120, 121, 130 };
    struct gpu_card c = well();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        c.major = good[i] / 10;
        c.minor = good[i] % 10;
        expect_usable(c);
    }
    c.name = "Tesla T4";
    c.major = 7;
    c.minor = 5;
    expect_sentence(c, "Tesla T4 has compute capability 7.5, but the kernels need 8.0");
    c.oldest = 90; /* a build for one architecture */
    expect_sentence(c, "Tesla T4 has compute capability 7.5, but this program was built for 9.0 and later");
    c.name = "NVIDIA L4";
    c.major = 8;
    c.minor = 9;
    expect_sentence(c,
                    "NVIDIA L4 has compute capability 8.9, but this program was built for 9.0 and later: build it with "
                    "PV_CUDA_ARCHITECTURES=89");
}

static void the_release_is_the_first_line(void **state)
{
    (void)state;
    char folder[64], path[96], release[32] = "before";
    temp_dir_make(folder);
    snprintf(path, sizeof path, "%s/version", folder);
    assert_string_equal(gpu_card_release(release, path), "");
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs("535.183.01\nmore\n", to);
    fclose(to);
    assert_string_equal(gpu_card_release(release, path), "535.183.01");
    to = fopen(path, "w");
    assert_non_null(to);
    for (int i = 0; i < 100; i++) fputc('9', to);
    fclose(to);
    assert_int_equal(strlen(gpu_card_release(release, path)), 31);
    to = fopen(path, "w");
    assert_non_null(to);
    fclose(to);
    assert_string_equal(gpu_card_release(release, path), "");
    temp_dir_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drivers),
        cmocka_unit_test(devices),
        cmocka_unit_test(cards),
        cmocka_unit_test(the_release_is_the_first_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
