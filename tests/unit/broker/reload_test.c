/* Settings and keys that are read again: what counts afterwards, what is said of what cannot, and that nothing is left of a reading that
 * failed, whichever allocation it was. */
#include "broker.h"
#include "broker_open.h"
#include "heap_watch.h"
#include "log.h"
#include "reload.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char dir[64], folder[80], key_file[96], keys_file[96], settings_file[96], why[BROKER_WHY_BYTES];
static char public[41], other[41];
static struct config config;
static struct config_args args;
static struct broker *b;
static char lines[8192];

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...);

/* Only of this thread: the broker's others say nothing while settings are read. */
void __wrap_log_event(enum log_level level, const char *event, const char *format, ...)
{
    va_list ap;
    size_t n = strlen(lines);
    n += (size_t)snprintf(lines + n, sizeof lines - n, "%s ", event);
    va_start(ap, format);
    n += (size_t)vsnprintf(lines + n, sizeof lines - n, format, ap);
    va_end(ap);
    snprintf(lines + n, sizeof lines - n, "\n");
}

/* What the core is told of settings, a line for each. */
static char events[4096];

void __real_sched_step(struct sched *s, const struct sched_event *ev, struct sched_actions *out);
void __wrap_sched_step(struct sched *s, const struct sched_event *ev, struct sched_actions *out);

void __wrap_sched_step(struct sched *s, const struct sched_event *ev, struct sched_actions *out)
{
    size_t n = strlen(events), room = sizeof events - n;
    unsigned long long v[5] = { ev->config.grace_ms, ev->config.offer_ms, ev->config.acked_ms,
                                ev->config.retention_ms };
    if (ev->type == SCHED_CONFIG)
        snprintf(events + n, room, "config grace=%llu offer=%llu acked=%llu retention=%llu\n", v[0], v[1], v[2], v[3]);
    if (ev->type == SCHED_QUEUE)
        snprintf(events + n, room, "queue %s run=%llu stall=%llu idle=%llu late=%d always=%d\n", ev->queue.name,
                 (unsigned long long)ev->queue.run_timeout_ms, (unsigned long long)ev->queue.stall_timeout_ms,
                 (unsigned long long)ev->queue.idle_timeout_ms, (int)ev->queue.late, ev->queue.sync_always);
    const struct sched_limits *l = &ev->principal.limits;
    if (ev->type == SCHED_PRINCIPAL)
        snprintf(events + n, room, "principal %s weight=%u tasks=%llu bytes=%llu leased=%llu rate=%u\n",
                 ev->principal.name, ev->principal.weight, (unsigned long long)l->queued_tasks,
                 (unsigned long long)l->queued_bytes, (unsigned long long)l->leased, l->rate_per_s);
    __real_sched_step(s, ev, out);
}

static void file_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void keys_write(const char *rights, bool both)
{
    char text[400];
    int n = snprintf(text, sizeof text, "keys:\n  - { name: acme, key: \"%s\", %s }\n", public, rights);
    if (both) snprintf(text + n, sizeof text - (size_t)n, "  - { name: other, key: \"%s\", roles: [admin] }\n", other);
    file_write(keys_file, text);
}

static const char settings[] = "queues:\n  - name: outer\n    run_timeout_ms: 1000\n";

