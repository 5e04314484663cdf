/* Broker and node as processes: what is promised holds while either is killed, frozen, drained or told to stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker_process.h"
#include "temp_dir.h"
#include "wire_peer.h"

#include <sys/stat.h>

enum { SOON_MS = 20000 };

struct node {
    pid_t pid;
    char state[128], log[128];
};

static char dir[64];
static struct broker_process broker;
static struct node nodes[3];
static struct wire_peer client;

/* --- processes --- */

static const char *const broker_more[] = { "--insecure", "--queue",    "drill", "--queue",    "prove", "--heartbeat-ms",
                                           "100",        "--lease-ms", "1000",  "--grace-ms", "100",   NULL };

static void broker_start(const char *bind)
{
    if (!broker_process_start(&broker, dir, bind, broker_more)) {
        broker_process_print_log(&broker);
        fail_msg("the broker did not start");
    }
}

static void node_exec(struct node *n, const char *const *args)
{
    int log = open(n->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log >= 0) dup2(log, 2);
    execv(PV_PROVER_PATH, (char *const *)(uintptr_t)args);
    _exit(127);
}

/* Node i, named node-i; more: options besides, NULL-terminated. */
static void node_start_with(int i, const char *const *more)
{
    static char name[16];
    struct node *n = &nodes[i];
    snprintf(name, sizeof name, "node-%d", i);
    snprintf(n->state, sizeof n->state, "%s/%s", dir, name);
    snprintf(n->log, sizeof n->log, "%s/%s.log", dir, name);
    const char *args[32] = { PV_PROVER_PATH, "run", "--broker", broker.endpoint, "--name", name, "--state", n->state };
    for (size_t k = 8; *more && k < 31; k++) args[k] = *more++;
    n->pid = fork();
    if (!n->pid) node_exec(n, args);
    assert_true(n->pid > 0);
}

static void node_start(int i)
{
    node_start_with(i, (const char *const[]){ "--insecure", "--queue", "drill:echo", NULL });
}

