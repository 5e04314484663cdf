/* Whether the bus has a card, on trees that are made here; and what CUDA is told by the environment. */
#include "gpu_host.h"

#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static void folder(const char *path)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", root, path);
    assert_int_equal(mkdir(whole, 0700), 0);
}

static void file(const char *device, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/%s", root, device, name);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs(text, to);
    fclose(to);
}

static void device(const char *name, const char *vendor, const char *class)
{
    char path[128];
    snprintf(path, sizeof path, "bus/pci/devices/%s", name);
    folder(path);
    if (vendor) file(name, "vendor", vendor);
    if (class) file(name, "class", class);
}

static int setup(void **state)
{
    (void)state;
    temp_dir_make(root);
    folder("bus");
    folder("bus/pci");
    folder("bus/pci/devices");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(root);
    return 0;
}

static void a_card_is_a_display_controller_of_nvidia(void **state)
{
    (void)state;
    assert_false(gpu_host_has_card(root));
    device("0000:00:02.0", "0x8086\n", "0x030000\n"); /* another maker's card */
    device("0000:01:00.1", "0x10de\n", "0x040300\n"); /* a card's sound */
    device("0000:02:00.0", "0x10de\n", NULL);
    device("0000:03:00.0", NULL, "0x030200\n");
    device("0000:04:00.0", "", "");
    assert_false(gpu_host_has_card(root));
    device("0000:05:00.0", "0x10de\n", "0x030200\n"); /* 3D controller: a card without an outlet */
    assert_true(gpu_host_has_card(root));
}

static void without_a_bus_there_is_none(void **state)
{
    (void)state;
    assert_false(gpu_host_has_card("/nowhere"));
}

static void cuda_keeps_what_it_translates_under_the_state_folder(void **state)
{
    (void)state;
    char want[512];
    struct stat st;
    unsetenv("CUDA_CACHE_PATH");
    unsetenv("CUDA_MODULE_LOADING");
    gpu_host_environment("");
    assert_null(getenv("CUDA_CACHE_PATH"));
    assert_string_equal(getenv("CUDA_MODULE_LOADING"), "EAGER");
    gpu_host_environment(root);
    snprintf(want, sizeof want, "%s/cuda-cache", root);
    assert_string_equal(getenv("CUDA_CACHE_PATH"), want);
    assert_int_equal(stat(want, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    gpu_host_environment(root); /* a second start */
    rmdir(want);
}

static void what_is_set_stays(void **state)
{
    (void)state;
    char made[512];
    setenv("CUDA_CACHE_PATH", "/elsewhere", 1);
    setenv("CUDA_MODULE_LOADING", "LAZY", 1);
    gpu_host_environment(root);
    assert_string_equal(getenv("CUDA_CACHE_PATH"), "/elsewhere");
    assert_string_equal(getenv("CUDA_MODULE_LOADING"), "LAZY");
    snprintf(made, sizeof made, "%s/cuda-cache", root);
    assert_int_equal(access(made, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_card_is_a_display_controller_of_nvidia),
        TEST(without_a_bus_there_is_none),
        TEST(cuda_keeps_what_it_translates_under_the_state_folder),
        TEST(what_is_set_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
