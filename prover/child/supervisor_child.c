#include "supervisor_child.h"

#include "clock.h"
#include "log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    END_MS = 50,
    FRAMES_TURN = 64, /* read in a turn */
    QUARANTINE_MOST_MS = 3600 * 1000
};

/* --- the child's end --- */

void supervisor_text(char to[CHILD_TEXT_BYTES], const char *from)
{
    snprintf(to, CHILD_TEXT_BYTES, "%s", from);
}

/* What runs in the child is lost with it. One that was stopped has its end. */
unsigned supervisor_calls_lose(struct supervisor *s)
{
    unsigned lost = 0;
    for (struct call *c = s->calls; c; c = c->next) {
        if (c->state != CALL_RUNS) continue;
        c->state = CALL_OVER;
        c->status = c->stop_ms ? PV_CANCELLED : PV_RETRY_LOST;
        supervisor_text(c->answer->why, s->now.why);
        lost += !c->stop_ms;
    }
    s->now.lost += lost;
    pthread_cond_broadcast(&s->news);
    return lost;
}

static uint64_t doubled(uint64_t ms, unsigned times, uint64_t most)
{
    while (times-- && ms < most) ms *= 2;
    return ms < most ? ms : most;
}

static void rest(struct supervisor *s)
{
    if (s->now.in_row < s->o.deaths_most) {
        s->now.state = SUPERVISOR_PAUSED;
        s->again_ms = pv_clock_ms() + doubled(s->o.pause_ms, s->now.in_row - 1, QUARANTINE_MOST_MS);
        return;
    }
    uint64_t ms = doubled(s->o.quarantine_ms, s->quarantines++, QUARANTINE_MOST_MS);
    s->now.state = SUPERVISOR_QUARANTINED;
    s->again_ms = pv_clock_ms() + ms;
    if (!s->refused)
        LOG_ERROR("child.quarantined", "name=%s deaths=%u again_ms=%" PRIu64 " why=%s", s->o.name, s->now.in_row, ms,
                  s->now.why);
    pthread_cond_broadcast(&s->news);
}

/* After it was reaped, or could not be started. */
static void ended(struct supervisor *s, pid_t pid, unsigned lost)
{
    s->now.deaths++;
    s->now.in_row++;
    if (s->refused)
        LOG_INFO("child.refused", "name=%s why=%s", s->o.name, s->now.why); /* who asked for it says what that means */
    else
        LOG_WARN("child.ended", "name=%s pid=%ld lost=%u in_row=%u why=%s said=%s", s->o.name, (long)pid, lost,
                 s->now.in_row, s->now.why, s->said);
    frame_reader_clear(&s->reader);
    rest(s);
}

/* Kills it. Who had a job there hears of it now: it may take the kernel a while. */
void supervisor_child_kill(struct supervisor *s, const char *because)
{
    if (s->now.state != SUPERVISOR_STARTING && s->now.state != SUPERVISOR_SERVING) return;
    supervisor_text(s->because, because);
    supervisor_text(s->now.why, because);
    child_process_kill(&s->child);
    s->now.state = SUPERVISOR_ENDING;
    s->killed_ms = pv_clock_ms();
}

/* Whether `because` says why: else how it ended says more, such as that it crashed and so its socket was closed. */
static bool is_by_us(const struct supervisor *s, int status)
{
    return s->refused || (*s->because && (status & 0x7f) == 9);
}

void supervisor_child_reap(struct supervisor *s)
{
    int status;
    pid_t pid = s->child.pid;
    if (!child_process_reap(&s->child, &status)) return;
    if (!is_by_us(s, status)) child_process_how(s->now.why, status);
    s->now.state = SUPERVISOR_ENDING;
    ended(s, pid, supervisor_calls_lose(s));
}

/* --- its start --- */

void supervisor_child_start(struct supervisor *s)
{
    char why[CHILD_TEXT_BYTES];
    s->now.generation++;
    s->now.starts++;
    s->started_ms = s->heard_ms = s->second_ms = pv_clock_ms();
    s->asked_ms = s->killed_ms = s->frames = s->said_bytes = 0;
    *s->because = *s->said = 0;
    s->refused = false;
    s->said_n = 0;
    s->now.ready_bytes = 0;
    if (child_process_start(&s->child, &s->o.program, why) != PV_OK) {
        supervisor_text(s->now.why, why);
        ended(s, 0, 0);
        return;
    }
    s->now.state = SUPERVISOR_STARTING;
    LOG_INFO("child.started", "name=%s pid=%ld", s->o.name, (long)s->child.pid);
}

/* --- its frames --- */

static struct call *call_of(struct supervisor *s, uint32_t tag)
{
    for (struct call *c = s->calls; c; c = c->next)
        if (c->state == CALL_RUNS && c->tag == tag) return c;
    return NULL;
}

/* Text of the child's for people: what cannot be shown is left to the log's quoting. */
static void text_of(char to[CHILD_TEXT_BYTES], const uint8_t *bytes, size_t n)
{
    snprintf(to, CHILD_TEXT_BYTES, "%.*s", n > INT16_MAX ? INT16_MAX : (int)n, (const char *)bytes);
}

