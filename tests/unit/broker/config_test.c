/* Settings: every source in its order, every mistake with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config.h"
#include "temp_dir.h"

static char why[CONFIG_WHY_BYTES], dir[64], file[80];
static struct config c;

static void write_file(const char *text)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static pv_status read_with(const char *yaml, const char *bind_flag, const char *queue_flag)
{
    struct config_args args = { .file = yaml ? file : NULL };
    if (yaml) write_file(yaml);
    args.values[CONFIG_insecure] = "yes";
    args.values[CONFIG_bind] = bind_flag;
    if (queue_flag) args.queues[args.queues_n++] = queue_flag;
    return config_read(&c, &args, why);
}

static void expect_refused(const char *yaml, const char *bind_flag, const char *queue_flag, const char *words)
{
    assert_int_equal(read_with(yaml, bind_flag, queue_flag), PV_BAD_CONFIG);
    if (!strstr(why, words)) fail_msg("\"%s\" does not say \"%s\"", why, words);
}

static void a_flag_beats_the_environment_beats_the_file_beats_the_default(void **state)
{
    const char *yaml = "bind: tcp://127.0.0.1:1\nheartbeat_ms: 100\nlease_ms: 500\n";
    assert_int_equal(read_with(yaml, NULL, NULL), PV_OK);
    assert_string_equal(c.bind, "tcp://127.0.0.1:1");
    assert_int_equal(c.origin[CONFIG_bind], SETTING_FILE);
    assert_int_equal(c.origin[CONFIG_state], SETTING_DEFAULT);
    config_clear(&c);
    setenv("PROVOST_BIND", "tcp://127.0.0.1:2", 1);
    assert_int_equal(read_with(yaml, NULL, NULL), PV_OK);
    assert_string_equal(c.bind, "tcp://127.0.0.1:2");
    assert_int_equal(c.origin[CONFIG_bind], SETTING_ENVIRONMENT);
    config_clear(&c);
    assert_int_equal(read_with(yaml, "tcp://127.0.0.1:3", NULL), PV_OK);
    assert_string_equal(c.bind, "tcp://127.0.0.1:3");
    assert_int_equal(c.heartbeat_ms, 100);
    config_clear(&c);
    unsetenv("PROVOST_BIND");
}

static void unknown_keys_are_errors_with_their_line(void **state)
{
    expect_refused("bind: tcp://127.0.0.1:1\nlog: text\nheartbeets: 3\n", NULL, NULL, "line: 3");
    expect_refused("bind: tcp://127.0.0.1:1\nlog: text\nheartbeets: 3\n", NULL, NULL, "heartbeets");
    expect_refused("queues:\n  - name: a\n    colour: red\n", NULL, NULL, "line: 3");
    expect_refused("queues: 7\n", NULL, NULL, "line: 1");
}

static void values_are_checked(void **state)
{
    expect_refused("heartbeat_ms: fast\n", NULL, NULL, "heartbeat_ms");
    expect_refused("heartbeat_ms: -1\n", NULL, NULL, "heartbeat_ms");
    expect_refused("heartbeat_ms: 99999999999999999999\n", NULL, NULL, "heartbeat_ms");
    expect_refused("heartbeat_ms: 5000\nlease_ms: 19999\n", NULL, NULL, "4 times");
    expect_refused("payload_max: 10T\n", NULL, NULL, "payload_max");
    expect_refused("log: xml\n", NULL, NULL, "text or json");
    expect_refused(NULL, "tcp://0.0.0.0:7070", NULL, "loopback");
    expect_refused(NULL, "tcp://127.0.0.1:1,tcp://*:7070", NULL, "loopback");
    assert_int_equal(read_with("payload_max: 3G\n", NULL, NULL), PV_OK);
    assert_int_equal(c.payload_max, 3ull << 30);
    config_clear(&c);
}

/* A setting of the file with this value: PV_OK, or another sentence than one about its range. */
static bool in_range(const struct setting *s, const char *value)
{
    char yaml[256], start[160];
    snprintf(yaml, sizeof yaml, "%s: %s\n", s->name, value);
    snprintf(start, sizeof start, "%s: ", s->name);
    if (read_with(yaml, NULL, NULL) == PV_OK) {
        config_clear(&c);
        return true;
    }
    return !strstr(why, start);
}

