#include "broker_open.h"

#include "blobs_far.h"
#include "broker.h"
#include "commit.h"
#include "damage.h"
#include "intake_hello.h"
#include "reload.h"
#include "reply.h"
#include "standby.h"
#include "step.h"
#include "store_open.h"
#include "warnings.h"
#include "web.h"

#include "clock.h"
#include "log.h"
#include "process.h"
#include "random.h"
#include "startable.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    UPLOAD_ABANDONED_MS = 600000,
    FILE_THREADS = 4, /* large files are hashed and synced beside many small ones */
    FAR_THREADS = 8,  /* an object store takes many at once, each slowly */
};

static pv_status restore_setting(void *context, const struct setting_record *setting)
{
    struct broker *b = context;
    struct sched_event ev = { .type = SCHED_SETTING, .setting = setting };
    broker_step(b, &ev, NULL);
    return b->batch.out.failed ? PV_NO_MEMORY : PV_OK;
}

static pv_status restore_one(void *context, const struct task_record *task)
{
    struct broker *b = context;
    struct sched_event ev = { .type = SCHED_RESTORE, .record = task };
    broker_step(b, &ev, NULL);
    /* What the core asks for while it restores is committed with its first batch. */
    return b->batch.out.failed ? PV_NO_MEMORY : PV_OK;
}

static pv_status core_open(struct broker *b)
{
    const struct config *c = b->config;
    struct sched_config sc = {
        .boot_epoch = b->epoch,
        .away_ms = b->clock.up.away_ms,
        .heartbeat_ms = c->heartbeat_ms,
        .lease_ms = c->lease_ms,
        .grace_ms = c->grace_ms ? c->grace_ms : SCHED_NO_GRACE,
        .offer_ms = c->offer_ms,
        .acked_ms = c->late_ms,
        .retention_ms = c->retention_ms,
        .receive_ms = UPLOAD_ABANDONED_MS,
        .sessions_max = b->door.places.most + b->door.places.kept,
        .provers_share = b->keys ? 0 : UINT32_MAX, /* without keys all are one principal: nobody to share with */
        .circuits_share = b->keys ? 0 : UINT32_MAX,
    };
    struct sched_event boot = { .type = SCHED_BOOT };
    TRY(pv_random(&sc.seed, sizeof sc.seed));
    TRY(sched_new(&b->sched, &sc));
    reload_declare_queues(b);
    reload_declare_principals(b);
    uint64_t from = pv_clock_ms();
    TRY(store_scan_settings(b->store, restore_setting, b));
    TRY(store_scan(b->store, restore_one, b));
    broker_step(b, &boot, NULL);
    b->batch.full = true; /* synced at once */
    if (!commit_batch(b)) return PV_STORE;
    b->batch.full = false;
    struct sched_stats stats;
    sched_read_stats(b->sched, &stats);
    LOG_INFO("store.restored", "tasks=%" PRIu64 " ms=%" PRIu64 " epoch=%u", stats.tasks, pv_clock_ms() - from,
             b->epoch);
    sched_actions_clear(&b->batch.out);
    journal_broker(b->journal, b->wall_ms, "started", "provost-broker " PV_VERSION);
    damage_look(b);
    return PV_OK;
}

static pv_status keys_open(struct broker *b, char *why)
{
    if (b->config->insecure) return PV_OK;
    TRY(auth_own_keys(b->auth.certs, &b->auth.certs_n, ROUTER_ENDPOINTS_MAX, b->config->key, why));
    TRY(auth_keys_read(&b->keys, b->config->authorized_keys, why));
    struct auth_keys *theirs = auth_keys_share(b->keys);
    b->auth.version = 1;
    pv_status st = auth_start(&b->auth.zap, &theirs);
    if (st != PV_OK) snprintf(why, BROKER_WHY_BYTES, "the thread that checks the keys of peers did not start");
    return st;
}

