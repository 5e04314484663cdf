/* Connections that come, go, are too many or have to go: what is counted, logged and written into the journal, with the limits at N and
 * N + 1. The clock is the test's. */
#include "connections.h"

#include "broker_open.h"
#include "damage.h"
#include "heap_watch.h"
#include "log.h"
#include "reply.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static char dir[64], folder[80], why[BROKER_WHY_BYTES];
static struct config config;
static struct config_args args;
static struct broker *b;
static char lines[4096];
static uint64_t read_until; /* in the journal */

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...);

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

static int setup(void **state)
{
    temp_dir_make(dir);
    snprintf(folder, sizeof folder, "%s/state", dir);
    args = (struct config_args){ .values[CONFIG_insecure] = "yes",
                                 .values[CONFIG_bind] = "tcp://127.0.0.1:*",
                                 .values[CONFIG_state] = folder,
                                 .values[CONFIG_disk_reserve] = "0",
                                 .values[CONFIG_hello_ms] = "1000",
                                 .queues = { "outer" },
                                 .queues_n = 1 };
    if (config_read(&config, &args, why) != PV_OK || broker_open(&b, &config, &args, why) != PV_OK) {
        print_error("%s\n", why);
        return 1;
    }
    lines[0] = 0;
    read_until = journal_last(b->journal, 0);
    for (const struct journal_entry *e; (e = journal_after(b->journal, read_until));) read_until = e->number;
    return 0;
}

static int teardown(void **state)
{
    broker_close(&b);
    config_clear(&config);
    temp_dir_remove(dir);
    return 0;
}

/* A turn at this moment, at which the door itself looks at nothing; exactly this was logged and written. */
static void minds(uint64_t now_ms, const char *logged, const char *written)
{
    char rows[512] = "";
    b->now_ms = now_ms;
    b->door.look_ms = UINT64_MAX;
    b->door.next = b->door.end = 0;
    connections_mind(b);
    for (const struct journal_entry *e; (e = journal_after(b->journal, read_until)); read_until = e->number)
        snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "%s;", e->what);
    assert_string_equal(lines, logged);
    assert_string_equal(rows, written);
    lines[0] = 0;
}

static void missing_descriptors_are_told_now_and_then(void **state)
{
    uint64_t now = b->now_ms + 100;
    static const char line[] =
        "descriptors.none connections=0: the limit of open files is reached; strangers are cut, files "
        "wait (raise LimitNOFILE)\n";
    minds(now, "", "");
    b->door.tight = true;
    minds(now, line, "descriptors none;");
    minds(now + 9999, "", "");
    minds(now + 10000, line, "");
    b->door.tight = false;
    minds(now + 10001, "descriptors.enough connections=0\n", "descriptors enough;");
    minds(now + 10002, "", "");
    b->door.tight = true; /* told not long ago */
    minds(now + 10003, "", "");
    b->door.tight = false;
    minds(now + 10004, "", "");
}

static void a_full_house_is_told_now_and_then(void **state)
{
    uint64_t now = b->now_ms + 100;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    b->door.places = (struct door_places){ 2, 3 };
    b->counters.refused_full = 7;
    door_came(&b->door, pair[0]);
    minds(now, "", "");
    door_came(&b->door, pair[1]);
    minds(now, "connections.full connections=2 most=2 administrators=3 refused=7\n", "connections full;");
    minds(now + 9999, "", "");
    minds(now + 10000, "connections.full connections=2 most=2 administrators=3 refused=7\n", "");
    door_gone(&b->door, pair[1]);
    minds(now + 10001, "connections.room connections=1 most=2\n", "connections enough;");
    minds(now + 10002, "", "");
    door_gone(&b->door, pair[0]);
    close(pair[0]);
    close(pair[1]);
}

static void a_stranger_has_its_time_and_no_more(void **state)
{
    int pair[2];
    char byte, line[64];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    uint64_t now = b->now_ms;
    door_came(&b->door, pair[0]);
    strangers_add(&b->strangers, pair[0], now);
    minds(now + 999, "", "");
    assert_int_equal(b->counters.strangers_cut, 0);
    snprintf(line, sizeof line, "stranger.cut descriptor=%d left=0\n", pair[0]);
    minds(now + 1001, line, "");
    assert_int_equal(b->counters.strangers_cut, 1);
    assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0); /* ended */
    assert_false(door_has(&b->door, pair[0]));
    door_gone(&b->door, pair[0]);
    close(pair[0]);
    close(pair[1]);
}

static struct peer *member(const char *name, enum wire_role role)
{
    static uint32_t routing;
    struct peer *p = peers_add(&b->peers, ++routing, b->now_ms);
    assert_non_null(p);
    snprintf(p->name, sizeof p->name, "%s", name);
    p->role = role;
    p->hello = true;
    assert_true(connection_counts(b, p));
    return p;
}

