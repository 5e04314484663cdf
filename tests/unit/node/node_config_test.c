/* The node's settings: flag before environment before file before default, and errors that say where. */
#include "node_config.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char folder[64], path[96], why[NODE_CONFIG_WHY_BYTES];
static struct node_config_args args;
static struct node_config config;

static int setup(void **state)
{
    temp_dir_make(folder);
    snprintf(path, sizeof path, "%s/prover.yaml", folder);
    args = (struct node_config_args){ .file = path };
    return 0;
}

static int teardown(void **state)
{
    node_config_clear(&config);
    node_config_args_clear(&args);
    unsetenv("PROVOST_SLOTS");
    temp_dir_remove(folder);
    return 0;
}

static pv_status read_file(const char *text)
{
    FILE *out = fopen(path, "w");
    fputs(text, out);
    fclose(out);
    node_config_clear(&config);
    return node_config_read(&config, &args, why);
}

static void test_a_flag_beats_environment_beats_file_beats_default(void **state)
{
    assert_int_equal(read_file("prefetch: 3\n"), PV_OK);
    assert_int_equal(config.slots, 1);
    assert_int_equal(config.prefetch, 3);
    assert_int_equal(config.origin[NODE_CONFIG_slots], SETTING_DEFAULT);
    assert_int_equal(config.origin[NODE_CONFIG_prefetch], SETTING_FILE);
    assert_int_equal(read_file("slots: 2\n"), PV_OK);
    assert_int_equal(config.slots, 2);
    setenv("PROVOST_SLOTS", "4", 1);
    assert_int_equal(read_file("slots: 2\n"), PV_OK);
    assert_int_equal(config.slots, 4);
    assert_int_equal(config.origin[NODE_CONFIG_slots], SETTING_ENVIRONMENT);
    assert_true(node_config_arg(&args, NODE_CONFIG_slots, "7"));
    assert_true(node_config_arg(&args, NODE_CONFIG_slots, "8"));
    assert_int_equal(read_file("slots: 2\n"), PV_OK);
    assert_int_equal(config.slots, 8);
    assert_int_equal(config.origin[NODE_CONFIG_slots], SETTING_FLAG);
}

static void test_a_flag_of_a_list_may_come_again(void **state)
{
    assert_true(node_config_arg(&args, NODE_CONFIG_queue, "outer"));
    assert_true(node_config_arg(&args, NODE_CONFIG_queue, "drill:echo"));
    assert_int_equal(read_file("queue: other\n"), PV_OK);
    assert_string_equal(config.queue, "outer,drill:echo");
}

static void test_sizes_and_switches_are_read(void **state)
{
    assert_int_equal(read_file("memory: 3G\ninsecure: yes\ninput_max: 1024\n"), PV_OK);
    assert_int_equal(config.memory, 3ull << 30);
    assert_int_equal(config.input_max, 1024);
    assert_true(config.insecure);
}

static void test_errors_say_what_and_where(void **state)
{
    static const struct {
        const char *file, *said;
    } cases[] = { { "slots: 2\nslotz: 3\n", "slotz\" (line: 2)" }, { "slots: many\n", "slots: not a number" },
                  { "slots: 0\n", "too small: 1 to 64" },          { "memory: 1T\n", "memory: not a size" },
                  { "slots: -1\n", "slots: not a number" },        { "insecure: maybe\n", "yes or no" },
                  { "memory: 99999999999G\n", "memory" },          { "- a\n- b\n", "prover.yaml" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_file(cases[i].file), PV_BAD_CONFIG);
        if (!strstr(why, cases[i].said)) fail_msg("\"%s\" does not say \"%s\"", why, cases[i].said);
    }
    args.file = "/nonexistent/prover.yaml";
    assert_int_equal(node_config_read(&config, &args, why), PV_IO);
    assert_non_null(strstr(why, "/nonexistent/prover.yaml"));
}

static void test_what_is_printed_can_be_read_back(void **state)
{
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(read_file("slots: 2\nqueue: \"a, b:echo\"\nmemory: 5M\ninsecure: true\n"), PV_OK);
    FILE *to = open_memstream(&text, &bytes);
    node_config_print(&config, to);
    fclose(to);
    assert_int_equal(read_file(text), PV_OK);
    assert_int_equal(config.slots, 2);
    assert_string_equal(config.queue, "a, b:echo");
    assert_int_equal(config.memory, 5 << 20);
    assert_true(config.insecure);
    free(text);
}

static void test_the_sample_file_is_usable(void **state)
{
    args.file = "../deploy/config/prover.yaml";
    if (node_config_read(&config, &args, why) != PV_OK) fail_msg("%s", why);
    assert_string_equal(config.server_key, "/etc/provost/broker.pub");
    assert_string_equal(config.queue, "outer, keccak");
    assert_int_equal(config.grace_s, 110);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_flag_beats_environment_beats_file_beats_default),
        TEST(test_a_flag_of_a_list_may_come_again),
        TEST(test_sizes_and_switches_are_read),
        TEST(test_errors_say_what_and_where),
        TEST(test_what_is_printed_can_be_read_back),
        TEST(test_the_sample_file_is_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
