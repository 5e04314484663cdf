/* What peers are told of each action of the core, field by field: every action that becomes a message, with all that it may
 * have and with the least, beside tests/vectors/broker/words.txt (`say_words_test FILE write` makes it anew). */
#include "broker.h"
#include "broker_open.h"
#include "encode.h"
#include "intake.h"
#include "reply.h"
#include "say.h"
#include "sha256.h"
#include "temp_dir.h"
#include "whole_file.h"
#include "wire_samples.h"
#include "words.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROW = 7 };

static const char *golden;
static bool write_it;
static char dir[64];
static struct config config;
static struct config_args args;
static struct broker *b;
static FILE *out;
static uint64_t client, prover; /* handles */
static bool behind;             /* said of a commit that is not durable yet */

bool __wrap_reply_send(struct broker *broker, enum reply_when when, uint64_t peer, const struct wire_msg *m,
                       zmq_msg_t *payload);

bool __wrap_reply_send(struct broker *broker, enum reply_when when, uint64_t peer, const struct wire_msg *m,
                       zmq_msg_t *payload)
{
    static const char *const whens[] = { "at once", "in order", "when durable" };
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    if (!out) return true;
    struct wire_msg said = *m;
    if (said.has.software) said.software = "a broker"; /* its version is not of interest */
    if (wire_msg_encode(&said, WIRE_TO_PEER, buffer, sizeof buffer, &f, why) != PV_OK) fail_msg("%s", why);
    fprintf(out, "  to the %s, %s", peer == client ? "client" : peer == prover ? "prover" : "nobody", whens[when]);
    if (behind)
        fprintf(out, ": %s\n", wire_type_name((int)m->type));
    else
        fputs(": ", out), wire_json_print(out, &f);
    return true;
}

static void part_set(zmq_msg_t *part, const void *data, size_t bytes)
{
    assert_int_equal(zmq_msg_init_size(part, bytes), 0);
    if (bytes) memcpy(zmq_msg_data(part), data, bytes);
}

static uint64_t hello(uint8_t routing, enum wire_role role)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    static const char *const queues[] = { "outer", "nowhere" };
    const uint8_t id[5] = { 0, 0, 0, 0, routing };
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    struct router_message in = { .parts = 3, .user = "", .fd = -1 };
    struct wire_msg m = { .type = WIRE_HELLO };
    uint32_t key;
    WIRE_SET(&m, vmin, WIRE_VERSION);
    WIRE_SET(&m, vmax, WIRE_VERSION);
    WIRE_SET(&m, role, role);
    WIRE_SET(&m, name, role == WIRE_ROLE_PROVER ? "p1" : "worker");
    WIRE_SET(&m, session, ((wire_id){ .bytes = { routing } }));
    WIRE_SET(&m, software, "test");
    WIRE_SET(&m, epoch, 0);
    if (role == WIRE_ROLE_PROVER) WIRE_SET_LIST(&m, queues, queues, 2);
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
    return p->handle;
}

static const struct sched_view *full_view(enum task_state state)
{
    static struct sched_view v;
    v = (struct sched_view){
        .record = { .order = ROW,
                    .id = { { 1, 2, 3 } },
                    .principal = "acme",
                    .client = "worker",
                    .session = { { 4 } },
                    .queue = "outer",
                    .circuit = "keccak",
                    .group = "nightly",
                    .priority = 3,
                    .need_vram = 11,
                    .need_ram = 12,
                    .deadline_ms = 13,
                    .state = state,
                    .generation = 14,
                    .failures = 15,
                    .losses = 16,
                    .attempts = 17,
                    .created_ms = 18,
                    .changed_ms = 19,
                    .status = state == TASK_SUCCEEDED ? PV_OK : PV_BAD_WITNESS,
                    .text = "line 7 breaks",
                    .input_bytes = 9,
                    .input_kind = WIRE_INPUT_KIND_JSON,
                    .result_bytes = 21,
                    .measured_ms = 22,
                    .prover = "p1:x" },
        .position = 23,
        .eta_ms = 24,
        .has_eta = true,
        .unservable = true,
        .percent = 25,
        .phase = "msm",
        .note = "half of it",
        .progress_eta_ms = 26,
        .has_progress_eta = true,
    };
    assert_int_equal(sha256_of(&v.record.input, "any bytes", 9), PV_OK);
    v.record.result = v.record.input;
    return &v;
}

