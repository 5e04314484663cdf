/* Who may come in, as what, and how a key that was taken away is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker_process.h"
#include "temp_dir.h"
#include "wire_peer.h"

#include <sys/stat.h>

enum { SOON = 10000 };

struct pair {
    char public[41], secret[41];
};

static char dir[64], cert_file[96], keys_file[96];
static struct broker_process broker;
static struct pair server, worker, prover, stranger;

static void write_cert(mode_t mode)
{
    FILE *f = fopen(cert_file, "w");
    assert_non_null(f);
    fprintf(f, "metadata\ncurve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", server.public, server.secret);
    fclose(f);
    chmod(cert_file, mode);
}

static void write_keys(bool with_worker)
{
    FILE *f = fopen(keys_file, "w");
    assert_non_null(f);
    fprintf(f, "keys:\n  - name: node\n    key: \"%s\"\n    roles: [prover]\n", prover.public);
    if (with_worker)
        fprintf(f, "  - name: acme\n    key: \"%s\"\n    roles: [client]\n    queues: [outer]\n", worker.public);
    fclose(f);
}

static const char *const *arguments(void)
{
    static const char *list[16];
    const char *const all[] = { "--key",   cert_file, "--authorized-keys", keys_file, "--queue",    "outer",
                                "--queue", "inner",   "--heartbeat-ms",    "200",     "--lease-ms", "1000",
                                NULL };
    memcpy(list, all, sizeof all);
    return list;
}

static void dial(struct wire_peer *p, const struct pair *own, enum wire_role role)
{
    struct wire_msg m;
    const char *const keys[] = { server.public, own->public, own->secret };
    wire_peer_dial(p, broker.endpoint, keys);
    wire_peer_hello(p, &m, role, "somebody");
    wire_peer_send(p, &m);
}

#define WANT(peer, type)                                                                                               \
    do {                                                                                                               \
        if (!wire_peer_wait(peer, type, SOON)) fail_msg("no " #type);                                                  \
    } while (0)

static void a_known_key_is_its_principal(void **state)
{
    struct wire_peer p;
    dial(&p, &worker, WIRE_ROLE_CLIENT);
    WANT(&p, WIRE_WELCOME);
    assert_string_equal(p.in.principal, "acme");
    wire_peer_submit(&p, wire_peer_new_id(), "outer", "keccak", "x", 1);
    WANT(&p, WIRE_SUBMIT_OK);
    wire_peer_close(&p);
}

static void a_key_has_its_roles_and_queues_only(void **state)
{
    struct wire_peer p;
    dial(&p, &worker, WIRE_ROLE_PROVER);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_UNAUTHORIZED);
    wire_peer_close(&p);
    dial(&p, &worker, WIRE_ROLE_ADMIN);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_UNAUTHORIZED);
    wire_peer_close(&p);
    dial(&p, &worker, WIRE_ROLE_CLIENT);
    WANT(&p, WIRE_WELCOME);
    wire_peer_submit(&p, wire_peer_new_id(), "inner", "keccak", "x", 1);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_UNAUTHORIZED);
    struct wire_msg m = { .type = WIRE_QUEUE };
    WIRE_SET(&m, req, 7);
    WIRE_SET(&m, queue, "outer");
    WIRE_SET(&m, verb, WIRE_VERB_PAUSE);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.req, 7);
    assert_int_equal(p.in.status, PV_UNAUTHORIZED);
    wire_peer_close(&p);
}

/* A stranger's handshake is refused by the thread that answers for keys: his HELLO never arrives. */
static void an_unknown_key_gets_no_word(void **state)
{
    struct wire_peer p, plain, known;
    struct wire_msg m;
    dial(&p, &stranger, WIRE_ROLE_CLIENT);
    wire_peer_open(&plain, broker.endpoint);
    wire_peer_hello(&plain, &m, WIRE_ROLE_CLIENT, "plain");
    wire_peer_send(&plain, &m);
    dial(&known, &worker, WIRE_ROLE_CLIENT);
    WANT(&known, WIRE_WELCOME); /* who came later was answered, so they had their time */
    assert_false(wire_peer_next(&p, 300));
    assert_false(wire_peer_next(&plain, 0));
    wire_peer_close(&p);
    wire_peer_close(&plain);
    wire_peer_close(&known);
}

