/* The broker's loop on a stage: whatever it calls is told in the order of the calls, with what it hands over, and the stage decides what it
 * is answered, how late it wakes, and what has come. Beside tests/vectors/broker/turns.txt (`loop_turns_test write` makes it anew). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker.h"
#include "golden.h"
#include "log.h"
#include "loop.h"
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* ---- what the stage answers ---- */

static struct {
    uint64_t clock, core_next, flood_next, alive_next, free_bytes, durable, us, rows;
    unsigned messages, full_at; /* that have come; a batch is full after this one; 0: none */
    size_t message_bytes;
    bool commit_fails, later, writing, heals, full, chunks, web, lost, mark_failed, takes_over;
    const char *failure;
    pv_status reopen, boot, again;
    struct store_found found;
} s;

static struct broker b;
static struct config config;
static struct blobs blobs_stand_in;
static int pipe_ends[2];

/* ---- what is called ---- */

#define SAYS(name, parameters)                                                                                         \
    void __wrap_##name parameters;                                                                                     \
    void __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        golden_tell(" %s", #name);                                                                                     \
    }
#define ANSWERS(type, name, parameters, answer)                                                                        \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return answer;                                                                                                 \
    }
#define SAYS_AND_ANSWERS(type, name, parameters, answer)                                                               \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        golden_tell(" %s", #name);                                                                                     \
        return answer;                                                                                                 \
    }

SAYS(durable_turn, (struct broker * p))
SAYS(durable_bound, (struct broker * p))
SAYS(uploads_retry, (struct broker * p))
SAYS(uploads_settle, (struct broker * p))
SAYS(web_publish, (struct broker * p))
SAYS(web_turn, (struct broker * p))
SAYS(notify_open, (struct notify * n))
SAYS(notify_ready, (const struct notify *n))
SAYS(notify_stopping, (const struct notify *n))
SAYS(notify_close, (struct notify * n))
SAYS(notify_reloading, (const struct notify *n))
SAYS(reload_all, (struct broker * p))
SAYS(damage_tell, (struct broker * p))
SAYS(damage_looked, (struct broker * p))
SAYS(connections_notices, (struct broker * p))
SAYS(connections_mind, (struct broker * p))
SAYS(listing_turn, (struct broker * p))
SAYS(store_tidy, (struct store * p))
SAYS(sched_actions_clear, (struct sched_actions * out))
ANSWERS(uint64_t, blobs_free_bytes, (const struct blobs *p), s.free_bytes)
ANSWERS(struct blobs *, store_blobs, (struct store * p), &blobs_stand_in)
SAYS(kept_expire, (struct kept * k, uint64_t now_ms))
SAYS(blobs_far_stop, (const struct blobs *p))
ANSWERS(bool, web_left, (const struct broker *p), s.web)
ANSWERS(uint64_t, notify_next_ms, (const struct notify *n), s.alive_next)
ANSWERS(uint64_t, sched_next_ms, (const struct sched *p), s.core_next)
ANSWERS(uint64_t, flood_next_ms, (const struct flood *f), s.flood_next)
ANSWERS(bool, store_heals, (const struct store *p), s.heals)
ANSWERS(bool, store_full, (const struct store *p), s.full)
ANSWERS(bool, store_writing, (const struct store *p), s.writing)
ANSWERS(const char *, store_failure, (const struct store *p), s.failure)
ANSWERS(const struct store_found *, store_found, (const struct store *p), &s.found)
ANSWERS(uint64_t, store_durable, (const struct store *p), s.durable)
ANSWERS(bool, broker_ours, (struct broker * p), !(p->not_ours |= s.lost))
ANSWERS(const char *, broker_not_ready, (const struct broker *p), s.failure)
ANSWERS(uint64_t, broker_clock_ms, (const struct broker *p), s.clock)
ANSWERS(uint64_t, pv_clock_us, (void), s.us += 7)
ANSWERS(size_t, router_message_bytes, (const struct router_message *m), s.message_bytes)
ANSWERS(long, standby_sleep_ms, (const struct broker *p), 555)
SAYS_AND_ANSWERS(bool, commit_later, (struct broker * p), s.later)
SAYS_AND_ANSWERS(pv_status, store_reopen, (struct store * p), s.reopen)
SAYS_AND_ANSWERS(pv_status, broker_begin_again, (struct broker * p), (p->store_failed = s.again != PV_OK, s.again))