static bool on_ready(struct supervisor *s, const struct frame *f)
{
    if (s->now.state != SUPERVISOR_STARTING || f->bytes > SUPERVISOR_READY_MAX) return false;
    if (f->bytes) memcpy(s->now.ready, f->body, f->bytes);
    s->now.ready_bytes = f->bytes;
    s->now.state = SUPERVISOR_SERVING;
    pthread_cond_broadcast(&s->news);
    return true;
}

/* A child that says why it cannot serve here would say so again. */
static bool on_refused(struct supervisor *s, const struct frame *f)
{
    char why[CHILD_TEXT_BYTES];
    if (s->now.state != SUPERVISOR_STARTING) return false;
    text_of(why, f->body, f->bytes);
    supervisor_child_kill(s, why);
    s->refused = true;
    if (s->now.in_row < s->o.deaths_most) s->now.in_row = s->o.deaths_most - 1; /* its end is the last of the row */
    return true;
}

static bool on_progress(struct supervisor *s, const struct frame *f)
{
    struct call *c = call_of(s, f->tag);
    if (!c || f->bytes < 1 || f->bytes > 1 + CHILD_WORD_MAX) return false;
    c->percent = f->body[0] > 100 ? 100 : f->body[0];
    memcpy(c->word, f->body + 1, f->bytes - 1);
    c->word[f->bytes - 1] = 0;
    c->told = true;
    pthread_cond_broadcast(&s->news);
    return true;
}

static void call_over(struct supervisor *s, struct call *c, pv_status status)
{
    c->status = status;
    c->state = CALL_OVER;
    pthread_cond_broadcast(&s->news);
}

static bool on_done(struct supervisor *s, const struct frame *f)
{
    struct call *c = call_of(s, f->tag);
    if (!c || f->bytes > c->answer->room) return false;
    if (f->bytes) memcpy(c->answer->body, f->body, f->bytes);
    c->answer->bytes = f->bytes;
    call_over(s, c, PV_OK);
    return true;
}

static bool on_failed(struct supervisor *s, const struct frame *f)
{
    struct call *c = call_of(s, f->tag);
    if (!c || f->bytes < 4) return false;
    uint32_t code = f->body[0] | (uint32_t)f->body[1] << 8 | (uint32_t)f->body[2] << 16 | (uint32_t)f->body[3] << 24;
    pv_status status = code ? pv_status_of_code(code) : PV_INTERNAL;
    text_of(c->answer->why, f->body + 4, f->bytes - 4);
    call_over(s, c, status);
    if (status == s->o.fatal) supervisor_child_kill(s, c->answer->why);
    return true;
}

/* False: not what a child may say now. */
static bool on_frame(struct supervisor *s, const struct frame *f)
{
    if (f->fds_n) return false;
    switch (f->kind) {
    case CHILD_READY: return on_ready(s, f);
    case CHILD_REFUSED: return on_refused(s, f);
    case CHILD_PONG: return true;
    case CHILD_PROGRESS: return on_progress(s, f);
    case CHILD_DONE: return on_done(s, f);
    case CHILD_FAILED: return on_failed(s, f);
    default: return false;
    }
}

bool supervisor_is_up(const struct supervisor *s)
{
    return s->now.state == SUPERVISOR_STARTING || s->now.state == SUPERVISOR_SERVING;
}

/* A process that ends closes its socket a moment before it can be reaped, and then says better why. */
static void socket_lost(struct supervisor *s, pv_status status)
{
    struct pollfd end = { .fd = s->child.end, .events = POLLIN };
    if (status == PV_GONE && poll(&end, 1, END_MS) > 0) return; /* reaped in this turn */
    supervisor_child_kill(s, status == PV_GONE ? "it closed its socket" : "it broke the rules of its frames");
}

void supervisor_frames_read(struct supervisor *s)
{
    for (int i = 0; i < FRAMES_TURN && supervisor_is_up(s); i++) {
        struct frame f = { 0 };
        pv_status status = frame_read(&s->reader, s->child.socket, &f);
        if (status == PV_BUSY) return;
        if (status == PV_OK) {
            s->heard_ms = pv_clock_ms();
            if (!on_frame(s, &f))
                supervisor_child_kill(s, "it broke the rules of its frames: a word that it may not say now");
            frame_close(&f);
            if (++s->frames > s->o.frames_most) supervisor_child_kill(s, "it flooded its socket");
        } else {
            socket_lost(s, status);
            return;
        }
    }
}

/* The end of what it writes is kept, for the log. */
void supervisor_said_read(struct supervisor *s)
{
    char more[4096];
    ssize_t n = read(s->child.said, more, sizeof more);
    if (n == 0) close(s->child.said), s->child.said = -1;
    if (n <= 0) return;
    s->said_bytes += (uint64_t)n;
    size_t new = (size_t)n < sizeof s->said - 1 ? (size_t)n : sizeof s->said - 1, old = sizeof s->said - 1 - new;
    if (old > s->said_n) old = s->said_n;
    memmove(s->said, s->said + s->said_n - old, old);
    memcpy(s->said + old, more + n - new, new);
    s->said_n = old + new;
    s->said[s->said_n] = 0;
}
