/** What the tests of the store share: a folder for each test, tasks and payloads to put in. Include cmocka before
 *  it. With PV_TEST_STORE=postgresql each test has an empty database too, of one server for the program; what is in the folder
 *  is large payloads then. */
#ifndef PV_STORE_SCENE_H
#define PV_STORE_SCENE_H

#include "store_open.h"
#include "pg_server.h"
#include "temp_dir.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static struct pg_server scene_server;
static char scene_url[PG_URL_BYTES]; /* "": SQLite */

static inline bool on_postgres(void)
{
    const char *which = getenv("PV_TEST_STORE");
    return which && !strcmp(which, "postgresql");
}

/* For a test that speaks of SQLite's files. */
static inline void of_sqlite_alone(void)
{
    if (on_postgres()) skip();
}

static inline const struct store_place *place_of(const char *dir)
{
    static struct store_place place;
    place = (struct store_place){ .where = dir };
    if (on_postgres()) place = (struct store_place){ .where = scene_url, .folder = dir, .payloads = dir };
    return &place;
}

/* A process that died holds its lease for some seconds. */
static inline struct store *open_or_die(const char *dir, struct faults *f)
{
    struct store *s = NULL;
    char why[STORE_WHY_BYTES];
    pv_status st;
    for (int i = 0; (st = store_open(&s, place_of(dir), -1, f, why)) == PV_BUSY && on_postgres() && i < 200; i++)
        usleep(50000);
    if (st != PV_OK) fail_msg("store_open: %s", why);
    return s;
}

static inline pv_status commit(struct store *s, enum store_when when)
{
    uint64_t number;
    return store_commit(s, when, &number);
}

static inline uint64_t committed(struct store *s, enum store_when when)
{
    uint64_t number = 0;
    assert_int_equal(store_commit(s, when, &number), PV_OK);
    return number;
}

static inline struct task_record task_of(uint64_t n)
{
    struct task_record t;
    memset(&t, 0, sizeof t);
    t.order = n;
    memset(t.id.bytes, (int)n, sizeof t.id.bytes);
    memcpy(t.id.bytes, &n, sizeof n);
    snprintf(t.principal, sizeof t.principal, "acme");
    snprintf(t.client, sizeof t.client, "worker-%llu", (unsigned long long)(n % 7));
    snprintf(t.queue, sizeof t.queue, "outer");
    snprintf(t.circuit, sizeof t.circuit, "keccak");
    t.state = TASK_QUEUED;
    t.generation = 1;
    t.created_ms = UINT64_MAX - n;
    t.status = PV_EXPIRED;
    t.excluded[3] = n << 40;
    for (uint64_t i = 0; i < n % 3 * TASK_EARLIER_MAX / 2; i++) /* none, half of them, all */
        t.earlier[i] = (struct task_issued){ .seq = n, .prover = n << 50, .key = UINT64_MAX, .epoch = (uint32_t)i };
    snprintf(t.text, sizeof t.text, "%llu times \"no\"", (unsigned long long)n);
    return t;
}

struct seen {
    uint64_t tasks, last;
    bool ok;
};

static inline pv_status see(void *context, const struct task_record *t)
{
    struct seen *seen = context;
    struct task_record want = task_of(t->order);
    want.state = t->state;
    if (memcmp(&want, t, sizeof want) || t->order <= seen->last) seen->ok = false;
    seen->last = t->order;
    seen->tasks++;
    return PV_OK;
}

static inline uint64_t count(struct store *s)
{
    struct seen seen = { .ok = true };
    assert_int_equal(store_scan(s, see, &seen), PV_OK);
    assert_true(seen.ok);
    return seen.tasks;
}

static inline wire_hash hash_of(const void *data, size_t bytes)
{
    wire_hash h;
    assert_int_equal(sha256_of(&h, data, bytes), PV_OK);
    return h;
}

static inline struct store_payload inline_payload(const uint8_t *data, size_t bytes)
{
    return (struct store_payload){ .sha256 = hash_of(data, bytes), .length = bytes, .bytes = data };
}

/* A payload that is filled with one byte, kept as a file. */
static inline pv_status file_payload(struct store *s, uint8_t fill, struct store_payload *p)
{
    static uint8_t data[100000];
    struct blob_writer w;
    memset(data, fill, sizeof data);
    *p = (struct store_payload){ .sha256 = hash_of(data, sizeof data), .length = sizeof data };
    TRY(blob_writer_start(&w, store_blobs(s), sizeof data, p->sha256));
    pv_status st = blob_writer_feed(&w, data, 60000);
    if (st == PV_OK) st = blob_writer_feed(&w, data + 60000, sizeof data - 60000);
    if (st == PV_OK) return blob_writer_keep(&w);
    blob_writer_drop(&w);
    return st;
}

static inline size_t files_in(const char *dir, const char *sub)
{
    char path[512];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", dir, sub);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static inline void sql(const char *dir, const char *text)
{
    char path[128];
    sqlite3 *db;
    if (on_postgres()) {
        pg_server_sql(&scene_server, scene_url, "ALTER ROLE postgres SET search_path = provost");
        pg_server_sql(&scene_server, scene_url, text);
        return;
    }
    snprintf(path, sizeof path, "%s/provost.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static inline int folder(void **state)
{
    static char dir[64];
    temp_dir_make(dir);
    *state = dir;
    if (on_postgres()) pg_server_fresh(&scene_server, scene_url);
    return 0;
}

static inline int folder_gone(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

static inline int scene_up(void **state)
{
    if (on_postgres()) pg_server_start(&scene_server, NULL);
    return 0;
}

static inline int scene_down(void **state)
{
    if (on_postgres()) pg_server_end(&scene_server);
    return 0;
}

#define IN_A_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder, folder_gone)

#endif
