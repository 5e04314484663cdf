/* Stands in for everything around the agent: the connection (link/dealer.h), the runners, the clock, the log, the loop's pipe. */
#include "agent_stage.h"

#include "clock.h"
#include "disk_steps.h"
#include "decode.h"
#include "encode.h"
#include "golden.h"
#include "log.h"
#include "random.h"
#include "wire_samples.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct stage stage;

void stage_tell(const char *format, ...)
{
    static char text[65536];
    size_t k = strlen(stage.folder);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *at; k && (at = strstr(text, stage.folder));) {
        memcpy(at, "DIR", 3);
        memmove(at + 3, at + k, strlen(at + k) + 1);
    }
    golden_tell("%s", text);
}

void stage_tell_disk(void)
{
    if (*disk_steps()) stage_tell("  disk: %s\n", disk_steps());
    disk_steps_watch(stage.folder);
}

/* --- the log, the clock, chance --- */

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
uint64_t __wrap_pv_clock_ms(void);
pv_status __wrap_pv_random(void *to, size_t bytes);
uint32_t __wrap_pv_random_below(uint32_t bound);

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const levels[] = { "ERROR", "WARN", "INFO", "DEBUG" };
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    stage_tell("  | %s %s %s\n", levels[level], event, text);
}

uint64_t __wrap_pv_clock_ms(void)
{
    return stage.now_ms;
}

pv_status __wrap_pv_random(void *to, size_t bytes)
{
    memset(to, 0x11, bytes);
    return stage.no_random ? PV_INTERNAL : PV_OK;
}

uint32_t __wrap_pv_random_below(uint32_t bound)
{
    return bound / 2;
}

/* --- the connection --- */

pv_status __wrap_dealer_zmq_new(void **zmq);
bool __wrap_dealer_open(struct dealer *d, void *zmq, unsigned number, const char *endpoint,
                        const struct dealer_options *o);
void __wrap_dealer_close(struct dealer *d);
void __wrap_dealer_linger(struct dealer *d, int ms);
enum dealer_event __wrap_dealer_event(struct dealer *d);
pv_status __wrap_dealer_send(struct dealer *d, const struct wire_msg *m, char why[WIRE_WHY_BYTES]);
pv_status __wrap_dealer_receive(struct dealer *d, struct wire_msg *m, struct dealer_frame *payload,
                                char why[WIRE_WHY_BYTES]);

pv_status __wrap_dealer_zmq_new(void **zmq)
{
    return stage.no_context ? PV_BUSY : PV_OK;
}

bool __wrap_dealer_open(struct dealer *d, void *zmq, unsigned number, const char *endpoint,
                        const struct dealer_options *o)
{
    stage_tell("  dials %s, number %u, %d ms, queues of %d and %d%s, server %zu\n", endpoint, number, o->connect_ms,
               o->send_most, o->receive_most, o->ipv4_only ? ", IPv4" : "", o->server);
    if (stage.dial_fails) {
        stage.dial_fails = false;
        errno = EMFILE;
        return false;
    }
    d->socket = d->monitor = &stage;
    return true;
}

void __wrap_dealer_close(struct dealer *d)
{
    if (d->socket) stage_tell("  closes\n");
    d->socket = d->monitor = NULL;
}

void __wrap_dealer_linger(struct dealer *d, int ms)
{
    stage_tell("  lingers %d ms\n", ms);
}

enum dealer_event __wrap_dealer_event(struct dealer *d)
{
    enum dealer_event e = d->socket ? stage.event : DEALER_NOTHING;
    stage.event = DEALER_NOTHING;
    return e;
}

static void tell_message(const struct wire_msg *m)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    static char text[65536];
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    if (wire_msg_encode(m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why) != PV_OK) fail_msg("%s", why);
    FILE *to = fmemopen(text, sizeof text, "w");
    assert_non_null(to);
    wire_json_print(to, &f);
    assert_int_equal(fclose(to), 0);
    const char *body = strstr(text, "\"body\":"); /* the head says nothing else */
    assert_non_null(body);
    char *out = text;
    for (const char *p = body + strlen("\"body\": "); *p; p++) { /* a line, without its indentation */
        while (*p == '\n' && (p[1] == ' ' || p[1] == '\n')) p++;
        while (p[0] == ' ' && (p[1] == ' ' || p[-1] == '\n')) p++;
        if (*p != '\n') *out++ = *p;
    }
    *out = '\0';
    stage_tell("  > %s %s\n", wire_type_name((int)m->type), text);
}

pv_status __wrap_dealer_send(struct dealer *d, const struct wire_msg *m, char why[WIRE_WHY_BYTES])
{
    if (!d->socket) return PV_UNREACHABLE;
    if (stage.refuse_in == 0) {
        stage_tell("  x %s\n", wire_type_name((int)m->type));
        stage.refuse_in = -1;
        snprintf(why, WIRE_WHY_BYTES, "not legal, says the stage");
        return stage.refuse_with;
    }
    if (stage.refuse_in > 0) stage.refuse_in--;
    tell_message(m);
    return PV_OK;
}

