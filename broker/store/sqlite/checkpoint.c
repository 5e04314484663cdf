#include "checkpoint.h"

#include "sqlite_vfs.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    /* From here on the log is folded: pages of 4 KiB, 32 MiB. */
    DUE_PAGES = 8192,
    /* The loop folds the rest itself when it is at most 1/32 of the log. With 1/8 that took 5 % of its time. */
    LITTLE_SHARE = 32,
    /* 1 GiB: tasks come faster than the disk takes them. The loop folds, and so waits for the disk. */
    TOO_MANY_PAGES = 1 << 18,
    BUSY_MS = 10000,
};

struct checkpoint {
    sqlite3 *writer, *own;
    pthread_t thread;
    bool started;
    int pages; /* in the log, as of the writer's last commit */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    bool wanted, stop, failed, full;
    int folded; /* pages of the log folded by the last pass; -1: none since the log began anew */
};

static int log_grew(void *context, sqlite3 *db, const char *name, int pages)
{
    struct checkpoint *c = context;
    c->pages = pages;
    return SQLITE_OK;
}

static void *checkpoint_thread(void *context)
{
    struct checkpoint *c = context;
    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        if (!c->wanted) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        int in_log = 0, folded = 0;
        int rc = sqlite3_wal_checkpoint_v2(c->own, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &folded);
        pthread_mutex_lock(&c->lock);
        if (rc != SQLITE_OK && rc != SQLITE_BUSY) c->failed = true;
        if (rc == SQLITE_FULL) c->full = true;
        if (rc == SQLITE_OK) c->folded = folded;
        c->wanted = false;
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

pv_status checkpoint_start(struct checkpoint **out, const char *path, sqlite3 *writer)
{
    struct checkpoint *c = calloc(1, sizeof *c);
    if (!c) return PV_NO_MEMORY;
    c->writer = writer;
    c->folded = -1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    sqlite3_wal_hook(writer, log_grew, c);
    /* Through that layer this connection leaves no sync out. */
    int rc = sqlite3_open_v2(path, &c->own, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, STORE_VFS_FOLD);
    if (rc == SQLITE_OK) rc = sqlite3_exec(c->own, "PRAGMA synchronous=FULL; SELECT 1 FROM meta", NULL, NULL, NULL);
    if (rc == SQLITE_OK) c->started = !pthread_create(&c->thread, NULL, checkpoint_thread, c);
    if (c->started) {
        sqlite3_busy_timeout(c->own, BUSY_MS);
        *out = c;
        return PV_OK;
    }
    checkpoint_stop(&c);
    return PV_STORE;
}

void checkpoint_stop(struct checkpoint **checkpoint)
{
    struct checkpoint *c = *checkpoint;
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (c->started) pthread_join(c->thread, NULL);
    sqlite3_wal_hook(c->writer, NULL, NULL);
    sqlite3_close(c->own);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
    free(c);
    *checkpoint = NULL;
}

/* Folds the little that is left. Then the whole log is folded, and the next write begins it anew. */
static bool fold_rest(struct checkpoint *c)
{
    int rc = sqlite3_wal_checkpoint_v2(c->writer, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_FULL) c->full = true; /* its own thread is at rest */
    return rc == SQLITE_OK || rc == SQLITE_BUSY;
}

bool checkpoint_committed(struct checkpoint *c)
{
    if (c->pages < DUE_PAGES) return true;
    pthread_mutex_lock(&c->lock);
    bool busy = c->wanted, ok = !c->failed;
    int left = c->pages - c->folded;
    bool rest = !busy && c->folded > 0 && left >= 0 && left <= c->pages / LITTLE_SHARE;
    if (rest) c->folded = -1;
    if (!busy && !rest) {
        c->wanted = true;
        pthread_cond_signal(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    if (ok && (rest || (!busy && c->pages > TOO_MANY_PAGES))) ok = fold_rest(c);
    return ok;
}

bool checkpoint_full(struct checkpoint *c)
{
    pthread_mutex_lock(&c->lock);
    bool full = c->full;
    pthread_mutex_unlock(&c->lock);
    return full;
}