static pv_status router_start(struct broker *b, char *why)
{
    struct router_options o = {
        .endpoints = b->config->bind,
        .certs = b->auth.certs,
        .certs_n = b->auth.certs_n,
        .send_queue = (int)b->config->send_queue,
        .handshake_ms = (int)b->config->hello_ms,
        .dead_ms = (int)b->config->lease_ms,
    };
    TRY(peers_init(&b->peers, b->door.places.most + b->door.places.kept));
    return router_open(&b->router, &o, why);
}

/* Written beside it and renamed, so that a reader that polls for the file never gets half a line. */
static pv_status port_file_write(const struct broker *b, char *why)
{
    char path[4096];
    if (!b->config->port_file[0]) return PV_OK;
    snprintf(path, sizeof path, "%s.new", b->config->port_file);
    FILE *f = fopen(path, "w");
    for (size_t i = 0; f && i < b->router.bound_n; i++) fprintf(f, "%s\n", b->router.bound[i]);
    if (f && !fclose(f) && !rename(path, b->config->port_file)) return PV_OK;
    snprintf(why, BROKER_WHY_BYTES, "%.200s: %s", b->config->port_file, strerror(errno));
    return PV_IO;
}

static pv_status signals_open(struct broker *b)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
    b->signals = process_signals(signals);
    return b->signals < 0 ? PV_FAILED : PV_OK;
}

static void migration_log(const struct broker *b)
{
    const struct store_migration *m = store_migration(b->store);
    if (m && m->from) LOG_INFO("store.migrated", "from=%d to=%d copy=%s/%s", m->from, m->to, b->config->state, m->copy);
}

static void warning_log(void *context, const struct warning *w)
{
    if (w->error)
        LOG_ERROR(w->event, "why=%s", w->text);
    else
        LOG_WARN(w->event, "why=%s", w->text);
}

static void found_log(struct broker *b)
{
    const struct facts f = { .found = *store_found(b->store) };
    warnings_each(&f, warning_log, NULL);
    b->mark_failed = f.found.mark_failed;
    if (f.found.payloads_moved || f.found.payloads_back)
        LOG_INFO("payloads.moved", "aside=%" PRIu64 " back=%" PRIu64, f.found.payloads_moved, f.found.payloads_back);
}

static pv_status uploads_open(struct broker *b)
{
    const struct config *c = b->config;
    struct uploads_config uploads = {
        .window = c->window,
        .uploads_max = c->uploads_max,
        .abandoned_ms = UPLOAD_ABANDONED_MS,
        .shares = &b->shares,
        .credit = reply_credit,
        .context = b,
        .disk = b->files,
        .kept = b->kept,
        .far = b->far_files,
    };
    return uploads_new(&b->uploads, store_blobs(b->store), &uploads);
}

/* An operator may raise the epoch above what peers have seen, once. Left in a command line that starts the broker again it
 * does nothing, and says so. */
static pv_status epoch_begin(struct broker *b, char *why)
{
    uint32_t above = b->settings.args->raise_epoch, last = store_epoch(b->store);
    if (above > last && above - last > LATER_STARTS_MOST) {
        snprintf(why, BROKER_WHY_BYTES,
                 "--raise-epoch %u: this broker has seen %u starts, and no backup is more than %d starts old", above,
                 last, LATER_STARTS_MOST);
        return PV_BAD_CONFIG;
    }
    TRY(store_boot(b->store, above, &b->epoch));
    if (above > last)
        LOG_WARN("epoch.raised", "from=%u above=%u to=%u", last, above, b->epoch);
    else if (above)
        LOG_WARN("epoch.not_raised", "asked=%u epoch=%u then=%s", above, b->epoch, "leave --raise-epoch out");
    return PV_OK;
}

static pv_status journal_begin(struct broker *b)
{
    journal_destroy(&b->journal); /* it borrows names from the core that was */
    b->journal = journal_new(b->epoch);
    return b->journal ? PV_OK : PV_NO_MEMORY;
}

