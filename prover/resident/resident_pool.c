#include "resident_pool.h"

#include "clock.h"
#include "log.h"
#include "program_config.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,  /* how often one that has nothing to do is looked at */
    CALLER_MS = 20, /* how often a caller looks at its stop flag */
    DOWN_MS = 2000, /* without a ready instance: a start that takes no longer is nobody's business */
    HOLD_MS =
        1000, /* a task that cannot be done is kept: handed back before the node has said so, it would come again at once */
    DEATHS_MOST = 3, /* in a row */
    PAUSE_PART = 60, /* of the quarantine: the first pause */
    QUARANTINE_MOST_MS = 3600 * 1000
};

enum seat_state { SEAT_PAUSED, SEAT_STARTING, SEAT_IDLE, SEAT_ASKED, SEAT_BUSY, SEAT_ENDING };

/* The state is under the lock; the resident is the thread's, or in BUSY the borrower's. */
struct seat {
    struct resident resident;
    enum seat_state state;
    uint64_t since_ms; /* of the state */
    uint64_t again_ms; /* PAUSED */
    unsigned in_row;   /* deaths without a task that it has survived: others may be well */
};

struct resident_pool {
    const struct handler_program *x;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    int wake;
    bool over, was_ready, held; /* held: in quarantine, until one is ready again */
    unsigned in_row, quarantines, seats_n;
    uint64_t starts, held_until_ms, down_ms, pings; /* down_ms: since then no instance is ready; 0: one is */
    char why[PROGRAM_WHY_BYTES];                    /* of the last death */
    char software[128];
    struct seat seats[];
};

/* --- small things --- */

static void state_set(struct seat *s, enum seat_state state)
{
    s->state = state;
    s->since_ms = pv_clock_ms();
}

static uint64_t doubled(uint64_t ms, unsigned times)
{
    while (times-- && ms < QUARANTINE_MOST_MS) ms *= 2;
    return ms < QUARANTINE_MOST_MS ? ms : QUARANTINE_MOST_MS;
}

static const char *name_of(const struct resident_pool *p)
{
    return p->x->program.name;
}

static unsigned number_of(const struct resident_pool *p, const struct seat *s)
{
    return (unsigned)(s - p->seats);
}

static void thread_wake(struct resident_pool *p)
{
    uint64_t one = 1;
    (void)!write(p->wake, &one, sizeof one);
}

/* --- deaths, with the lock --- */

static void quarantine(struct resident_pool *p, uint64_t now)
{
    uint64_t ms = doubled(p->x->program.quarantine, p->quarantines++);
    p->held = true;
    p->held_until_ms = now + ms;
    if (p->was_ready) /* else whoever waits for its start says what is wrong */
        LOG_ERROR("handler.quarantined", "handler=%s deaths=%u again_ms=%" PRIu64 " text=%s", name_of(p), p->in_row, ms,
                  p->why);
    for (unsigned i = 0; i < p->seats_n; i++)
        if (p->seats[i].state == SEAT_PAUSED) p->seats[i].again_ms = p->held_until_ms;
}

/* A program that says why it cannot serve would say so again. */
static void died(struct resident_pool *p, struct seat *s, const char *how, bool guiltless, bool refused)
{
    uint64_t now = pv_clock_ms(), pause = p->x->program.quarantine / PAUSE_PART;
    snprintf(p->why, sizeof p->why, "%.150s: %.350s", p->x->program.path, how);
    state_set(s, SEAT_PAUSED);
    s->again_ms = now;
    LOG_WARN("handler.ended", "handler=%s instance=%u guiltless=%s in_row=%u text=%s", name_of(p), number_of(p, s),
             guiltless ? "yes" : "no", p->in_row + !guiltless, how);
    if (!guiltless) {
        p->in_row++;
        s->in_row++;
        if (refused && p->in_row < DEATHS_MOST) p->in_row = DEATHS_MOST;
        s->again_ms =
            p->held ? p->held_until_ms : now + doubled(pause, (s->in_row > p->in_row ? s->in_row : p->in_row) - 1);
        if (p->in_row >= DEATHS_MOST && now >= p->held_until_ms) quarantine(p, now);
    }
    pthread_cond_broadcast(&p->news);
}

/* Its end is waited for without the lock: others go on meanwhile. */
static void seat_end(struct resident_pool *p, struct seat *s, const char *because, bool refused)
{
    char how[RESIDENT_WHY_BYTES];
    state_set(s, SEAT_ENDING); /* nobody else's */
    pthread_mutex_unlock(&p->lock);
    resident_end(&s->resident, because, how);
    pthread_mutex_lock(&p->lock);
    died(p, s, refused ? because : how, false, refused);
}

