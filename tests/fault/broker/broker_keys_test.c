/* Who may come in, as what, and how a key that was taken away is refused. */
#include "broker_scene.h"

struct pair {
    char public[41], secret[41];
};

static char cert_file[96], keys_file[96];
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
    const char *folder = scene_folder("other");
    write_cert(0644);
    assert_false(broker_process_start(&other, folder, NULL, arguments()));
    write_cert(0600);
    assert_true(broker_process_start(&other, folder, NULL, arguments()));
    assert_int_equal(broker_process_end(&other, SIGTERM), 0);
}

static void open_addresses_need_keys(void **state)
{
    struct broker_process other;
    const char *const bare[] = { "--insecure", NULL };
    const char *folder = scene_folder("open");
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
    return !scene_start(arguments());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_key_is_its_principal),       cmocka_unit_test(a_key_has_its_roles_and_queues_only),
        cmocka_unit_test(an_unknown_key_gets_no_word),        cmocka_unit_test(a_revoked_key_is_refused_and_recovers),
        cmocka_unit_test(a_bad_file_of_keys_changes_nothing), cmocka_unit_test(a_secret_others_can_read_is_refused),
        cmocka_unit_test(open_addresses_need_keys),
    };
    return cmocka_run_group_tests(tests, setup, scene_close);
}