/* What lies on the store that was opened, but the core. */
static pv_status store_begin(struct broker *b, char *why)
{
    const struct config *c = b->config;
    struct downloads_config downloads = {
        .window = c->window,
        .chunk_max = WIRE_CHUNK_MAX,
        .shares = &b->shares,
        .kept = b->kept,
        .open = reply_open,
        .doubt = reply_doubt,
        .chunk = reply_chunk,
        .damaged = reply_damaged,
        .context = b,
    };
    migration_log(b);
    found_log(b);
    TRY(uploads_open(b));
    TRY(downloads_new(&b->downloads, store_blobs(b->store), &downloads));
    TRY(epoch_begin(b, why));
    TRY(broker_clock_begin(b));
    TRY(journal_begin(b));
    return core_open(b);
}

/* An eighth of what the process may use before floods are cut (flood.h), on a small machine. What they leave free stays with the process:
 * 1,130 pages were given back and taken again for each payload of 16 MiB. */
static pv_status kept_open(struct broker *b)
{
    uint64_t part = b->flood.memory_max / 8, most = part < KEPT_MOST_BYTES ? part : KEPT_MOST_BYTES;
    mallopt(M_TRIM_THRESHOLD, BROKER_FREE_BYTES + (int)most);
    return kept_new(&b->kept, most);
}

static pv_status parts_open(struct broker *b)
{
    TRY(shares_init(&b->shares, b->wake, b->config->window));
    TRY(kept_open(b));
    TRY(tables_new(&b->tables));
    list_turns_init(&b->lists);
    b->questions.shows = calloc(b->config->batch, sizeof *b->questions.shows);
    return b->questions.shows ? PV_OK : PV_NO_MEMORY;
}

/* Until there is a store that has one, so that deadlines of connections have a clock. */
static void clock_without_store(struct broker *b)
{
    struct up_clock none = { .up_ms = 0 };
    struct clock_jump unused;
    b->clock.last = clock_reading_take(clock_boot());
    up_clock_begin(&b->clock.up, &none, &b->clock.last, &unused);
    broker_clocks_read(b);
}

/* Another broker has the store, or its server is away: both may end, and this one is needed then. */
static bool may_stand_by(const struct broker *b, pv_status st)
{
    return b->config->store[0] && (st == PV_BUSY || st == PV_UNREACHABLE);
}

static pv_status store_first(struct broker *b, char *why)
{
    char busy[STORE_WHY_BYTES] = "";
    struct store_place place = config_store(b->config);
    place.active = b->standby.found_active;
    pv_status st = store_open(&b->store, &place, b->wake, NULL, busy);
    if (may_stand_by(b, st)) {
        clock_without_store(b);
        TRY(journal_begin(b));
        snprintf(b->standby.found, sizeof b->standby.found, "%s", busy[0] ? busy : pv_status_text(st));
        return PV_OK;
    }
    if (busy[0]) snprintf(why, BROKER_WHY_BYTES, "%s", busy);
    return st == PV_OK ? store_begin(b, why) : st;
}

/* The places that the limit of descriptors leaves. */
static pv_status places_of(struct door_places *to, const struct config *c, char *why)
{
    struct rlimit l = { .rlim_cur = RLIM_INFINITY };
    getrlimit(RLIMIT_NOFILE, &l);
    struct door_places places = door_places(c->connections_max, l.rlim_cur);
    if (!places.most) {
        snprintf(why, BROKER_WHY_BYTES,
                 "%" PRIu64 " open files are too few to serve anybody: raise the limit (ulimit -n, LimitNOFILE)",
                 (uint64_t)l.rlim_cur);
        return PV_BAD_CONFIG;
    }
    if (places.most < c->connections_max)
        LOG_WARN("connections.fewer", "connections_max=%" PRIu64 " most=%u open_files=%" PRIu64, c->connections_max,
                 places.most, (uint64_t)l.rlim_cur);
    *to = places;
    return PV_OK;
}

