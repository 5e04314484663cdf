#include "log_sync.h"

#include "disk_jobs.h"

#include <stdlib.h>
#include <unistd.h>

struct log_sync {
    struct disk_job job; /* first: sync_job casts it back */
    struct disk_jobs *thread;
    struct faults *faults;
    int fd;
    bool fails; /* a test wants the running sync to fail */
    bool running, failed;
    uint64_t covered; /* by the running sync */
    uint64_t asked, durable;
};

pv_status log_sync_open(struct log_sync **out, int fd, int wake, struct faults *faults)
{
    struct log_sync *l = calloc(1, sizeof *l);
    if (!l) return PV_NO_MEMORY;
    l->fd = fd;
    l->faults = faults;
    pv_status st = disk_jobs_start(&l->thread, wake, 1);
    if (st == PV_OK)
        *out = l;
    else
        free(l);
    return st;
}

void log_sync_close(struct log_sync **log)
{
    struct log_sync *l = *log;
    if (!l) return;
    disk_jobs_stop(&l->thread);
    free(l);
    *log = NULL;
}

static pv_status sync_job(struct disk_job *job)
{
    const struct log_sync *l = (const struct log_sync *)job;
    return l->fails || fdatasync(l->fd) ? PV_STORE : PV_OK;
}

void log_sync_ask(struct log_sync *l, uint64_t number)
{
    if (number > l->asked) l->asked = number;
}

void log_sync_start(struct log_sync *l, uint64_t written)
{
    if (l->running || l->failed || l->asked <= l->durable) return;
    l->fails = fault_hit(l->faults, FAULT_SYNC); /* here, so that only the writer's thread counts */
    l->covered = written;
    l->running = true;
    l->job.work = sync_job;
    disk_jobs_do(l->thread, &l->job);
}

void log_sync_reached(struct log_sync *l, uint64_t number)
{
    if (number > l->durable && !l->failed) l->durable = number;
}

bool log_sync_collect(struct log_sync *l)
{
    const struct disk_job *job = l->running ? disk_jobs_done(l->thread) : NULL;
    if (!job) return false;
    l->running = false;
    if (job->status == PV_OK)
        log_sync_reached(l, l->covered);
    else
        l->failed = true;
    return true;
}

bool log_sync_settle(struct log_sync *l)
{
    if (!l->running) return false;
    disk_jobs_settle(l->thread);
    return log_sync_collect(l);
}

bool log_sync_running(const struct log_sync *l)
{
    return l->running;
}

uint64_t log_sync_asked(const struct log_sync *l)
{
    return l->asked;
}

uint64_t log_sync_durable(const struct log_sync *l)
{
    return l->durable;
}

bool log_sync_failed(const struct log_sync *l)
{
    return l->failed;
}
