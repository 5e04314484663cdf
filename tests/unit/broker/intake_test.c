/** What a message costs on its way in: how often the core renders a task for it, and how often its key is looked up. Both
 *  functions are wrapped by the linker and counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker.h"
#include "broker_open.h"
#include "encode.h"
#include "intake.h"
#include "random.h"
#include "temp_dir.h"

#include <stdio.h>
#include <string.h>

enum { LARGE = 10 << 20 };

static char dir[64];
static struct config config;
static struct config_args args;
static struct broker *b;
static unsigned shown, keys_found;

pv_status __real_sched_show(const struct sched *s, uint64_t peer, const char *owner, wire_id task,
                            struct sched_view *view);
pv_status __wrap_sched_show(const struct sched *s, uint64_t peer, const char *owner, wire_id task,
                            struct sched_view *view);
pv_status __wrap_sched_show(const struct sched *s, uint64_t peer, const char *owner, wire_id task,
                            struct sched_view *view)
{
    shown++;
    return __real_sched_show(s, peer, owner, task, view);
}

const struct auth_key *__real_auth_keys_find(const struct auth_keys *keys, const char *text);
const struct auth_key *__wrap_auth_keys_find(const struct auth_keys *keys, const char *text);
const struct auth_key *__wrap_auth_keys_find(const struct auth_keys *keys, const char *text)
{
    keys_found++;
    return __real_auth_keys_find(keys, text);
}

static void part_set(zmq_msg_t *part, const void *data, size_t bytes)
{
    assert_int_equal(zmq_msg_init_size(part, bytes), 0);
    if (bytes) memcpy(zmq_msg_data(part), data, bytes);
}

/* As if it had come from the socket. */
static void hear(uint8_t routing, const char *user, const struct wire_msg *m)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    const uint8_t id[5] = { 0, 0, 0, 0, routing };
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    struct router_message in = { .parts = 3, .user = user, .fd = -1 };
    if (wire_msg_encode(m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why) != PV_OK) fail_msg("%s", why);
    part_set(&in.part[0], id, sizeof id);
    part_set(&in.part[1], f.head, f.head_bytes);
    part_set(&in.part[2], f.body, f.body_bytes);
    part_set(&in.part[3], "", 0);
    intake_message(b, &in);
    for (int i = 0; i < 4; i++) zmq_msg_close(&in.part[i]);
}

static void hello(uint8_t routing, const char *user)
{
    struct wire_msg m = { .type = WIRE_HELLO };
    wire_id session = { .bytes = { routing } };
    WIRE_SET(&m, vmin, WIRE_VERSION);
    WIRE_SET(&m, vmax, WIRE_VERSION);
    WIRE_SET(&m, role, WIRE_ROLE_CLIENT);
    WIRE_SET(&m, name, "worker");
    WIRE_SET(&m, session, session);
    WIRE_SET(&m, software, "test");
    WIRE_SET(&m, epoch, 0);
    hear(routing, user, &m);
}

/* A SUBMIT whose payload is to come in chunks. */
static void submit_large(uint8_t routing, const char *user, wire_id task)
{
    struct wire_msg m = { .type = WIRE_SUBMIT };
    WIRE_SET(&m, req, 1);
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, queue, "outer");
    WIRE_SET(&m, circuit, "keccak");
    WIRE_SET(&m, length, LARGE);
    WIRE_SET(&m, sha256, (wire_hash){ .bytes = { 1 } });
    hear(routing, user, &m);
}

static void a_large_submit_renders_no_task(void **state)
{
    const wire_id task = { .bytes = { 9 } };
    hello(1, "");
    submit_large(1, "", task);
    assert_int_equal(uploads_read_stats(b->uploads).uploads, 1);
    submit_large(1, "", task); /* known by now */
    assert_int_equal(uploads_read_stats(b->uploads).uploads, 1);
    assert_int_equal(shown, 0);
}

static void a_message_looks_its_key_up_once_at_most(void **state)
{
    char public[AUTH_KEY_TEXT], secret[AUTH_KEY_TEXT], path[80], why[AUTH_WHY_BYTES];
    const wire_id first = { .bytes = { 1 } }, second = { .bytes = { 2 } };
    snprintf(path, sizeof path, "%s/keys.yaml", dir);
    assert_int_equal(zmq_curve_keypair(public, secret), 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "keys:\n  - { name: acme, key: \"%s\", roles: [client], queues: [outer] }\n", public);
    fclose(f);
    assert_int_equal(auth_keys_read(&b->keys, path, why), PV_OK);
    hello(1, public);
    assert_int_equal(keys_found, 1);
    keys_found = 0;
    submit_large(1, public, first);
    assert_int_equal(uploads_read_stats(b->uploads).uploads, 1);
    assert_true(keys_found <= 1);
    keys_found = 0;
    b->auth.version++; /* the table was read again */
    submit_large(1, public, second);
    assert_int_equal(uploads_read_stats(b->uploads).uploads, 2);
    assert_int_equal(keys_found, 1);
}

static int open_broker(void **state)
{
    char why[BROKER_WHY_BYTES];
    static char folder[80];
    temp_dir_make(dir);
    snprintf(folder, sizeof folder, "%s/state", dir);
    args = (struct config_args){ .values[CONFIG_insecure] = "yes",
                                 .values[CONFIG_bind] = "tcp://127.0.0.1:*",
                                 .values[CONFIG_state] = folder,
                                 .values[CONFIG_disk_reserve] = "0",
                                 .queues = { "outer" },
                                 .queues_n = 1 };
    if (config_read(&config, &args, why) != PV_OK || broker_open(&b, &config, &args, why) != PV_OK) {
        print_error("%s\n", why);
        return 1;
    }
    shown = keys_found = 0;
    return 0;
}

static int close_broker(void **state)
{
    broker_close(&b);
    config_clear(&config);
    temp_dir_remove(dir);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_broker, close_broker)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_large_submit_renders_no_task),
        T(a_message_looks_its_key_up_once_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