pv_status broker_check_places(const struct config *config, char why[BROKER_WHY_BYTES])
{
    struct door_places unused;
    return places_of(&unused, config, why);
}

static pv_status door_open(struct broker *b, char *why)
{
    struct door_places places;
    TRY(places_of(&places, b->config, why));
    pv_status st = door_init(&b->door, places);
    if (st != PV_OK) snprintf(why, BROKER_WHY_BYTES, "/dev/null: %s", strerror(errno));
    return st;
}

/* libzmq and czmq end the process where they get no thread or no memory. Threads: two of libzmq, one that checks keys, those
 * of the disk, of the log's syncs and of HTTP. */
static pv_status threads_check(const struct config *c, char *why)
{
    const unsigned far = config_in_bucket(c) ? FAR_THREADS : 0;
    const struct startable need = { .who = "a broker", .threads = 5 + FILE_THREADS + far, .memory = (size_t)32 << 20 };
    return startable_check(&need, why, BROKER_WHY_BYTES);
}

static pv_status open_all(struct broker *b, char *why)
{
    TRY(threads_check(b->config, why));
    flood_init(&b->flood, b->config->memory_max);
    reload_memory(b);
    strangers_init(&b->strangers, (uint32_t)b->config->strangers_max, b->config->hello_ms);
    TRY(door_open(b, why));
    TRY(signals_open(b));
    TRY(keys_open(b, why));
    b->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (b->wake < 0) return PV_FAILED;
    TRY(disk_jobs_start(&b->files, b->wake, FILE_THREADS));
    if (config_in_bucket(b->config)) TRY(disk_jobs_start(&b->far_files, b->wake, FAR_THREADS));
    TRY(parts_open(b));
    TRY(store_first(b, why));
    TRY(web_open(b, why, BROKER_WHY_BYTES));
    TRY(router_start(b, why));
    TRY(port_file_write(b, why));
    for (size_t i = 0; i < b->router.bound_n; i++)
        LOG_INFO("broker.listening", "endpoint=%s epoch=%u keys=%s", b->router.bound[i], b->epoch,
                 b->keys ? "yes" : "no");
    if (b->http) LOG_INFO("http.listening", "port=%u", (unsigned)http_port(b->http));
    return PV_OK;
}

pv_status broker_open(struct broker **out, const struct config *config, const struct config_args *args,
                      char why[BROKER_WHY_BYTES])
{
    struct broker *b = calloc(1, sizeof *b);
    snprintf(why, BROKER_WHY_BYTES, "%s", b ? "" : pv_status_text(PV_NO_MEMORY));
    if (!b) return PV_NO_MEMORY;
    b->config = b->settings.started = config;
    b->settings.args = args;
    b->signals = b->wake = -1;
    router_prepare();
    pv_status st = open_all(b, why);
    if (st == PV_OK) {
        *out = b;
        return PV_OK;
    }
    if (!why[0])
        snprintf(why, BROKER_WHY_BYTES, "%s",
                 b->store && store_failure(b->store) ? store_failure(b->store) : pv_status_text(st));
    broker_close(&b);
    return st;
}

/* What names anything of the old core, or waits for its answers. */
static void core_forget(struct broker *b)
{
    web_forget(b);
    for (uint32_t i = 0; i < b->peers.slots_n; i++)
        if (b->peers.slots[i].share) downloads_peer_gone(b->downloads, b->peers.slots[i].share);
    survey_end(&b->survey); /* the new core begins one of its own */
    uploads_destroy(&b->uploads);
    sched_actions_destroy(&b->batch.out);
    sched_destroy(&b->sched);
    b->batch = (struct broker_batch){ .messages = 0 };
    b->wanted.n = b->damaged.n = b->questions.shows_n = b->questions.operations_n = 0;
}