/* --- what an instance does by itself --- */

static void seat_start(struct resident_pool *p, struct seat *s)
{
    struct prove_error err = { 0 };
    state_set(s, SEAT_STARTING);
    p->starts++;
    pthread_mutex_unlock(&p->lock);
    pv_status status = resident_start(&s->resident, p->x, number_of(p, s), &err);
    pthread_mutex_lock(&p->lock);
    if (status != PV_OK)
        died(p, s, err.text, false, false);
    else
        LOG_INFO("handler.started", "handler=%s instance=%u launcher=%ld", name_of(p), number_of(p, s),
                 (long)s->resident.process.launcher);
}

static void on_ready(struct resident_pool *p, struct seat *s)
{
    LOG_INFO("handler.ready", "handler=%s instance=%u version=%s circuits=%zu ms=%" PRIu64, name_of(p), number_of(p, s),
             s->resident.software, s->resident.circuits_n, pv_clock_ms() - s->since_ms);
    state_set(s, SEAT_IDLE);
    memcpy(p->software, s->resident.software, sizeof p->software);
    p->was_ready = true;
    p->down_ms = 0;
    pthread_cond_broadcast(&p->news);
}

/* A message of one that has no task. */
static void on_message(struct resident_pool *p, struct seat *s, const struct talk_message *m)
{
    char why[RESIDENT_WHY_BYTES];
    if (s->state == SEAT_STARTING && m->word == TALK_READY) {
        if (resident_ready(&s->resident, m, why))
            on_ready(p, s);
        else
            seat_end(p, s, why, true);
    } else if (s->state == SEAT_STARTING && m->word == TALK_REFUSED) {
        struct error_tail text = { .n = 0 };
        error_tail_add(&text, m->text, m->text_n);
        seat_end(p, s, error_tail_text(&text, why, sizeof why), true);
    } else if (s->state == SEAT_ASKED && m->word == TALK_PONG && m->job == p->pings) {
        state_set(s, SEAT_IDLE);
        pthread_cond_broadcast(&p->news);
    } else if (s->state == SEAT_STARTING) {
        seat_end(p, s, "it said something else before READY", false);
    } else {
        seat_end(p, s, "it said something while it had no task (a second result?)", false);
    }
}

static bool is_ours(const struct seat *s)
{
    return s->state == SEAT_STARTING || s->state == SEAT_IDLE || s->state == SEAT_ASKED;
}

/* Reads what is there. One that is idle is not lent meanwhile: the lock is held. */
static void seat_look(struct resident_pool *p, struct seat *s)
{
    struct talk_message m;
    char why[RESIDENT_WHY_BYTES] = "";
    resident_wait(&s->resident, false, 0);
    pv_status status = resident_hear(&s->resident, &m, why);
    if (status == PV_OK) {
        struct resident *r = &s->resident;
        on_message(p, s, &m);
        if (r->process.launcher) resident_heard(r);
        return;
    }
    if (status == PV_BUSY) return;
    seat_end(p, s, status == PV_NO_MEMORY ? "there is no memory for what it says" : *why ? why : NULL, false);
}

static void ping(struct resident_pool *p, struct seat *s)
{
    uint8_t bytes[24];
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    talk_begin(&w, TALK_PING, 2);
    talk_put_uint(&w, ++p->pings);
    state_set(s, SEAT_ASKED);
    if (!talk_end(&w, 0)) return;
    (void)resident_say(&s->resident, &(struct resident_saying){ .head = bytes, .head_n = w.n });
}

/* One that is asked now keeps its number until it has answered: the others wait for their turn. */
static bool is_asking(const struct resident_pool *p)
{
    for (unsigned i = 0; i < p->seats_n; i++)
        if (p->seats[i].state == SEAT_ASKED) return true;
    return false;
}

static void seat_times(struct resident_pool *p, struct seat *s, uint64_t now)
{
    const struct program *c = &p->x->program;
    uint64_t passed = now - s->since_ms;
    if (s->state == SEAT_STARTING && passed >= c->ready_limit)
        seat_end(p, s, "it was not ready within ready_limit", false);
    else if (s->state == SEAT_ASKED && passed >= c->ping)
        seat_end(p, s, "it had nothing to do and did not answer when it was asked", false);
    else if (s->state == SEAT_IDLE && passed >= c->ping && !is_asking(p))
        ping(p, s);
    else if (s->state == SEAT_PAUSED && now >= s->again_ms)
        seat_start(p, s);
}

