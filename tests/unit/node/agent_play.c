/* The script of a stage: what each verb makes the broker, a runner or the machine do next. The verbs: agent_play.h. */
#include "agent_play.h"

#include "agent_stage.h"
#include "disk_steps.h"
#include "golden.h"
#include "heap_watch.h"
#include "log.h"
#include "sha256.h"
#include "temp_dir.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS = 16 };

static const char *rest;           /* of the script */
static char line[512], split[512]; /* the step that comes next, and its words */
static char *word[WORDS];
static unsigned words_n;
static uint64_t due_ms;

/* --- a step's words --- */

static void words_split(void)
{
    char *p = split;
    snprintf(split, sizeof split, "%s", line);
    memset(word, 0, sizeof word);
    words_n = 0;
    for (char *w; (w = strsep(&p, " ")) && words_n < WORDS;)
        if (*w) word[words_n++] = w;
}

const char *stage_option(const char *name)
{
    size_t n = strlen(name);
    for (unsigned i = 1; i < words_n; i++)
        if (!strncmp(word[i], name, n) && (word[i][n] == '=' || !word[i][n]))
            return word[i][n] ? word[i] + n + 1 : word[i] + n;
    return NULL;
}

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t v = strtoull(text, &end, 10);
    if (end == text || *end) fail_msg("\"%s\": not a number: %s", line, text);
    return v;
}

uint64_t stage_number(const char *name, uint64_t or_else)
{
    return stage_option(name) ? number_of(stage_option(name)) : or_else;
}

static uint64_t argument(unsigned i)
{
    if (i >= words_n) fail_msg("\"%s\": it needs more words", line);
    return number_of(word[i]);
}

static const char *text_at(unsigned i)
{
    return i < words_n ? word[i] : "";
}

static pv_status status_named(const char *name)
{
#define X(n, code, exit, w, text)                                                                                      \
    if (!strcmp(name, w)) return PV_##n;
    PV_STATUS_LIST(X)
#undef X
    fail_msg("\"%s\": no such status: %s", line, name);
    return PV_OK;
}

/* --- what the broker says --- */

static wire_token token_of(uint64_t seq)
{
    return (wire_token){ 4, seq };
}

static wire_id task_of(uint64_t seq)
{
    return (wire_id){ { (uint8_t)seq, 0xaa } };
}

static struct wire_msg *said(enum wire_type type)
{
    stage.have_message = true;
    stage.message_status = PV_OK;
    stage.message = (struct wire_msg){ .type = type };
    return &stage.message;
}

static void welcome(void)
{
    static const char *unknown[1];
    struct wire_msg *m = said(WIRE_WELCOME);
    WIRE_SET(m, epoch, (uint32_t)stage_number("epoch", 4));
    WIRE_SET(m, heartbeat_ms, (uint32_t)stage_number("beat", 1000));
    WIRE_SET(m, lease_ms, (uint32_t)stage_number("lease", 10000));
    WIRE_SET(m, inline_max, (uint32_t)stage_number("inline", 16));
    WIRE_SET(m, chunk_max, (uint32_t)stage_number("chunk", 8));
    WIRE_SET(m, payload_max, 1 << 30);
    WIRE_SET(m, window, (uint32_t)stage_number("window", 20));
    WIRE_SET(m, principal, "local");
    WIRE_SET(m, software, "a stage");
    if (stage_option("more")) WIRE_SET(m, more_circuits, true);
    if (stage_option("lost")) WIRE_SET(m, takes_lost, true);
    if (stage_option("not-ready")) WIRE_SET(m, not_ready, stage_option("not-ready"));
    if ((unknown[0] = stage_option("unknown"))) WIRE_SET_LIST(m, unknown_queues, unknown, 1);
}

static void heartbeat(void)
{
    static wire_token revoked;
    struct wire_msg *m = said(WIRE_HEARTBEAT);
    WIRE_SET(m, epoch, (uint32_t)stage_number("epoch", 4));
    revoked = token_of(stage_number("revoked", 0));
    if (revoked.seq) WIRE_SET_LIST(m, revoked, &revoked, 1);
}