void __wrap_broker_clocks_read(struct broker *p);
void __wrap_log_event(enum log_level level, const char *event, const char *format, ...);
void __wrap_journal_broker(struct journal *j, uint64_t wall_ms, const char *what, const char *text);
void __wrap_notify_status(struct notify *n, const char *format, ...);
void __wrap_notify_alive(struct notify *n, uint64_t now_ms);
bool __wrap_commit_batch(struct broker *p);
void __wrap_say_batch(struct broker *p, bool behind);
void __wrap_durable_failed(struct broker *p);
bool __wrap_router_receive(struct router *r, struct router_message *m);
void __wrap_flood_note(struct flood *f, int fd, uint64_t wire_bytes);
void __wrap_intake_message(struct broker *p, struct router_message *m);
void __wrap_broker_step(struct broker *p, struct sched_event *ev, struct broker_payload *payload);
uint64_t __wrap_uploads_expire(struct uploads *t, uint64_t now_ms, void (*dropped)(void *, const struct upload *));
void __wrap_blob_spares_expire(struct blob_spares *spares, int incoming, uint64_t now_ms, bool disk_low);
void __wrap_broker_clock_save(struct broker *p, uint64_t older_ms);
pv_status __wrap_store_boot(struct store *p, uint32_t above, uint32_t *epoch);
void __wrap_connections_end_cut(struct broker *p);
void __wrap_connections_cut_flood(struct broker *p, bool drained);
bool __wrap_downloads_pump(struct downloads *t, uint64_t budget);
void __wrap_sched_read_stats(const struct sched *p, struct sched_stats *stats);
void __wrap_histogram_add(struct histogram *h, const struct histogram_bounds *bounds, uint64_t us);
void __wrap_standby_begin(struct broker *p, const char *why, const char *active);
bool __wrap_standby_turn(struct broker *p, struct router_message *m, bool notices, bool *left, struct store **store);
bool __wrap_broker_take_over(struct broker *p, struct store **store);
void __wrap_broker_stand_by(struct broker *p);
int __wrap_zmq_poll(zmq_pollitem_t *items, int n, long timeout);

void __wrap_broker_clocks_read(struct broker *p)
{
    p->now_ms = s.clock;
}

static void line(const char *first, const char *format, va_list ap)
{
    char text[300];
    vsnprintf(text, sizeof text, format, ap);
    golden_tell(" [%s %s]", first, text);
}

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    line(event, format, ap);
    va_end(ap);
}

void __wrap_notify_status(struct notify *n, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    line("status", format, ap);
    va_end(ap);
}

void __wrap_journal_broker(struct journal *j, uint64_t wall_ms, const char *what, const char *text)
{
    golden_tell(" journal:%s", what);
}

void __wrap_notify_alive(struct notify *n, uint64_t now_ms)
{
    golden_tell(" alive@%u", (unsigned)now_ms);
}

bool __wrap_commit_batch(struct broker *p)
{
    golden_tell(" commit%s%s", p->batch.must_commit ? "+must" : "", p->batch.must_sync ? "+sync" : "");
    p->batch.must_commit = p->batch.must_sync = false;
    return !s.commit_fails;
}

void __wrap_say_batch(struct broker *p, bool behind)
{
    golden_tell(" say%s", behind ? "(behind)" : "");
}

void __wrap_durable_failed(struct broker *p)
{
    golden_tell(" durable_failed");
    p->store_failed = true;
    s.commit_fails = false;
}

bool __wrap_router_receive(struct router *r, struct router_message *m)
{
    if (!s.messages) return false;
    s.messages--;
    m->fd = 9;
    m->wire = s.message_bytes + 1;
    return true;
}

void __wrap_flood_note(struct flood *f, int fd, uint64_t wire_bytes)
{
    golden_tell(" note(%d,%u)", fd, (unsigned)wire_bytes);
}

