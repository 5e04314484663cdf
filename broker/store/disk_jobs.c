#include "disk_jobs.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MAX = 8 };

/* First in, first out. */
struct jobs {
    struct disk_job *first, **end;
};

struct disk_jobs {
    pthread_mutex_t lock;
    pthread_cond_t wanted, idle;
    struct jobs waiting, finished;
    unsigned under_way; /* handed in and not finished */
    bool stop;
    int wake;
    unsigned threads_n;
    pthread_t threads[THREADS_MAX];
};

static void put(struct jobs *jobs, struct disk_job *job)
{
    job->next = NULL;
    *jobs->end = job;
    jobs->end = &job->next;
}

static struct disk_job *take(struct jobs *jobs)
{
    struct disk_job *job = jobs->first;
    if (!job) return NULL;
    jobs->first = job->next;
    if (!job->next) jobs->end = &jobs->first;
    return job;
}

static void wake_up(const struct disk_jobs *d)
{
    uint64_t one = 1;
    if (d->wake < 0) return;
    ssize_t n = write(d->wake, &one, sizeof one); /* a full counter wakes as well */
    (void)n;
}

static void *work(void *context)
{
    struct disk_jobs *d = context;
    pthread_mutex_lock(&d->lock);
    for (;;) {
        struct disk_job *job = take(&d->waiting);
        if (!job && d->stop) break;
        if (!job) {
            pthread_cond_wait(&d->wanted, &d->lock);
            continue;
        }
        pthread_mutex_unlock(&d->lock);
        job->status = job->work(job);
        pthread_mutex_lock(&d->lock);
        put(&d->finished, job);
        if (!--d->under_way) pthread_cond_broadcast(&d->idle);
        wake_up(d);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

pv_status disk_jobs_start(struct disk_jobs **out, int wake, unsigned threads)
{
    struct disk_jobs *d = calloc(1, sizeof *d);
    if (!d) return PV_NO_MEMORY;
    d->wake = wake;
    d->waiting.end = &d->waiting.first;
    d->finished.end = &d->finished.first;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wanted, NULL);
    pthread_cond_init(&d->idle, NULL);
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    while (d->threads_n < threads && !pthread_create(&d->threads[d->threads_n], NULL, work, d)) d->threads_n++;
    *out = d;
    if (d->threads_n) return PV_OK;
    disk_jobs_stop(out);
    return PV_FAILED;
}

void disk_jobs_stop(struct disk_jobs **disk)
{
    struct disk_jobs *d = *disk;
    if (!d) return;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_broadcast(&d->wanted);
    pthread_mutex_unlock(&d->lock);
    for (unsigned i = 0; i < d->threads_n; i++) pthread_join(d->threads[i], NULL);
    pthread_cond_destroy(&d->idle);
    pthread_cond_destroy(&d->wanted);
    pthread_mutex_destroy(&d->lock);
    free(d);
    *disk = NULL;
}

void disk_jobs_do(struct disk_jobs *d, struct disk_job *job)
{
    pthread_mutex_lock(&d->lock);
    put(&d->waiting, job);
    d->under_way++;
    pthread_cond_signal(&d->wanted);
    pthread_mutex_unlock(&d->lock);
}

struct disk_job *disk_jobs_done(struct disk_jobs *d)
{
    pthread_mutex_lock(&d->lock);
    struct disk_job *job = take(&d->finished);
    pthread_mutex_unlock(&d->lock);
    return job;
}

void disk_jobs_settle(struct disk_jobs *d)
{
    pthread_mutex_lock(&d->lock);
    while (d->under_way) pthread_cond_wait(&d->idle, &d->lock);
    pthread_mutex_unlock(&d->lock);
}