/* --- the thread --- */

static bool is_any(const struct resident_pool *p, enum seat_state state)
{
    for (unsigned i = 0; i < p->seats_n; i++)
        if (p->seats[i].state == state) return true;
    return false;
}

/* Since when none is ready. */
static void down_look(struct resident_pool *p, uint64_t now)
{
    bool up = is_any(p, SEAT_IDLE) || is_any(p, SEAT_ASKED) || is_any(p, SEAT_BUSY);
    if (up) p->down_ms = 0;
    if (!up && !p->down_ms) p->down_ms = now;
}

/* The quarantine is over when its time is and one is ready. */
static void held_look(struct resident_pool *p, uint64_t now)
{
    if (!p->held || now < p->held_until_ms || !is_any(p, SEAT_IDLE)) return;
    p->held = false;
    LOG_INFO("handler.back", "handler=%s text=%s", name_of(p), "it is ready again after its quarantine");
    pthread_cond_broadcast(&p->news);
}

/* Those that are about to say something are waited for; those that have nothing to do are looked at now and then, so that a task
 * wakes nobody but whoever runs it. */
static void turn_wait(struct resident_pool *p)
{
    struct pollfd fds[1 + 3 * 64] = { { .fd = p->wake, .events = POLLIN } };
    nfds_t n = 1;
    uint64_t woken;
    for (unsigned i = 0; i < p->seats_n; i++) {
        const struct seat *s = &p->seats[i];
        if (s->state != SEAT_STARTING && s->state != SEAT_ASKED) continue;
        for (int stream = 0; stream < PROGRAM_EXTRA; stream++)
            fds[n++] = (struct pollfd){ .fd = s->resident.process.streams[stream], .events = POLLIN };
    }
    pthread_mutex_unlock(&p->lock);
    (void)poll(fds, n, LOOK_MS);
    (void)!read(p->wake, &woken, sizeof woken);
    pthread_mutex_lock(&p->lock);
}

static void *pool_main(void *arg)
{
    struct resident_pool *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->over) {
        for (unsigned i = 0; i < p->seats_n && !p->over; i++) {
            if (is_ours(&p->seats[i])) seat_look(p, &p->seats[i]);
            seat_times(p, &p->seats[i], pv_clock_ms());
        }
        down_look(p, pv_clock_ms());
        held_look(p, pv_clock_ms());
        if (!p->over) turn_wait(p);
    }
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->seats_n; i++) resident_bid(&p->seats[i].resident);
    uint64_t until = pv_clock_ms() + p->x->program.grace;
    for (unsigned i = 0; i < p->seats_n; i++) {
        uint64_t now = pv_clock_ms();
        resident_leave(&p->seats[i].resident, now < until ? until - now : 0);
    }
    return NULL;
}

/* --- its beginning and end --- */

static void news_init(pthread_cond_t *c)
{
    pthread_condattr_t how;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(c, &how);
    pthread_condattr_destroy(&how);
}

static void pool_free(struct resident_pool *p)
{
    if (p->wake >= 0) close(p->wake);
    pthread_cond_destroy(&p->news);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

pv_status resident_pool_new(struct resident_pool **pool_p, const struct handler_program *x)
{
    unsigned n = (unsigned)x->program.instances;
    struct resident_pool *p = calloc(1, sizeof *p + n * sizeof p->seats[0]);
    if (!p) return PV_NO_MEMORY;
    p->x = x;
    p->seats_n = n;
    pthread_mutex_init(&p->lock, NULL);
    news_init(&p->news);
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->wake < 0 || pthread_create(&p->thread, NULL, pool_main, p)) {
        pool_free(p);
        return PV_BUSY;
    }
    *pool_p = p;
    return PV_OK;
}

void resident_pool_destroy(struct resident_pool **pool_p)
{
    struct resident_pool *p = *pool_p;
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->over = true;
    pthread_mutex_unlock(&p->lock);
    thread_wake(p);
    pthread_join(p->thread, NULL);
    pool_free(p);
    *pool_p = NULL;
}

/* --- callers --- */

static void news_wait(struct resident_pool *p)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += CALLER_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_nsec -= 1000000000L, until.tv_sec++;
    pthread_cond_timedwait(&p->news, &p->lock, &until);
}