static const struct sched_view *bare_view(enum task_state state)
{
    static struct sched_view v;
    v = (struct sched_view){
        .record = { .order = ROW + 1, .id = { { 5 } }, .queue = "outer", .circuit = "keccak", .state = state }
    };
    return &v;
}

static void say_one(const char *what, struct sched_action a)
{
    sched_actions_clear(&b->batch.out);
    struct sched_action *to = sched_actions_add(&b->batch.out, a.type);
    assert_non_null(to);
    *to = a;
    fprintf(out, "%s\n", what);
    for (int i = 0; i < 2; i++) {
        behind = i == 1;
        say_batch(b, behind);
    }
}

static struct sched_action full_action(enum sched_action_type type)
{
    static const wire_token tokens[] = { { 1, 2 }, { 3, 4 } };
    static const struct wire_counts counts = { { 1, 2, 3, 4, 5 } };
    return (struct sched_action){ .type = type,
                                  .peer = client,
                                  .req = 31,
                                  .status = PV_BUSY,
                                  .task = { { 1, 2, 3 } },
                                  .token = { 32, 33 },
                                  .row = ROW,
                                  .bytes = 34,
                                  .state = TASK_CANCELLED,
                                  .has_digest = true,
                                  .digest = { { 35 } },
                                  .retry_ms = 36,
                                  .run_timeout_ms = 37,
                                  .which = "tasks_max",
                                  .name = "p1",
                                  .principal = "acme",
                                  .queue = "outer",
                                  .view = full_view(TASK_RUNNING),
                                  .counts = &counts,
                                  .tokens = tokens,
                                  .tokens_n = 2 };
}

static void refusals(void)
{
    static const pv_status statuses[] = { PV_BUSY,     PV_STORE,     PV_GONE,      PV_EXPIRED,   PV_UNAUTHORIZED,
                                          PV_CONFLICT, PV_BAD_STATE, PV_NOT_FOUND, PV_TOO_LARGE, PV_HASH_MISMATCH };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct sched_action a = { .type = SCHED_REFUSE, .peer = client, .status = statuses[i] };
        say_one("a bare refusal", a);
        a = full_action(SCHED_REFUSE);
        a.status = statuses[i];
        say_one("a refusal with everything", a);
    }
    struct sched_action far = { .type = SCHED_REFUSE, .peer = client, .status = PV_BUSY, .retry_ms = UINT64_MAX };
    say_one("a refusal for ever", far);
}

static void plain(void)
{
    static const struct {
        const char *what;
        enum sched_action_type type;
    } all[] = { { "submit-ok", SCHED_SUBMIT_OK },  { "task", SCHED_TASK },
                { "cancelled", SCHED_CANCELLED },  { "claimed", SCHED_CLAIMED },
                { "counts", SCHED_COUNTS },        { "progress", SCHED_PUSH_PROGRESS },
                { "recall", SCHED_RECALL },        { "revoke", SCHED_REVOKE },
                { "result-ok", SCHED_RESULT_OK },  { "heartbeat-ok", SCHED_HEARTBEAT_OK },
                { "saved", SCHED_SAVE_TASK },      { "done, of nothing that was asked", SCHED_DONE },
                { "disconnect", SCHED_DISCONNECT } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct sched_action a = full_action(all[i].type);
        say_one(all[i].what, a);
        a.view = bare_view(TASK_QUEUED);
        a.tokens_n = 0;
        a.req = 0;
        if (a.type != SCHED_SUBMIT_OK && a.type != SCHED_CANCELLED && a.type != SCHED_CLAIMED && a.type != SCHED_COUNTS)
            say_one(all[i].what, a);
    }
}

static void payloads(void)
{
    struct store_payload p = { .sha256 = full_view(TASK_RUNNING)->record.input,
                               .length = 9,
                               .bytes = (const uint8_t *)"any bytes" };
    store_put_payload(b->store, STORE_INPUT, ROW, &p);
    store_put_payload(b->store, STORE_RESULT, ROW, &p);
    struct sched_action a = full_action(SCHED_OFFER);
    a.peer = prover;
    say_one("offer", a);
    a.has_digest = false;
    a.run_timeout_ms = 0;
    say_one("offer without a digest or a time", a);
    static const enum task_state ends[] = { TASK_SUCCEEDED, TASK_DEAD, TASK_CANCELLED, TASK_EXPIRED };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        a = full_action(SCHED_DELIVER);
        a.view = full_view(ends[i]);
        say_one("deliver, asked for", a);
        a.req = 0;
        say_one("deliver, pushed", a);
        a.view = bare_view(ends[i]);
        say_one("deliver of what is not there", a);
    }
    a.req = 5;
    a.view = bare_view(TASK_SUCCEEDED);
    say_one("deliver of what is not there, asked for", a);
    a.peer = 12345;
    a.view = full_view(TASK_SUCCEEDED);
    say_one("deliver to somebody who is gone", a);
}

