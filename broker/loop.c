#include "broker.h"

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
    LAG_MS = 100,             /* a turn that was late by more is told to the core: leases are not to suffer for it */
    CHUNK_BUDGET = 4 << 20,   /* bytes of chunks sent in one turn */
    INTAKE_BYTES = 16 << 20,  /* payload bytes read in one turn */
    UPLOAD_ABANDONED_MS = 600000,
    FILE_THREADS = 2,         /* a large file's sync beside many small ones */
};

/* --- stepping --- */

static void clocks_read(struct broker *b)
{
    b->now_ms = pv_clock_ms();
    b->wall_ms = pv_wall_ms();
}

void broker_step(struct broker *b, struct sched_event *ev)
{
    ev->now_ms = b->now_ms;
    ev->wall_ms = b->wall_ms;
    sched_step(b->sched, ev, &b->out);
    if (b->out.failed) store_fail(b->store, "out of memory");
    while (b->carried < b->out.n) carry_now(b, b->carried++);
}

void broker_peer_end(struct broker *b, struct peer *peer)
{
    struct sched_event ev = { .type = SCHED_PEER_GONE, .peer = peer->handle };
    bool known = peer->hello;
    if (known) feed_peer(b, peer, "gone");
    int fd = peer->fd;
    LOG_DEBUG("peer.gone", "name=%s principal=%s", peer->name, broker_principal(b, peer));
    transfers_peer_gone(b->transfers, peer->handle, b->now_ms);
    if (known && b->keys) auth_keys_connected(b->keys, peer->key, -1);
    peers_drop(&b->peers, peer);
    if (fd >= 0) strangers_add(&b->strangers, fd, b->now_ms); /* the connection is still there, and nobody's again */
    if (known) broker_step(b, &ev);
}

void broker_peer_cut(struct broker *b, uint64_t handle)
{
    if (b->cut_n == b->cut_cap) {
        size_t cap = b->cut_cap ? 2 * b->cut_cap : 64;
        uint64_t *more = realloc(b->cut, cap * sizeof *more);
        if (!more) return; /* its lease will run out instead */
        b->cut = more;
        b->cut_cap = cap;
    }
    b->cut[b->cut_n++] = handle;
}

const char *broker_principal(const struct broker *b, const struct peer *peer)
{
    const struct auth_key *key = b->keys ? auth_keys_find(b->keys, peer->key) : NULL;
    return key ? key->name : b->keys ? "unknown" : "local";
}

const char *broker_not_ready(const struct broker *b)
{
    if (store_failure(b->store)) return store_failure(b->store);
    if (b->disk_low) return "free disk is below the reserve";
    return b->stopping ? "stopping" : NULL;
}

const struct config_queue *broker_queue(const struct broker *b, const char *name)
{
    for (size_t i = 0; i < b->config->queues_n; i++)
        if (!strcmp(b->config->queues[i].name, name)) return &b->config->queues[i];
    return NULL;
}

/* --- one turn --- */

void broker_store_failed(struct broker *b)
{
    struct sched_event ev = { .type = SCHED_STORE_FAILED };
    sync_refuse(b);
    if (b->store_failed) return;
    LOG_ERROR("store.failed", "why=%s", store_failure(b->store));
    feed_broker(b, "store failed", store_failure(b->store));
    b->store_failed = true;
    broker_step(b, &ev);
}

/* The core's actions are committed, then become words. What sending finds out goes into the next batch. */
static void batch_end(struct broker *b)
{
    if (!carry_commit(b)) {
        sched_actions_clear(&b->out);
        b->carried = 0;
        broker_store_failed(b);
    }
    sync_start(b);
    b->saying = true;
    carry_sends(b);
    carry_shows(b);
    b->saying = b->promising = false;
    sched_actions_clear(&b->out);
    b->carried = 0;
    b->batch_n = b->later_ms = 0;
    b->batch_full = false;
    sync_bound(b);
}

void broker_notice(struct broker *b, enum door_event e, int fd)
{
    if (e == DOOR_CONNECTED) {
        strangers_add(&b->strangers, fd, b->now_ms);
        return;
    }
    struct peer *gone = peers_fd_closed(&b->peers, fd);
    strangers_remove(&b->strangers, fd);
    if (gone) broker_peer_end(b, gone);
}

/* Connections that came and went, in the order the socket tells them. */
static void notices_read(struct broker *b)
{
    int fd;
    for (enum door_event e; (e = door_event_next(&b->door, &fd)) != DOOR_NOTHING;) broker_notice(b, e, fd);
}

