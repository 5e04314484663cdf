#include "survey.h"

#include "blobs_far.h"
#include "disk_jobs.h"

#include <stddef.h>
#include <stdlib.h>

struct survey {
    struct store *store;
    struct disk_jobs *thread;
    struct disk_job job;
    bool under_way;
    uint64_t after, last; /* rows: those up to it are done; the last that was there */
    struct store_named slice[2 * STORE_SURVEY_ROWS];
    size_t n;
    struct survey_stats stats;
};

/* On the thread. */
static pv_status look(struct disk_job *job)
{
    struct survey *v = (struct survey *)((char *)job - offsetof(struct survey, job));
    for (size_t i = 0; i < v->n; i++)
        if (v->slice[i].in_file)
            v->slice[i].found = blobs_look(store_blobs(v->store), v->slice[i].sha256, v->slice[i].length);
    return PV_OK; /* read by nobody: each row has its own */
}

pv_status survey_start(struct survey **out, struct store *s, int wake)
{
    struct survey *v = calloc(1, sizeof *v);
    if (!v) return PV_NO_MEMORY;
    v->store = s;
    pv_status st = store_last_row(s, &v->last);
    if (st == PV_OK) st = disk_jobs_start(&v->thread, wake, 1);
    if (st != PV_OK) {
        free(v);
        return st;
    }
    *out = v;
    return PV_OK;
}

void survey_end(struct survey **at)
{
    struct survey *v = *at;
    if (!v) return;
    disk_jobs_stop(&v->thread);
    free(v);
    *at = NULL;
}

/* A file may have come since: of the same content, for another task. */
static bool is_damaged(const struct survey *v, const struct store_named *n)
{
    if (n->found == PV_OK || n->found == PV_IO) return false;
    return !n->in_file || blobs_there(store_blobs(v->store), n->sha256, n->length) == PV_GONE;
}

static void slice_judge(struct survey *v, void (*damaged)(void *context, const struct store_named *n), void *context)
{
    v->stats.payloads += v->n;
    for (size_t i = 0; i < v->n; i++) {
        if (!is_damaged(v, &v->slice[i])) continue;
        v->stats.damaged++;
        damaged(context, &v->slice[i]);
    }
    v->n = 0;
}

bool survey_turn(struct survey *v, void (*damaged)(void *context, const struct store_named *n), void *context)
{
    if (v->under_way && !disk_jobs_done(v->thread)) return true;
    v->under_way = false;
    slice_judge(v, damaged, context);
    if (v->after >= v->last || store_survey(v->store, &v->after, v->slice, &v->n) != PV_OK) return false;
    v->job.work = look;
    v->under_way = true;
    disk_jobs_do(v->thread, &v->job);
    return true;
}

struct survey_stats survey_read_stats(const struct survey *v)
{
    return v->stats;
}
