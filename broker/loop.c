#include "commit.h"
#include "durable.h"

#include "clock.h"
#include "log.h"
#include "random.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    SECOND_MS = 1000,
    LAG_MS = 100,            /* a turn that was late by more is told to the core: leases are not to suffer for it */
    CHUNK_BUDGET = 4 << 20,  /* bytes of chunks sent in one turn */
    INTAKE_BYTES = 16 << 20, /* payload bytes read in one turn */
};

/* --- stepping --- */

/* --- one turn --- */

/* The core's actions are committed, then become words. What sending finds out goes into the next batch. */
static void batch_end(struct broker *b)
{
    if (!commit_batch(b)) {
        sched_actions_clear(&b->out);
        durable_failed(b);
    }
    /* Also a batch that saves nothing may tell of the one before it. */
    bool behind = b->promised > store_durable(b->store);
    carry_sends(b, behind);
    carry_shows(b, behind);
    sched_actions_clear(&b->out);
    b->batch_n = b->later_ms = 0;
    b->batch_full = false;
    durable_bound(b);
}

static bool messages_read(struct broker *b, struct router_message *m)
{
    uint64_t bytes = 0;
    while (b->batch_n < b->config->batch && bytes < INTAKE_BYTES && !b->batch_full) {
        if (!router_receive(&b->router, m)) return false;
        b->counters.messages++;
        b->batch_n++;
        uint64_t size = router_message_bytes(m);
        bytes += size;
        flood_note(&b->flood, m->fd, size);
        intake_message(b, m);
    }
    return true;
}

static void tick(struct broker *b)
{
    struct sched_event ev = { .type = SCHED_TICK };
    if (sched_next_ms(b->sched) <= b->now_ms) broker_step(b, &ev, NULL);
}

/* What is done about once a second. */
static void second(struct broker *b)
{
    if (b->now_ms < b->disk_ms) return;
    b->disk_ms = b->now_ms + SECOND_MS;
    bool low = blobs_free_bytes(store_blobs(b->store)) < b->config->disk_reserve;
    if (low != b->disk_low) {
        struct sched_event ev = { .type = SCHED_DISK, .disk_low = low };
        b->disk_low = low;
        feed_broker(b, low ? "disk low" : "disk enough", NULL);
        if (low)
            LOG_WARN("disk.low", "free=%" PRIu64 " reserve=%" PRIu64, blobs_free_bytes(store_blobs(b->store)),
                     b->config->disk_reserve);
        else
            LOG_INFO("disk.enough", "reserve=%" PRIu64, b->config->disk_reserve);
        broker_step(b, &ev, NULL);
    }
    transfers_expire(b->transfers, b->now_ms, upload_forgotten);
    if (b->wanted_n) carry_wanted(b);
    store_tidy(b->store);
    if (b->http) metrics_publish(b);
}

static long sleep_ms(struct broker *b, bool more)
{
    if (more || b->more_chunks || b->cut_n) return 0;
    uint64_t next = sched_next_ms(b->sched), now = pv_clock_ms();
    if (b->disk_ms < next) next = b->disk_ms;
    if ((store_writing(b->store) || b->later_ms) && now + 10 < next) next = now + 10; /* neither waits longer */
    return next <= now ? 0 : (long)(next - now);
}

/* How late the loop is: its own work since it last slept, and whatever kept it from waking up. */
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
        if (s.ssi_signo == SIGHUP)
            broker_reload(b);
        else
            b->stopping = true;
    }
}

static void wake_read(struct broker *b)
{
    uint64_t n;
    while (read(b->wake, &n, sizeof n) == sizeof n) continue;
}

static void turn(struct broker *b, struct router_message *m, bool notices, bool *more)
{
    durable_turn(b);
    cuts_take(b);
    *more = messages_read(b, m);
    /* After the messages: they came before the end of their connection, and a node's last words hand its work back. */
    if (notices) notices_read(b);
    strangers_cut(b);
    if (*more) flood_stop(b);
    tick(b);
    second(b);
    if (!commit_later(b)) batch_end(b);
    b->more_chunks = transfers_pump(b->transfers, CHUNK_BUDGET);
    b->counters.turns++;
}

pv_status broker_run(struct broker *b)
{
    struct router_message m;
    bool more = false;
    uint64_t woke = pv_clock_ms();
    router_message_init(&m);
    while (!b->stopping) {
        zmq_pollitem_t items[] = { { .socket = b->router.socket, .events = ZMQ_POLLIN },
                                   { .socket = b->router.events, .events = ZMQ_POLLIN },
                                   { .fd = b->signals, .events = ZMQ_POLLIN },
                                   { .fd = b->wake, .events = ZMQ_POLLIN } };
        uint64_t slept = pv_clock_ms();
        long timeout = sleep_ms(b, more);
        /* Asking costs seven system calls: not while messages are known to wait, but for every sixteenth turn. */
        if (!more || b->counters.turns % 16 == 0) zmq_poll(items, 4, timeout);
        clocks_read(b);
        lag_tell(b, slept - woke, b->now_ms - slept, (uint64_t)timeout);
        woke = b->now_ms;
        if (items[2].revents) signals_read(b);
        if (items[3].revents) wake_read(b);
        turn(b, &m, items[1].revents != 0, &more);
    }
    router_message_clear(&m);
    LOG_INFO("broker.stopping", "tasks_kept=all");
    sync_settle_files(b); /* what came whole counts */
    b->must_commit = b->must_sync = true;
    batch_end(b);
    return store_failure(b->store) ? PV_STORE : PV_OK;
}

/* --- opening and closing --- */