pv_status broker_begin_again(struct broker *b)
{
    core_forget(b);
    TRY(uploads_open(b));
    TRY(journal_begin(b));
    TRY(core_open(b));
    b->store_failed = b->disk_low = false;
    b->promised = b->commits.n = 0;
    LOG_INFO("store.healed", "epoch=%u", b->epoch);
    journal_broker(b->journal, b->wall_ms, "store healed", NULL);
    for (uint32_t i = 0; i < b->peers.slots_n; i++) {
        const struct peer *peer = &b->peers.slots[i];
        if (peer->handle && peer->hello && peer->role != WIRE_ROLE_PROVER)
            intake_client_hello(b, peer); /* one that only waits says nothing by itself */
    }
    return PV_OK;
}

/* The core, the store, and what waits for them. */
static void store_end(struct broker *b)
{
    blobs_far_stop(store_blobs(b->store));
    core_forget(b);
    outbox_clear(&b->outbox);
    outbox_clear(&b->offers);
    downloads_destroy(&b->downloads);
    list_turns_clear(&b->lists);
    list_turns_init(&b->lists);
    b->standby.old = b->store;
    b->store = NULL;
    b->cuts.n = 0;
    b->store_failed = b->disk_low = b->not_ours = b->waits_long = false;
    b->heal_ms = b->healed_ms = b->promised = b->commits.n = 0;
}

void broker_stand_by(struct broker *b)
{
    char why[STORE_WHY_BYTES];
    const char *failure = store_failure(b->store);
    snprintf(why, sizeof why, "%s", failure ? failure : "another broker may have the store");
    store_end(b);
    if (journal_begin(b) != PV_OK) b->stopping = true; /* no memory: a start may do better */
    standby_begin(b, why, "");
}

bool broker_take_over(struct broker *b, struct store **store)
{
    char why[BROKER_WHY_BYTES] = "";
    b->store = *store;
    *store = NULL;
    pv_status st = store_begin(b, why);
    b->second_ms = 0;
    if (st == PV_OK) {
        LOG_INFO("broker.active", "epoch=%u", b->epoch);
        return true;
    }
    if (!why[0])
        snprintf(why, sizeof why, "%s", store_failure(b->store) ? store_failure(b->store) : pv_status_text(st));
    LOG_ERROR("broker.not_active", "status=%s why=%s", pv_status_word(st), why);
    store_end(b);
    if (journal_begin(b) != PV_OK) b->stopping = true;
    standby_again(b, why, "");
    return false;
}

void broker_close(struct broker **broker)
{
    struct broker *b = *broker;
    if (!b) return;
    router_close(&b->router);
    standby_end(b);
    web_close(b);
    auth_stop(&b->auth.zap);
    auth_own_keys_destroy(b->auth.certs, &b->auth.certs_n);
    sched_actions_destroy(&b->batch.out);
    sched_destroy(&b->sched);
    if (b->store) blobs_far_stop(store_blobs(b->store));
    uploads_destroy(&b->uploads);
    downloads_destroy(&b->downloads);
    kept_destroy(&b->kept);
    for (uint32_t i = 0; i < b->peers.slots_n; i++) share_close(&b->shares, &b->peers.slots[i].share);
    survey_end(&b->survey);
    disk_jobs_stop(&b->files);
    disk_jobs_stop(&b->far_files);
    outbox_clear(&b->outbox);
    outbox_clear(&b->offers);
    shares_clear(&b->shares);
    tables_destroy(&b->tables);
    list_turns_clear(&b->lists);
    journal_destroy(&b->journal);
    store_close(&b->store);
    auth_keys_destroy(&b->keys);
    peers_clear(&b->peers);
    fleet_handlers_clear(&b->fleet);
    flood_clear(&b->flood);
    strangers_clear(&b->strangers);
    door_clear(&b->door);
    if (b->signals >= 0) close(b->signals);
    if (b->wake >= 0) close(b->wake);
    free(b->cuts.handles);
    free(b->damaged.at);
    free(b->questions.shows);
    reload_clear(b);
    free(b);
    *broker = NULL;
}
