/* What the core hears of each message, field by field: every message with all of its fields and with the needed ones only,
 * said by a client, a prover and an administrator, beside tests/vectors/broker/intake.txt (`intake_events_test FILE write` makes
 * it anew). The core itself hears nothing but HELLOs. */
#include "broker.h"
#include "broker_open.h"
#include "encode.h"
#include "intake.h"
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

enum { CLIENT = 1, PROVER, ADMIN };

static const char *golden;
static bool write_it;
static char dir[64];
static struct config config;
static struct config_args args;
static struct broker *b;
static FILE *out;
static const char *user = ""; /* the key of who speaks */
static uint8_t place;         /* connections of one key are those behind this one */

static const char *word(const char *s)
{
    return !s ? "-" : *s ? s : "\"\"";
}

static void id_print(const char *name, wire_id id)
{
    char text[WIRE_ID_TEXT];
    wire_id_text(text, id);
    fprintf(out, " %s=%.8s", name, text);
}

static void hash_print(const char *name, wire_hash h)
{
    char text[WIRE_HASH_TEXT];
    wire_hash_text(text, h);
    fprintf(out, " %s=%.8s", name, text);
}

static void number(const char *name, uint64_t n)
{
    fprintf(out, " %s=%" PRIu64, name, n);
}

static void circuits_print(const struct sched_event *ev)
{
    number("any", ev->prover.any_circuit);
    for (size_t i = 0; i < ev->prover.circuits_n; i++) {
        const struct sched_circuit *c = &ev->prover.circuits[i];
        fprintf(out, " circuit(%s", word(c->name));
        if (c->has_digest) hash_print("digest", c->digest);
        fprintf(out, " warm=%d load=%" PRIu64 " vram=%" PRIu64 " ram=%" PRIu64 " slower=%u kinds=%u)", c->warm,
                c->load_ms, c->need_vram, c->need_ram, c->slower, c->kinds);
    }
}

static void held_print(const struct sched_held *held, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sched_held *h = &held[i];
        fprintf(out, " held(%u.%" PRIu64 " phase=%s percent=%u", h->token.epoch, h->token.seq, word(h->phase),
                h->percent);
        id_print("task", h->task);
        hash_print("input", h->input);
        fprintf(out, " started=%d spooled=%d)", h->started, h->spooled);
    }
}

static void prover_print(const struct sched_event *ev)
{
    fprintf(out, " principal=%s name=%s", word(ev->prover.principal), word(ev->prover.name));
    id_print("incarnation", ev->prover.incarnation);
    for (size_t i = 0; i < ev->prover.queues_n; i++) fprintf(out, " queue=%s", word(ev->prover.queues[i]));
    number("slots", ev->prover.slots);
    number("prefetch", ev->prover.prefetch);
    number("vram", ev->prover.vram);
    number("ram", ev->prover.ram);
    number("kinds", ev->prover.kinds);
    circuits_print(ev);
    held_print(ev->prover.held, ev->prover.held_n);
}

static void submit_print(const struct sched_event *ev)
{
    fprintf(out, " queue=%s circuit=%s group=%s", word(ev->submit.queue), word(ev->submit.circuit),
            word(ev->submit.group));
    number("payload", ev->submit.payload);
    number("length", ev->submit.length);
    hash_print("sha256", ev->submit.sha256);
    number("priority", ev->submit.priority);
    if (ev->submit.has_deadline) number("deadline_in_ms", ev->submit.deadline_in_ms);
    number("on_restart", ev->submit.on_restart);
    number("ttl_ms", ev->submit.ttl_ms);
    number("revive", ev->submit.revive);
    number("vram", ev->submit.need_vram);
    number("ram", ev->submit.need_ram);
    number("kind", ev->submit.kind);
    if (ev->submit.traceparent) fprintf(out, " trace=%s", ev->submit.traceparent);
}