pv_status __wrap_dealer_receive(struct dealer *d, struct wire_msg *m, struct dealer_frame *payload,
                                char why[WIRE_WHY_BYTES])
{
    if (!d->socket || !stage.have_message) return PV_UNREACHABLE;
    stage.have_message = false;
    *payload = (struct dealer_frame){ .have = false };
    *m = stage.message;
    if (stage.message_status != PV_OK) snprintf(why, WIRE_WHY_BYTES, "malformed, says the stage");
    return stage.message_status;
}

/* --- the runners --- */

struct runner *__wrap_runner_new(const struct numa *numa, unsigned slot, unsigned threads);
void __wrap_runner_destroy(struct runner **r_p);
void __wrap_runner_start(struct runner *r, struct job **job_p);
zsock_t *__wrap_runner_socket(struct runner *r);
void __wrap_runner_read(struct runner *r, struct runner_report *report);

static size_t index_of(struct runner *r)
{
    return (size_t)((struct job **)r - stage.job);
}

struct runner *__wrap_runner_new(const struct numa *numa, unsigned slot, unsigned threads)
{
    stage_tell("  runner %u %s, of %u threads\n", slot, slot < STAGE_RUNNERS ? "is made" : "cannot be made", threads);
    return slot < STAGE_RUNNERS ? (struct runner *)&stage.job[slot] : NULL;
}

void __wrap_runner_destroy(struct runner **r_p)
{
    if (*r_p) stage_tell("  runner %zu ends\n", index_of(*r_p));
    *r_p = NULL;
}

void __wrap_runner_start(struct runner *r, struct job **job_p)
{
    struct job *j = stage.job[index_of(r)] = *job_p;
    char token[WIRE_TOKEN_TEXT];
    stage_tell("  runner %zu: task %s token %s circuit %s handler %s %s %.*s\n", index_of(r), j->task,
               wire_token_text(token, j->token), j->circuit, j->handler->name,
               j->kind == WIRE_INPUT_KIND_WTNS ? "input" : wire_word(WIRE_WORDS_input_kind, (int)j->kind),
               (int)j->input_bytes, j->input ? (char *)j->input : "");
    *job_p = NULL;
}

zsock_t *__wrap_runner_socket(struct runner *r)
{
    return (zsock_t *)r;
}

void __wrap_runner_read(struct runner *r, struct runner_report *report)
{
    struct runner_report *next = &stage.report[index_of(r)];
    *report = *next;
    if (next->news == RUNNER_DONE) stage.job[index_of(r)] = NULL;
    *next = (struct runner_report){ .news = RUNNER_NOTHING };
}

/* --- the loop --- */

int __wrap_zmq_poll(zmq_pollitem_t *items, int n, long timeout);
void *__wrap_zsock_resolve(void *self);
int __wrap_zsock_signal(void *self, byte status);
char *__wrap_zstr_recv_nowait(void *source);
char *__wrap_zstr_recv(void *source);
int __wrap_zstr_send(void *dest, const char *string);
void __wrap_zstr_free(char **string_p);

/* The agent waits for a runner that it has told to stop. */
static int runner_waited_for(void *socket)
{
    size_t i = index_of(socket);
    stage_tell("  waits for runner %zu%s\n", i, atomic_load(&stage.job[i]->stop) ? ", which was told to stop" : "");
    stage.job[i]->status = PV_CANCELLED;
    stage.report[i] = (struct runner_report){ .news = RUNNER_DONE, .job = stage.job[i] };
    return 1;
}

int __wrap_zmq_poll(zmq_pollitem_t *items, int n, long timeout)
{
    if (timeout < 0) return runner_waited_for(items[0].socket);
    stage_tell_disk();
    if (!stage_next(stage.now_ms + (uint64_t)timeout)) stage.command = "$TERM";
    for (int i = 0; i < n; i++) assert_true(items[i].socket && items[i].events == ZMQ_POLLIN);
    assert_int_equal(n, 1 + (int)stage.agent->o.slots + (stage.agent->link.dealer.socket ? 2 : 0));
    return 0;
}

void *__wrap_zsock_resolve(void *self)
{
    return self;
}

int __wrap_zsock_signal(void *self, byte status)
{
    stage_tell("  ready: %d\n", status);
    return 0;
}

char *__wrap_zstr_recv_nowait(void *source)
{
    const char *word = stage.command;
    stage.command = NULL;
    return (char *)word;
}

char *__wrap_zstr_recv(void *source)
{
    return NULL;
}

int __wrap_zstr_send(void *dest, const char *string)
{
    stage_tell("  says %s\n", string);
    return 0;
}

void __wrap_zstr_free(char **string_p)
{
    *string_p = NULL;
}
