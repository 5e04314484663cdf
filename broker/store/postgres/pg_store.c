/* The store in PostgreSQL. The loop's thread gathers what is written in memory (pg_batch.h); a commit seals it with a number; the
 * writer's threads (pg_writer.h) send what is sealed as one transaction, and make it durable. What it says is read from the cache, or by the loop's own
 * connection. */
#include "pg_store.h"

#include "pg_schema.h"
#include "pg_state.h"

#include "clock.h"
#include "file_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE_MS = 30000 }; /* the loop waits for the answer: not each second */

/* --- opening --- */

bool pg_store_named(const char *where)
{
    return !strncmp(where, "postgresql://", 13) || !strncmp(where, "postgres://", 11) || !strncmp(where, "service=", 8);
}

static void holder_name(char name[256])
{
    char host[200] = "?";
    gethostname(host, sizeof host - 1);
    snprintf(name, 256, "%s, process %ld", host, (long)getpid());
}

/* One that another has, or whose server is away, may be had later. */
static pv_status lease_take(struct pg_store *s, struct pg_session *writer)
{
    char holder[256];
    struct pg_lease_seen other;
    holder_name(holder);
    pv_status st = pg_lease_take(&s->lease, s->url, holder, s->endpoint ? s->endpoint : "", &other, writer->why);
    if (strlen(other.endpoint) < sizeof s->active) strcpy(s->active, other.endpoint);
    writer->passes = st == PV_BUSY || st == PV_UNREACHABLE || st == PV_STORE;
    if (st == PV_OK) s->epoch = pg_lease_epoch(s->lease);
    return st;
}

static pv_status writer_open(struct pg_store *s, struct pg_session *writer)
{
    bool made;
    TRY(pg_session_open(writer, s->url, "provost-broker"));
    TRY(pg_schema_settle(writer, s->purpose, &made));
    if (made) s->migration = (struct store_migration){ .to = PG_SCHEMA };
    TRY(pg_folder_open(s, writer));
    TRY(lease_take(s, writer));
    TRY(pg_gate_look(writer, s->purpose));
    return pg_reigns_open(s, writer);
}

/* The writer's two sessions; why and passes are the first one's. */
static pv_status writer_start(struct pg_store *s, struct pg_session *writer)
{
    struct pg_session syncer;
    pv_status st = pg_session_open(&syncer, s->url, "provost-broker syncs");
    if (st == PV_OK) st = pg_writer_start(&s->writer, writer, &syncer, &s->reign, s->wake);
    if (st != PV_OK && syncer.why[0]) {
        strcpy(writer->why, syncer.why);
        writer->passes = syncer.passes;
    }
    pg_session_close(&syncer);
    return st;
}

static pv_status parts_open(struct pg_store *s)
{
    struct pg_session writer = { .c = NULL };
    pv_status st = writer_open(s, &writer);
    if (st == PV_OK) st = writer_start(s, &writer);
    if (st != PV_OK) pg_fail(s, writer.why[0] ? writer.why : pv_status_text(st), writer.passes);
    pg_session_close(&writer);
    if (st != PV_OK) return st;
    st = pg_session_open(&s->reader, s->url, "provost-broker reads");
    if (st != PV_OK) return pg_read_failed(s), st;
    s->reader.limit_ms = PG_READ_MS;
    return pg_blobs_open(s);
}

static pv_status text_take(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return *to || !text ? PV_OK : PV_NO_MEMORY;
}

static pv_status place_take(struct pg_store *s, const struct store_place *place)
{
    s->purpose = place->purpose;
    TRY(text_take(&s->url, place->where));
    TRY(text_take(&s->folder, place->folder));
    TRY(text_take(&s->payloads, place->payloads));
    return text_take(&s->endpoint, place->endpoint);
}

pv_status pg_store_known(const char *where, char why[STORE_WHY_BYTES])
{
    return pg_url_look(where, why);
}

pv_status pg_store_check(const struct store_place *place, char why[STORE_WHY_BYTES])
{
    struct pg_session s;
    bool there = false;
    pv_status st = pg_session_open(&s, place->where, "provost-broker --check-config");
    if (st == PV_OK) st = pg_schema_check(&s, &there);
    if (st == PV_OK) st = pg_folder_check(&s, place->payloads, there);
    if (st != PV_OK) snprintf(why, STORE_WHY_BYTES, "%s", s.why);
    pg_session_close(&s);
    return st;
}

