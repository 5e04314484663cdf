/* What waits for the disk: of two kinds of store, one whose commits outlive the process at once (a file) and one where they are in its
 * memory until the server has them. */
#include "broker.h"
#include "broker_open.h"
#include "durable.h"
#include "encode.h"
#include "intake.h"
#include "reply_send.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char dir[64];
static struct config config;
static struct config_args args;
static struct broker *b;
static uint64_t prover;        /* its handle */
static uint64_t kept, durable; /* what the store says of itself */
static unsigned sent;          /* messages that went to the socket */

uint64_t __wrap_store_kept(const struct store *s);
uint64_t __wrap_store_durable(const struct store *s);
pv_status __wrap_router_send_parts(struct router *r, uint32_t routing, zmq_msg_t *parts, size_t parts_n);

uint64_t __wrap_store_kept(const struct store *s)
{
    return kept;
}

uint64_t __wrap_store_durable(const struct store *s)
{
    return durable;
}

pv_status __wrap_router_send_parts(struct router *r, uint32_t routing, zmq_msg_t *parts, size_t parts_n)
{
    sent++;
    for (size_t i = 0; i < parts_n; i++) zmq_msg_close(&parts[i]);
    return PV_OK;
}

static void part_set(zmq_msg_t *part, const void *data, size_t bytes)
{
    assert_int_equal(zmq_msg_init_size(part, bytes), 0);
    if (bytes) memcpy(zmq_msg_data(part), data, bytes);
}

static void prover_comes(void)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    static const char *const queues[] = { "outer" };
    const uint8_t id[5] = { 0, 0, 0, 0, 1 };
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    struct router_message in = { .parts = 3, .user = "", .fd = -1 };
    struct wire_msg m = { .type = WIRE_HELLO };
    uint32_t key;
    WIRE_SET(&m, vmin, WIRE_VERSION);
    WIRE_SET(&m, vmax, WIRE_VERSION);
    WIRE_SET(&m, role, WIRE_ROLE_PROVER);
    WIRE_SET(&m, name, "p1");
    WIRE_SET(&m, session, ((wire_id){ .bytes = { 1 } }));
    WIRE_SET(&m, software, "test");
    WIRE_SET(&m, epoch, 0);
    WIRE_SET_LIST(&m, queues, queues, 1);
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why), PV_OK);
    part_set(&in.part[0], id, sizeof id);
    part_set(&in.part[1], f.head, f.head_bytes);
    part_set(&in.part[2], f.body, f.body_bytes);
    part_set(&in.part[3], "", 0);
    intake_message(b, &in);
    for (int i = 0; i < 4; i++) zmq_msg_close(&in.part[i]);
    assert_true(peers_routing(&key, id, sizeof id));
    struct peer *p = peers_find(&b->peers, key);
    assert_non_null(p);
    prover = p->handle;
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
    kept = durable = UINT64_MAX;
    prover_comes();
    kept = durable = b->promised = 100;
    sent = 0;
    return 0;
}

static int close_broker(void **state)
{
    broker_close(&b);
    config_clear(&config);
    temp_dir_remove(dir);
    return 0;
}

static void say(enum reply_when when, enum wire_type type)
{
    struct wire_msg m = { .type = type };
    switch (type) {
    case WIRE_OFFER:
        WIRE_SET(&m, task, ((wire_id){ { 3 } }));
        WIRE_SET(&m, generation, 1);
        WIRE_SET(&m, queue, "outer");
        WIRE_SET(&m, circuit, "keccak");
        WIRE_SET(&m, length, 0);
        WIRE_SET(&m, sha256, ((wire_hash){ { 9 } }));
        WIRE_SET(&m, run_timeout_ms, 1000);
        WIRE_SET(&m, token, ((wire_token){ 1, 2 }));
        break;
    case WIRE_REVOKE:
        WIRE_SET(&m, token, ((wire_token){ 1, 2 }));
        WIRE_SET(&m, status, PV_REVOKED);
        break;
    case WIRE_RECALL: WIRE_SET(&m, token, ((wire_token){ 1, 2 })); break;
    case WIRE_RESULT_OK:
        WIRE_SET(&m, task, ((wire_id){ { 4 } }));
        WIRE_SET(&m, token, ((wire_token){ 1, 1 }));
        WIRE_SET(&m, status, PV_OK);
        break;
    default: WIRE_SET(&m, epoch, 1); break;
    }
    assert_true(reply_send(b, when, prover, &m, NULL));
}