pv_status resident_pool_ready(struct resident_pool *p, bool (*told)(void *arg), void *arg, char software[128],
                              char why[PROGRAM_WHY_BYTES])
{
    pv_status s = PV_OK;
    *why = 0;
    pthread_mutex_lock(&p->lock);
    while (s == PV_OK && !p->was_ready) {
        if (p->in_row)
            s = PV_BAD_CONFIG;
        else if (told && told(arg))
            s = PV_CANCELLED;
        else
            news_wait(p);
    }
    memcpy(software, p->software, sizeof p->software);
    if (s == PV_BAD_CONFIG) memcpy(why, p->why, sizeof p->why);
    pthread_mutex_unlock(&p->lock);
    return s;
}

/* With the lock. */
static bool serves(const struct resident_pool *p, char why[PROGRAM_WHY_BYTES])
{
    *why = 0;
    if (p->held)
        snprintf(why, PROGRAM_WHY_BYTES, "left alone after deaths in a row: %.460s", p->why);
    else if (p->down_ms && pv_clock_ms() - p->down_ms >= DOWN_MS)
        snprintf(why, PROGRAM_WHY_BYTES, "it is started again: %.460s", p->why);
    return !*why;
}

bool resident_pool_serves(struct resident_pool *p, char why[PROGRAM_WHY_BYTES])
{
    pthread_mutex_lock(&p->lock);
    bool is = serves(p, why);
    pthread_mutex_unlock(&p->lock);
    return is;
}

/* One that ended since it was looked at is none to give a task to: the task would be lost with it. */
static struct seat *idle_find(struct resident_pool *p)
{
    for (unsigned i = 0; i < p->seats_n; i++) {
        struct seat *s = &p->seats[i];
        if (s->state != SEAT_IDLE) continue;
        struct pollfd out = { .fd = s->resident.process.streams[PROGRAM_OUT], .events = POLLIN };
        if (poll(&out, 1, 0) == 0) return s;
        thread_wake(p);
    }
    return NULL;
}

pv_status resident_pool_take(struct resident **r, struct resident_pool *p, const atomic_int *stop,
                             char why[PROGRAM_WHY_BYTES])
{
    pv_status status = PV_OK;
    struct seat *s = NULL;
    uint64_t refused_ms = 0;
    pthread_mutex_lock(&p->lock);
    while (status == PV_OK) {
        bool is = serves(p, why);
        if (is && (s = idle_find(p))) break;
        if (is) refused_ms = 0;
        if (!is && !refused_ms) refused_ms = pv_clock_ms();
        if (stop && atomic_load(stop))
            status = PV_CANCELLED;
        else if (refused_ms && pv_clock_ms() - refused_ms >= HOLD_MS)
            status = PV_BUSY;
        else
            news_wait(p);
    }
    if (status == PV_OK) {
        state_set(s, SEAT_BUSY);
        *r = &s->resident;
    }
    pthread_mutex_unlock(&p->lock);
    return status;
}

static struct seat *seat_of(struct resident_pool *p, const struct resident *r)
{
    unsigned i = 0;
    while (&p->seats[i].resident != r) i++;
    return &p->seats[i];
}

void resident_pool_give(struct resident_pool *p, struct resident *r)
{
    pthread_mutex_lock(&p->lock);
    struct seat *s = seat_of(p, r);
    s->in_row = 0;
    state_set(s, SEAT_IDLE);
    pthread_cond_signal(&p->news);
    pthread_mutex_unlock(&p->lock);
}

void resident_pool_lose(struct resident_pool *p, struct resident *r, const char *because, bool guiltless,
                        char how[RESIDENT_WHY_BYTES])
{
    resident_end(r, because, how);
    pthread_mutex_lock(&p->lock);
    died(p, seat_of(p, r), how, guiltless, false);
    pthread_mutex_unlock(&p->lock);
    thread_wake(p);
}

void resident_pool_good(struct resident_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->in_row = p->quarantines = 0;
    pthread_mutex_unlock(&p->lock);
}

uint64_t resident_pool_starts(struct resident_pool *p)
{
    pthread_mutex_lock(&p->lock);
    uint64_t starts = p->starts;
    pthread_mutex_unlock(&p->lock);
    return starts;
}

size_t resident_pool_circuits(struct resident_pool *p, char (*names)[TALK_NAME_MAX + 1], uint64_t *needs, size_t most)
{
    size_t n = 0;
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->seats_n && !n; i++) {
        const struct seat *s = &p->seats[i];
        if (s->state != SEAT_IDLE && s->state != SEAT_ASKED) continue;
        n = s->resident.circuits_n;
        for (size_t k = 0; k < n && k < most; k++) {
            memcpy(names[k], s->resident.circuits[k], sizeof names[k]);
            needs[k] = s->resident.needs[k];
        }
    }
    pthread_mutex_unlock(&p->lock);
    return n;
}
