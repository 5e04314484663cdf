#include "supervisor.h"

#include "clock.h"
#include "supervisor_child.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TURN_MS = 1000,         /* the longest the thread sleeps */
    CALLER_MS = 20,         /* how often a caller looks at its stop flag */
    WRITE_MS = 1000,        /* a child that does not read for so long is stuck */
    SAID_SECOND = 64 << 10, /* bytes of its stderr that are read in a second */
    REAP_MS = 500,          /* of one that was killed; after it nobody waits any longer to hear why */
    LAST_WAIT_MS = 1000,    /* at the end: until a child has ended by itself, and once more until it is reaped */
};

/* --- times --- */

static void job_times(struct supervisor *s, uint64_t now)
{
    char why[CHILD_TEXT_BYTES];
    for (struct call *c = s->calls; c && supervisor_is_up(s); c = c->next) {
        if (c->state != CALL_RUNS) continue;
        uint64_t limit = c->job->limit_ms;
        if (limit && now - c->since_ms >= limit) {
            snprintf(why, sizeof why, "a job took longer than %" PRIu64 " ms", limit);
            supervisor_child_kill(s, why);
        } else if (c->stop_ms && now - c->stop_ms >= s->o.stop_ms) {
            supervisor_child_kill(s, "it did not stop a job when it was told to");
        }
    }
}

static void say(struct supervisor *s, uint16_t kind, uint32_t tag)
{
    const struct frame f = { .kind = kind, .tag = tag };
    if (frame_write(s->child.socket, &f, WRITE_MS) == PV_TIMEOUT)
        supervisor_child_kill(s, "it does not read its socket");
}

/* Only an answer that does not come says something: this process may have been stopped itself. */
static void silence(struct supervisor *s, uint64_t now)
{
    if (s->now.state == SUPERVISOR_STARTING) {
        if (now - s->started_ms >= s->o.ready_ms) supervisor_child_kill(s, "it was not ready in time");
        return;
    }
    uint64_t third = s->o.silence_ms / 3;
    bool asked = s->asked_ms > s->heard_ms;
    if (asked && now - s->asked_ms >= s->o.silence_ms - third) {
        supervisor_child_kill(s, "it says nothing any more");
    } else if (!asked && now - s->heard_ms >= third) {
        s->asked_ms = now;
        say(s, CHILD_PING, (uint32_t)now);
    }
}

static void times(struct supervisor *s)
{
    uint64_t now = pv_clock_ms();
    if (now - s->second_ms >= 1000) s->second_ms = now, s->frames = s->said_bytes = 0;
    if (supervisor_is_up(s)) job_times(s, now);
    if (supervisor_is_up(s)) silence(s, now);
    bool rests = s->now.state == SUPERVISOR_PAUSED || s->now.state == SUPERVISOR_QUARANTINED;
    if (rests && now >= s->again_ms && !s->over) supervisor_child_start(s);
}

static void sooner(uint64_t *next, uint64_t at)
{
    if (at < *next) *next = at;
}

/* When something is due, at the latest. */
static int sleep_ms(const struct supervisor *s)
{
    uint64_t now = pv_clock_ms(), next = now + TURN_MS;
    if (s->now.state == SUPERVISOR_ENDING || (s->child.pid && s->child.end < 0)) sooner(&next, now + 20);
    if (s->now.state == SUPERVISOR_STARTING) sooner(&next, s->started_ms + s->o.ready_ms);
    if (s->now.state == SUPERVISOR_PAUSED || s->now.state == SUPERVISOR_QUARANTINED) sooner(&next, s->again_ms);
    if (s->now.state == SUPERVISOR_SERVING) sooner(&next, now + s->o.silence_ms / 6);
    for (const struct call *c = s->calls; c; c = c->next) {
        if (c->state != CALL_RUNS) continue;
        if (c->job->limit_ms) sooner(&next, c->since_ms + c->job->limit_ms);
        if (c->stop_ms) sooner(&next, c->stop_ms + s->o.stop_ms);
    }
    return next > now ? (int)(next - now) : 0;
}

/* --- the thread --- */

