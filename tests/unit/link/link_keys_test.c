/* A peer's keys: from files or as they are, one broker's or several, and what is said of unusable ones. */
#include "link_keys.h"

#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include <cmocka.h>

static char folder[64], own[128], pub[2][128], key[3][KEYFILE_TEXT], why[LINK_KEYS_WHY_BYTES];
static struct link_keys keys;

static void write_file(char path[128], const char *name, const char *public_key, const char *secret_key)
{
    snprintf(path, 128, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "metadata\ncurve\n    public-key = \"%s\"\n", public_key);
    if (secret_key) fprintf(f, "    secret-key = \"%s\"\n", secret_key);
    fclose(f);
    assert_int_equal(chmod(path, 0600), 0);
}

static int setup(void **state)
{
    char secret[KEYFILE_TEXT];
    temp_dir_make(folder);
    for (int i = 0; i < 3; i++) zmq_curve_keypair(key[i], secret);
    write_file(own, "own", key[2], secret);
    write_file(pub[0], "a.pub", key[0], NULL);
    write_file(pub[1], "b.pub", key[1], NULL);
    keys = (struct link_keys){ .have = false };
    return 0;
}

static int teardown(void **state)
{
    link_keys_clear(&keys);
    temp_dir_remove(folder);
    return 0;
}

static pv_status load(const char *format)
{
    char list[512];
    snprintf(list, sizeof list, format, pub[0], pub[1]);
    return link_keys_load(&keys, own, list, why);
}

static void test_one_server_key_is_for_every_endpoint(void **state)
{
    assert_int_equal(load("%s"), PV_OK);
    assert_true(keys.have && link_keys_fit(&keys, 1) && link_keys_fit(&keys, 7));
    assert_string_equal(keys.own.public_key, key[2]);
    assert_string_equal(link_keys_server(&keys, 0), key[0]);
    assert_string_equal(link_keys_server(&keys, 6), key[0]);
}

static void test_several_server_keys_are_one_for_each_endpoint(void **state)
{
    static const char *const lists[] = { "%s,%s", "%s, %s", " %s , %s ", "%s %s", " %s  %s " };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        assert_int_equal(load(lists[i]), PV_OK);
        assert_true(link_keys_fit(&keys, 2) && !link_keys_fit(&keys, 1) && !link_keys_fit(&keys, 3));
        assert_string_equal(link_keys_server(&keys, 0), key[0]);
        assert_string_equal(link_keys_server(&keys, 1), key[1]);
    }
}

static void test_a_file_may_have_a_blank_in_its_name(void **state)
{
    char path[128];
    write_file(path, "of the broker.pub", key[1], NULL);
    assert_int_equal(link_keys_load(&keys, own, path, why), PV_OK);
    assert_string_equal(link_keys_server(&keys, 0), key[1]);
}

static void test_a_server_key_may_be_given_as_it_is(void **state)
{
    assert_int_equal(link_keys_load(&keys, own, key[1], NULL), PV_OK);
    assert_string_equal(link_keys_server(&keys, 0), key[1]);
}

/* Refused with a sentence that says this; the keys that were there stay. */
static void expect_refused(pv_status s, const char *text)
{
    assert_int_equal(s, PV_BAD_KEY_FILE);
    if (!strstr(why, text)) fail_msg("\"%s\" does not say \"%s\"", why, text);
    assert_string_equal(keys.own.public_key, key[2]);
    assert_string_equal(link_keys_server(&keys, 0), key[0]);
}

static void test_unusable_keys_are_refused_and_the_old_ones_stay(void **state)
{
    char many[17 * KEYFILE_TEXT] = "";
    assert_int_equal(load("%s"), PV_OK);
    expect_refused(load("%s,"), "empty item");
    expect_refused(load(""), "empty item");
    expect_refused(load("/nonexistent/key"), "/nonexistent/key: no usable key");
    expect_refused(link_keys_load(&keys, "/nonexistent/key", pub[0], why), "No such file");
    expect_refused(link_keys_load(&keys, pub[0], pub[0], why), "no usable key");
    for (int i = 0; i <= LINK_KEYS_SERVERS_MAX; i++) {
        if (i > 0) strcat(many, ",");
        strcat(many, key[0]);
    }
    expect_refused(link_keys_load(&keys, own, many, why), "more than 16");
    assert_int_equal(chmod(own, 0640), 0);
    expect_refused(load("%s"), "others can read");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_server_key_is_for_every_endpoint),
        TEST(test_several_server_keys_are_one_for_each_endpoint),
        TEST(test_a_file_may_have_a_blank_in_its_name),
        TEST(test_a_server_key_may_be_given_as_it_is),
        TEST(test_unusable_keys_are_refused_and_the_old_ones_stay),
    };
    if (!zmq_has("curve")) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