static void error(void)
{
    struct wire_msg *m = said(WIRE_ERROR);
    WIRE_SET(m, status, status_named(text_at(1)));
    if (stage_option("token")) WIRE_SET(m, token, token_of(stage_number("token", 0)));
    if (stage_option("retry")) WIRE_SET(m, retry_ms, (uint32_t)stage_number("retry", 0));
    if (stage_option("text")) WIRE_SET(m, text, stage_option("text"));
}

static void bye(void)
{
    struct wire_msg *m = said(WIRE_DISCONNECT);
    WIRE_SET(m, status, PV_OK);
    if (words_n > 1) WIRE_SET(m, text, text_at(1));
}

static void payload(struct wire_msg *m, const char *bytes)
{
    m->has_payload = true;
    m->payload = (const uint8_t *)bytes;
    m->payload_bytes = strlen(bytes);
}

static void offer(void)
{
    struct wire_msg *m = said(WIRE_OFFER);
    const char *input = text_at(2);
    wire_hash digest = { { 0 } };
    assert_int_equal(sha256_of(&digest, input, strlen(input)), PV_OK);
    if (stage_option("wrong")) digest.bytes[0] ^= 1;
    WIRE_SET(m, token, token_of(argument(1)));
    WIRE_SET(m, task, task_of(argument(1)));
    WIRE_SET(m, generation, 1);
    WIRE_SET(m, queue, stage_option("queue") ? stage_option("queue") : "outer");
    WIRE_SET(m, circuit, "membership");
    WIRE_SET(m, length, stage_number("length", strlen(input)));
    WIRE_SET(m, sha256, digest);
    if (stage_option("digest")) WIRE_SET(m, digest, ((wire_hash){ "the digest of a key, as it is.." }));
    if (stage_option("kind")) WIRE_SET(m, input_kind, stage_option("kind"));
    if (stage_option("timeout")) WIRE_SET(m, run_timeout_ms, stage_number("timeout", 0));
    if (!stage_option("bare")) payload(m, input);
}

static void piece(enum wire_type type, enum wire_kind kind, enum wire_kind other)
{
    bool of_other = stage_option("of-result") || stage_option("of-input");
    struct wire_msg *m = said(type);
    WIRE_SET(m, kind, of_other ? other : kind);
    WIRE_SET(m, task, task_of(argument(1)));
    if (!stage_option("no-token")) WIRE_SET(m, token, token_of(argument(1)));
    WIRE_SET(m, offset, argument(2));
    if (type == WIRE_CHUNK)
        payload(m, text_at(3));
    else
        WIRE_SET(m, bytes, argument(3));
}

static void of_token(enum wire_type type)
{
    struct wire_msg *m = said(type);
    WIRE_SET(m, token, token_of(argument(1)));
    if (type == WIRE_RESULT_OK) {
        WIRE_SET(m, task, task_of(argument(1) + (stage_option("other") ? 1 : 0)));
        WIRE_SET(m, status, PV_OK);
    }
    if (type == WIRE_REVOKE) WIRE_SET(m, status, PV_CANCELLED);
}

static bool broker_says(const char *verb)
{
    if (!strcmp(verb, "welcome"))
        welcome();
    else if (!strcmp(verb, "heartbeat"))
        heartbeat();
    else if (!strcmp(verb, "error"))
        error();
    else if (!strcmp(verb, "bye"))
        bye();
    else if (!strcmp(verb, "offer"))
        offer();
    else if (!strcmp(verb, "chunk"))
        piece(WIRE_CHUNK, WIRE_KIND_INPUT, WIRE_KIND_RESULT);
    else if (!strcmp(verb, "credit"))
        piece(WIRE_CREDIT, WIRE_KIND_RESULT, WIRE_KIND_INPUT);
    else if (!strcmp(verb, "ok"))
        of_token(WIRE_RESULT_OK);
    else if (!strcmp(verb, "revoke"))
        of_token(WIRE_REVOKE);
    else if (!strcmp(verb, "recall"))
        of_token(WIRE_RECALL);
    else if (!strcmp(verb, "odd"))
        said(WIRE_ROWS);
    else if (!strcmp(verb, "malformed"))
        said(WIRE_OFFER), stage.message_status = PV_BAD_MESSAGE;
    else
        return false;
    return true;
}

