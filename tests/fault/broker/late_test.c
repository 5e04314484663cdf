/* Results under tokens that were never issued, or to somebody else, take nothing of the broker; those that were issued are
 * taken, over a kill of the broker too, and only so many are on their way at once (R8, R13). */
#include "broker_scene.h"

#include <dirent.h>

enum { LARGE = 100000, INVENTED = 2000, TASKS = 120, AT_ONCE = 64 + 16, GIVEN_BACK = 50, WAITING = 256, REPEATS = 300 };

static const char *const arguments[] = { "--insecure", "--queue", "outer", NULL };

static int start(void **state)
{
    temp_dir_make(dir);
    return !scene_start(arguments);
}

static size_t entries(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static size_t descriptors(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)broker.pid);
    return entries(path);
}

static size_t files(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/incoming", broker.payloads);
    return entries(path);
}

static void announce(struct wire_peer *p, wire_token token, wire_id task)
{
    static uint8_t large[LARGE];
    scene_fill(large, sizeof large);
    wire_peer_result(p, token, task, wire_peer_hash(input, sizeof input), large, sizeof large);
}

static void refused(struct wire_peer *p, wire_token token, wire_id task)
{
    announce(p, token, task);
    WANT(p, WIRE_RESULT_OK); /* so that a node drops it */
    assert_int_equal(p->in.status, PV_REVOKED);
}

static void an_invented_token_takes_nothing(void **state)
{
    struct wire_peer client, good, evil;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&good, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&good, WIRE_OFFER);
    wire_token token = good.in.token;
    wire_peer_started(&good, token);
    wire_peer_prover(&evil, broker.endpoint, "p2", "outer", "keccak", 1);
    refused(&evil, token, task);
    size_t before = descriptors(), files_before = files();
    for (uint32_t i = 1; i <= INVENTED; i++)
        refused(&evil, (wire_token){ i % 2 ? 0 : token.epoch, token.seq + i }, task);
    assert_int_equal(descriptors(), before);
    assert_int_equal(files(), files_before);
    wire_peer_result(&good, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&good, WIRE_RESULT_OK);
    assert_int_equal(good.in.status, PV_OK);
    scene_expect_delivery(&client, task);
    wire_peer_close(&client);
    wire_peer_close(&good);
    wire_peer_close(&evil);
}

/* Task after task was offered to p1, given up when it went, and offered to p2; then the broker is killed. */
static void what_was_issued_is_believed_after_a_kill(void **state)
{
    static uint8_t large[LARGE];
    struct wire_peer client, first, second;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&first, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&first, WIRE_OFFER);
    wire_token token = first.in.token, invented = { token.epoch, token.seq + 77 };
    wire_peer_started(&first, token);
    wire_peer_close(&first);
    wire_peer_prover(&second, broker.endpoint, "p2", "outer", "keccak", 1);
    WANT(&second, WIRE_OFFER);
    wire_peer_close(&second);
    wire_peer_close(&client);
    broker_process_end(&broker, SIGKILL);
    assert_true(scene_start(arguments));
    wire_peer_prover(&first, broker.endpoint, "p1", "outer", "keccak", 1);
    refused(&first, invented, task);
    announce(&first, token, task);
    scene_fill(large, sizeof large);
    assert_true(wire_peer_upload(&first, WIRE_KIND_RESULT, task, token, large, sizeof large, SOON));
    WANT(&first, WIRE_RESULT_OK);
    assert_int_equal(first.in.status, PV_OK);
    wire_peer_close(&first);
}

static void so_many_results_are_on_their_way_and_no_more(void **state)
{
    static wire_token token[TASKS];
    static wire_id task[TASKS];
    unsigned wanted = 0, busy = 0;
    struct wire_peer client, p;
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&p, broker.endpoint, "greedy", "outer", "keccak", 1000);
    for (int i = 0; i < TASKS; i++) {
        wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
        WANT(&p, WIRE_OFFER);
        token[i] = p.in.token;
        task[i] = p.in.task;
        wire_peer_started(&p, token[i]);
    }
    size_t before = files();
    for (int i = 0; i < TASKS; i++) {
        announce(&p, token[i], task[i]);
        do assert_true(wire_peer_next(&p, SOON));
        while (p.in.type != WIRE_CREDIT && p.in.type != WIRE_ERROR);
        wanted += p.in.type == WIRE_CREDIT;
        if (p.in.type == WIRE_CREDIT) continue;
        busy++;
        assert_int_equal(p.in.status, PV_BUSY);
        assert_string_equal(p.in.which, "results");
        assert_true(p.in.has.token && wire_token_equal(p.in.token, token[i])); /* a node of any age asks again */
        assert_true(p.in.has.retry_ms && p.in.retry_ms);
    }
    assert_true(wanted <= AT_ONCE);
    assert_true(wanted > 0);
    assert_int_equal(wanted + busy, TASKS);
    assert_true(files() - before <= AT_ONCE);
    wire_peer_close(&p);
    wire_peer_close(&client);
}

/* The next offer, and a result that is announced for it and begun by nobody. */
static wire_token offered_and_announced(struct wire_peer *p)
{
    WANT(p, WIRE_OFFER);
    wire_token token = p->in.token;
    announce(p, token, p->in.task);
    WANT(p, WIRE_CREDIT);
    return token;
}