/* After the notices: a descriptor that changed hands is not cut for who had it before. */
static void strangers_cut(struct broker *b)
{
    for (int fd; (fd = strangers_next(&b->strangers, b->now_ms)) >= 0;) {
        b->counters.strangers_cut++;
        LOG_DEBUG("stranger.cut", "descriptor=%d left=%u", fd, b->strangers.n);
        door_cut(fd);
    }
}

static void cuts_take(struct broker *b)
{
    for (size_t i = 0; i < b->cut_n; i++) {
        struct peer *peer = peers_of(&b->peers, b->cut[i]);
        if (!peer) continue;
        b->counters.cut++;
        broker_peer_end(b, peer);
    }
    b->cut_n = 0;
}

static bool messages_read(struct broker *b, struct door_message *m)
{
    uint64_t bytes = 0;
    while (b->batch_n < b->config->batch && bytes < INTAKE_BYTES && !b->batch_full) {
        if (!door_receive(&b->door, m)) return false;
        b->counters.messages++;
        b->batch_n++;
        uint64_t size = door_message_bytes(m);
        bytes += size;
        flood_note(&b->flood, m->fd, size);
        intake_message(b, m);
    }
    return true;
}

/* More waits than a batch: that is load, unless it has grown beyond bounds. */
static void flood_stop(struct broker *b)
{
    int fd = flood_look(&b->flood, b->now_ms);
    if (fd < 0) return;
    b->counters.cut++;
    LOG_WARN("peer.flood", "descriptor=%d memory_max=%" PRIu64, fd, b->flood.memory_max);
    door_cut(fd); /* its end is told by the socket, like any other */
}

static void tick(struct broker *b)
{
    struct sched_event ev = { .type = SCHED_TICK };
    if (sched_next_ms(b->sched) <= b->now_ms) broker_step(b, &ev);
}

static void upload_forgotten(void *context, const struct upload *u)
{
    struct broker *b = context;
    struct sched_event ev = { .type = SCHED_INPUT, .task = u->key.task, .status = PV_GONE };
    if (u->key.kind == WIRE_KIND_INPUT) broker_step(b, &ev);
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
        broker_step(b, &ev);
    }
    transfers_expire(b->transfers, b->now_ms, upload_forgotten);
    if (b->wanted_n) carry_wanted(b);
    if (!store_writing(b->store)) store_tidy(b->store);
    sync_for_files(b);
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
    broker_step(b, &ev);
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

static void turn(struct broker *b, struct door_message *m, bool notices, bool *more)
{
    sync_collect(b);
    cuts_take(b);
    *more = messages_read(b, m);
    /* After the messages: they came before the end of their connection, and a node's last words hand its work back. */
    if (notices) notices_read(b);
    strangers_cut(b);
    if (*more) flood_stop(b);
    tick(b);
    second(b);
    if (!carry_later(b)) batch_end(b);
    b->more_chunks = transfers_pump(b->transfers, CHUNK_BUDGET);
    b->counters.turns++;
}