static int node_wait(int i)
{
    int status = 0;
    while (waitpid(nodes[i].pid, &status, 0) < 0 && errno == EINTR) continue;
    nodes[i].pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int node_end(int i, int signal)
{
    if (!nodes[i].pid) return 0;
    kill(nodes[i].pid, signal);
    return node_wait(i);
}

/* Waits until the node's log has this. */
static void node_says(int i, const char *what)
{
    char line[4096];
    for (uint64_t end = pv_clock_ms() + SOON_MS; pv_clock_ms() < end; poll(NULL, 0, 5)) {
        FILE *f = fopen(nodes[i].log, "r");
        bool found = false;
        while (f && !found && fgets(line, sizeof line, f)) found = strstr(line, what) != NULL;
        if (f) fclose(f);
        if (found) return;
    }
    fail_msg("node-%d never said %s", i, what);
}

static int setup(void **state)
{
    temp_dir_make(dir);
    broker_start(NULL);
    wire_peer_client(&client, broker.endpoint, "caller");
    return 0;
}

static int teardown(void **state)
{
    wire_peer_close(&client);
    for (int i = 0; i < 3; i++) {
        if (nodes[i].pid) kill(nodes[i].pid, SIGCONT);
        node_end(i, SIGKILL);
    }
    broker_process_end(&broker, SIGKILL);
    temp_dir_remove(dir);
    return 0;
}

/* --- what the caller does --- */

static wire_id submit(const char *order)
{
    wire_id id = wire_peer_new_id();
    wire_peer_submit(&client, id, "drill", "any", order, strlen(order));
    if (!wire_peer_wait(&client, WIRE_SUBMIT_OK, SOON_MS)) fail_msg("no SUBMIT_OK");
    return id;
}

static const struct wire_msg *show(wire_id id)
{
    wire_peer_ask(&client, WIRE_SHOW, id);
    if (!wire_peer_wait(&client, WIRE_TASK, SOON_MS)) fail_msg("no TASK");
    return &client.in;
}

static void until_state(wire_id id, enum task_state state)
{
    for (uint64_t end = pv_clock_ms() + SOON_MS; show(id)->state != state; poll(NULL, 0, 5))
        if (pv_clock_ms() > end) fail_msg("it is never %s", task_state_word(state));
}

static void until_running(wire_id id)
{
    until_state(id, TASK_RUNNING);
}

static void expect_delivered(wire_id id, const char *result)
{
    do
        if (!wire_peer_wait(&client, WIRE_DELIVER, SOON_MS)) fail_msg("no DELIVER");
    while (!wire_id_equal(client.in.task, id));
    assert_int_equal(client.in.state, TASK_SUCCEEDED);
    assert_int_equal(client.in.payload_bytes, strlen(result));
    assert_memory_equal(client.in.payload, result, strlen(result));
}

/* --- what holds --- */

static void test_a_task_comes_back_as_a_result(void **state)
{
    node_start(0);
    wire_id id = submit("any bytes");
    expect_delivered(id, "any bytes");
    assert_int_equal(show(id)->attempts, 1);
}

static void test_a_broker_killed_meanwhile_costs_no_second_run(void **state)
{
    static const char order[] = "{\"sleep_ms\": 1500}";
    char endpoint[128];
    node_start(0);
    wire_id id = submit(order);
    until_running(id);
    strcpy(endpoint, broker.endpoint);
    wire_peer_close(&client);
    broker_process_end(&broker, SIGKILL);
    broker_start(endpoint);
    wire_peer_client(&client, broker.endpoint, "caller");
    wire_peer_ask(&client, WIRE_ATTACH, id);
    expect_delivered(id, order);
    assert_int_equal(show(id)->losses, 0);
    assert_int_equal(node_end(0, SIGTERM), 0);
    node_says(0, "started=1 succeeded=1");
}

static void test_a_result_finished_while_the_broker_is_away_is_delivered(void **state)
{
    static const char order[] = "{\"sleep_ms\": 300}";
    char endpoint[128];
    node_start(0);
    wire_id id = submit(order);
    until_running(id);
    strcpy(endpoint, broker.endpoint);
    wire_peer_close(&client);
    broker_process_end(&broker, SIGKILL);
    node_says(0, "task.proved");
    assert_int_equal(node_end(0, SIGKILL), -SIGKILL); /* and the node dies too, a moment after it spooled it or not */
    node_start(0);
    broker_start(endpoint);
    wire_peer_client(&client, broker.endpoint, "caller");
    wire_peer_ask(&client, WIRE_ATTACH, id);
    expect_delivered(id, order);
}

static void test_a_killed_node_is_replaced(void **state)
{
    static const char order[] = "{\"sleep_ms\": 400}";
    node_start(0);
    wire_id id = submit(order);
    until_running(id);
    node_start(1);
    node_end(0, SIGKILL);
    expect_delivered(id, order);
    assert_int_equal(show(id)->losses, 1);
}

static void test_a_frozen_node_is_replaced_and_useful_again(void **state)
{
    static const char order[] = "{\"sleep_ms\": 500}";
    node_start(0);
    wire_id id = submit(order);
    until_running(id);
    kill(nodes[0].pid, SIGSTOP);
    node_start(1);
    expect_delivered(id, order);
    kill(nodes[0].pid, SIGCONT);
    node_end(1, SIGKILL);
    id = submit("again");
    expect_delivered(id, "again");
}

static void test_a_cancelled_task_frees_the_slot(void **state)
{
    node_start(0);
    wire_id id = submit("{\"sleep_ms\": 600000}");
    until_running(id);
    wire_peer_ask(&client, WIRE_CANCEL, id);
    if (!wire_peer_wait(&client, WIRE_CANCELLED, SOON_MS)) fail_msg("no CANCELLED");
    assert_int_equal(client.in.state, TASK_CANCELLED);
    id = submit("next");
    expect_delivered(id, "next");
}

static void test_a_drained_node_finishes_what_it_runs(void **state)
{
    static const char order[] = "{\"sleep_ms\": 500}";
    node_start(0);
    wire_id id = submit(order);
    until_running(id);
    kill(nodes[0].pid, SIGTERM);
    expect_delivered(id, order);
    assert_int_equal(node_wait(0), 0);
}

static void test_an_interrupted_node_hands_back_uncharged(void **state)
{
    node_start(0);
    wire_id id = submit("{\"sleep_ms\": 600000}");
    until_running(id);
    assert_int_equal(node_end(0, SIGINT), 0);
    until_state(id, TASK_QUEUED); /* its last word and our question come on two connections */
    const struct wire_msg *m = show(id);
    assert_int_equal(m->losses, 0);
    assert_int_equal(m->failures, 0);
}

static void test_a_proof_is_made(void **state)
{
    static uint8_t witness[65536];
    FILE *f = fopen("data/chain-5/witness.wtns", "rb");
    assert_non_null(f);
    size_t n = fread(witness, 1, sizeof witness, f);
    fclose(f);
    node_start_with(0, (const char *const[]){ "--insecure", "--queue", "prove", "--circuits", "data", NULL });
    wire_id id = wire_peer_new_id();
    wire_peer_submit(&client, id, "prove", "chain-5", witness, n);
    if (!wire_peer_wait(&client, WIRE_DELIVER, SOON_MS)) fail_msg("no DELIVER");
    assert_int_equal(client.in.state, TASK_SUCCEEDED);
    assert_string_equal(client.in.prover, "node-0");
    assert_true(client.in.payload_bytes > 500);
    assert_memory_equal(client.in.payload, "{\"proof\": {\n \"pi_a\": [", 22);
    witness[n - 32] ^= 1;
    id = wire_peer_new_id();
    wire_peer_submit(&client, id, "prove", "chain-5", witness, n);
    if (!wire_peer_wait(&client, WIRE_DELIVER, SOON_MS)) fail_msg("no DELIVER");
    assert_int_equal(client.in.state, TASK_DEAD);
    assert_int_equal(client.in.status, PV_BAD_WITNESS);
}

/* --- keys --- */

struct pair {
    char public[41], secret[41];
};

static const char *written(const char *name, const char *format, const char *a, const char *b)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 128, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, format, a, b);
    fclose(f);
    chmod(path, 0600);
    return path;
}