static bool driver_ours(const struct store *store)
{
    const struct pg_store *s = (const struct pg_store *)store;
    return s->lease && !s->failure[0] && pg_lease_holds(s->lease);
}

void pg_store_text(char text[STORE_GATE_TEXT], const char *where)
{
    pg_url_text(text, STORE_GATE_TEXT, where);
}

/* What is under way counts if the store is ours. Otherwise nobody was told of it, and its end may be long in coming. */
static void parts_close(struct pg_store *s)
{
    pg_ahead_clear(s);
    if (s->bucket) pg_blobs_rest(s);
    if (s->writer && driver_ours(&s->base)) {
        pg_writer_settle(s->writer);
        pg_writer_settle_sync(s->writer);
    } else if (s->writer) {
        pg_writer_cut(s->writer);
    }
    pg_writer_stop(&s->writer);
    pg_lease_release(&s->lease);
    pg_mark_close(&s->mark);
    pg_session_close(&s->reader);
    pg_batch_clear(&s->open);
    pg_batch_clear(&s->sealed);
    s->named_n = 0;
    pg_cache_clear(&s->cache);
    if (s->blobs_open && !s->bucket) blobs_close(&s->blobs); /* threads may still use a bucket */
    s->blobs_open = s->asked = s->booted = false;
}

static void driver_close(struct store *store)
{
    struct pg_store *s = pg_of(store);
    parts_close(s);
    if (s->bucket) pg_blobs_close(s);
    free(s->url);
    free(s->endpoint);
    free(s->folder);
    free(s->payloads);
    free(s->named);
    free(s);
}

static pv_status driver_open(struct store **out, const struct store_place *place, int wake, struct faults *faults,
                             char why[STORE_WHY_BYTES])
{
    struct pg_store *s = calloc(1, sizeof *s);
    if (!s) return PV_NO_MEMORY;
    s->base.driver = &pg_driver;
    s->wake = wake;
    s->faults = faults;
    s->blobs = (struct blobs){ .root = -1, .files = -1, .incoming = -1 };
    s->mark.fd = -1;
    s->place = place;
    pv_status st = place_take(s, place);
    if (st == PV_OK) st = parts_open(s);
    s->place = NULL;
    snprintf(why, STORE_WHY_BYTES, "%s", s->failure);
    if (place->active) snprintf(place->active, STORE_ENDPOINT_BYTES, "%s", s->active);
    if (st == PV_OK)
        *out = &s->base;
    else
        driver_close(&s->base);
    return st;
}

static pv_status driver_reopen(struct store *store)
{
    struct pg_store *s = pg_of(store);
    if (!s->failure[0] || !s->passes) return PV_STORE;
    parts_close(s);
    s->durable = s->kept = s->stats.commits;
    s->failure[0] = 0;
    s->full = s->passes = false;
    s->sized_ms = 0; /* it may be another server now */
    pv_status st = parts_open(s);
    if (st == PV_OK) return PV_OK;
    return s->full ? PV_DISK_FULL : PV_STORE;
}

/* --- commits --- */

static void fly(struct pg_store *s)
{
    if (s->failure[0] || s->fails || pg_writer_running(s->writer) || !s->asked || pg_batch_empty(&s->sealed)) return;
    s->asked = false;
    s->fails = fault_hit(s->faults, FAULT_SYNC);
    if (s->fails) return; /* told at the next turn, as a real one */
    pg_writer_do(s->writer, &s->sealed);
}

static void landed(struct pg_store *s)
{
    pv_status st;
    struct pg_batch done;
    if (!pg_writer_collect(s->writer, &st, &done)) return;
    if (st == PV_OK && !s->failure[0]) s->kept = done.last;
    pg_batch_clear(&done);
    for (int kind = STORE_INPUT; kind <= STORE_RESULT; kind++)
        s->ahead[kind].to = 0; /* the cache may let its rows go */
    pg_cache_trim(&s->cache, PG_CACHE_BYTES);
}