static void purge_print(const struct sched_event *ev)
{
    number("scope", ev->purge.scope);
    fprintf(out, " client=%s queue=%s", word(ev->purge.client), word(ev->purge.queue));
    if (ev->purge.session) id_print("session", *ev->purge.session);
    number("states", ev->purge.states);
    number("age_ms", ev->purge.age_ms);
    number("dry", ev->purge.dry);
    number("forget", ev->purge.forget);
}

static void result_print(const struct sched_event *ev)
{
    number("payload", ev->result.payload);
    hash_print("input", ev->result.input);
    hash_print("sha256", ev->result.sha256);
    number("length", ev->result.length);
    number("measured_ms", ev->result.measured_ms);
    fprintf(out, " verdict=%s text=%s", pv_status_word(ev->result.verdict), word(ev->result.text));
}

static void verb_print(const struct sched_event *ev)
{
    fprintf(out, " verb=%s name=%s principal=%s", wire_word(WIRE_WORDS_verb, (int)ev->verb.verb), word(ev->verb.name),
            word(ev->verb.principal));
    for (size_t i = 0; i < ev->verb.sets_n; i++)
        fprintf(out, " set(%d=%" PRIu64 " cleared=%d)", (int)ev->verb.sets[i].key, ev->verb.sets[i].value,
                ev->verb.sets[i].cleared);
}

static void members_print(const struct sched_event *ev)
{
    switch (ev->type) {
    case SCHED_CLIENT_HELLO:
        fprintf(out, " principal=%s name=%s", word(ev->client.principal), word(ev->client.name));
        id_print("session", ev->client.session);
        number("admin", ev->client.admin);
        break;
    case SCHED_PROVER_HELLO:
    case SCHED_CIRCUITS: prover_print(ev); break;
    case SCHED_HEARTBEAT: held_print(ev->heartbeat.held, ev->heartbeat.held_n); break;
    case SCHED_LIFE: number("asked", ev->asked); break;
    case SCHED_SUBMIT: submit_print(ev); break;
    case SCHED_PURGE: purge_print(ev); break;
    case SCHED_READY:
        number("credit", ev->ready.credit);
        for (size_t i = 0; ev->ready.has_warm && i < ev->ready.warm_n; i++) hash_print("warm", ev->ready.warm[i]);
        break;
    case SCHED_PROGRESS:
        number("percent", ev->progress.percent);
        fprintf(out, " phase=%s note=%s", word(ev->progress.phase), word(ev->progress.note));
        if (ev->progress.has_eta) number("eta_ms", ev->progress.eta_ms);
        break;
    case SCHED_RESULT: result_print(ev); break;
    case SCHED_FAIL:
        number("failure", ev->fail.failure);
        fprintf(out, " status=%s text=%s", pv_status_word(ev->fail.status), word(ev->fail.text));
        break;
    case SCHED_RELEASE: number("reason", ev->reason); break;
    case SCHED_QUEUE_VERB:
    case SCHED_PROVER_VERB: verb_print(ev); break;
    default: break;
    }
}

static const char *type_name(enum sched_event_type type)
{
    static const char *const names[] = {
        [SCHED_CLIENT_HELLO] = "client-hello",
        [SCHED_PROVER_HELLO] = "prover-hello",
        [SCHED_PEER_GONE] = "peer-gone",
        [SCHED_HEARTBEAT] = "heartbeat",
        [SCHED_LIFE] = "life",
        [SCHED_SUBMIT] = "submit",
        [SCHED_ATTACH] = "attach",
        [SCHED_FETCH] = "fetch",
        [SCHED_ACK] = "ack",
        [SCHED_CANCEL] = "cancel",
        [SCHED_CLAIM] = "claim",
        [SCHED_PURGE] = "purge",
        [SCHED_KICK] = "kick",
        [SCHED_CIRCUITS] = "circuits",
        [SCHED_READY] = "ready",
        [SCHED_STARTED] = "started",
        [SCHED_PROGRESS] = "progress",
        [SCHED_RESULT] = "result",
        [SCHED_FAIL] = "fail",
        [SCHED_RELEASE] = "release",
        [SCHED_REVOKED] = "revoked",
        [SCHED_DRAIN] = "drain",
        [SCHED_QUEUE_VERB] = "queue-verb",
        [SCHED_PROVER_VERB] = "prover-verb",
    };
    return (size_t)type < sizeof names / sizeof *names && names[type] ? names[type] : "another";
}