static size_t waiting(void)
{
    return outbox_waiting(&b->outbox) + outbox_waiting(&b->offers);
}

/* A commit is made that no server has yet; in a file it would be kept at once. */
static void commit(bool in_a_file)
{
    b->promised++;
    kept += in_a_file;
}

static void an_offer_of_a_store_in_a_file_goes_at_once(void **state)
{
    commit(true);
    say(REPLY_WHEN_DURABLE, WIRE_OFFER);
    assert_int_equal(sent, 1);
    assert_int_equal(waiting(), 0);
}

static void an_offer_waits_where_a_commit_is_in_memory_until_the_server_has_it(void **state)
{
    commit(false);
    say(REPLY_WHEN_DURABLE, WIRE_OFFER);
    assert_int_equal(sent, 0);
    assert_int_equal(waiting(), 1);
    durable_say(b);
    assert_int_equal(sent, 0);
    kept++; /* and is not durable */
    durable_say(b);
    assert_int_equal(sent, 1);
    assert_int_equal(peers_of(&b->peers, prover)->waiting_offers, 0);
}

static void what_is_durable_is_offered_at_once(void **state)
{
    say(REPLY_IN_ORDER, WIRE_OFFER);
    assert_int_equal(sent, 1);
    assert_int_equal(waiting(), 0);
}

static void a_promise_waits_on_both(void **state)
{
    for (int i = 0; i < 2; i++) {
        commit(i);
        say(REPLY_WHEN_DURABLE, WIRE_REVOKE);
        assert_int_equal(sent, 0);
        assert_int_equal(waiting(), i + 1);
    }
}

static void heartbeats_wait_for_nothing(void **state)
{
    commit(false);
    say(REPLY_WHEN_DURABLE, WIRE_OFFER);
    say(REPLY_WHEN_DURABLE, WIRE_HEARTBEAT);
    assert_int_equal(sent, 1);
    assert_int_equal(waiting(), 1);
}

/* The prover has finished what RESULT_OK is about. */
static void an_offer_goes_before_results_that_wait(void **state)
{
    commit(true);
    say(REPLY_WHEN_DURABLE, WIRE_RESULT_OK);
    say(REPLY_WHEN_DURABLE, WIRE_OFFER);
    assert_int_equal(sent, 1);
    assert_int_equal(waiting(), 1);
    assert_int_equal(peers_of(&b->peers, prover)->waiting_results, 1);
    durable = kept;
    durable_say(b);
    assert_int_equal(sent, 2);
    assert_int_equal(peers_of(&b->peers, prover)->waiting_results, 0);
}

/* A REVOKE may be of an earlier attempt at the same task, and what comes after an offer may be about that. */
static void else_the_order_is_kept(void **state)
{
    const struct peer *peer = peers_of(&b->peers, prover);
    commit(false);
    say(REPLY_WHEN_DURABLE, WIRE_OFFER);
    say(REPLY_IN_ORDER, WIRE_RECALL);
    assert_int_equal(peer->waiting_offers, 2);
    say(REPLY_WHEN_DURABLE, WIRE_REVOKE);
    say(REPLY_WHEN_DURABLE, WIRE_OFFER);
    say(REPLY_IN_ORDER, WIRE_RECALL);
    assert_int_equal(peer->waiting, 3);
    assert_int_equal(peer->waiting_results, 0);
    assert_int_equal(sent, 0);
    kept++;
    durable_say(b);
    assert_int_equal(sent, 2);
    assert_int_equal(peer->waiting_offers, 0);
    durable++;
    durable_say(b);
    assert_int_equal(sent, 5);
    assert_int_equal(peer->waiting, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_broker, close_broker)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_offer_of_a_store_in_a_file_goes_at_once),
        TEST(an_offer_waits_where_a_commit_is_in_memory_until_the_server_has_it),
        TEST(what_is_durable_is_offered_at_once),
        TEST(a_promise_waits_on_both),
        TEST(heartbeats_wait_for_nothing),
        TEST(an_offer_goes_before_results_that_wait),
        TEST(else_the_order_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
