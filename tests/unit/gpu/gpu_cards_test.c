/* Which GPUs a node uses: its setting, CUDA_VISIBLE_DEVICES, and what NVML tells (support/drill/fake_nvml.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gpu_cards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct nvml *nvml;
static struct gpu_cards cards;

static void nvml_of(const char *list)
{
    struct prove_error err = { 0 };
    nvml_close(&nvml);
    setenv("FAKE_NVML", list, 1);
    if (nvml_open(&nvml, PV_FAKE_NVML, &err) != PV_OK) fail_msg("%s", err.text);
}

static int close_nvml(void **state)
{
    nvml_close(&nvml);
    return 0;
}

/* want: ids with blanks between, or "!" and a part of the sentence. */
static void expect(const char *setting, int device, const char *visible, const char *want)
{
    char got[1024] = "";
    struct prove_error err = { 0 };
    pv_status s = gpu_cards_find(&cards, setting, device, visible, nvml, &err);
    if (*want == '!') {
        assert_true(s == PV_BAD_CONFIG || s == PV_NO_DEVICE);
        if (!strstr(err.text, want + 1)) fail_msg("\"%s\" does not say \"%s\"", err.text, want + 1);
        return;
    }
    if (s != PV_OK) fail_msg("%s", err.text);
    for (unsigned i = 0; i < cards.n; i++)
        sprintf(got + strlen(got), "%s%s", i ? " " : "", *cards.id[i] ? cards.id[i] : "-");
    assert_string_equal(got, want);
}

static void cards_are_counted_as_nvml_does(void **state)
{
    nvml_of("GPU-aaaa,GPU-bbbb,GPU-cccc");
    expect("all", 0, NULL, "GPU-aaaa GPU-bbbb GPU-cccc");
    assert_int_equal(cards.board[2], 2);
    expect("0,2", 0, NULL, "GPU-aaaa GPU-cccc");
    expect(" 2 , 0", 0, NULL, "GPU-cccc GPU-aaaa");
    expect("GPU-bb", 0, NULL, "GPU-bb");
    assert_int_equal(cards.board[0], 1);
    expect("gpu-BBBB,0", 0, NULL, "gpu-BBBB GPU-aaaa");
    expect("3", 0, NULL, "!there is no GPU 3: 3 are visible");
    expect("GPU-dddd", 0, NULL, "!GPU-dddd is not a GPU that this process may see");
    expect("0,0", 0, NULL, "!twice");
    expect("first", 0, NULL, "!not all, a number or a UUID");
    expect("0,,1", 0, NULL, "!not all, a number or a UUID");
    expect("-1", 0, NULL, "!not all, a number or a UUID");
}

/* What a node does without the setting is what it did before there was one. */
static void without_the_setting_it_is_the_one_of_device(void **state)
{
    expect("", 1, NULL, "-");
    assert_int_equal(cards.board[0], -1);
    nvml_of("GPU-aaaa,GPU-bbbb");
    expect("", 1, NULL, "-");
    assert_int_equal(cards.board[0], 1);
    expect("", 0, "GPU-bbbb", "-");
    assert_int_equal(cards.board[0], 1);
    expect("", 0, "", "-"); /* CUDA says that there is none */
}

static void cuda_visible_devices_is_honoured(void **state)
{
    nvml_of("GPU-aaaa,GPU-bbbb,GPU-cccc");
    expect("all", 0, "2,0", "2 0");
    assert_int_equal(cards.board[0], 2);
    expect("1", 0, "2,0", "0");
    expect("2", 0, "2,0", "!there is no GPU 2: 2 are visible");
    expect("GPU-cccc", 0, "2,0", "GPU-cccc");
    expect("GPU-bbbb", 0, "2,0", "!may see (CUDA_VISIBLE_DEVICES)");
    expect("all", 0, "GPU-bbbb,GPU-aa", "GPU-bbbb GPU-aa");
    assert_int_equal(cards.board[1], 0);
    expect("all", 0, "0,-1,1", "0"); /* as for CUDA: what follows an entry that is none is not seen */
    expect("all", 0, "", "!CUDA_VISIBLE_DEVICES shows no GPU");
    expect("all", 0, "NoDevFiles", "!CUDA_VISIBLE_DEVICES shows no GPU");
    nvml_close(&nvml);
    expect("all", 0, "1,3", "1 3");
    expect("1", 0, "1,3", "3");
    assert_int_equal(cards.board[0], -1);
}

static void parts_of_cards_are_listed_in_place_of_the_card(void **state)
{
    nvml_of("GPU-aaaa/2,GPU-bbbb");
    expect("all", 0, NULL, "MIG-aaaa-0 MIG-aaaa-1 GPU-bbbb");
    assert_int_equal(cards.board[1], 0);
    expect("MIG-aaaa-1", 0, NULL, "MIG-aaaa-1");
    expect("all", 0, "MIG-aaaa-1", "MIG-aaaa-1");
    assert_int_equal(cards.board[0], 0);
    expect("GPU-aaaa", 0, NULL, "!not a GPU that this process may see");
    nvml_of("GPU-old,lost,GPU-bbbb"); /* an older driver, and a card that has gone */
    expect("all", 0, NULL, "GPU-old GPU-bbbb");
}

