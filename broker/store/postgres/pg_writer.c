#include "pg_writer.h"

#include "pg_schema.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct pg_writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wanted, idle;
    struct pg_session session;
    struct pg_reign reign;
    struct pg_types types;
    int wake;
    bool stop, given, finished; /* given: a batch is the thread's; finished: and is done */
    bool failed;
    bool running; /* the loop's own word: handed over and not collected */
    pv_status status;
    struct pg_batch batch, files;
};

static void wake_up(const struct pg_writer *w)
{
    uint64_t one = 1;
    if (w->wake < 0) return;
    ssize_t n = write(w->wake, &one, sizeof one); /* a full counter wakes as well */
    (void)n;
}

/* With the lock held, which is let go meanwhile. */
static void send_one(struct pg_writer *w)
{
    pthread_mutex_unlock(&w->lock);
    pv_status st = pg_send(&w->session, &w->types, &w->reign, &w->batch, &w->files);
    pthread_mutex_lock(&w->lock);
    w->status = st;
    w->reign.commits += st == PV_OK;
    w->failed |= st != PV_OK;
    w->finished = true;
    wake_up(w);
    pthread_cond_broadcast(&w->idle);
}

static void *work(void *context)
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

pv_status pg_writer_start(struct pg_writer **out, struct pg_session *session, const struct pg_reign *reign, int wake)
{
    struct pg_types types;
    TRY(pg_prepare(session, &types));
    struct pg_writer *w = calloc(1, sizeof *w);
    if (!w) return PV_NO_MEMORY;
    w->types = types;
    w->reign = *reign;
    w->wake = wake;
    w->session = *session;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wanted, NULL);
    pthread_cond_init(&w->idle, NULL);
    if (pthread_create(&w->thread, NULL, work, w)) {
        free(w);
        return PV_FAILED;
    }
    *session = (struct pg_session){ .c = NULL };
    *out = w;
    return PV_OK;
}

/* The thread alone closes the descriptor, in pg_writer_stop. */
void pg_writer_cut(struct pg_writer *w)
{
    int fd = PQsocket(w->session.c);
    if (fd >= 0) shutdown(fd, SHUT_RDWR);
}

void pg_writer_stop(struct pg_writer **writer)
{
    struct pg_writer *w = *writer;
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->wanted);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pg_session_close(&w->session);
    pg_batch_clear(&w->batch);
    pg_batch_clear(&w->files);
    pthread_cond_destroy(&w->wanted);
    pthread_cond_destroy(&w->idle);
    pthread_mutex_destroy(&w->lock);
    free(w);
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

bool pg_writer_collect(struct pg_writer *w, pv_status *st, struct pg_batch *done, struct pg_batch *files)
{
    pthread_mutex_lock(&w->lock);
    bool ended = w->given && w->finished;
    if (ended) {
        w->given = w->running = false;
        *st = w->status;
        *done = w->batch;
        *files = w->files;
        w->batch = w->files = (struct pg_batch){ 0 };
    }
    pthread_mutex_unlock(&w->lock);
    return ended;
}

void pg_writer_settle(struct pg_writer *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->given && !w->finished) pthread_cond_wait(&w->idle, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

const char *pg_writer_failure(struct pg_writer *w, bool *passes)
{
    pthread_mutex_lock(&w->lock);
    bool failed = w->failed;
    *passes = failed && w->session.passes;
    pthread_mutex_unlock(&w->lock);
    return failed ? w->session.why : NULL;
}

void pg_writer_reign(struct pg_writer *w, const struct pg_reign *reign)
{
    pthread_mutex_lock(&w->lock);
    while (w->given && !w->finished) pthread_cond_wait(&w->idle, &w->lock);
    w->reign = *reign;
    pthread_mutex_unlock(&w->lock);
}

uint64_t pg_writer_commits(struct pg_writer *w)
{
    pthread_mutex_lock(&w->lock);
    uint64_t n = w->reign.commits;
    pthread_mutex_unlock(&w->lock);
    return n;
}