static void turn(struct supervisor *s)
{
    bool up = supervisor_is_up(s);
    struct pollfd p[] = { { .fd = s->wake, .events = POLLIN },
                          { .fd = s->child.end, .events = POLLIN },
                          { .fd = up ? s->child.socket : -1, .events = POLLIN },
                          { .fd = s->said_bytes < SAID_SECOND ? s->child.said : -1, .events = POLLIN } };
    int ms = sleep_ms(s);
    uint64_t woken;
    pthread_mutex_unlock(&s->lock);
    int n = poll(p, 4, ms);
    pthread_mutex_lock(&s->lock);
    if (n > 0 && p[0].revents) (void)!read(s->wake, &woken, sizeof woken);
    if (n > 0 && p[3].revents) supervisor_said_read(s);
    if (n > 0 && p[2].revents && supervisor_is_up(s)) supervisor_frames_read(s);
    if (s->child.pid) supervisor_child_reap(s);
    if (s->now.state == SUPERVISOR_ENDING && pv_clock_ms() - s->killed_ms >= REAP_MS) supervisor_calls_lose(s);
    times(s);
}

/* It ends by itself when its socket is closed, or is killed; one that the kernel holds is left alone. */
static void last(struct supervisor *s)
{
    int status;
    uint64_t end = pv_clock_ms() + LAST_WAIT_MS;
    if (s->child.pid) (void)shutdown(s->child.socket, SHUT_RDWR);
    for (bool killed = false; s->child.pid && !child_process_reap(&s->child, &status);) {
        (void)poll(NULL, 0, 5);
        if (pv_clock_ms() < end) continue;
        if (killed) break;
        killed = true;
        child_process_kill(&s->child);
        end = pv_clock_ms() + LAST_WAIT_MS;
    }
    child_process_abandon(&s->child);
    frame_reader_clear(&s->reader);
}