static void the_end_of_a_member_is_written_down(void **state)
{
    struct peer *p = member("p1", WIRE_ROLE_PROVER), *c = member("worker", WIRE_ROLE_CLIENT);
    uint64_t one = p->handle, two = c->handle;
    broker_peer_cut(b, one);
    broker_peer_cut(b, two);
    broker_peer_cut(b, one); /* twice is once */
    assert_int_equal(b->cuts.n, 3);
    connections_end_cut(b);
    assert_int_equal(b->cuts.n, 0);
    assert_int_equal(b->counters.cut, 2);
    assert_true(!peers_of(&b->peers, one) && !peers_of(&b->peers, two));
    minds(b->now_ms, "peer.gone name=p1 principal=local\npeer.gone name=worker principal=local\n", "gone;");
    struct peer *stranger = peers_add(&b->peers, 999, b->now_ms);
    connection_end(b, stranger);
    minds(b->now_ms, "peer.gone name= principal=local\n", "");
}

/* Whoever had a descriptor before has gone, though no report of it came. */
static void a_descriptor_has_one_peer(void **state)
{
    struct router_message m = { .fd = 77 };
    struct peer *first = connection_new(b, 5001, &m);
    assert_non_null(first);
    first->hello = true;
    snprintf(first->name, sizeof first->name, "first");
    uint64_t handle = first->handle;
    struct peer *second = connection_new(b, 5002, &m);
    assert_ptr_equal(second, peers_on_fd(&b->peers, 77));
    assert_null(peers_of(&b->peers, handle));
    minds(b->now_ms, "peer.gone name=first principal=local\n", "");
}

static void places_are_for_members_and_administrators(void **state)
{
    b->door.places = (struct door_places){ 0, 1 };
    struct peer *p = peers_add(&b->peers, 1000, b->now_ms);
    assert_false(connection_has_place(b, p, WIRE_ROLE_CLIENT));
    assert_false(connection_has_place(b, p, WIRE_ROLE_PROVER));
    assert_int_equal(b->counters.refused_full, 2);
    assert_true(connection_has_place(b, p, WIRE_ROLE_ADMIN));
    p->hello = true; /* it has one */
    assert_true(connection_has_place(b, p, WIRE_ROLE_CLIENT));
    assert_int_equal(b->counters.refused_full, 2);
}

static void a_key_has_so_many_connections(void **state)
{
    struct auth_key key = { .connections = UINT64_MAX };
    assert_int_equal(connection_limit(b, &key), config.key_connections);
    key.connections = 2;
    assert_int_equal(connection_limit(b, &key), 2);
    key.connections = 0;
    assert_true(connection_limit(b, &key) == UINT64_MAX);
    key.connections = 2;
    key.connected = 2;
    struct peer *p = peers_add(&b->peers, 1001, b->now_ms);
    p->rights = &key;
    assert_false(connection_counts(b, p));
    p->hello = true; /* counted already */
    assert_true(connection_counts(b, p));
    assert_non_null(p->share);
    p->rights = NULL;
    connection_end(b, p);
}

/* What gathers until the next batch has room for all of it, or is left as it was. */
static void lists_grow(void **state)
{
    struct broker_damage damage = { .why = PV_GONE };
    for (uint64_t i = 1; i <= 200; i++) {
        broker_peer_cut(b, 1000000 + i);
        damage.key.token.seq = i;
        damage_note(b, damage);
        assert_true(b->cuts.n == i && b->cuts.cap >= i);
        assert_true(b->damaged.n == i && b->damaged.cap >= i);
    }
    for (uint64_t i = 1; i <= 200; i++) {
        assert_true(b->cuts.handles[i - 1] == 1000000 + i);
        assert_true(b->damaged.at[i - 1].key.token.seq == i);
    }
    b->cuts.n = b->cuts.cap;
    b->damaged.n = b->damaged.cap;
    heap_fail_after(0);
    broker_peer_cut(b, 1);
    heap_fail_after(0);
    damage_note(b, damage);
    heap_fail_after(-1);
    assert_true(b->cuts.n == b->cuts.cap && b->damaged.n == b->damaged.cap);
    connections_end_cut(b);
    assert_int_equal(b->counters.cut, 0); /* nobody had these handles */
    b->damaged.n = 0;
}

/* ---- what is owed to a peer ---- */

/* So many bytes that the peer has not read. Returned is what gives them back. */
static void *owe(struct peer *p, uint64_t bytes, void **frame)
{
    void *hint;
    *frame = unread_frame(p->share->unread, bytes - UNREAD_FRAME_BYTES, &hint);
    assert_non_null(*frame);
    return hint;
}

/* Says something to the peer, which is not there: whether it was cut for what it has not read. */
static bool cut_for_it(struct peer *p)
{
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    uint64_t before = b->counters.unread_cut, unreachable = b->counters.unreachable;
    WIRE_SET(&m, epoch, 1);
    assert_false(reply_send(b, REPLY_AT_ONCE, p->handle, &m, NULL));
    assert_int_equal(b->counters.unreachable, unreachable + 1);
    return b->counters.unread_cut != before;
}

