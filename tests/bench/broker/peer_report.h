/** What the benches of other brokers have in common with bench_broker: jobs, tasks in flight, and the line of JSON at the end. */
#ifndef PV_PEER_REPORT_H
#define PV_PEER_REPORT_H

#include "broker_cost.h"
#include "clock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PEER_PROVERS = 8, PEER_RESULT_BYTES = 1024, PEER_FLIGHTS_MAX = 256, PEER_SAMPLES_MAX = 2000000 };

#define PEER_DIE(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))

/* As bench_broker's. */
static const struct peer_job {
    const char *name;
    size_t bytes, in_flight;
} peer_jobs[] = {
    { "1k", 1024, 64 }, { "one", 1024, 1 }, { "64k", 65536, 32 }, { "1m", 1 << 20, 16 }, { "16m", 16 << 20, 4 }
};

static inline const struct peer_job *peer_job_of(const char *name)
{
    for (size_t i = 0; i < sizeof peer_jobs / sizeof *peer_jobs; i++)
        if (!strcmp(peer_jobs[i].name, name)) return &peer_jobs[i];
    PEER_DIE("no job %s", name);
}

struct peer_run {
    const char *which;
    const struct peer_job *job;
    pid_t server;
    uint64_t from_us, end_us, cpu_us, serial;
    uint64_t flight_us[PEER_FLIGHTS_MAX];
    uint8_t *data; /* one input, whose first bytes differ each time */
    uint32_t *samples;
    size_t n;
};

/** The server's peak is counted from here on. */
static inline void peer_run_begin(struct peer_run *r, const char *which, const char *job, const char *server)
{
    char path[64];
    const char *seconds = getenv("SECONDS");
    *r = (struct peer_run){ .which = which, .job = peer_job_of(job), .server = atoi(server) };
    r->data = calloc(1, r->job->bytes);
    r->samples = malloc(PEER_SAMPLES_MAX * sizeof *r->samples);
    snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)r->server);
    int f = open(path, O_WRONLY | O_CLOEXEC);
    if (f < 0 || write(f, "5", 1) != 1) PEER_DIE("%s: no such server, or not ours", path);
    close(f);
    r->cpu_us = broker_cost_cpu_us(r->server);
    r->from_us = pv_clock_us();
    r->end_us = r->from_us + (uint64_t)((seconds ? strtod(seconds, NULL) : 3) * 1e6);
}

/** A task leaves: its input, different each time. */
static inline const uint8_t *peer_run_leaves(struct peer_run *r, size_t slot)
{
    r->serial++;
    memcpy(r->data, &r->serial, sizeof r->serial);
    r->flight_us[slot] = pv_clock_us();
    return r->data;
}

/** Its answer came. True: the next one may leave in its place. */
static inline bool peer_run_comes(struct peer_run *r, size_t slot)
{
    uint64_t now = pv_clock_us();
    if (slot >= r->job->in_flight) PEER_DIE("%s: an answer to nothing", r->which);
    if (r->n < PEER_SAMPLES_MAX) r->samples[r->n++] = (uint32_t)(now - r->flight_us[slot]);
    return now < r->end_us;
}

static inline int peer_by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static inline void peer_run_report(struct peer_run *r)
{
    double s = (double)(pv_clock_us() - r->from_us) / 1e6;
    uint64_t cpu = broker_cost_cpu_us(r->server) - r->cpu_us;
    if (!r->n) PEER_DIE("%s: nothing came back", r->which);
    qsort(r->samples, r->n, sizeof *r->samples, peer_by_size);
    printf("{\"bench\":\"%s\",\"job\":\"%s\",\"bytes\":%zu,\"in_flight\":%zu,\"tasks\":%zu,\"tasks_per_s\":%.0f,"
           "\"p50_us\":%u,\"p99_us\":%u,\"cpu_us\":%.1f,\"peak_kib\":%" PRIu64 "}\n",
           r->which, r->job->name, r->job->bytes, r->job->in_flight, r->n, (double)r->n / s, r->samples[r->n / 2],
           r->samples[r->n - 1 - r->n / 100], (double)cpu / (double)r->n, broker_cost_kib(r->server, "VmHWM:"));
    free(r->samples);
    free(r->data);
}

#endif