/* --- what the runners report --- */

static struct job *job_at(uint64_t runner)
{
    struct job *j = runner < STAGE_RUNNERS ? stage.job[runner] : NULL;
    if (!j) golden_tell("  it has nothing to do\n");
    return j;
}

static void done(void)
{
    struct job *j = job_at(argument(1));
    if (!j) return;
    char *result = strdup(text_at(2));
    if (!result) result = strdup(text_at(2)); /* the one that failed was the stage's */
    j->status = PV_OK;
    j->out.size = strlen(result);
    j->out.bytes = (uint8_t *)result;
    j->measured_ms = stage_number("ms", 5);
    assert_int_equal(sha256_of(&j->sha256, j->out.bytes, j->out.size), PV_OK);
    stage.report[argument(1)] = (struct runner_report){ .news = RUNNER_DONE, .job = j };
}

static void failed(void)
{
    static const char *const verdicts[] = { "retryable", "permanent", "resource", "unstarted", "lost" };
    struct job *j = job_at(argument(1));
    unsigned v = 0;
    if (!j) return;
    while (v < 5 && strcmp(verdicts[v], text_at(2)) != 0) v++;
    if (v == 5) fail_msg("\"%s\": no such verdict", line);
    j->out.verdict = (enum handler_verdict)v;
    j->status = status_named(text_at(3));
    snprintf(j->out.text, sizeof j->out.text, "%s", text_at(4));
    stage.report[argument(1)] = (struct runner_report){ .news = RUNNER_DONE, .job = j };
}

static void progress(void)
{
    struct runner_report *r = &stage.report[argument(1)];
    *r = (struct runner_report){ .news = RUNNER_PROGRESS, .percent = (unsigned)argument(3) };
    snprintf(r->phase, sizeof r->phase, "%s", text_at(2));
}

static bool runner_reports(const char *verb)
{
    if (!strcmp(verb, "progress"))
        progress();
    else if (!strcmp(verb, "done"))
        done();
    else if (!strcmp(verb, "failed"))
        failed();
    else
        return false;
    return true;
}

/* --- what the machine does --- */

static void refuse(pv_status with)
{
    stage.refuse_in = (int)argument(1);
    stage.refuse_with = with;
}

static size_t names_split(char to[STAGE_NAMES][WIRE_NAME_MAX + 1])
{
    size_t n = 0;
    char *p = word[1];
    if (!strcmp(text_at(1), "none")) return 0;
    for (char *w; n < STAGE_NAMES && (w = strsep(&p, ","));) snprintf(to[n++], WIRE_NAME_MAX + 1, "%s", w);
    return n;
}

static void gpu(void)
{
    static const char *const states[] = { "fit", "suspect", "broken" };
    unsigned s = 0;
    while (s < 3 && strcmp(states[s], text_at(1)) != 0) s++;
    stage.gpu = (struct agent_gpu){ .state = (enum agent_gpu_state)s,
                                    .wrong_proofs = stage_number("wrong", 0),
                                    .ended = stage_number("ended", 0) };
    if (stage_option("unused")) snprintf(stage.gpu.unused, sizeof stage.gpu.unused, "%s", stage_option("unused"));
}