static void every_number_ends_at_its_bounds(void **state)
{
    unsigned bounds = 0;
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        const struct setting *s = config_setting((enum config_setting)i);
        char value[32];
        if (s->kind != SETTING_NUMBER && s->kind != SETTING_SIZE) continue;
        snprintf(value, sizeof value, "%llu", (unsigned long long)s->low);
        if (!in_range(s, value)) fail_msg("%s", why);
        if (s->low > 0) {
            snprintf(value, sizeof value, "%llu", (unsigned long long)s->low - 1);
            if (in_range(s, value)) fail_msg("%s: %s is below its range", s->name, value);
            bounds++;
        }
        if (s->high >= INT64_MAX) continue;
        snprintf(value, sizeof value, "%llu", (unsigned long long)s->high);
        if (!in_range(s, value)) fail_msg("%s", why);
        snprintf(value, sizeof value, "%llu", (unsigned long long)s->high + 1);
        if (in_range(s, value)) fail_msg("%s: %s is above its range", s->name, value);
        bounds++;
    }
    assert_true(bounds > 10);
}

/* Each setting that does not go with another, with the whole sentence. */
static void what_does_not_fit_together_has_its_sentence(void **state)
{
    static const struct {
        const char *values[CONFIG_SETTINGS], *words;
    } all[] = {
        { { [CONFIG_lease_ms] = "399", [CONFIG_heartbeat_ms] = "100" },
          "lease_ms (399) is less than 4 times heartbeat_ms (100)" },
        { { [CONFIG_uploads_max] = "1048576", [CONFIG_payload_max] = "1048577" },
          "uploads_max (1048576) is less than payload_max (1048577)" },
        { { [CONFIG_bind] = "tcp://127.0.0.1" },
          "bind: no port in \"tcp://127.0.0.1\": tcp://ADDRESS:PORT, with PORT from 1 to 65535 or *" },
        { { [CONFIG_bind] = "tcp://127.0.0.1:1,tcp://127.0.0.1:65536" },
          "bind: no port in \"tcp://127.0.0.1:65536\": tcp://ADDRESS:PORT, with PORT from 1 to 65535 or *" },
        { { [CONFIG_bind] = "" }, "missing bind: at least one endpoint, such as tcp://127.0.0.1:7070" },
        { { [CONFIG_key] = "own.key" }, "use either insecure or key, not both" },
        { { [CONFIG_bind] = "tcp://0.0.0.0:7070" },
          "bind: without keys (insecure) only loopback endpoints are allowed, not \"tcp://0.0.0.0:7070\"" },
        { { [CONFIG_insecure] = "no" }, "missing key and authorized_keys (or, on loopback, --insecure)" },
        { { [CONFIG_insecure] = "no", [CONFIG_key] = "own.key" },
          "missing key and authorized_keys (or, on loopback, --insecure)" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct config_args args = { .values = { [CONFIG_insecure] = "yes" } };
        for (int k = 0; k < CONFIG_SETTINGS; k++)
            if (all[i].values[k]) args.values[k] = all[i].values[k];
        assert_int_equal(config_read(&c, &args, why), PV_BAD_CONFIG);
        assert_string_equal(why, all[i].words);
    }
    const struct config_args fits = { .values = { [CONFIG_insecure] = "yes",
                                                  [CONFIG_lease_ms] = "400",
                                                  [CONFIG_heartbeat_ms] = "100",
                                                  [CONFIG_uploads_max] = "1048576",
                                                  [CONFIG_payload_max] = "1048576",
                                                  [CONFIG_bind] = "tcp://127.0.0.1:65535,tcp://127.0.0.1:*" } };
    assert_int_equal(config_read(&c, &fits, why), PV_OK);
    config_clear(&c);
}

static void there_are_no_more_queues_than_most(void **state)
{
    static char yaml[CONFIG_QUEUES_MAX * 32 + 64];
    for (int n = CONFIG_QUEUES_MAX; n <= CONFIG_QUEUES_MAX + 1; n++) {
        char *at = stpcpy(yaml, "queues:\n");
        for (int i = 0; i < n; i++) at += sprintf(at, "  - name: q%d\n", i);
        pv_status s = read_with(yaml, NULL, NULL);
        if (n > CONFIG_QUEUES_MAX) {
            assert_int_equal(s, PV_BAD_CONFIG);
            if (!strstr(why, "256 max")) fail_msg("%s", why);
            continue;
        }
        assert_int_equal(s, PV_OK);
        assert_int_equal(c.queues_n, n);
        config_clear(&c);
    }
}

static void without_keys_only_by_request(void **state)
{
    struct config_args args = { .file = NULL };
    assert_int_equal(config_read(&c, &args, why), PV_BAD_CONFIG);
    assert_non_null(strstr(why, "--insecure"));
}

static void queues_come_from_the_file_and_the_flags(void **state)
{
    const char *yaml = "queues:\n  - name: outer\n    sync: always\n  - name: keccak\n    run_timeout_ms: 1000\n";
    assert_int_equal(read_with(yaml, NULL, "outer,sync=off,late_result=refuse"), PV_OK);
    assert_int_equal(c.queues_n, 2);
    assert_string_equal(c.queues[0].name, "outer");
    assert_string_equal(c.queues[0].sync, "off");
    assert_string_equal(c.queues[0].late_result, "refuse");
    assert_string_equal(c.queues[1].sync, "group");
    assert_int_equal(c.queues[1].run_timeout_ms, 1000);
    config_clear(&c);
    expect_refused(yaml, NULL, "outer,sync=sometimes", "always, group or off");
    expect_refused(yaml, NULL, "outer,colour=red", "colour");
    expect_refused(yaml, NULL, "a b", "a name is");
    expect_refused("queues:\n  - name: a\n  - name: a\n", NULL, NULL, "twice");
}

static void what_is_printed_can_be_read(void **state)
{
    char text[16384] = { 0 };
    FILE *f = fmemopen(text, sizeof text, "w");
    assert_int_equal(read_with("queues:\n  - name: outer\n", "tcp://127.0.0.1:5", "b,sync=off"), PV_OK);
    config_print(&c, f);
    fclose(f);
    config_clear(&c);
    assert_non_null(strstr(text, "bind: \"tcp://127.0.0.1:5\"  # flag"));
    assert_int_equal(read_with(text, NULL, NULL), PV_OK);
    assert_string_equal(c.bind, "tcp://127.0.0.1:5");
    assert_int_equal(c.queues_n, 2);
    assert_string_equal(c.queues[1].sync, "off");
    config_clear(&c);
}

static void note(void *context, const char *what, const char *name)
{
    char *text = context;
    snprintf(text + strlen(text), 256 - strlen(text), "%s %s; ", what, name);
}

static void a_change_while_it_runs_keeps_what_only_a_start_can_change(void **state)
{
    static struct config started, second;
    char told[256] = "";
    assert_int_equal(
        read_with("lease_ms: 500\nheartbeat_ms: 100\nlog_level: info\nqueues:\n  - name: outer\n  - name: old\n"
                  "    sync: always\n",
                  "tcp://127.0.0.1:1", NULL),
        PV_OK);
    started = c;
    const char *yaml = "lease_ms: 900\nheartbeat_ms: 100\nlog_level: debug\nqueued_tasks: 7\nqueues:\n  - name: new\n"
                       "  - name: outer\n    run_timeout_ms: 5\n";
    assert_int_equal(read_with(yaml, "tcp://127.0.0.1:2", NULL), PV_OK);
    assert_int_equal(config_keep_running(&c, &started, &started, note, told), PV_OK);
    assert_string_equal(told, "setting bind; setting lease_ms; queue old; ");
    assert_int_equal(c.lease_ms, 500);
    assert_string_equal(c.bind, "tcp://127.0.0.1:1");
    assert_string_equal(c.log_level, "debug");
    assert_int_equal(c.queued_tasks, 7);
    assert_int_equal(c.queues_n, 3);
    assert_int_equal(c.queues[1].run_timeout_ms, 5);
    assert_string_equal(c.queues[2].name, "old");
    assert_string_equal(c.queues[2].sync, "always");
    /* Again from the second: it still tells what differs from the start, and what was kept stays kept. */
    second = c;
    assert_int_equal(read_with(yaml, "tcp://127.0.0.1:2", NULL), PV_OK);
    told[0] = 0;
    assert_int_equal(config_keep_running(&c, &second, &started, note, told), PV_OK);
    config_clear(&second);
    assert_string_equal(told, "setting bind; setting lease_ms; queue old; ");
    assert_string_equal(c.queues[2].name, "old");
    config_clear(&c);
    config_clear(&started);
}

static void limits_are_on_unless_switched_off(void **state)
{
    assert_int_equal(read_with("queues:\n  - name: outer\n", NULL, NULL), PV_OK);
    assert_int_equal(c.queued_tasks, 500000);
    assert_int_equal(c.queued_bytes, 256ull << 30);
    assert_int_equal(c.leased, 100000);
    assert_int_equal(c.rate, 100000);
    assert_int_equal(c.queues[0].idle_timeout_ms, 3600000);
    assert_int_equal(c.queues[0].run_timeout_ms, 0);
    assert_int_equal(c.queues[0].stall_timeout_ms, 0);
    config_clear(&c);
    assert_int_equal(
        read_with("queued_tasks: 0\nrate: 0\nqueues:\n  - name: outer\n    idle_timeout_ms: 0\n", NULL, NULL), PV_OK);
    assert_int_equal(c.queued_tasks, 0);
    assert_int_equal(c.rate, 0);
    assert_int_equal(c.queues[0].idle_timeout_ms, 0);
    config_clear(&c);
}

/* What a store that brokers share needs, and what means nothing without one. */
static void a_shared_store_is_named_by_url_or_service(void **state)
{
#define BASE "bind: tcp://127.0.0.1:1\ninsecure: yes\n"
    static const char *const good[] = { "postgresql://db/provost", "postgres://a@db:5433/x?sslmode=verify-full",
                                        "service=provost" };
    static const char *const ends[] = { "tcp://broker-a.example:7070", "tcp://[fd00::1]:7070", "ipc:///run/provost" };
    char yaml[512];
    assert_int_equal(read_with(BASE, NULL, NULL), PV_OK);
    assert_string_equal(config_store(&c).where, c.state);
    assert_null(config_store(&c).payloads);
    config_clear(&c);
    for (size_t i = 0; i < 3; i++) {
        snprintf(yaml, sizeof yaml, BASE "store: \"%s\"\npayloads: /mnt/provost\nadvertise: \"%s\"\n", good[i],
                 ends[i]);
        if (read_with(yaml, NULL, NULL) != PV_OK) fail_msg("%s: %s", yaml, why);
        struct store_place place = config_store(&c);
        assert_string_equal(place.where, good[i]);
        assert_string_equal(place.folder, c.state);
        assert_string_equal(place.payloads, "/mnt/provost");
        assert_string_equal(place.endpoint, ends[i]);
        config_clear(&c);
    }
    expect_refused(BASE "store: /var/lib/provost\n", NULL, NULL, "a folder is named by state");
    expect_refused(BASE "store: mysql://db/provost\n", NULL, NULL, "neither postgresql://HOST/NAME nor service=NAME");
    expect_refused(BASE "payloads: /mnt/provost\n", NULL, NULL, "payloads: without store");
    expect_refused(BASE "advertise: tcp://a:1\n", NULL, NULL, "advertise: without store");
    expect_refused(BASE "store: service=a\npayloads: mnt\n", NULL, NULL,
                   "payloads: \"mnt\" is neither an absolute path nor s3://BUCKET/PREFIX");
    static const char *const bad[] = { "tcp://a", "tcp://a:0", "tcp://a:*", "http://a:1", "tcp://a:1,tcp://b:1" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(yaml, sizeof yaml, BASE "store: service=a\nadvertise: \"%s\"\n", bad[i]);
        expect_refused(yaml, NULL, NULL, "is not one endpoint");
    }
    static const char *const nowhere[] = { "tcp://*:7070", "tcp://0.0.0.0:7070", "tcp://[::]:7070" };
    for (size_t i = 0; i < 3; i++) {
        snprintf(yaml, sizeof yaml, BASE "store: service=a\nadvertise: \"%s\"\n", nowhere[i]);
        expect_refused(yaml, NULL, NULL, "peers cannot dial");
    }
}

/* Payloads in a bucket: what it needs, and what means nothing without one. */
static void a_bucket_is_named_with_its_server_and_its_key(void **state)
{
#define PLACE BASE "payloads: s3://fleet-payloads/a\n"
#define REST "s3_endpoint: https://s3.example:9000\ns3_key_file: /etc/provost/s3\n"
    static const char *const lone[] = { "s3_endpoint: https://s3.example", "s3_region: eu", "s3_key_file: /k",
                                        "s3_ca_file: /c" };
    char yaml[512], says[64];
    assert_int_equal(read_with(PLACE REST
                               "store: service=a\ns3_region: eu-central-1\ns3_ca_file: /etc/ca\npayload_cache: 2M\n",
                               NULL, NULL),
                     PV_OK);
    assert_true(config_in_bucket(&c));
    struct store_place place = config_store(&c);
    assert_string_equal(place.payloads, "s3://fleet-payloads/a");
    assert_string_equal(place.s3_endpoint, "https://s3.example:9000");
    assert_string_equal(place.s3_region, "eu-central-1");
    assert_string_equal(place.s3_key_file, "/etc/provost/s3");
    assert_string_equal(place.s3_ca_file, "/etc/ca");
    assert_int_equal(place.cache_bytes, 2 << 20);
    config_clear(&c);
    expect_refused(PLACE REST, NULL, NULL, "s3://fleet-payloads/a needs a store in PostgreSQL (store)");
    expect_refused(PLACE "store: service=a\ns3_key_file: /k\n", NULL, NULL, "s3_endpoint: payloads in S3 need it");
    expect_refused(PLACE "store: service=a\ns3_endpoint: https://s3.example\n", NULL, NULL,
                   "s3_key_file: payloads in S3 need it");
    expect_refused(PLACE "store: service=a\ns3_endpoint: http://s3.example\ns3_key_file: /k\n", NULL, NULL,
                   "http is for loopback alone");
    expect_refused(BASE REST "store: service=a\npayloads: s3://B\n", NULL, NULL, "is not 3 to 63 of a-z 0-9 . -");
    for (size_t i = 0; i < 4; i++) {
        snprintf(yaml, sizeof yaml, BASE "store: service=a\npayloads: /mnt/provost\n%s\n", lone[i]);
        snprintf(says, sizeof says, "%.*s: means nothing without payloads in S3", (int)strcspn(lone[i], ":"), lone[i]);
        expect_refused(yaml, NULL, NULL, says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flag_beats_the_environment_beats_the_file_beats_the_default),
        cmocka_unit_test(limits_are_on_unless_switched_off),
        cmocka_unit_test(a_shared_store_is_named_by_url_or_service),
        cmocka_unit_test(a_bucket_is_named_with_its_server_and_its_key),
        cmocka_unit_test(unknown_keys_are_errors_with_their_line),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(every_number_ends_at_its_bounds),
        cmocka_unit_test(what_does_not_fit_together_has_its_sentence),
        cmocka_unit_test(there_are_no_more_queues_than_most),
        cmocka_unit_test(without_keys_only_by_request),
        cmocka_unit_test(queues_come_from_the_file_and_the_flags),
        cmocka_unit_test(what_is_printed_can_be_read),
        cmocka_unit_test(a_change_while_it_runs_keeps_what_only_a_start_can_change),
    };
    temp_dir_make(dir);
    snprintf(file, sizeof file, "%s/broker.yaml", dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_remove(dir);
    return failed;
}
