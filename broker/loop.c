#include "loop.h"

#include "blobs_far.h"
#include "broker.h"
#include "broker_open.h"
#include "commit.h"
#include "connections.h"
#include "damage.h"
#include "durable.h"
#include "intake.h"
#include "listing.h"
#include "reload.h"
#include "say.h"
#include "standby.h"
#include "step.h"
#include "uploads.h"
#include "web.h"

#include "clock.h"
#include "log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    SECOND_MS = 1000,
    CLOCK_IDLE_MS = 60000, /* a broker with nothing to commit saves its clock this often, without a sync */
    HEAL_LEAST_MS = 1000,
    HEAL_MOST_MS = 30000,
    HEAL_STEADY_MS = 60000,
    LAG_MS = 100,            /* the core is told of a turn that was late by more, so that no lease ends for it */
    CHUNK_BUDGET = 4 << 20,  /* bytes of chunks sent in one turn */
    INTAKE_BYTES = 16 << 20, /* payload bytes read in one turn */
    FAR_WAIT_MS = 5000,      /* at the end, for payloads on their way into a bucket */
};

/* The core's actions are committed, then become messages. Peers that sending cannot reach end in the next batch. */
static void batch_end(struct broker *b)
{
    /* After a failure the core says nothing but refusals and welcomes. */
    if (!b->store_failed && !commit_batch(b)) {
        sched_actions_clear(&b->batch.out);
        durable_failed(b);
    }
    /* Also a batch that saves nothing may tell of the one before it. */
    bool behind = !b->store_failed && b->promised > store_durable(b->store);
    say_batch(b, behind);
    sched_actions_clear(&b->batch.out);
    b->batch.messages = b->batch.later_ms = 0;
    b->batch.full = false;
    durable_bound(b);
}

static bool messages_read(struct broker *b, struct router_message *m)
{
    uint64_t bytes = 0;
    while (b->batch.messages < b->config->batch && bytes < INTAKE_BYTES && !b->batch.full) {
        if (!router_receive(&b->router, m)) return false;
        b->counters.messages++;
        b->batch.messages++;
        uint64_t size = router_message_bytes(m);
        bytes += size;
        flood_note(&b->flood, m->fd, m->wire);
        intake_message(b, m);
    }
    return true;
}

static void tick(struct broker *b)
{
    struct sched_event ev = { .type = SCHED_TICK };
    if (sched_next_ms(b->sched) <= b->now_ms) broker_step(b, &ev, NULL);
}

static void disk_look(struct broker *b)
{
    uint64_t free_bytes = blobs_free_bytes(store_blobs(b->store)), reserve = b->config->disk_reserve;
    bool low = free_bytes < reserve;
    if (low == b->disk_low) return;
    struct sched_event ev = { .type = SCHED_DISK, .disk_low = low };
    b->disk_low = low;
    journal_broker(b->journal, b->wall_ms, low ? "disk low" : "disk enough", NULL);
    if (low)
        LOG_WARN("disk.low", "free=%" PRIu64 " reserve=%" PRIu64, free_bytes, reserve);
    else
        LOG_INFO("disk.enough", "reserve=%" PRIu64, reserve);
    broker_step(b, &ev, NULL);
}

/* The watermark's end as a fact is told once, and its return. */
static void watermark_look(struct broker *b)
{
    bool failed = store_found(b->store)->mark_failed;
    if (failed == b->mark_failed) return;
    b->mark_failed = failed;
    if (failed)
        LOG_WARN("watermark.failed", "why=%s", "watermark or .identity cannot be written: a loss might go unnoticed");
    else
        LOG_INFO("watermark.written", "state=%s", b->config->state);
}

/* One line for `systemctl status`. */
static void service_status(struct broker *b)
{
    struct sched_stats core;
    const char *why = broker_not_ready(b);
    sched_read_stats(b->sched, &core);
    if (why)
        notify_status(&b->notify, "Accepts no tasks: %s", why);
    else
        notify_status(&b->notify, "%" PRIu64 " tasks kept, %" PRIu64 " provers", core.tasks, core.provers);
}

static void spares_expire(struct broker *b)
{
    struct blobs *blobs = store_blobs(b->store);
    blob_spares_expire(&blobs->spares, blobs->incoming, b->now_ms, b->disk_low);
}

/* What is done about once a second. */
static void second(struct broker *b)
{
    if (b->now_ms < b->second_ms) return;
    b->second_ms = b->now_ms + SECOND_MS;
    disk_look(b);
    watermark_look(b);
    uploads_expire(b->uploads, b->now_ms, uploads_dropped);
    kept_expire(b->kept, b->now_ms);
    spares_expire(b);
    if (b->wanted.n) uploads_retry(b);
    store_tidy(b->store);
    if (!b->disk_low && !b->store_failed) broker_clock_save(b, CLOCK_IDLE_MS);
    web_publish(b);
    service_status(b);
}