static void without_nvml_it_is_said(void **state)
{
    expect("all", 0, NULL, "-");
    assert_non_null(strstr(cards.note, "without NVML"));
    expect("0,2", 0, NULL, "0 2");
    assert_string_equal(cards.note, "");
    expect("GPU-1234", 0, NULL, "GPU-1234");
    nvml_of("");
    expect("all", 0, NULL, "!NVML tells of no GPU");
    expect("0", 0, NULL, "!NVML tells of no GPU");
}

static void a_node_takes_sixteen(void **state)
{
    char list[512] = "";
    for (int i = 0; i < GPUS_MAX; i++) sprintf(list + strlen(list), "%s%d", i ? "," : "", i);
    struct prove_error err = { 0 };
    assert_int_equal(gpu_cards_find(&cards, list, 0, NULL, NULL, &err), PV_OK);
    assert_int_equal(cards.n, GPUS_MAX);
    strcat(list, ",99");
    expect(list, 0, NULL, "!at most 16");
    char name[GPUS_CARD_BYTES + 10] = "GPU-";
    memset(name + 4, 'a', sizeof name - 5);
    name[sizeof name - 1] = 0;
    expect(name, 0, NULL, "!too long");
}

static void a_library_that_is_not_there_or_refuses_is_told(void **state)
{
    struct prove_error err = { 0 };
    assert_int_equal(nvml_open(&nvml, "libnot-there.so.1", &err), PV_NO_DEVICE);
    assert_non_null(strstr(err.text, "without NVML (libnot-there.so.1)"));
    assert_int_equal(nvml_open(&nvml, "libm.so.6", &err), PV_NO_DEVICE);
    assert_non_null(strstr(err.text, "too old"));
    setenv("FAKE_NVML_REFUSES", "9", 1);
    assert_int_equal(nvml_open(&nvml, PV_FAKE_NVML, &err), PV_NO_DEVICE);
    assert_non_null(strstr(err.text, "refuses (9)"));
    unsetenv("FAKE_NVML_REFUSES");
    assert_null(nvml);
}

static void happens(const char *what)
{
    FILE *out = fopen(getenv("FAKE_NVML_EVENT"), "w");
    assert_non_null(out);
    fputs(what, out);
    fclose(out);
}

static void what_befalls_a_card_is_told(void **state)
{
    unsigned board = 99;
    char why[64], path[] = "/tmp/fake-nvml-XXXXXX";
    close(mkstemp(path));
    unlink(path);
    setenv("FAKE_NVML_EVENT", path, 1);
    nvml_of("GPU-aaaa,GPU-bbbb");
    assert_false(nvml_event(nvml, 0, &board, why));
    happens("1 79");
    assert_true(nvml_event(nvml, 0, &board, why));
    assert_int_equal(board, 1);
    assert_string_equal(why, "NVML: Xid 79");
    happens("0 ecc");
    assert_true(nvml_event(nvml, 0, &board, why));
    assert_int_equal(board, 0);
    assert_non_null(strstr(why, "ECC"));
    happens("0 31"); /* a program's page fault: CUDA tells it, if it was ours */
    assert_false(nvml_event(nvml, 0, &board, why));
    unsetenv("FAKE_NVML_EVENT");
}

static void a_card_tells_what_it_can(void **state)
{
    struct nvml_facts f;
    nvml_of("GPU-a,GPU-b");
    assert_true(nvml_facts(nvml, 1, &f));
    assert_true(f.has_memory && f.has_use && f.has_temperature && !f.has_power);
    assert_true(f.memory_used == (1ull << 30) + 1 && f.memory_total == 80ull << 30);
    assert_int_equal(f.use_percent, 42);
    assert_int_equal(f.temperature_c, 61);
    assert_false(nvml_facts(nvml, 2, &f));
}

int main(void)
{
#define CARDS(test) cmocka_unit_test_teardown(test, close_nvml)
    const struct CMUnitTest tests[] = {
        CARDS(cards_are_counted_as_nvml_does),
        CARDS(without_the_setting_it_is_the_one_of_device),
        CARDS(cuda_visible_devices_is_honoured),
        CARDS(parts_of_cards_are_listed_in_place_of_the_card),
        CARDS(without_nvml_it_is_said),
        CARDS(a_node_takes_sixteen),
        CARDS(a_card_tells_what_it_can),
        CARDS(what_befalls_a_card_is_told),
        CARDS(a_library_that_is_not_there_or_refuses_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
