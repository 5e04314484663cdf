#include "pg_writer.h"

#include "pg_schema.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct pg_writer {
    pthread_t sender, syncer;
    pthread_mutex_t lock;
    pthread_cond_t wanted, idle, sync_wanted;
    struct pg_session session, syncs;
    struct pg_reign reign;
    struct pg_types types;
    int wake;
    bool stop, given, finished; /* given: a batch is the thread's; finished: and is done */
    bool failed, sync_failed;
    bool running; /* the loop's own word: handed over and not collected */
    pv_status status;
    struct pg_batch batch;
    struct pg_batch forgotten, unnamed; /* files: that lost a name; that have none, durably */
    bool syncing;
    uint64_t kept, durable; /* the last commit that the server has, and that it will not lose */
    uint64_t durable_commits;
};

static void wake_up(const struct pg_writer *w)
{
    uint64_t one = 1;
    if (w->wake < 0) return;
    ssize_t n = write(w->wake, &one, sizeof one); /* a full counter wakes as well */
    (void)n;
}

static void files_add(struct pg_batch *to, const struct pg_batch *from)
{
    for (size_t i = 0; i < from->files_n; i++) pg_batch_forget(to, from->files[i]);
}

/* With the lock held, which is let go meanwhile. */
static void send_one(struct pg_writer *w)
{
    pthread_mutex_unlock(&w->lock);
    struct pg_batch files = { 0 };
    pv_status st = pg_send(&w->session, &w->types, &w->reign, &w->batch, &files);
    pthread_mutex_lock(&w->lock);
    w->status = st;
    w->reign.commits += st == PV_OK;
    if (st == PV_OK) {
        w->kept = w->batch.last;
        files_add(&w->forgotten, &w->batch);
        files_add(&w->forgotten, &files);
    }
    pg_batch_clear(&files);
    w->failed |= st != PV_OK;
    w->finished = true;
    wake_up(w);
    pthread_cond_signal(&w->sync_wanted);
    pthread_cond_broadcast(&w->idle);
}