static bool machine_does(const char *verb)
{
    static const struct {
        const char *verb;
        enum dealer_event event;
        const char *command;
    } simple[] = { { "gone", DEALER_GONE, NULL },
                   { "accepted", DEALER_ACCEPTED, NULL },
                   { "key-refused", DEALER_KEY_REFUSED, NULL },
                   { "other-mechanism", DEALER_OTHER_MECHANISM, NULL },
                   { "no-handshake", DEALER_NO_HANDSHAKE, NULL },
                   { "drain", DEALER_NOTHING, "DRAIN" },
                   { "handback", DEALER_NOTHING, "HANDBACK" },
                   { "reload", DEALER_NOTHING, "RELOAD" },
                   { "circuits-command", DEALER_NOTHING, "CIRCUITS" },
                   { "term", DEALER_NOTHING, "$TERM" },
                   { "nothing", DEALER_NOTHING, NULL } };
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
        if (strcmp(verb, simple[i].verb) != 0) continue;
        stage.event = simple[i].event;
        stage.command = simple[i].command;
        return true;
    }
    if (!strcmp(verb, "busy"))
        refuse(PV_BUSY);
    else if (!strcmp(verb, "illegal"))
        refuse(PV_INTERNAL);
    else if (!strcmp(verb, "dial-fails"))
        stage.dial_fails = true;
    else if (!strcmp(verb, "gpu"))
        gpu();
    else if (!strcmp(verb, "circuits"))
        stage.circuits_n = names_split(stage.circuits);
    else if (!strcmp(verb, "names"))
        stage.names_n = names_split(stage.names), stage.names_at = 0;
    else if (!strcmp(verb, "unserved"))
        snprintf(stage.unserved[stage.unserved_n++], sizeof *stage.unserved, "%s", text_at(1));
    else if (!strcmp(verb, "spool-fails"))
        disk_steps_fail((int)argument(1), (int)argument(2));
    else
        return false;
    return true;
}

/* --- the script --- */

/* The next step's line; false at the end. Lines with '#' are told on the way. */
static bool line_next(void)
{
    while (*rest) {
        size_t n = strcspn(rest, "\n");
        const char *from = rest;
        rest += n + (rest[n] == '\n');
        if (*from == '#') golden_tell("%.*s\n", (int)n, from);
        if (strncmp(from, "$ ", 2) != 0) continue;
        snprintf(line, sizeof line, "%.*s", (int)n - 2, from + 2);
        words_split();
        return true;
    }
    *line = '\0';
    return false;
}

static bool step_read(void)
{
    if (!line_next()) return false;
    due_ms = argument(0);
    return true;
}

bool stage_next(uint64_t until_ms)
{
    static unsigned idle;
    if (!*line && !step_read()) return false;
    if (++idle > 1000) fail_msg("the loop never rests, before \"%s\"", line);
    if (due_ms > until_ms) {
        if (until_ms > stage.now_ms) golden_tell("  ... %llu\n", (unsigned long long)until_ms);
        stage.now_ms = until_ms;
        return true;
    }
    idle = 0;
    if (due_ms > stage.now_ms) stage.now_ms = due_ms;
    golden_tell("\n$ %s\n", line);
    memmove(word, word + 1, sizeof word - sizeof *word);
    words_n--;
    if (!broker_says(word[0]) && !runner_reports(word[0]) && !machine_does(word[0]))
        fail_msg("\"%s\": no such verb", line);
    *line = '\0';
    return true;
}

/* --- the agent --- */

static void begin(const char *script)
{
    stage = (struct stage){ .now_ms = 1000, .refuse_in = -1 };
    temp_dir_make(stage.folder);
    disk_steps_watch(stage.folder);
    rest = script;
    *line = '\0';
    assert_true(line_next());
    golden_tell("\n$ %s\n", line);
}

/* One life of the agent, with the folder that there is. */
static void live(void)
{
    char why[AGENT_WHY_BYTES];
    const struct agent_options o = stage_options();
    *line = '\0';
    pv_status s = agent_new(&stage.agent, &o, why);
    if (s != PV_OK) {
        stage_tell("  no agent: %s: %s\n", pv_status_word(s), why);
        return;
    }
    agent_main((zsock_t *)&stage, stage.agent);
    stage_tell("  it is over\n");
    agent_destroy(&stage.agent);
    stage_tell_disk();
}

bool agent_play(const char *script, long fail_after)
{
    begin(script);
    heap_fail_after(fail_after);
    live();
    bool failed_once = heap_failed();
    heap_fail_after(-1);
    while (line_next()) { /* "again ...": the next life, with what the last one left */
        if (strcmp(word[0], "again") != 0) continue;
        golden_tell("\n$ %s\n", line);
        live();
    }
    temp_dir_remove(stage.folder);
    return failed_once;
}