/* Each try opens the database and may make the core anew, so the pauses double. Also when a try went well and the space was gone
 * again at once: only a store that has worked for a while begins with the shortest. */
static void heal_later(struct broker *b, bool failed_anew)
{
    bool steady = failed_anew && (!b->healed_ms || b->now_ms - b->healed_ms >= HEAL_STEADY_MS);
    uint64_t wait = steady ? 0 : 2 * b->heal_wait_ms;
    if (wait < HEAL_LEAST_MS) wait = HEAL_LEAST_MS;
    if (wait > HEAL_MOST_MS) wait = HEAL_MOST_MS;
    b->heal_wait_ms = wait;
    b->heal_ms = b->now_ms + wait;
    LOG_INFO(store_full(b->store) ? "store.full" : "store.away", "next_try_ms=%" PRIu64, wait);
}

/* The new core was made, and the space was gone again before that was committed: it is told, and answers as the old one did. */
static bool begun_in_vain(struct broker *b)
{
    struct sched_event ev = { .type = SCHED_STORE_FAILED };
    if (!b->sched || !b->uploads || !b->journal || !store_heals(b->store)) return false;
    broker_step(b, &ev, NULL);
    sched_actions_clear(&b->batch.out);
    b->batch = (struct broker_batch){ .out = b->batch.out };
    return true;
}

/* A store that failed for want of space goes on when there is some (and one whose server was away when it is back), as after a restart of the broker: the core is made anew
 * from what is really there. */
static void heal(struct broker *b)
{
    if (!b->store_failed || !store_heals(b->store)) return;
    if (!b->heal_ms) heal_later(b, true);
    if (b->now_ms < b->heal_ms) return;
    pv_status st = store_reopen(b->store);
    if (st == PV_BUSY) b->not_ours = true;
    if (st == PV_OK) st = store_boot(b->store, 0, &b->epoch);
    bool opened = st == PV_OK;
    if (opened) st = broker_begin_again(b);
    b->second_ms = 0;
    if (st == PV_OK) {
        b->heal_ms = 0;
        b->healed_ms = b->now_ms;
    } else if (!opened || begun_in_vain(b)) {
        if (store_heals(b->store)) heal_later(b, false); /* else something worse, and it still answers */
    } else {
        LOG_ERROR("store.not_healed", "why=%s", store_failure(b->store) ? store_failure(b->store) : pv_status_text(st));
        b->stopping = true; /* there is no core to go on with: a start may do better */
    }
}

/* What a turn has left for the next. */
struct turn {
    bool messages; /* more of them may wait */
    bool chunks;   /* more could be sent at once */
};

static long sleep_ms(struct broker *b, const struct turn *left)
{
    if (left->messages || left->chunks || b->cuts.n || b->lists.n || b->damaged.n || web_left(b)) return 0;
    uint64_t next = sched_next_ms(b->sched), now = broker_clock_ms(b), alive = notify_next_ms(&b->notify);
    if (b->second_ms < next) next = b->second_ms;
    if (alive < next) next = alive;
    if (b->door.n && flood_next_ms(&b->flood) < next) next = flood_next_ms(&b->flood);
    if ((store_writing(b->store) || b->batch.later_ms) && now + 10 < next) next = now + 10; /* neither waits longer */
    return next <= now ? 0 : (long)(next - now);
}

/* How late the loop is: its own work since it last slept, and what kept it from waking up in time. */
static void lag_tell(struct broker *b, uint64_t worked_ms, uint64_t slept_ms, uint64_t meant_ms)
{
    uint64_t lag = worked_ms + (slept_ms > meant_ms ? slept_ms - meant_ms : 0);
    if (lag <= LAG_MS) return;
    struct sched_event ev = { .type = SCHED_LAG, .lag_ms = lag };
    b->counters.lag_ms_total += lag;
    if (lag > b->counters.lag_ms_most) b->counters.lag_ms_most = lag;
    LOG_DEBUG("loop.lag", "ms=%" PRIu64, lag);
    broker_step(b, &ev, NULL);
}

static void signals_read(struct broker *b)
{
    struct signalfd_siginfo s;
    while (read(b->signals, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo != SIGHUP) {
            b->stopping = true;
            continue;
        }
        notify_reloading(&b->notify);
        reload_all(b);
        notify_ready(&b->notify);
    }
}

static void wake_read(struct broker *b)
{
    uint64_t n;
    while (read(b->wake, &n, sizeof n) == sizeof n) continue;
}