void __real_sched_step(struct sched *s, const struct sched_event *ev, struct sched_actions *actions);
void __wrap_sched_step(struct sched *s, const struct sched_event *ev, struct sched_actions *actions);

void __wrap_sched_step(struct sched *s, const struct sched_event *ev, struct sched_actions *actions)
{
    if (out) {
        fprintf(out, "  %s", type_name(ev->type));
        if (ev->req) number("req", ev->req);
        if (!wire_id_equal(ev->task, (wire_id){ { 0 } })) id_print("task", ev->task);
        if (ev->token.seq) fprintf(out, " token=%u.%" PRIu64, ev->token.epoch, ev->token.seq);
        if (ev->generation) number("generation", ev->generation);
        members_print(ev);
        fputc('\n', out);
    }
    bool hello = ev->type == SCHED_CLIENT_HELLO || ev->type == SCHED_PROVER_HELLO;
    if (!out || hello || ev->type == SCHED_PEER_GONE) __real_sched_step(s, ev, actions);
}

static void part_set(zmq_msg_t *part, const void *data, size_t bytes)
{
    assert_int_equal(zmq_msg_init_size(part, bytes), 0);
    if (bytes) memcpy(zmq_msg_data(part), data, bytes);
}

/* As if it had come from the socket. */
static void hear(uint8_t routing, const struct wire_msg *m)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    const uint8_t id[5] = { 0, 0, 0, 0, (uint8_t)(place + routing) };
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    struct router_message in = { .user = user, .fd = -1 };
    if (wire_msg_encode(m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why) != PV_OK) fail_msg("%s", why);
    in.parts = f.payload ? 4 : 3;
    part_set(&in.part[0], id, sizeof id);
    part_set(&in.part[1], f.head, f.head_bytes);
    part_set(&in.part[2], f.body, f.body_bytes);
    part_set(&in.part[3], f.payload, f.payload ? f.payload_bytes : 0);
    intake_message(b, &in);
    for (int i = 0; i < 4; i++) zmq_msg_close(&in.part[i]);
}

/* Said before each message, since a refusal cuts a peer that nobody can reach. */
static void hello(uint8_t who)
{
    static const enum wire_role roles[] = {
        [CLIENT] = WIRE_ROLE_CLIENT, [PROVER] = WIRE_ROLE_PROVER, [ADMIN] = WIRE_ROLE_ADMIN
    };
    struct wire_msg m = { .type = WIRE_HELLO };
    wire_id session = { .bytes = { who } };
    FILE *was = out;
    WIRE_SET(&m, vmin, WIRE_VERSION);
    WIRE_SET(&m, vmax, WIRE_VERSION);
    WIRE_SET(&m, role, roles[who]);
    WIRE_SET(&m, name, who == PROVER ? "prover" : "worker");
    WIRE_SET(&m, session, session);
    WIRE_SET(&m, software, "test");
    WIRE_SET(&m, epoch, 0);
    out = NULL;
    hear(who, &m);
    out = was;
}

static void try_all(uint8_t who, const char *name, enum sample_size size)
{
    struct wire_sample s;
    for (size_t i = 0; i < wire_samples(); i++) {
        wire_sample_make(&s, i, size);
        if (s.way != WIRE_TO_BROKER || s.msg.type == WIRE_HELLO) continue;
        hello(who);
        fprintf(out, "%s %s, %s\n", name, s.name, size == SAMPLE_FULL ? "all fields" : "needed fields");
        hear(who, &s.msg);
    }
}

/* HELLO with all it may have; the epoch of a peer is not ahead of this broker's. */
static void try_hello(uint8_t routing, enum wire_role role)
{
    struct wire_sample s = { .name = "" };
    for (size_t i = 0; i < wire_samples(); i++) {
        wire_sample_make(&s, i, SAMPLE_FULL);
        if (s.msg.type == WIRE_HELLO) break;
    }
    s.msg.role = role;
    s.msg.epoch = 0;
    s.msg.vmin = s.msg.vmax = WIRE_VERSION;
    fprintf(out, "hello %s, all fields\n", wire_word(WIRE_WORDS_role, (int)role));
    hear(routing, &s.msg);
}