/* After a failure, too: what was on its way to the disk may be there. */
static void synced(struct pg_store *s)
{
    uint64_t commits, durable = pg_writer_durable(s->writer, &commits);
    if (durable > s->durable) {
        s->durable = durable;
        s->stats.syncs++;
        pg_reign_answered(s, commits);
    }
    if (s->kept < s->durable) s->kept = s->durable;
    struct pg_batch files;
    if (pg_writer_unnamed(s->writer, &files) && !s->failure[0]) pg_files_remove(s, &files);
    pg_batch_clear(&files);
    pg_named_drop(s, durable);
}

static void driver_turn(struct store *store)
{
    struct pg_store *s = pg_of(store);
    bool passes;
    if (!s->writer) return;
    if (s->fails) pg_fail(s, "the commit failed as asked", false);
    s->fails = false;
    landed(s);
    synced(s);
    const char *why = s->failure[0] ? NULL : pg_writer_failure(s->writer, &passes);
    if (why) pg_fail(s, why, passes);
}

static void driver_settle(struct store *store)
{
    struct pg_store *s = pg_of(store);
    if (s->writer && pg_writer_running(s->writer)) pg_writer_settle(s->writer);
    if (s->writer) pg_writer_settle_sync(s->writer);
    driver_turn(store);
}

static void driver_sync(struct store *store)
{
    if (pg_of(store)->writer) fly(pg_of(store));
}

static pv_status seal(struct pg_store *s)
{
    if (fault_hit(s->faults, FAULT_COMMIT)) return pg_fail(s, "commit: failed as asked", false);
    s->open.last = ++s->stats.commits;
    if (pg_batch_join(&s->sealed, &s->open) != PV_OK) return pg_fail(s, "out of memory", false);
    return PV_OK;
}

static pv_status driver_commit(struct store *store, enum store_when when, uint64_t *number)
{
    struct pg_store *s = pg_of(store);
    if (when == STORE_NOW) driver_settle(store);
    if (s->failure[0]) return PV_STORE;
    if (!pg_batch_empty(&s->open)) TRY(seal(s));
    if (when != STORE_LAZY && !pg_batch_empty(&s->sealed)) s->asked = true;
    if (when == STORE_NOW) {
        fly(s);
        driver_settle(store);
    }
    if (s->failure[0]) return PV_STORE;
    *number = s->stats.commits;
    return PV_OK;
}

static bool driver_writing(const struct store *s)
{
    return !pg_batch_empty(&((const struct pg_store *)s)->open);
}

static bool driver_syncing(const struct store *store)
{
    const struct pg_store *s = (const struct pg_store *)store;
    return s->writer && (s->fails || pg_writer_running(s->writer) || s->kept > s->durable);
}

static bool driver_gathers(const struct store *store)
{
    const struct pg_store *s = (const struct pg_store *)store;
    return s->writer && (s->fails || pg_writer_running(s->writer));
}

static uint64_t driver_kept(const struct store *s)
{
    return ((const struct pg_store *)s)->kept;
}

static uint64_t driver_durable(const struct store *s)
{
    return ((const struct pg_store *)s)->durable;
}

/* --- the rest --- */

static const struct store_migration *driver_migration(const struct store *s)
{
    const struct pg_store *p = (const struct pg_store *)s;
    return p->migration.to ? &p->migration : NULL;
}

static const struct store_found *driver_found(const struct store *s)
{
    return &((const struct pg_store *)s)->found;
}

static uint32_t driver_epoch(const struct store *store)
{
    const struct pg_store *s = (const struct pg_store *)store;
    return (uint32_t)(s->epoch - !s->booted);
}

/* The lease's epoch is this start's. */
static pv_status driver_boot(struct store *store, uint32_t above, uint32_t *epoch)
{
    struct pg_store *s = pg_of(store);
    int64_t next = s->epoch + s->booted;
    if (next <= above) next = (int64_t)above + 1;
    if (s->failure[0]) return PV_STORE;
    if (next > UINT32_MAX) return pg_fail(s, "the boot epoch cannot rise above 4294967295", false);
    if (next > s->epoch && pg_lease_raise(s->lease, (uint32_t)(next - 1)) != PV_OK)
        return pg_fail(s, "the epoch could not be raised", true);
    if (next > s->epoch) TRY(pg_reign_anew(s));
    s->booted = true;
    *epoch = (uint32_t)s->epoch;
    return PV_OK;
}

static bool driver_lazy(const struct store *s)
{
    (void)s;
    return false;
}