void __wrap_intake_message(struct broker *p, struct router_message *m)
{
    golden_tell(" message");
    if (s.full_at && !--s.full_at) p->batch.full = true;
}

void __wrap_broker_step(struct broker *p, struct sched_event *ev, struct broker_payload *payload)
{
    const char *name = ev->type == SCHED_TICK           ? "tick"
                       : ev->type == SCHED_DISK         ? "disk"
                       : ev->type == SCHED_LAG          ? "lag"
                       : ev->type == SCHED_STORE_FAILED ? "store-failed"
                                                        : "?";
    golden_tell(" step:%s", name);
    if (ev->type == SCHED_DISK) golden_tell("(%d)", ev->disk_low);
    if (ev->type == SCHED_LAG) golden_tell("(%u)", (unsigned)ev->lag_ms);
    if (ev->type == SCHED_TICK) s.core_next = s.clock + 5000;
}

uint64_t __wrap_uploads_expire(struct uploads *t, uint64_t now_ms, void (*dropped)(void *, const struct upload *))
{
    golden_tell(" expire@%u", (unsigned)now_ms);
    return 0;
}

void __wrap_blob_spares_expire(struct blob_spares *spares, int incoming, uint64_t now_ms, bool disk_low)
{
    golden_tell(" spares@%u%s", (unsigned)now_ms, disk_low ? "(low)" : "");
}

void __wrap_broker_clock_save(struct broker *p, uint64_t older_ms)
{
    golden_tell(" clock-save(%u)", (unsigned)older_ms);
}

pv_status __wrap_store_boot(struct store *p, uint32_t above, uint32_t *epoch)
{
    golden_tell(" boot(%u)", above);
    if (s.boot == PV_OK) ++*epoch;
    return s.boot;
}

void __wrap_connections_end_cut(struct broker *p)
{
    golden_tell(" end-cut");
    p->cuts.n = 0;
}

void __wrap_connections_cut_flood(struct broker *p, bool drained)
{
    golden_tell(" flood%s", drained ? "(drained)" : "");
}

bool __wrap_downloads_pump(struct downloads *t, uint64_t budget)
{
    bool more = s.chunks;
    golden_tell(" pump(%u)", (unsigned)budget);
    s.chunks = false;
    return more;
}

void __wrap_sched_read_stats(const struct sched *p, struct sched_stats *stats)
{
    *stats = (struct sched_stats){ .rows = s.rows += 3, .tasks = 5, .provers = 2 };
}

void __wrap_histogram_add(struct histogram *h, const struct histogram_bounds *bounds, uint64_t us)
{
    golden_tell(" took(%u)", (unsigned)us);
}

/* ---- another has the store ---- */

static int standing; /* turns */

void __wrap_standby_begin(struct broker *p, const char *why, const char *active)
{
    golden_tell(" standby_begin(%s at %s)", why, active);
}

bool __wrap_standby_turn(struct broker *p, struct router_message *m, bool notices, bool *left, struct store **store)
{
    golden_tell(" standby%s", notices ? "(notices)" : "");
    *left = standing % 2;
    return ++standing % 3 == 0;
}

bool __wrap_broker_take_over(struct broker *p, struct store **store)
{
    golden_tell(" take_over(%d)", s.takes_over);
    if (s.takes_over) p->sched = (struct sched *)&s;
    s.takes_over = true;
    return p->sched;
}

void __wrap_broker_stand_by(struct broker *p)
{
    golden_tell(" stand_by");
    p->sched = NULL;
    p->not_ours = s.lost = false;
}

/* ---- what comes while it sleeps ---- */

static void signal_comes(int number)
{
    struct signalfd_siginfo one = { .ssi_signo = (uint32_t)number };
    assert_int_equal(write(pipe_ends[1], &one, sizeof one), sizeof one);
}