/* The samples' payload is not what their sha256 says: here is one that is. */
static void try_payloads(void)
{
    static const uint8_t payload[] = "any bytes";
    struct wire_sample s;
    for (size_t i = 0; i < wire_samples(); i++) {
        wire_sample_make(&s, i, SAMPLE_FULL);
        if (s.msg.type != WIRE_SUBMIT && s.msg.type != WIRE_RESULT) continue;
        for (int good = 0; good < 2; good++) {
            s.msg.has_payload = true;
            s.msg.payload = payload;
            s.msg.length = s.msg.payload_bytes = sizeof payload - 1;
            if (good) assert_int_equal(sha256_of(&s.msg.sha256, payload, sizeof payload - 1), PV_OK);
            if (!good) s.msg.sha256.bytes[0] ^= 1;
            hello(CLIENT);
            fprintf(out, "%s whose payload is %s\n", s.name, good ? "what it says" : "another");
            hear(CLIENT, &s.msg);
        }
    }
}

static struct wire_sample sample_of(enum wire_type type)
{
    struct wire_sample s = { .name = "" };
    for (size_t i = 0; i < wire_samples(); i++) {
        wire_sample_make(&s, i, SAMPLE_FULL);
        if (s.way == WIRE_TO_BROKER && s.msg.type == type) return s;
    }
    fail_msg("no sample of message %d", (int)type);
    return s;
}

/* One byte more than a payload may have, and as many as it may. */
static void try_sizes(void)
{
    for (int more = 0; more < 2; more++) {
        struct wire_sample submit = sample_of(WIRE_SUBMIT), result = sample_of(WIRE_RESULT);
        submit.msg.has_payload = result.msg.has_payload = false;
        submit.msg.length = result.msg.length = config.payload_max + (uint64_t)more;
        hello(CLIENT);
        fprintf(out, "submit of %s\n", more ? "one byte too many" : "all bytes that may be");
        hear(CLIENT, &submit.msg);
        hello(PROVER);
        fprintf(out, "result of %s\n", more ? "one byte too many" : "all bytes that may be");
        hear(PROVER, &result.msg);
    }
}

static void try_deadline(const char *what, bool moment, uint64_t deadline, bool duration, uint64_t in_ms)
{
    struct wire_sample s = sample_of(WIRE_SUBMIT);
    s.msg.has.deadline = moment;
    s.msg.deadline = moment ? deadline : 0;
    s.msg.has.deadline_in_ms = duration;
    s.msg.deadline_in_ms = duration ? in_ms : 0;
    hello(CLIENT);
    fprintf(out, "submit with %s\n", what);
    hear(CLIENT, &s.msg);
}

static void try_set(const char *what, const struct wire_cell *cells, size_t n)
{
    struct wire_sample s = sample_of(WIRE_QUEUE);
    s.msg.verb = WIRE_VERB_SET;
    s.msg.has.options = true;
    s.msg.options = (struct wire_row){ cells, n };
    hello(ADMIN);
    fprintf(out, "queue set %s\n", what);
    hear(ADMIN, &s.msg);
}