static void *supervisor_main(void *arg)
{
    struct supervisor *s = arg;
    pthread_mutex_lock(&s->lock);
    supervisor_child_start(s);
    while (!s->over) turn(s);
    last(s);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void wake(const struct supervisor *s)
{
    const uint64_t one = 1;
    (void)!write(s->wake, &one, sizeof one);
}

static void fill_in(uint64_t *value, uint64_t usual)
{
    if (!*value) *value = usual;
}

static void defaults(struct supervisor_options *o)
{
    if (!o->deaths_most) o->deaths_most = 3;
    fill_in(&o->ready_ms, 60000);
    fill_in(&o->pause_ms, 1000);
    fill_in(&o->quarantine_ms, 60000);
    fill_in(&o->silence_ms, 30000);
    fill_in(&o->stop_ms, 5000);
    fill_in(&o->frames_most, 50000);
}

static void news_init(pthread_cond_t *news)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(news, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void supervisor_free(struct supervisor *s)
{
    if (s->wake >= 0) close(s->wake);
    pthread_cond_destroy(&s->news);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

pv_status supervisor_new(struct supervisor **s_p, const struct supervisor_options *options)
{
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s) return PV_NO_MEMORY;
    s->o = *options;
    defaults(&s->o);
    s->child = (struct child_process){ .end = -1, .socket = -1, .said = -1 };
    pthread_mutex_init(&s->lock, NULL);
    news_init(&s->news);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake < 0 || pthread_create(&s->thread, NULL, supervisor_main, s)) {
        supervisor_free(s);
        return PV_BUSY;
    }
    *s_p = s;
    return PV_OK;
}

void supervisor_part(struct supervisor *s)
{
    pthread_mutex_lock(&s->lock);
    s->over = true;
    pthread_mutex_unlock(&s->lock);
    wake(s);
}

void supervisor_destroy(struct supervisor **s_p)
{
    struct supervisor *s = *s_p;
    if (!s) return;
    supervisor_part(s);
    pthread_join(s->thread, NULL);
    supervisor_free(s);
    *s_p = NULL;
}

/* --- callers --- */

void supervisor_now(struct supervisor *s, struct supervisor_facts *facts)
{
    pthread_mutex_lock(&s->lock);
    *facts = s->now;
    pthread_mutex_unlock(&s->lock);
}

void supervisor_end(struct supervisor *s, uint64_t generation, const char *why)
{
    pthread_mutex_lock(&s->lock);
    if (s->now.generation == generation) supervisor_child_kill(s, why);
    pthread_mutex_unlock(&s->lock);
    wake(s);
}

void supervisor_good(struct supervisor *s, uint64_t generation)
{
    pthread_mutex_lock(&s->lock);
    if (s->now.generation == generation) s->now.in_row = s->quarantines = 0;
    pthread_mutex_unlock(&s->lock);
}

static void news_wait(struct supervisor *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += CALLER_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_nsec -= 1000000000L, until.tv_sec++;
    pthread_cond_timedwait(&s->news, &s->lock, &until);
}

static bool is_stopped(const atomic_int *stop)
{
    return stop && atomic_load(stop);
}

/* With the lock. A child that cannot be reaped is as bad as one in quarantine. */
static pv_status serving_wait(struct supervisor *s, const atomic_int *stop, uint64_t generation,
                              char why[CHILD_TEXT_BYTES])
{
    for (;; news_wait(s)) {
        bool held = s->now.state == SUPERVISOR_ENDING && pv_clock_ms() - s->killed_ms >= s->o.stop_ms;
        if (generation && s->now.generation != generation) return PV_BAD_STATE;
        if (s->now.state == SUPERVISOR_SERVING) return PV_OK;
        if (generation && s->now.state != SUPERVISOR_STARTING) return PV_BAD_STATE;
        if (is_stopped(stop)) return PV_CANCELLED;
        if (s->now.state != SUPERVISOR_QUARANTINED && !held) continue;
        supervisor_text(why, s->now.why);
        return PV_NO_DEVICE;
    }
}

pv_status supervisor_wait(struct supervisor *s, const atomic_int *stop, char why[CHILD_TEXT_BYTES])
{
    pthread_mutex_lock(&s->lock);
    pv_status status = serving_wait(s, stop, 0, why);
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void call_start(struct supervisor *s, struct call *c)
{
    struct frame f = { .kind = (uint16_t)(CHILD_JOB + c->job->kind),
                       .tag = c->tag = ++s->tags ? s->tags : ++s->tags,
                       .body = c->job->body,
                       .bytes = c->job->bytes,
                       .fds_n = c->job->fds_n };
    if (f.fds_n) memcpy(f.fds, c->job->fds, f.fds_n * sizeof *f.fds);
    c->state = CALL_RUNS;
    c->since_ms = pv_clock_ms();
    c->answer->generation = s->now.generation;
    c->next = s->calls;
    s->calls = c;
    pv_status status = frame_write(s->child.socket, &f, WRITE_MS);
    if (status != PV_OK)
        supervisor_child_kill(s, status == PV_GONE ? "it closed its socket" : "it does not read its socket");
}

static void call_end(struct supervisor *s, const struct call *c)
{
    struct call **at = &s->calls;
    while (*at != c) at = &(*at)->next;
    *at = c->next;
}

/* Passes progress on without the lock: the caller's function may take its time. */
static void call_progress(struct supervisor *s, struct call *c)
{
    char word[CHILD_WORD_MAX + 1];
    unsigned percent = c->percent;
    if (!c->told) return;
    c->told = false;
    memcpy(word, c->word, sizeof word);
    if (!c->job->progress) return;
    pthread_mutex_unlock(&s->lock);
    c->job->progress(c->job->progress_arg, word, percent);
    pthread_mutex_lock(&s->lock);
}

static void call_given(struct supervisor *s, const struct call *c)
{
    if (!c->job->given) return;
    pthread_mutex_unlock(&s->lock);
    c->job->given(c->job->given_arg);
    pthread_mutex_lock(&s->lock);
}

static void call_follow(struct supervisor *s, struct call *c)
{
    while (c->state == CALL_RUNS) {
        if (!c->stop_ms && is_stopped(c->job->stop) && s->now.state == SUPERVISOR_SERVING) {
            c->stop_ms = pv_clock_ms();
            say(s, CHILD_STOP, c->tag);
            wake(s);
        }
        call_progress(s, c);
        if (c->state == CALL_RUNS) news_wait(s);
    }
}

pv_status supervisor_call(struct supervisor *s, const struct supervisor_job *job, struct supervisor_answer *answer)
{
    struct call c = { .job = job, .answer = answer };
    answer->bytes = 0;
    answer->generation = 0;
    *answer->why = 0;
    if (job->bytes > FRAME_BODY_MAX || job->fds_n > FRAME_FDS_MAX) return PV_TOO_LARGE;
    pthread_mutex_lock(&s->lock);
    pv_status status = serving_wait(s, job->stop, job->generation, answer->why);
    if (status == PV_OK) {
        call_start(s, &c);
        wake(s);
        call_given(s, &c);
        call_follow(s, &c);
        call_end(s, &c);
        status = c.status;
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}