static void who_reads_nothing_is_cut_at_its_bound(void **state)
{
    struct peer *p = member("p1", WIRE_ROLE_PROVER);
    void *frame;
    b->shares.unread_max = 16000;
    void *hint = owe(p, 4 * 16000 - 1, &frame);
    assert_false(cut_for_it(p));
    assert_string_equal(lines, "peer.unreachable name=p1 why=unreachable\n");
    unread_frame_free(frame, hint);
    hint = owe(p, 4 * 16000, &frame);
    lines[0] = 0;
    assert_true(cut_for_it(p));
    assert_string_equal(lines, "peer.unread name=p1 principal=local bytes=64000\npeer.unreachable name=p1 why=busy\n");
    assert_true(b->cuts.n == 2 && b->cuts.handles[0] == p->handle);
    unread_frame_free(frame, hint);
    connections_end_cut(b);
}

/* Once the peers of a principal have all that they may, a sixteenth of a window is too much. */
static void a_principal_has_its_bound_too(void **state)
{
    static const struct {
        uint64_t own, others;
        bool cut;
    } all[] = { { 1000, 64 * 16000 - 1001, false },
                { 1000, 64 * 16000 - 1000, true },
                { 999, 64 * 16000, false },
                { 4000, 1000, false } };
    struct peer *one = member("one", WIRE_ROLE_CLIENT), *two = member("two", WIRE_ROLE_CLIENT);
    b->shares.unread_max = 16000;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        void *mine, *theirs, *my_hint = owe(one, all[i].own, &mine), *their_hint = owe(two, all[i].others, &theirs);
        assert_int_equal(cut_for_it(one), all[i].cut);
        unread_frame_free(mine, my_hint);
        unread_frame_free(theirs, their_hint);
    }
    connections_end_cut(b);
}

/* What promises waits for the disk, and what comes after it too; heartbeats and what is said at once do not. */
static void replies_wait_in_order(void **state)
{
    struct peer *p = member("worker", WIRE_ROLE_CLIENT);
    struct wire_msg promise = { .type = WIRE_CANCELLED, .req = 1, .has.req = true }, news = { .type = WIRE_PROGRESS };
    WIRE_SET(&promise, task, ((wire_id){ { 1 } }));
    WIRE_SET(&promise, state, TASK_CANCELLED);
    WIRE_SET(&news, task, ((wire_id){ { 1 } }));
    b->promised = 1000;
    assert_false(reply_send(b, REPLY_WHEN_DURABLE, p->handle, &news, NULL)); /* tried, and nobody is there */
    assert_int_equal(p->waiting, 0);
    assert_true(reply_send(b, REPLY_WHEN_DURABLE, p->handle, &promise, NULL));
    assert_true(reply_send(b, REPLY_IN_ORDER, p->handle, &news, NULL));
    assert_int_equal(p->waiting, 2);
    assert_false(cut_for_it(p)); /* a heartbeat goes out */
    assert_false(reply_send(b, REPLY_AT_ONCE, p->handle, &news, NULL));
    assert_int_equal(p->waiting, 2);
    connections_end_cut(b);
}

/* They have to fit into the socket's queue together with those of one more batch. */
static void many_that_wait_stop_the_loop(void **state)
{
    static const struct {
        uint64_t queue, batch;
        unsigned most;
    } all[] = { { 10, 4, 5 }, { 10, 5, 5 }, { 10, 7, 3 }, { 10, 10, 1 }, { 10, 20, 1 } };
    struct wire_msg m = { .type = WIRE_CANCELLED, .req = 1, .has.req = true };
    WIRE_SET(&m, task, ((wire_id){ { 1 } }));
    WIRE_SET(&m, state, TASK_CANCELLED);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct config changed = config;
        changed.send_queue = all[i].queue;
        changed.batch = all[i].batch;
        b->config = &changed;
        b->waits_long = false;
        b->promised = 1000;
        struct peer *p = member("worker", WIRE_ROLE_CLIENT);
        for (unsigned n = 1; n <= all[i].most; n++) {
            assert_false(b->waits_long);
            assert_true(reply_send(b, REPLY_WHEN_DURABLE, p->handle, &m, NULL));
        }
        assert_true(b->waits_long);
        b->config = &config;
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(missing_descriptors_are_told_now_and_then),
        T(a_full_house_is_told_now_and_then),
        T(a_stranger_has_its_time_and_no_more),
        T(the_end_of_a_member_is_written_down),
        T(a_descriptor_has_one_peer),
        T(places_are_for_members_and_administrators),
        T(a_key_has_so_many_connections),
        T(lists_grow),
        T(who_reads_nothing_is_cut_at_its_bound),
        T(a_principal_has_its_bound_too),
        T(replies_wait_in_order),
        T(many_that_wait_stop_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