pv_status broker_run(struct broker *b)
{
    struct door_message m;
    bool more = false;
    uint64_t woke = pv_clock_ms();
    door_message_init(&m);
    while (!b->stopping) {
        zmq_pollitem_t items[] = { { .socket = b->door.socket, .events = ZMQ_POLLIN },
                                   { .socket = b->door.events, .events = ZMQ_POLLIN },
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
    door_message_clear(&m);
    LOG_INFO("broker.stopping", "tasks_kept=all");
    sync_settle_files(b); /* what came whole counts */
    b->must_commit = b->must_sync = true;
    batch_end(b);
    return store_failure(b->store) ? PV_STORE : PV_OK;
}

/* --- opening and closing --- */

pv_status broker_declare_queues(struct broker *b)
{
    for (size_t i = 0; i < b->config->queues_n; i++) {
        const struct config_queue *q = &b->config->queues[i];
        struct sched_event ev = { .type = SCHED_QUEUE };
        ev.queue.name = q->name;
        ev.queue.run_timeout_ms = q->run_timeout_ms;
        ev.queue.stall_timeout_ms = q->stall_timeout_ms;
        ev.queue.late = strcmp(q->late_result, "refuse") ? SCHED_LATE_ACCEPT : SCHED_LATE_REFUSE;
        ev.queue.sync_always = !strcmp(q->sync, "always");
        broker_step(b, &ev);
    }
    return PV_OK;
}

static uint64_t limit_of(uint64_t own, uint64_t common)
{
    return own == UINT64_MAX ? common : own;
}

static void principal_declare(struct broker *b, const struct auth_key *key)
{
    static const struct auth_key local = { .name = "local", .weight = 1, .queued_tasks = UINT64_MAX,
                                           .queued_bytes = UINT64_MAX, .leased = UINT64_MAX, .rate = UINT64_MAX };
    if (!key) key = &local;
    struct sched_event ev = { .type = SCHED_PRINCIPAL };
    ev.principal.name = key->name;
    ev.principal.weight = key->weight > UINT32_MAX ? UINT32_MAX : (uint32_t)key->weight;
    ev.principal.limits.queued_tasks = limit_of(key->queued_tasks, b->config->queued_tasks);
    ev.principal.limits.queued_bytes = limit_of(key->queued_bytes, b->config->queued_bytes);
    ev.principal.limits.leased = limit_of(key->leased, b->config->leased);
    ev.principal.limits.rate_per_s = key->rate > UINT32_MAX ? 0 : (uint32_t)key->rate;
    broker_step(b, &ev);
}

/* A name's first entry says its quotas. */
pv_status broker_declare_principals(struct broker *b)
{
    if (!b->keys) principal_declare(b, NULL);
    for (size_t i = b->keys ? auth_keys_count(b->keys) : 0; i-- > 0;) principal_declare(b, auth_keys_at(b->keys, i));
    return PV_OK;
}

static pv_status restore_setting(void *context, const struct setting_record *setting)
{
    struct broker *b = context;
    struct sched_event ev = { .type = SCHED_SETTING, .setting = setting };
    broker_step(b, &ev);
    return b->out.failed ? PV_NO_MEMORY : PV_OK;
}

static pv_status restore_one(void *context, const struct task_record *task)
{
    struct broker *b = context;
    struct sched_event ev = { .type = SCHED_RESTORE, .record = task };
    broker_step(b, &ev);
    /* What the core asks for while it restores is carried out with its first batch; only the memory is bounded here. */
    return b->out.failed ? PV_NO_MEMORY : PV_OK;
}

static pv_status core_open(struct broker *b, char *why)
{
    const struct config *c = b->config;
    struct sched_config sc = {
        .boot_epoch = b->epoch,
        .heartbeat_ms = c->heartbeat_ms,
        .lease_ms = c->lease_ms,
        .grace_ms = c->grace_ms ? c->grace_ms : SCHED_NO_GRACE,
        .offer_ms = c->offer_ms,
        .acked_ms = c->late_ms,
        .retention_ms = c->retention_ms,
        .receive_ms = UPLOAD_ABANDONED_MS,
        .sessions_max = (uint32_t)c->connections_max,
    };
    struct sched_event boot = { .type = SCHED_BOOT };
    TRY(pv_random(&sc.seed, sizeof sc.seed));
    TRY(sched_new(&b->sched, &sc));
    TRY(broker_declare_queues(b));
    TRY(broker_declare_principals(b));
    uint64_t from = pv_clock_ms();
    TRY(store_scan_settings(b->store, restore_setting, b));
    TRY(store_scan(b->store, restore_one, b));
    broker_step(b, &boot);
    if (!carry_commit(b)) return PV_STORE;
    struct sched_stats stats;
    sched_read_stats(b->sched, &stats);
    LOG_INFO("store.restored", "tasks=%" PRIu64 " ms=%" PRIu64 " epoch=%u", stats.tasks, pv_clock_ms() - from, b->epoch);
    sched_actions_clear(&b->out);
    b->carried = 0;
    feed_broker(b, "started", "provost-broker " PV_VERSION);
    return PV_OK;
}

static pv_status keys_open(struct broker *b, char *why)
{
    if (b->config->insecure) return PV_OK;
    struct auth_keys *theirs = NULL;
    TRY(auth_own_keys(b->certs, &b->certs_n, DOOR_ENDPOINTS_MAX, b->config->key, why));
    TRY(auth_keys_read(&b->keys, b->config->authorized_keys, why));
    TRY(auth_keys_read(&theirs, b->config->authorized_keys, why));
    b->key_version = 1;
    pv_status st = auth_start(&b->zap, &theirs);
    if (st != PV_OK) snprintf(why, LOOP_WHY_BYTES, "the thread that answers for keys did not start");
    return st;
}

static pv_status door_start(struct broker *b, char *why)
{
    struct door_options o = {
        .endpoints = b->config->bind,
        .certs = b->certs,
        .certs_n = b->certs_n,
        .send_queue = (int)b->config->send_queue,
        .handshake_ms = (int)b->config->hello_ms,
        .dead_ms = (int)b->config->lease_ms,
        .connections_max = (uint32_t)b->config->connections_max,
    };
    TRY(peers_init(&b->peers, (uint32_t)b->config->connections_max));
    return door_open(&b->door, &o, why);
}

/* Written beside and renamed, so that who polls for it never reads half a line. */
static pv_status port_file_write(const struct broker *b, char *why)
{
    char path[4096];
    if (!b->config->port_file[0]) return PV_OK;
    snprintf(path, sizeof path, "%s.new", b->config->port_file);
    FILE *f = fopen(path, "w");
    for (size_t i = 0; f && i < b->door.bound_n; i++) fprintf(f, "%s\n", b->door.bound[i]);
    if (f && !fclose(f) && !rename(path, b->config->port_file)) return PV_OK;
    snprintf(why, LOOP_WHY_BYTES, "%.200s: %s", b->config->port_file, strerror(errno));
    return PV_IO;
}

static pv_status signals_open(struct broker *b)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL)) return PV_FAILED;
    b->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return b->signals < 0 ? PV_FAILED : PV_OK;
}