static void a_revoked_key_is_refused_and_recovers(void **state)
{
    struct wire_peer p;
    dial(&p, &worker, WIRE_ROLE_CLIENT);
    WANT(&p, WIRE_WELCOME);
    write_keys(false);
    kill(broker.pid, SIGHUP);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_UNAUTHORIZED);
    struct wire_msg m;
    wire_peer_hello(&p, &m, WIRE_ROLE_CLIENT, "somebody");
    wire_peer_send(&p, &m); /* the connection is still there, the key is not */
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_UNAUTHORIZED);
    write_keys(true);
    kill(broker.pid, SIGHUP);
    bool welcome = false;
    for (uint64_t end = pv_clock_ms() + SOON; !welcome && pv_clock_ms() < end;) {
        wire_peer_hello(&p, &m, WIRE_ROLE_CLIENT, "somebody");
        wire_peer_send(&p, &m);
        welcome = wire_peer_next(&p, 1000) && p.in.type == WIRE_WELCOME;
    }
    assert_true(welcome);
    wire_peer_close(&p);
}

static void a_bad_file_of_keys_changes_nothing(void **state)
{
    struct wire_peer p;
    FILE *f = fopen(keys_file, "w");
    fprintf(f, "keys:\n  - name: acme\n    colour: red\n");
    fclose(f);
    kill(broker.pid, SIGHUP);
    dial(&p, &worker, WIRE_ROLE_CLIENT);
    WANT(&p, WIRE_WELCOME);
    write_keys(true);
    wire_peer_close(&p);
}

static void a_secret_others_can_read_is_refused(void **state)
{
    struct broker_process other;
    char folder[80];
    snprintf(folder, sizeof folder, "%s/other", dir);
    mkdir(folder, 0700);
    write_cert(0644);
    assert_false(broker_process_start(&other, folder, NULL, arguments()));
    write_cert(0600);
    assert_true(broker_process_start(&other, folder, NULL, arguments()));
    assert_int_equal(broker_process_end(&other, SIGTERM), 0);
}

static void open_addresses_need_keys(void **state)
{
    struct broker_process other;
    char folder[80];
    const char *const bare[] = { "--insecure", NULL };
    snprintf(folder, sizeof folder, "%s/open", dir);
    mkdir(folder, 0700);
    assert_false(broker_process_start(&other, folder, "tcp://0.0.0.0:*", bare));
    assert_true(broker_process_start(&other, folder, "tcp://0.0.0.0:*", arguments()));
    assert_int_equal(broker_process_end(&other, SIGTERM), 0);
}

static int setup(void **state)
{
    temp_dir_make(dir);
    snprintf(cert_file, sizeof cert_file, "%s/broker.cert", dir);
    snprintf(keys_file, sizeof keys_file, "%s/keys.yaml", dir);
    if (zmq_curve_keypair(server.public, server.secret) || zmq_curve_keypair(worker.public, worker.secret) ||
        zmq_curve_keypair(prover.public, prover.secret) || zmq_curve_keypair(stranger.public, stranger.secret))
        return 1;
    write_cert(0600);
    write_keys(true);
    if (broker_process_start(&broker, dir, NULL, arguments())) return 0;
    broker_process_print_log(&broker);
    return 1;
}

static int teardown(void **state)
{
    int code = broker_process_end(&broker, SIGTERM);
    if (code) broker_process_print_log(&broker);
    temp_dir_remove(dir);
    return code;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_key_is_its_principal),       cmocka_unit_test(a_key_has_its_roles_and_queues_only),
        cmocka_unit_test(an_unknown_key_gets_no_word),        cmocka_unit_test(a_revoked_key_is_refused_and_recovers),
        cmocka_unit_test(a_bad_file_of_keys_changes_nothing), cmocka_unit_test(a_secret_others_can_read_is_refused),
        cmocka_unit_test(open_addresses_need_keys),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
