#include "child_serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One that is given up is told so by its parent's end; there is nothing to be done about a frame that cannot be written. */
static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;

static void say(uint16_t kind, uint32_t tag, const void *body, size_t bytes)
{
    const struct frame f = { .kind = kind, .tag = tag, .body = body, .bytes = bytes };
    pthread_mutex_lock(&write_lock);
    (void)frame_write(CHILD_SOCKET, &f, -1);
    pthread_mutex_unlock(&write_lock);
}

/* The parent may have ended before prctl. */
bool child_begin(void)
{
    int type;
    socklen_t n = sizeof type;
    const char *parent = getenv(CHILD_PARENT);
    if (!parent || prctl(PR_SET_PDEATHSIG, SIGKILL) || strtol(parent, NULL, 10) != (long)getppid()) return false;
    return getsockopt(CHILD_SOCKET, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM;
}

int child_refuse(const char *why)
{
    say(CHILD_REFUSED, 0, why, strnlen(why, CHILD_TEXT_BYTES - 1));
    return 1;
}

void child_progress(const struct child_job *job, const char *word, unsigned percent)
{
    uint8_t body[1 + CHILD_WORD_MAX] = { (uint8_t)(percent > 100 ? 100 : percent) };
    size_t n = strnlen(word, CHILD_WORD_MAX);
    memcpy(body + 1, word, n);
    say(CHILD_PROGRESS, job->tag, body, 1 + n);
}

/* --- jobs --- */

struct queued {
    struct queued *next;
    bool runs;
    struct child_job job;
    uint8_t body[];
};

struct server {
    const struct child_serve_options *o;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct queued *jobs; /* those that run, too; the oldest last */
    unsigned jobs_n;
};

static struct queued *job_new(struct frame *f)
{
    struct queued *q = calloc(1, sizeof *q + f->bytes);
    if (!q) return NULL;
    if (f->bytes) memcpy(q->body, f->body, f->bytes);
    q->job.kind = f->kind - CHILD_JOB;
    q->job.body = q->body;
    q->job.bytes = f->bytes;
    memcpy(q->job.fds, f->fds, sizeof q->job.fds);
    q->job.fds_n = f->fds_n;
    q->job.tag = f->tag;
    f->fds_n = 0;
    return q;
}

static void job_free(struct queued *q)
{
    for (unsigned i = 0; i < q->job.fds_n; i++)
        if (q->job.fds[i] >= 0) close(q->job.fds[i]);
    explicit_bzero(q->body, q->job.bytes);
    free(q);
}

/* With the lock. The oldest that no thread has. */
static struct queued *job_next(const struct server *s)
{
    struct queued *oldest = NULL;
    for (struct queued *q = s->jobs; q; q = q->next)
        if (!q->runs) oldest = q;
    return oldest;
}

static void job_remove(struct server *s, const struct queued *q)
{
    struct queued **at = &s->jobs;
    while (*at != q) at = &(*at)->next;
    *at = q->next;
    s->jobs_n--;
}

static void failed_say(uint32_t tag, pv_status status, const char *why)
{
    uint8_t body[4 + CHILD_TEXT_BYTES];
    size_t n = strnlen(why, CHILD_TEXT_BYTES - 1);
    for (int i = 0; i < 4; i++) body[i] = (uint8_t)((uint32_t)status >> (8 * i));
    memcpy(body + 4, why, n);
    say(CHILD_FAILED, tag, body, 4 + n);
}

/* A job is off the list before its end is said: its parent may use the number again. */
static void job_run(struct server *s, struct queued *q)
{
    struct child_answer answer = { .bytes = 0 };
    pv_status status = s->o->run(s->o->arg, &q->job, &answer);
    pthread_mutex_lock(&s->lock);
    job_remove(s, q);
    pthread_mutex_unlock(&s->lock);
    if (status == PV_OK)
        say(CHILD_DONE, q->job.tag, answer.body, answer.bytes);
    else
        failed_say(q->job.tag, status, answer.why);
    explicit_bzero(&answer, sizeof answer);
    job_free(q);
}

static void *worker(void *arg)
{
    struct server *s = arg;
    for (;;) {
        struct queued *q;
        pthread_mutex_lock(&s->lock);
        while (!(q = job_next(s))) pthread_cond_wait(&s->news, &s->lock);
        q->runs = true;
        pthread_mutex_unlock(&s->lock);
        job_run(s, q);
    }
    return NULL;
}

/* False: more than a parent may give, or no memory for it. */
static bool on_job(struct server *s, struct frame *f)
{
    pthread_mutex_lock(&s->lock);
    bool room = s->jobs_n < CHILD_JOBS_MAX;
    pthread_mutex_unlock(&s->lock);
    struct queued *q = room ? job_new(f) : NULL;
    if (!q) return false;
    pthread_mutex_lock(&s->lock);
    q->next = s->jobs;
    s->jobs = q;
    s->jobs_n++;
    pthread_cond_signal(&s->news);
    pthread_mutex_unlock(&s->lock);
    return true;
}

/* One that has ended meanwhile is not there any more. */
static void on_stop(struct server *s, uint32_t tag)
{
    pthread_mutex_lock(&s->lock);
    for (struct queued *q = s->jobs; q; q = q->next)
        if (q->job.tag == tag) atomic_store(&q->job.stop, 1);
    pthread_mutex_unlock(&s->lock);
}

static bool on_frame(struct server *s, struct frame *f)
{
    if (f->kind >= CHILD_JOB) return on_job(s, f);
    if (f->kind == CHILD_STOP)
        on_stop(s, f->tag);
    else if (f->kind == CHILD_PING)
        say(CHILD_PONG, f->tag, NULL, 0);
    else
        return false;
    return true;
}

static bool workers_start(struct server *s)
{
    pthread_t thread;
    for (unsigned i = 0; i < s->o->threads; i++) {
        if (pthread_create(&thread, NULL, worker, s)) return i > 0;
        pthread_detach(thread);
    }
    return true;
}

/* Threads that still run use what is static. */
int child_serve(const struct child_serve_options *options, const uint8_t *ready, size_t ready_bytes)
{
    static struct server s = { .lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER };
    static struct frame_reader reader;
    struct frame f = { 0 };
    s.o = options;
    if (!workers_start(&s)) return child_refuse("no thread can be started");
    say(CHILD_READY, 0, ready, ready_bytes);
    for (;;) {
        pv_status status = frame_read(&reader, CHILD_SOCKET, &f);
        if (status == PV_BUSY) continue; /* a socket that somebody made non-blocking */
        bool right = status == PV_OK && on_frame(&s, &f);
        frame_close(&f);
        if (!right) return status == PV_GONE ? 0 : 3;
    }
}