static pv_status parts_open(struct broker *b, char *why)
{
    const struct config *c = b->config;
    struct transfers_config tc = {
        .window = c->window,
        .chunk_max = WIRE_CHUNK_MAX,
        .uploads_max = c->uploads_max,
        .abandoned_ms = UPLOAD_ABANDONED_MS,
        .credit = carry_credit,
        .chunk = carry_chunk,
        .context = b,
        .disk = b->files,
    };
    TRY(store_open(&b->store, c->state, NULL, why));
    TRY(transfers_new(&b->transfers, store_blobs(b->store), &tc));
    TRY(listing_new(&b->listing));
    b->shows = calloc(c->batch, sizeof *b->shows); /* at most one a message */
    if (!b->shows) return PV_NO_MEMORY;
    TRY(store_boot(b->store, &b->epoch));
    b->events = events_new(b->epoch);
    return b->events ? PV_OK : PV_NO_MEMORY;
}

static pv_status open_all(struct broker *b, char *why)
{
    clocks_read(b);
    b->started_ms = b->now_ms;
    flood_init(&b->flood, b->config->memory_max);
    strangers_init(&b->strangers, (uint32_t)b->config->strangers_max, b->config->hello_ms);
    TRY(signals_open(b));
    TRY(keys_open(b, why));
    b->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (b->wake < 0) return PV_FAILED;
    TRY(disk_start(&b->files, b->wake, FILE_THREADS));
    TRY(parts_open(b, why));
    TRY(core_open(b, why));
    TRY(disk_start(&b->log, b->wake, 1));
    if (b->config->http[0]) TRY(http_start(&b->http, b->config->http, why));
    TRY(door_start(b, why));
    TRY(port_file_write(b, why));
    for (size_t i = 0; i < b->door.bound_n; i++)
        LOG_INFO("broker.listening", "endpoint=%s epoch=%u keys=%s", b->door.bound[i], b->epoch, b->keys ? "yes" : "no");
    if (b->http) LOG_INFO("http.listening", "port=%u", (unsigned)http_port(b->http));
    return PV_OK;
}

pv_status broker_open(struct broker **out, const struct config *config, const struct config_args *args,
                      char why[LOOP_WHY_BYTES])
{
    struct broker *b = calloc(1, sizeof *b);
    if (!b) return PV_NO_MEMORY;
    b->config = b->config_started = config;
    b->args = args;
    b->signals = b->wake = -1;
    door_prepare();
    why[0] = 0;
    pv_status st = open_all(b, why);
    if (st == PV_OK) {
        *out = b;
        return PV_OK;
    }
    if (!why[0]) snprintf(why, LOOP_WHY_BYTES, "%s", b->store && store_failure(b->store) ? store_failure(b->store) : pv_status_text(st));
    broker_close(&b);
    return st;
}

void broker_close(struct broker **broker)
{
    struct broker *b = *broker;
    if (!b) return;
    door_close(&b->door);
    http_stop(&b->http);
    auth_stop(&b->zap);
    auth_own_keys_destroy(b->certs, &b->certs_n);
    sched_actions_destroy(&b->out);
    sched_destroy(&b->sched);
    transfers_destroy(&b->transfers);
    disk_stop(&b->files);
    disk_stop(&b->log);
    outbox_clear(&b->outbox);
    listing_destroy(&b->listing);
    events_destroy(&b->events);
    store_close(&b->store);
    auth_keys_destroy(&b->keys);
    peers_clear(&b->peers);
    flood_clear(&b->flood);
    strangers_clear(&b->strangers);
    if (b->signals >= 0) close(b->signals);
    if (b->wake >= 0) close(b->wake);
    free(b->cut);
    free(b->shows);
    reload_clear(b);
    free(b);
    *broker = NULL;
}