/* clang-format off */
static void tick_due(void) { s.core_next = s.clock; }
static void tick_late(void) { s.core_next = s.clock + 1; }
static void three(void) { s.messages = 3, s.message_bytes = 100; }
static void as_many_as_a_batch(void) { s.messages = 4; }
static void more_than_a_batch(void) { s.messages = 9; }
static void large(void) { s.messages = 3, s.message_bytes = 8 << 20; }
static void nearly_large(void) { s.messages = 3, s.message_bytes = (8 << 20) - 1; }
static void full_after_two(void) { s.messages = 3, s.full_at = 2, s.message_bytes = 1; }
static void many(void) { s.messages = 70; }
static void chunks(void) { s.chunks = true; }
static void cut(void) { b.cuts.n = 1; }
static void list(void) { b.lists.n = 1; }
static void no_list(void) { b.lists.n = 0; }
static void damaged(void) { b.damaged.n = 1; }
static void not_damaged(void) { b.damaged.n = 0; }
static void web(void) { s.web = true; }
static void no_web(void) { s.web = false; }
static void writing(void) { s.writing = true; }
static void not_writing(void) { s.writing = false; }
static void later(void) { s.later = true, b.batch.later_ms = 5, b.batch.messages = 2; }
static void not_later(void) { s.later = false; }
static void flood_soon(void) { b.door.n = 1, s.flood_next = s.clock + 40; }
static void flood_of_nobody(void) { b.door.n = 0; }
static void alive_soon(void) { s.alive_next = s.clock + 30; }
static void alive_late(void) { s.alive_next = UINT64_MAX; }
static void disk_at_its_reserve(void) { s.free_bytes = 1000; }
static void disk_low(void) { s.free_bytes = 999; }
static void disk_enough(void) { s.free_bytes = 1001; }
static void mark_fails(void) { s.found.mark_failed = true; }
static void mark_written(void) { s.found.mark_failed = false; }
static void wanted(void) { b.wanted.n = 2; }
static void nothing_wanted(void) { b.wanted.n = 0; }
static void promised(void) { b.promised = 8, s.durable = 7; }
static void durable(void) { s.durable = 8; }
static void hup(void) { signal_comes(SIGHUP); }
static void term(void) { signal_comes(SIGTERM); }
static void hup_and_term(void) { signal_comes(SIGHUP), signal_comes(SIGINT); }
static void woken(void) { assert_int_equal(eventfd_write(b.wake, 3), 0); }
static void commit_fails(void) { s.commit_fails = true, s.failure = "no space"; }
static void commit_fails_for_good(void) { s.heals = false, commit_fails(); }
static void heals(void) { s.heals = s.full = true, s.reopen = PV_DISK_FULL; }
static void away(void) { s.full = false; }
static void boot_fails(void) { s.reopen = PV_OK, s.boot = PV_STORE; }
static void begins_in_vain(void) { s.boot = PV_OK, s.again = PV_STORE; }
static void healed(void) { s.again = PV_OK, s.reopen = PV_OK, s.failure = NULL; }
static void worse(void) { s.reopen = PV_STORE, s.heals = false; }
static void taken_by_another(void) { s.reopen = PV_BUSY, s.heals = true; }
static void lost(void) { s.lost = true; }
static void no_uploads(void) { b.uploads = NULL, s.again = PV_NO_MEMORY; }
/* clang-format on */

struct step {
    const char *title;
    uint64_t late_ms; /* it wakes by so much after the time that it asked for; for good: as soon as it asked */
    void (*comes)(void);
    unsigned ready;    /* bits: messages, reports of connections, signals, wake */
    unsigned after_ms; /* 0: the whole time; else it wakes after this */
};

static const struct step *script;
static size_t at, script_n;

int __wrap_zmq_poll(zmq_pollitem_t *items, int n, long timeout)
{
    assert_int_equal(n, 4);
    golden_tell(" sleep(%ld)\n", timeout);
    assert_true(at < script_n);
    const struct step *now = &script[at++];
    s.clock += now->after_ms ? now->after_ms : (uint64_t)timeout;
    s.clock += now->late_ms;
    for (int i = 0; i < 4; i++) items[i].revents = (short)(now->ready >> i & 1 ? ZMQ_POLLIN : 0);
    assert_true(items[0].events == ZMQ_POLLIN && items[3].events == ZMQ_POLLIN && items[2].fd == b.signals);
    if (now->comes) now->comes();
    golden_tell("%u %s:", (unsigned)s.clock, now->title);
    return 0;
}