/* Whoever gives an attempt back takes the announced result with it, or each offer would leave a file behind. */
static void what_is_given_back_leaves_no_upload(void **state)
{
    struct wire_peer client, p;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    wire_peer_prover(&p, broker.endpoint, "returns", "outer", "keccak", 1);
    size_t before = files();
    for (int i = 0; i < GIVEN_BACK; i++) {
        struct wire_msg m = { .type = WIRE_RELEASE };
        WIRE_SET(&m, token, offered_and_announced(&p));
        WIRE_SET(&m, reason, WIRE_REASON_DRAIN);
        wire_peer_send(&p, &m);
        wire_peer_ready(&p, 1);
    }
    wire_token last = offered_and_announced(&p);
    assert_true(files() - before <= 1);
    wire_peer_result(&p, last, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&p, WIRE_RESULT_OK);
    assert_int_equal(p.in.status, PV_OK);
    assert_int_equal(files(), before); /* the small result came instead of the large one */
    wire_peer_close(&p);
    wire_peer_close(&client);
}

/* A broker whose room is taken by an input that nobody sends. */
static struct broker_process full_broker(struct wire_peer *client, wire_id *taken)
{
    static const char *const small[] = { "--insecure", "--queue",       "outer", "--uploads-max",
                                         "1M",         "--payload-max", "1M",    NULL };
    static uint8_t large[1 << 20];
    struct broker_process usual_one = scene_beside("full", small);
    *taken = wire_peer_new_id();
    wire_peer_client(client, broker.endpoint, "worker");
    wire_peer_submit(client, *taken, "outer", "other", large, sizeof large);
    WANT(client, WIRE_CREDIT);
    return usual_one;
}

static wire_token offered(struct wire_peer *client, struct wire_peer *p, const char *circuit, wire_id *task)
{
    *task = wire_peer_new_id();
    wire_peer_submit(client, *task, "outer", circuit, input, sizeof input);
    WANT(p, WIRE_OFFER);
    wire_peer_started(p, p->in.token);
    return p->in.token;
}

static void comes(struct wire_peer *p, wire_token token, wire_id task)
{
    static uint8_t large[LARGE];
    scene_fill(large, sizeof large);
    assert_true(wire_peer_upload(p, WIRE_KIND_RESULT, task, token, large, sizeof large, SOON));
    WANT(p, WIRE_RESULT_OK);
    assert_int_equal(p->in.status, PV_OK);
}

/* A result that is announced again and again waits for room once, and so does another's. */
static void one_that_repeats_itself_keeps_no_other_out(void **state)
{
    struct wire_peer client, loud, quiet;
    wire_id taken, task[2];
    struct broker_process usual_one = full_broker(&client, &taken);
    wire_peer_prover(&loud, broker.endpoint, "loud", "outer", "keccak", 1);
    wire_peer_prover(&quiet, broker.endpoint, "quiet", "outer", "other", 1);
    wire_token of_loud = offered(&client, &loud, "keccak", &task[0]);
    wire_token of_quiet = offered(&client, &quiet, "other", &task[1]), invented = { of_quiet.epoch, of_quiet.seq + 77 };
    for (int i = 0; i < REPEATS; i++) announce(&loud, of_loud, task[0]);
    refused(&loud, invented, task[0]); /* all before it were read */
    announce(&quiet, of_quiet, task[1]);
    refused(&quiet, invented, task[1]);
    wire_peer_ask(&client, WIRE_CANCEL, taken);
    WANT(&client, WIRE_CANCELLED);
    comes(&loud, of_loud, task[0]);
    comes(&quiet, of_quiet, task[1]);
    wire_peer_close(&loud);
    wire_peer_close(&quiet);
    wire_peer_close(&client);
    assert_int_equal(scene_back(usual_one), 0);
}

static unsigned told_to_wait(struct wire_peer *p)
{
    unsigned n = 0;
    while (wire_peer_next(p, n ? 0 : SOON))
        if (p->in.type == WIRE_ERROR) {
            assert_int_equal(p->in.status, PV_BUSY);
            assert_string_equal(p->in.which, "uploads_max");
            assert_true(p->in.has.token && p->in.has.retry_ms && p->in.retry_ms);
            n++;
        }
    return n;
}

/* More than may wait for room are told, so that their prover says them again. */
static void one_too_many_to_wait_is_told(void **state)
{
    enum { PROVERS = 5, EACH = 64 };
    static wire_token token[EACH];
    static wire_id task[EACH];
    struct wire_peer client, p[PROVERS];
    wire_id taken;
    unsigned busy = 0;
    struct broker_process usual_one = full_broker(&client, &taken);
    for (int k = 0; k < PROVERS; k++) {
        char name[16], circuit[16];
        snprintf(name, sizeof name, "p%d", k);
        snprintf(circuit, sizeof circuit, "c%d", k);
        wire_peer_prover(&p[k], broker.endpoint, name, "outer", circuit, EACH);
        for (int i = 0; i < EACH; i++) token[i] = offered(&client, &p[k], circuit, &task[i]);
        for (int i = 0; i < EACH; i++) announce(&p[k], token[i], task[i]);
        if (k < PROVERS - 1)
            refused(&p[k], (wire_token){ token[0].epoch, token[0].seq + 7777 }, task[0]); /* all were read */
    }
    while (busy < PROVERS * EACH - WAITING) {
        unsigned n = told_to_wait(&p[PROVERS - 1]);
        assert_true(n > 0);
        busy += n;
    }
    assert_int_equal(busy, PROVERS * EACH - WAITING);
    for (int k = 0; k < PROVERS; k++) wire_peer_close(&p[k]);
    wire_peer_close(&client);
    assert_int_equal(scene_back(usual_one), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_back_leaves_no_upload),
        cmocka_unit_test(an_invented_token_takes_nothing),
        cmocka_unit_test(what_was_issued_is_believed_after_a_kill),
        cmocka_unit_test(one_that_repeats_itself_keeps_no_other_out),
        cmocka_unit_test(one_too_many_to_wait_is_told),
        cmocka_unit_test(so_many_results_are_on_their_way_and_no_more),
    };
    return cmocka_run_group_tests(tests, start, scene_close);
}