static int setup(void **state)
{
    char secret[41], text[300];
    temp_dir_make(dir);
    snprintf(folder, sizeof folder, "%s/state", dir);
    snprintf(key_file, sizeof key_file, "%s/own.key", dir);
    snprintf(keys_file, sizeof keys_file, "%s/keys.yaml", dir);
    snprintf(settings_file, sizeof settings_file, "%s/broker.yaml", dir);
    assert_int_equal(zmq_curve_keypair(other, secret), 0);
    assert_int_equal(zmq_curve_keypair(public, secret), 0);
    snprintf(text, sizeof text, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", public, secret);
    file_write(key_file, text);
    keys_write("roles: [client]", true);
    file_write(settings_file, settings);
    args = (struct config_args){ .values[CONFIG_bind] = "tcp://127.0.0.1:*",
                                 .values[CONFIG_state] = folder,
                                 .values[CONFIG_disk_reserve] = "0",
                                 .values[CONFIG_key] = key_file,
                                 .values[CONFIG_authorized_keys] = keys_file,
                                 .file = settings_file };
    if (config_read(&config, &args, why) != PV_OK || broker_open(&b, &config, &args, why) != PV_OK) {
        print_error("%s\n", why);
        return 1;
    }
    sched_actions_clear(&b->batch.out);
    lines[0] = 0;
    return 0;
}

static int teardown(void **state)
{
    broker_close(&b);
    config_clear(&config);
    temp_dir_remove(dir);
    return 0;
}

static void reload(void)
{
    lines[0] = events[0] = 0;
    reload_all(b);
    sched_actions_clear(&b->batch.out);
}

static void said(const char *words)
{
    if (!strstr(lines, words)) fail_msg("not \"%s\" in:\n%s", words, lines);
}

/* A peer as after its HELLO. */
static uint64_t member(const char *key, const char *name)
{
    static uint32_t routing;
    struct peer *p = peers_add(&b->peers, ++routing, b->now_ms);
    assert_non_null(p);
    snprintf(p->key, sizeof p->key, "%s", key);
    snprintf(p->name, sizeof p->name, "%s", name);
    p->rights = auth_keys_find(b->keys, key);
    p->key_version = b->auth.version;
    p->hello = true;
    auth_keys_connected(b->keys, key, 1);
    return p->handle;
}

/* Nobody else. (Once more when the word about it found nobody, as here.) */
static void cut_is(uint64_t handle)
{
    assert_true(b->cuts.n);
    for (size_t i = 0; i < b->cuts.n; i++) assert_true(b->cuts.handles[i] == handle);
}

static void new_settings_count(void **state)
{
    file_write(settings_file,
               "queues:\n  - name: outer\n    run_timeout_ms: 2000\n    sync: always\n  - name: inner\n"
               "grace_ms: 7\nbatch: 9\nqueued_tasks: 5\nuploads_max: 600000000\nmemory_max: 1099511627776000\n");
    reload();
    assert_ptr_equal(b->config, b->settings.reloaded);
    assert_int_equal(b->config->grace_ms, 7);
    assert_int_equal(b->config->batch, config.batch); /* of the start */
    assert_int_equal(b->config->queued_tasks, 5);
    assert_int_equal(broker_queue(b, "outer")->run_timeout_ms, 2000);
    assert_non_null(broker_queue(b, "inner"));
    assert_string_equal(sched_queue_name(b->sched, "inner"), "inner");
    said("config.needs_restart what=setting name=batch\n");
    said("broker.memory memory_max=1099511627776000 most=");
    assert_true(b->flood.memory_max < 1099511627776000);
    said("config.read file=");
    said("queues=2\n");
    said("keys.read keys=2\n");
    struct config_queue before = *broker_queue(b, "inner"); /* of the settings that go now */
    file_write(settings_file, settings);
    reload();
    const struct config_queue *kept = broker_queue(b, "inner"); /* it may have tasks */
    assert_non_null(kept);
    assert_true(kept->name != before.name && kept->sync != before.sync && kept->late_result != before.late_result);
    said("config.needs_restart what=queue name=inner\n");
    file_write(settings_file, "queues:\n  - name: outer\nmemory_max: 1048576\n");
    reload();
    assert_int_equal(b->flood.memory_max, 1048576);
    assert_null(strstr(lines, "broker.memory"));
    size_t blocks = heap_blocks();
    for (int i = 0; i < 5; i++) reload();
    assert_int_equal(heap_blocks(), blocks);
}

static void bad_settings_change_nothing(void **state)
{
    char many[CONFIG_QUEUES_MAX * 24 + 32];
    size_t blocks = heap_blocks();
    file_write(settings_file, "queues:\n  - name: outer\ncolour: red\n");
    reload();
    assert_ptr_equal(b->config, &config);
    assert_null(b->settings.reloaded);
    said("config.unchanged why=");
    said("unknown key \"colour\" (line: 3)");
    /* So many that those of now have no room beside them. */
    int n = snprintf(many, sizeof many, "queues:\n");
    for (int i = 0; i < CONFIG_QUEUES_MAX; i++) n += snprintf(many + n, sizeof many - (size_t)n, "  - name: q%d\n", i);
    file_write(settings_file, many);
    reload();
    assert_ptr_equal(b->config, &config);
    said("config.unchanged why=more than 256 queues, with those that this broker has: they stay until a start\n");
    assert_null(broker_queue(b, "q0"));
    assert_int_equal(heap_blocks(), blocks);
    file_write(settings_file, settings);
    reload();
    said("config.read");
}

static void the_core_is_told_all_of_it(void **state)
{
    file_write(settings_file,
               "queues:\n  - name: outer\n    run_timeout_ms: 1\n    stall_timeout_ms: 2\n    idle_timeout_ms: 3\n"
               "    late_result: refuse\n    sync: always\n  - name: inner\n"
               "grace_ms: 0\noffer_ms: 100\nlate_ms: 5\nretention_ms: 6\nqueued_tasks: 7\nqueued_bytes: 8\n"
               "leased: 9\nrate: 10\n");
    keys_write("roles: [client], weight: 3, queued_tasks: 11, queued_bytes: 12, leased: 13, rate: 14", true);
    reload();
    char want[600];
    snprintf(want, sizeof want,
             "config grace=%llu offer=100 acked=5 retention=6\n"
             "queue outer run=1 stall=2 idle=3 late=%d always=1\n"
             "queue inner run=0 stall=0 idle=%llu late=%d always=0\n"
             "principal other weight=1 tasks=7 bytes=8 leased=9 rate=10\n"
             "principal acme weight=3 tasks=11 bytes=12 leased=13 rate=14\n",
             (unsigned long long)SCHED_NO_GRACE, (int)SCHED_LATE_REFUSE,
             (unsigned long long)broker_queue(b, "inner")->idle_timeout_ms, (int)SCHED_LATE_ACCEPT);
    assert_string_equal(events, want);
    keys_write("roles: [client], weight: 99999999999, rate: 99999999999", false);
    file_write(settings_file, "queues:\n  - name: outer\ngrace_ms: 4\n");
    reload();
    if (!strstr(events, "config grace=4 ") || !strstr(events, "principal acme weight=4294967295 ") ||
        !strstr(events, " rate=0\n"))
        fail_msg("%s", events);
}

/* Without keys everybody is one principal, whose limits are the broker's. */
static void without_keys_limits_count_too(void **state)
{
    struct auth_keys *kept = b->keys;
    b->keys = NULL;
    file_write(settings_file, "queues:\n  - name: outer\nqueued_tasks: 7\nqueued_bytes: 8\nleased: 9\nrate: 10\n");
    reload();
    b->keys = kept;
    if (!strstr(events, "principal local weight=1 tasks=7 bytes=8 leased=9 rate=10\n")) fail_msg("%s", events);
    assert_null(strstr(events, "principal acme"));
    assert_null(strstr(lines, "keys."));
}

/* Of settings and of keys: what was stays, is used further, and nothing is left. */
static void no_memory_changes_nothing(void **state)
{
    unsigned unchanged = 0;
    bool came = true;
    reload();
    for (long n = 0; came; n++) {
        size_t before = heap_blocks();
        heap_fail_after(n);
        reload();
        came = heap_failed();
        heap_fail_after(-1);
        unchanged += strstr(lines, "unchanged") != NULL;
        assert_non_null(broker_queue(b, "outer"));
        assert_non_null(auth_keys_find(b->keys, public));
        assert_int_equal(heap_blocks(), before);
    }
    assert_true(unchanged > 3);
    assert_null(store_failure(b->store));
}

static void keys_judge_their_peers(void **state)
{
    uint64_t acme = member(public, "worker"), boss = member(other, "boss-1");
    reload();
    assert_int_equal(b->cuts.n, 0);
    assert_int_equal(b->auth.version, 2);
    assert_int_equal(auth_keys_find(b->keys, public)->connected, 1);
    keys_write("roles: [client], weight: 3", true); /* how much, not what */
    reload();
    assert_int_equal(b->cuts.n, 0);
    assert_ptr_equal(peers_of(&b->peers, acme)->rights, auth_keys_find(b->keys, public));
    keys_write("roles: [client], queues: [outer]", true);
    reload();
    said("key.changed peer=worker\n");
    cut_is(acme);
    b->cuts.n = 0;
    keys_write("roles: [client], queues: [outer]", false);
    reload();
    said("key.revoked peer=boss-1\n");
    cut_is(boss);
    assert_null(peers_of(&b->peers, boss)->rights);
    assert_int_equal(b->auth.version, 5);
    file_write(keys_file, "keys: nothing\n");
    b->cuts.n = 0;
    reload();
    said("keys.unchanged why=");
    assert_int_equal(b->auth.version, 5);
    assert_int_equal(b->cuts.n, 0);
    b->cuts.n = 0;
}

static void one_connection_too_many_is_cut(void **state)
{
    uint64_t peers[3];
    for (int i = 0; i < 3; i++) peers[i] = member(public, i == 2 ? "third" : "worker");
    keys_write("roles: [client], connections: 3", true);
    reload();
    assert_int_equal(b->cuts.n, 0);
    keys_write("roles: [client], connections: 2", true);
    reload();
    said("key.connections peer=third\n");
    cut_is(peers[2]);
    b->cuts.n = 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(new_settings_count),
        T(bad_settings_change_nothing),
        T(no_memory_changes_nothing),
        T(the_core_is_told_all_of_it),
        T(without_keys_limits_count_too),
        T(keys_judge_their_peers),
        T(one_connection_too_many_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