/* Asked once, answered once, also when a batch follows in which nobody asks. */
static void questions(void)
{
    struct wire_msg show = { .type = WIRE_SHOW, .req = 41, .task = { { 9 } } };
    struct wire_msg pause = { .type = WIRE_QUEUE, .req = 42, .verb = WIRE_VERB_PAUSE };
    struct wire_msg drain = { .type = WIRE_PROVER, .req = 43, .verb = WIRE_VERB_DRAIN };
    const struct peer *asker = peers_of(&b->peers, client);
    behind = false;
    say_show_later(b, client, &show);
    say_show_later(b, prover, &show);
    sched_actions_clear(&b->batch.out);
    for (int i = 0; i < 2; i++) {
        fprintf(out, "two shows of a task that is not here, turn %d\n", i);
        say_batch(b, false);
    }
    assert_true(say_operation_later(b, asker, &pause, NULL, "outer"));
    assert_true(say_operation_later(b, asker, &drain, "local", "p1"));
    say_one("done, of a queue", (struct sched_action){ .type = SCHED_DONE, .peer = client, .req = 42 });
    assert_true(say_operation_later(b, asker, &drain, "local", "p1"));
    say_one("done, of a prover", (struct sched_action){ .type = SCHED_DONE, .peer = client, .req = 43 });
    assert_true(say_operation_later(b, asker, &pause, NULL, "outer"));
    say_one("done, of another peer", (struct sched_action){ .type = SCHED_DONE, .peer = prover, .req = 42 });
    for (int i = 0; i < BROKER_OPERATIONS; i++) assert_true(say_operation_later(b, asker, &pause, NULL, "outer"));
    assert_false(say_operation_later(b, asker, &pause, NULL, "outer"));
    say_one("nothing", (struct sched_action){ .type = SCHED_NOTHING });
    assert_true(say_operation_later(b, asker, &pause, NULL, "outer"));
    say_one("nothing", (struct sched_action){ .type = SCHED_NOTHING });
}

static void welcomes(void)
{
    struct sched_action a = { .type = SCHED_WELCOME, .peer = client };
    say_one("welcome, client", a);
    a.peer = prover;
    say_one("welcome, prover", a);
    a.peer = 12345;
    say_one("welcome to somebody who is gone", a);
}

static char *told(size_t *bytes)
{
    char *text = NULL;
    out = open_memstream(&text, bytes);
    assert_non_null(out);
    welcomes();
    refusals();
    plain();
    payloads();
    questions();
    fclose(out);
    out = NULL;
    return text;
}

static void each_action_becomes_its_words(void **state)
{
    size_t n = 0;
    client = hello(1, WIRE_ROLE_CLIENT);
    prover = hello(2, WIRE_ROLE_PROVER);
    char *text = told(&n);
    struct whole_file want = { 0 };
    struct file_why why;
    if (write_it) {
        FILE *f = fopen(golden, "w");
        assert_non_null(f);
        fwrite(text, 1, n, f);
        assert_int_equal(fclose(f), 0);
    }
    if (whole_file_read(&want, golden, 1 << 20, &why) != PV_OK) fail_msg("%s", golden);
    if (want.n != n || memcmp(want.bytes, text, n)) {
        size_t at = 0;
        while (at < n && at < want.n && text[at] == (char)want.bytes[at]) at++;
        while (at && text[at - 1] != '\n') at--;
        fail_msg("now:\n%.300s\nand in %s:\n%.300s", text + at, golden, (const char *)want.bytes + at);
    }
    whole_file_clear(&want);
    free(text);
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
    return 0;
}

static int close_broker(void **state)
{
    broker_close(&b);
    config_clear(&config);
    temp_dir_remove(dir);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_action_becomes_its_words, open_broker, close_broker),
    };
    golden = argc > 1 ? argv[1] : "vectors/broker/words.txt";
    write_it = argc > 2 && !strcmp(argv[2], "write");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