enum { MESSAGES = 1, REPORTS = 2, SIGNALS = 4, WAKE = 8 };

static void runs(const char *title, const struct step *steps, size_t n)
{
    golden_tell("== %s:", title);
    script = steps;
    script_n = n;
    at = 0;
    pv_status st = broker_run(&b);
    assert_int_equal(at, n);
    golden_tell("\n= %s, epoch %u, turns %u, messages %u, most rows %u, late %u of it %u, reads %d\n",
                pv_status_word(st), b.epoch, (unsigned)b.counters.turns, (unsigned)b.counters.messages,
                (unsigned)b.counters.rows_most, (unsigned)b.counters.lag_ms_most, (unsigned)b.counters.lag_ms_total,
                b.stopping);
}

#define RUNS(title, steps) runs(title, steps, sizeof steps / sizeof *steps)

static int setup(void **state)
{
    memset(&b, 0, sizeof b);
    memset(&s, 0, sizeof s);
    config = (struct config){ .batch = 4, .disk_reserve = 1000, .state = "STATE" };
    b.config = &config;
    b.sched = (struct sched *)&s; /* there, and never looked into */
    b.store = (struct store *)&s;
    b.uploads = (struct uploads *)&s;
    b.journal = (struct journal *)&s;
    assert_int_equal(pipe2(pipe_ends, O_NONBLOCK | O_CLOEXEC), 0);
    b.signals = pipe_ends[0];
    b.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    b.now_ms = s.clock = 10000;
    s.core_next = s.alive_next = s.flood_next = UINT64_MAX;
    s.free_bytes = 5000;
    standing = 0;
    return 0;
}

static int teardown(void **state)
{
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    close(b.wake);
    return 0;
}

static void an_ordinary_day(void **state)
{
    static const struct step steps[] = {
        { "nothing", 0, NULL, 0, 0 },
        { "a tick is due", 0, tick_due, 0, 10 },
        { "none yet", 0, tick_late, 0, 10 },
        { "three messages", 0, three, MESSAGES, 10 },
        { "as many as a batch", 0, as_many_as_a_batch, MESSAGES, 10 },
        { "more than a batch", 0, more_than_a_batch, MESSAGES, 10 },
        { "large ones", 0, large, MESSAGES, 10 },
        { "nearly", 0, nearly_large, MESSAGES, 10 },
        { "a full batch", 0, full_after_two, MESSAGES, 10 },
        { "many", 0, many, MESSAGES, 10 },
        { "a poll between", 0, NULL, REPORTS, 0 },
        { "reports", 0, NULL, REPORTS, 10 },
        { "chunks", 0, chunks, 0, 10 },
        { "a cut", 0, cut, 0, 10 },
        { "a list", 0, list, 0, 10 },
        { "no list", 0, no_list, 0, 10 },
        { "damage", 0, damaged, 0, 10 },
        { "none", 0, not_damaged, 0, 10 },
        { "a question of the web", 0, web, 0, 10 },
        { "none", 0, no_web, 0, 10 },
        { "something is written", 0, writing, 0, 10 },
        { "nothing is", 0, not_writing, 0, 10 },
        { "the batch waits", 0, later, 0, 10 },
        { "no longer", 0, not_later, 0, 10 },
        { "a flood to look at", 0, flood_soon, 0, 10 },
        { "of nobody", 0, flood_of_nobody, 0, 10 },
        { "to be alive", 0, alive_soon, 0, 10 },
        { "not soon", 0, alive_late, 0, 10 },
        { "woken", 0, woken, WAKE, 10 },
        { "promised", 0, promised, 0, 10 },
        { "durable", 0, durable, 0, 10 },
        { "HUP", 0, hup, SIGNALS, 10 },
        { "TERM", 0, term, SIGNALS, 10 },
    };
    RUNS("an ordinary day", steps);
}