static void try_sets(void)
{
    static const struct wire_cell run = { .key = "run_timeout_ms", .type = WIRE_CELL_INT, .number = 5000 };
    static const struct wire_cell stall = { .key = "stall_timeout_ms", .type = WIRE_CELL_NIL };
    static const struct wire_cell text = { .key = "run_timeout_ms", .type = WIRE_CELL_TEXT, .text = "5000" };
    static const struct wire_cell less = { .key = "run_timeout_ms", .type = WIRE_CELL_INT, .number = -1 };
    static const struct wire_cell other = { .key = "colour", .type = WIRE_CELL_INT, .number = 1 };
    const struct wire_cell most = { .key = "run_timeout_ms",
                                    .type = WIRE_CELL_INT,
                                    .number = (int64_t)SETTING_TIMEOUT_MAX };
    const struct wire_cell above = { .key = "run_timeout_ms",
                                     .type = WIRE_CELL_INT,
                                     .number = (int64_t)SETTING_TIMEOUT_MAX + 1 };
    try_set("one", &run, 1);
    try_set("one, cleared", &stall, 1);
    try_set("two", (struct wire_cell[]){ run, stall }, 2);
    try_set("none", &run, 0);
    try_set("text", &text, 1);
    try_set("a negative number", &less, 1);
    try_set("the most", &most, 1);
    try_set("more than the most", &above, 1);
    try_set("what there is not", (struct wire_cell[]){ run, other }, 2);
}

/* With keys each right is looked at: this one has one role, and one queue. */
static void try_key(const char *role, uint8_t who, const char *queue)
{
    char public[AUTH_KEY_TEXT], secret[AUTH_KEY_TEXT], path[80], why[AUTH_WHY_BYTES], name[80];
    snprintf(path, sizeof path, "%s/keys.yaml", dir);
    assert_int_equal(zmq_curve_keypair(public, secret), 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "keys:\n  - { name: acme, key: \"%s\", roles: [%s], queues: [%s] }\n", public, role, queue);
    fclose(f);
    if (b->keys) auth_keys_destroy(&b->keys);
    place = (uint8_t)(place + 16);
    assert_int_equal(auth_keys_read(&b->keys, path, why), PV_OK);
    b->auth.version++;
    user = public;
    snprintf(name, sizeof name, "%s's key for %s, as %s", role, queue,
             who == PROVER  ? "prover"
             : who == ADMIN ? "admin"
                            : "client");
    fprintf(out, "%s: hello\n", name);
    struct wire_sample s = sample_of(WIRE_HELLO);
    s.msg.role = who == PROVER ? WIRE_ROLE_PROVER : who == ADMIN ? WIRE_ROLE_ADMIN : WIRE_ROLE_CLIENT;
    s.msg.epoch = 0;
    s.msg.vmin = s.msg.vmax = WIRE_VERSION;
    s.msg.has.any_role = false;
    hear(8, &s.msg);
    try_all(who, name, SAMPLE_FULL);
    user = "";
}

static char *told(size_t *bytes)
{
    char *text = NULL;
    out = open_memstream(&text, bytes);
    assert_non_null(out);
    try_hello(7, WIRE_ROLE_PROVER);
    try_hello(8, WIRE_ROLE_CLIENT);
    try_hello(9, WIRE_ROLE_ADMIN);
    try_all(CLIENT, "client", SAMPLE_FULL);
    try_all(PROVER, "prover", SAMPLE_FULL);
    try_all(ADMIN, "admin", SAMPLE_FULL);
    try_all(CLIENT, "client", SAMPLE_MINIMAL);
    try_all(PROVER, "prover", SAMPLE_MINIMAL);
    try_payloads();
    try_sizes();
    try_deadline("no deadline", false, 0, false, 0);
    try_deadline("a deadline that has passed", true, 1, false, 0);
    try_deadline("the deadline 0, which is none", true, 0, false, 0);
    try_deadline("a deadline now, by duration", false, 0, true, 0);
    try_deadline("a deadline in 7 ms, whatever its moment", true, 1, true, 7);
    try_sets();
    try_key("client", CLIENT, "queue");
    try_key("client", CLIENT, "other");
    try_key("client", ADMIN, "queue");
    try_key("prover", PROVER, "keccak-256");
    try_key("prover", CLIENT, "queue");
    try_key("admin", ADMIN, "queue");
    fclose(out);
    out = NULL;
    return text;
}

static void each_message_becomes_its_event(void **state)
{
    size_t n = 0;
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
        cmocka_unit_test_setup_teardown(each_message_becomes_its_event, open_broker, close_broker),
    };
    golden = argc > 1 ? argv[1] : "vectors/broker/intake.txt";
    write_it = argc > 2 && !strcmp(argv[2], "write");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