static uint64_t rows_visited(const struct broker *b)
{
    struct sched_stats core;
    sched_read_stats(b->sched, &core);
    return core.rows + b->counters.list_rows;
}

static struct turn turn(struct broker *b, struct router_message *m, bool notices)
{
    struct turn left;
    uint64_t rows = rows_visited(b);
    notify_alive(&b->notify, b->now_ms);
    durable_turn(b);
    connections_end_cut(b);
    damage_tell(b);
    damage_looked(b);
    left.messages = messages_read(b, m);
    /* After the messages: they came before the end of their connection, and a node's last messages hand its work back. */
    if (notices) connections_notices(b);
    connections_mind(b);
    connections_cut_flood(b, !left.messages);
    tick(b);
    second(b);
    listing_turn(b);
    if (broker_ours(b)) web_turn(b);
    if (!commit_later(b)) batch_end(b);
    heal(b);
    left.chunks = broker_ours(b) && downloads_pump(b->downloads, CHUNK_BUDGET);
    b->counters.turns++;
    rows = rows_visited(b) - rows;
    if (rows > b->counters.rows_most) b->counters.rows_most = rows;
    return left;
}

/* Reads what has come to signals and wake, and whether connections have something to tell. */
static bool wait_for(struct broker *b, bool asleep, long timeout)
{
    zmq_pollitem_t items[] = { { .socket = b->router.socket, .events = ZMQ_POLLIN },
                               { .socket = b->router.events, .events = ZMQ_POLLIN },
                               { .fd = b->signals, .events = ZMQ_POLLIN },
                               { .fd = b->wake, .events = ZMQ_POLLIN } };
    if (asleep) zmq_poll(items, 4, timeout);
    broker_clocks_read(b);
    if (items[2].revents) signals_read(b);
    if (items[3].revents) wake_read(b);
    return items[1].revents != 0;
}

/* Until it is told to end, or another may have the store. */
static void active_turns(struct broker *b, struct router_message *m)
{
    struct turn left = { .messages = false };
    uint64_t woke = broker_clock_ms(b);
    while (!b->stopping && broker_ours(b)) {
        uint64_t slept = broker_clock_ms(b);
        long timeout = sleep_ms(b, &left);
        /* Polling costs seven system calls: while messages are known to wait, only every sixteenth turn does it. */
        bool notices = wait_for(b, !left.messages || b->counters.turns % 16 == 0, timeout);
        lag_tell(b, slept - woke, b->now_ms - slept, (uint64_t)timeout);
        woke = b->now_ms;
        uint64_t from_us = pv_clock_us();
        left = turn(b, m, notices);
        histogram_add(&b->counters.loop, &histogram_of_turns, pv_clock_us() - from_us);
    }
}

/* Until it is told to end, or has taken the store over. */
static void standby_turns(struct broker *b, struct router_message *m)
{
    struct store *store = NULL;
    bool left = false, ours = false;
    while (!b->stopping && !ours) {
        bool notices = wait_for(b, true, left ? 0 : standby_sleep_ms(b));
        if (standby_turn(b, m, notices, &left, &store)) ours = broker_take_over(b, &store);
    }
}

/* What came whole and is on its way far away counts, if it gets there soon. */
static void far_wait(struct broker *b)
{
    if (!b->far_files) return;
    uint64_t until = pv_clock_ms() + FAR_WAIT_MS;
    do {
        uploads_settle(b);
        if (uploads_read_stats(b->uploads).publishing) usleep(10000);
    } while (uploads_read_stats(b->uploads).publishing && pv_clock_ms() < until);
    blobs_far_stop(store_blobs(b->store));
}

static void last_batch(struct broker *b)
{
    web_publish(b); /* not ready, from now on */
    far_wait(b);
    uploads_settle(b); /* what came whole counts */
    broker_clock_save(b, 0);
    b->batch.must_commit = b->batch.must_sync = true;
    batch_end(b);
}

pv_status broker_run(struct broker *b)
{
    struct router_message m;
    router_message_init(&m);
    notify_open(&b->notify);
    notify_ready(&b->notify);
    if (!b->sched) standby_begin(b, b->standby.found, b->standby.found_active);
    while (!b->stopping) {
        if (b->sched)
            active_turns(b, &m);
        else
            standby_turns(b, &m);
        if (b->sched && !broker_ours(b)) broker_stand_by(b);
    }
    router_message_clear(&m);
    LOG_INFO("broker.stopping", "tasks_kept=all");
    notify_stopping(&b->notify);
    if (b->sched) last_batch(b);
    notify_close(&b->notify);
    return b->store && store_failure(b->store) ? PV_STORE : PV_OK;
}