static void each_second(void **state)
{
    static const struct step steps[] = {
        { "the disk at its reserve", 0, disk_at_its_reserve, 0, 1000 },
        { "a second is not over", 0, disk_low, 0, 999 },
        { "it is low", 0, NULL, 0, 1 },
        { "still", 0, NULL, 0, 1000 },
        { "enough", 0, disk_enough, 0, 1000 },
        { "the watermark fails", 0, mark_fails, 0, 1000 },
        { "still", 0, NULL, 0, 1000 },
        { "written", 0, mark_written, 0, 1000 },
        { "results are wanted", 0, wanted, 0, 1000 },
        { "none", 0, nothing_wanted, 0, 1000 },
        { "woken in time", 0, NULL, 0, 0 },
        { "100 ms late", 100, NULL, 0, 0 },
        { "101 ms late", 101, NULL, 0, 0 },
        { "5 s late", 5000, NULL, 0, 0 },
        { "150 ms late", 150, NULL, 0, 0 },
        { "HUP and INT", 0, hup_and_term, SIGNALS, 1 },
    };
    RUNS("each second", steps);
}

static void a_disk_that_is_full(void **state)
{
    static const struct step steps[] = {
        { "a commit fails, for good", 0, commit_fails_for_good, 0, 10 },
        { "it heals", 0, heals, 0, 10 },
        { "not yet", 0, NULL, 0, 989 },
        { "no space", 0, NULL, 0, 11 },
        { "not yet", 0, NULL, 0, 1999 },
        { "no space", 0, NULL, 0, 1 },
        { "no space", 0, away, 0, 4000 },
        { "no space", 0, NULL, 0, 8000 },
        { "no space", 0, NULL, 0, 16000 },
        { "no space", 0, NULL, 0, 30000 },
        { "the start fails", 0, boot_fails, 0, 30000 },
        { "a core in vain", 0, begins_in_vain, 0, 30000 },
        { "healed", 0, healed, 0, 30000 },
        { "59.999 s later", 0, commit_fails, 0, 59999 },
        { "its time", 0, healed, 0, 30000 },
        { "60 s later", 0, commit_fails, 0, 60000 },
        { "its time", 0, worse, 0, 1000 },
        { "a restart is needed", 0, NULL, 0, 60000 },
        { "TERM", 0, term, SIGNALS, 1 },
    };
    RUNS("a disk that is full", steps);
}

static void no_core_to_go_on_with(void **state)
{
    static const struct step steps[] = {
        { "a commit fails", 0, commit_fails, 0, 10 },
        { "its time", 0, no_uploads, 0, 1000 },
    };
    s.heals = true;
    s.reopen = PV_OK;
    RUNS("no core to go on with", steps);
}

static void another_has_the_store(void **state)
{
    static const struct step steps[] = {
        { "nothing", 0, NULL, 0, 10 },
        { "another may have it", 0, lost, 0, 10 },
        { "standing by", 0, NULL, REPORTS, 0 },
        { "standing by", 0, NULL, 0, 0 },
        { "standing by, and it is not to be had", 0, NULL, 0, 0 },
        { "standing by", 0, NULL, 0, 0 },
        { "HUP", 0, hup, SIGNALS, 0 },
        { "standing by, and it is to be had", 0, NULL, 0, 0 },
        { "as before", 0, NULL, 0, 10 },
        { "a commit fails", 0, commit_fails, 0, 10 },
        { "it is another's", 0, taken_by_another, 0, 10 },
        { "its time", 0, NULL, 0, 1000 },
        { "TERM", 0, term, SIGNALS, 0 },
    };
    s.heals = true;
    RUNS("another has the store", steps);
}

static void it_stands_by_from_the_start(void **state)
{
    static const struct step steps[] = { { "TERM", 0, term, SIGNALS, 0 } };
    b.sched = NULL;
    b.store = NULL;
    snprintf(b.standby.found, sizeof b.standby.found, "another has it");
    snprintf(b.standby.found_active, sizeof b.standby.found_active, "tcp://a:1");
    RUNS("it stands by from the start", steps);
}

static void told(void **state)
{
    static void (*const days[])(
        void **) = { an_ordinary_day,       each_second,           a_disk_that_is_full,
                     no_core_to_go_on_with, another_has_the_store, it_stands_by_from_the_start };
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        setup(NULL);
        days[i](NULL);
        teardown(NULL);
    }
    golden_is("vectors/broker/turns.txt");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(told) };
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