static const char *driver_failure(const struct store *s)
{
    const struct pg_store *p = (const struct pg_store *)s;
    return p->failure[0] ? p->failure : NULL;
}

static void driver_fail(struct store *s, const char *why)
{
    pg_fail(pg_of(s), why, false);
}

static bool driver_full(const struct store *s)
{
    const struct pg_store *p = (const struct pg_store *)s;
    return p->failure[0] && p->full;
}

static bool driver_heals(const struct store *s)
{
    const struct pg_store *p = (const struct pg_store *)s;
    return p->failure[0] && p->passes;
}

static struct blobs *driver_blobs(struct store *s)
{
    return &pg_of(s)->blobs;
}

static pv_status driver_get_gate(struct store *store, struct store_gate *gate)
{
    struct pg_store *s = pg_of(store);
    if (s->failure[0]) return PV_STORE;
    return pg_gate_read(&s->reader, gate) == PV_OK ? PV_OK : pg_read_failed(s);
}

static pv_status driver_put_gate(struct store *store, const struct store_gate *gate)
{
    struct pg_store *s = pg_of(store);
    if (s->failure[0]) return PV_STORE;
    return pg_gate_write(&s->reader, s->epoch, gate) == PV_OK ? PV_OK : pg_read_failed(s);
}

/* With names of standbys a commit is answered once one has it, or not at all. A service that replicates below PostgreSQL cannot be
 * asked: its operator says so (provost.replicated). */
static const char stats_sql[] =
    "SELECT pg_database_size(current_database()),"
    " coalesce(current_setting('provost.replicated', true), '') = 'on' OR"
    " current_setting('fsync')::bool AND current_setting('synchronous_standby_names') <> '',"
    " current_setting('fsync')::bool";

static void driver_stats(struct store *store, struct store_stats *to)
{
    struct pg_store *s = pg_of(store);
    uint64_t now = pv_clock_ms();
    *to = s->stats;
    if (s->failure[0] || (s->sized_ms && now - s->sized_ms < SIZE_MS)) return;
    s->sized_ms = now;
    PGresult *r = pg_session_run(&s->reader, stats_sql, NULL);
    if (!r) return;
    s->stats.database_bytes = (uint64_t)pg_number(r, 0, 0);
    s->stats.keeps = pg_number(r, 0, 1)   ? STORE_KEEPS_STANDBY
                     : pg_number(r, 0, 2) ? STORE_KEEPS_SERVER
                                          : STORE_KEEPS_MEMORY;
    PQclear(r);
    *to = s->stats;
}

/* Files that wait for their removal to be durable. */
static void driver_tidy(struct store *store)
{
    struct pg_store *s = pg_of(store);
    driver_turn(store);
    if (!s->failure[0] && pg_batch_lets_go(&s->sealed)) s->asked = true;
    if (!s->failure[0] && s->bucket) pg_blobs_tidy(s);
}

const struct store_driver pg_driver = {
    .name = "postgresql",
    .open = driver_open,
    .close = driver_close,
    .migration = driver_migration,
    .found = driver_found,
    .epoch = driver_epoch,
    .boot = driver_boot,
    .ours = driver_ours,
    .lazy = driver_lazy,
    .commit = driver_commit,
    .writing = driver_writing,
    .sync = driver_sync,
    .syncing = driver_syncing,
    .gathers = driver_gathers,
    .kept = driver_kept,
    .turn = driver_turn,
    .settle = driver_settle,
    .durable = driver_durable,
    .failure = driver_failure,
    .fail = driver_fail,
    .full = driver_full,
    .heals = driver_heals,
    .reopen = driver_reopen,
    .blobs = driver_blobs,
    .read_stats = driver_stats,
    .tidy = driver_tidy,
    .get_gate = driver_get_gate,
    .put_gate = driver_put_gate,
    .scan = pg_scan,
    .scan_settings = pg_scan_settings,
    .put_task = pg_put_task,
    .delete_task = pg_delete_task,
    .put_setting = pg_put_setting,
    .get_clock = pg_get_clock,
    .put_clock = pg_put_clock,
    .put_payload = pg_put_payload,
    .delete_payload = pg_delete_payload,
    .get_payload = pg_get_payload,
    .read_begin = pg_read_begin,
    .read_end = pg_read_end,
    .survey = pg_survey,
    .last_row = pg_last_row,
    .forget_file = pg_forget_file,
};