static void test_a_node_is_known_by_its_key(void **state)
{
    static const char cert[] = "metadata\ncurve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n";
    struct pair server, known, stranger;
    if (!zmq_has("curve")) skip();
    zmq_curve_keypair(server.public, server.secret);
    zmq_curve_keypair(known.public, known.secret);
    zmq_curve_keypair(stranger.public, stranger.secret);
    const char *server_file = written("server", cert, server.public, server.secret);
    const char *server_public = written("server.pub", "metadata\ncurve\n    public-key = \"%s\"\n", server.public, "");
    const char *known_file = written("known", cert, known.public, known.secret);
    const char *stranger_file = written("stranger", cert, stranger.public, stranger.secret);
    const char *keys =
        written("keys.yaml", "keys:\n  - name: fleet\n    key: \"%s\"\n    roles: [prover]\n", known.public, "");
    broker_process_end(&broker, SIGKILL);
    const char *const more[] = { "--key", server_file, "--authorized-keys", keys, "--queue", "drill", NULL };
    assert_true(broker_process_start(&broker, dir, NULL, more));
    node_start_with(0, (const char *const[]){ "--key", stranger_file, "--server-key", server_public, "--queue",
                                              "drill:echo", NULL });
    node_says(0, "broker.refused status=unauthorized");
    node_start_with(
        1, (const char *const[]){ "--key", known_file, "--server-key", server_public, "--queue", "drill:echo", NULL });
    node_says(1, "principal=fleet");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_task_comes_back_as_a_result),
        TEST(test_a_broker_killed_meanwhile_costs_no_second_run),
        TEST(test_a_result_finished_while_the_broker_is_away_is_delivered),
        TEST(test_a_killed_node_is_replaced),
        TEST(test_a_frozen_node_is_replaced_and_useful_again),
        TEST(test_a_cancelled_task_frees_the_slot),
        TEST(test_a_drained_node_finishes_what_it_runs),
        TEST(test_an_interrupted_node_hands_back_uncharged),
        TEST(test_a_proof_is_made),
        TEST(test_a_node_is_known_by_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