static void *sends(void *context)
{
    struct pg_writer *w = context;
    pthread_mutex_lock(&w->lock);
    while (!w->stop || (w->given && !w->finished)) {
        if (w->given && !w->finished)
            send_one(w);
        else
            pthread_cond_wait(&w->wanted, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Whether the server has what is not known to be durable. */
static bool sync_left(const struct pg_writer *w)
{
    return w->kept > w->durable && !w->sync_failed;
}

static void sync_all(struct pg_writer *w)
{
    const struct pg_reign reign = w->reign;
    uint64_t kept = w->kept;
    struct pg_batch files = w->forgotten, unnamed = { 0 };
    w->forgotten = (struct pg_batch){ 0 };
    w->syncing = true;
    pthread_mutex_unlock(&w->lock);
    pv_status st = pg_sync(&w->syncs, &reign, &files, &unnamed);
    pthread_mutex_lock(&w->lock);
    w->syncing = false;
    w->sync_failed |= st != PV_OK;
    if (st == PV_OK) {
        w->durable = kept;
        w->durable_commits = reign.commits;
        if (!w->unnamed.files_n) w->unnamed.last = kept; /* of what is added to older ones the older moment counts */
        files_add(&w->unnamed, &unnamed);
    }
    pg_batch_clear(&files);
    pg_batch_clear(&unnamed);
    wake_up(w);
    pthread_cond_broadcast(&w->idle);
}

/* What is left at the end was promised to nobody. */
static void *syncs(void *context)
{
    struct pg_writer *w = context;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (sync_left(w))
            sync_all(w);
        else
            pthread_cond_wait(&w->sync_wanted, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void tools_make(struct pg_writer *w)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wanted, NULL);
    pthread_cond_init(&w->idle, NULL);
    pthread_cond_init(&w->sync_wanted, NULL);
}

static void tools_end(struct pg_writer *w)
{
    pthread_cond_destroy(&w->wanted);
    pthread_cond_destroy(&w->idle);
    pthread_cond_destroy(&w->sync_wanted);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void stop(struct pg_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->wanted);
    pthread_cond_broadcast(&w->sync_wanted);
    pthread_mutex_unlock(&w->lock);
}

static pv_status threads_start(struct pg_writer *w)
{
    if (pthread_create(&w->sender, NULL, sends, w)) return PV_FAILED;
    if (!pthread_create(&w->syncer, NULL, syncs, w)) return PV_OK;
    stop(w);
    pthread_join(w->sender, NULL);
    return PV_FAILED;
}

pv_status pg_writer_start(struct pg_writer **out, struct pg_session *session, struct pg_session *syncer,
                          const struct pg_reign *reign, int wake)
{
    struct pg_types types;
    TRY(pg_prepare(session, &types));
    TRY(pg_prepare_sync(syncer));
    struct pg_writer *w = calloc(1, sizeof *w);
    if (!w) return PV_NO_MEMORY;
    w->types = types;
    w->reign = *reign;
    w->wake = wake;
    w->session = *session;
    w->syncs = *syncer;
    tools_make(w);
    if (threads_start(w) != PV_OK) {
        tools_end(w);
        return PV_FAILED;
    }
    *session = *syncer = (struct pg_session){ .c = NULL };
    *out = w;
    return PV_OK;
}

/* The threads alone close the descriptors, in pg_writer_stop. */
static void cut(const struct pg_session *s)
{
    int fd = PQsocket(s->c);
    if (fd >= 0) shutdown(fd, SHUT_RDWR);
}

void pg_writer_cut(struct pg_writer *w)
{
    cut(&w->session);
    cut(&w->syncs);
}

void pg_writer_stop(struct pg_writer **writer)
{
    struct pg_writer *w = *writer;
    if (!w) return;
    stop(w);
    pthread_join(w->sender, NULL);
    pthread_join(w->syncer, NULL);
    pg_session_close(&w->session);
    pg_session_close(&w->syncs);
    pg_batch_clear(&w->batch);
    pg_batch_clear(&w->forgotten);
    pg_batch_clear(&w->unnamed);
    tools_end(w);
    *writer = NULL;
}

void pg_writer_do(struct pg_writer *w, struct pg_batch *batch)
{
    pthread_mutex_lock(&w->lock);
    w->batch = *batch;
    w->given = w->running = true;
    w->finished = false;
    pthread_cond_broadcast(&w->wanted);
    pthread_mutex_unlock(&w->lock);
    *batch = (struct pg_batch){ 0 };
}

bool pg_writer_running(const struct pg_writer *w)
{
    return w->running;
}

bool pg_writer_collect(struct pg_writer *w, pv_status *st, struct pg_batch *done)
{
    pthread_mutex_lock(&w->lock);
    bool ended = w->given && w->finished;
    if (ended) {
        w->given = w->running = false;
        *st = w->status;
        *done = w->batch;
        w->batch = (struct pg_batch){ 0 };
    }
    pthread_mutex_unlock(&w->lock);
    return ended;
}

/* With the lock held. */
static void wait_idle(struct pg_writer *w)
{
    while (w->given && !w->finished) pthread_cond_wait(&w->idle, &w->lock);
}

void pg_writer_settle(struct pg_writer *w)
{
    pthread_mutex_lock(&w->lock);
    wait_idle(w);
    pthread_mutex_unlock(&w->lock);
}

uint64_t pg_writer_durable(struct pg_writer *w, uint64_t *commits)
{
    pthread_mutex_lock(&w->lock);
    uint64_t durable = w->durable;
    *commits = w->durable_commits;
    pthread_mutex_unlock(&w->lock);
    return durable;
}

bool pg_writer_unnamed(struct pg_writer *w, struct pg_batch *files)
{
    pthread_mutex_lock(&w->lock);
    *files = w->unnamed;
    w->unnamed = (struct pg_batch){ 0 };
    pthread_mutex_unlock(&w->lock);
    return files->files_n > 0;
}

static void wait_synced(struct pg_writer *w)
{
    while (w->syncing || sync_left(w)) pthread_cond_wait(&w->idle, &w->lock);
}

void pg_writer_settle_sync(struct pg_writer *w)
{
    pthread_mutex_lock(&w->lock);
    wait_synced(w);
    pthread_mutex_unlock(&w->lock);
}

const char *pg_writer_failure(struct pg_writer *w, bool *passes)
{
    pthread_mutex_lock(&w->lock);
    const struct pg_session *s = w->failed ? &w->session : w->sync_failed ? &w->syncs : NULL;
    *passes = s && s->passes;
    pthread_mutex_unlock(&w->lock);
    return s ? s->why : NULL;
}

void pg_writer_reign(struct pg_writer *w, const struct pg_reign *reign)
{
    pthread_mutex_lock(&w->lock);
    wait_idle(w);
    wait_synced(w);
    w->reign = *reign;
    w->durable_commits = 0;
    pthread_mutex_unlock(&w->lock);
}
