#include "runner.h"

#include "clock.h"
#include "hand_over.h"
#include "sha256.h"
#include "team.h"

#include <stdlib.h>
#include <string.h>

enum { TELL_EVERY_MS = 200 };

struct runner {
    zactor_t *actor;
};

/* What the thread remembers about the job it runs. */
struct watch_context {
    zsock_t *pipe;
    uint64_t told_ms;
    char phase[WIRE_NAME_MAX + 1];
};

void job_destroy(struct job **job_p)
{
    struct job *j = *job_p;
    if (!j) return;
    if (j->input) explicit_bzero(j->input, j->input_bytes);
    free(j->input);
    free(j->out.bytes);
    free(j);
    *job_p = NULL;
}

/* Reports a change of phase at once, percents only now and then: the loop passes them on once a second at most. */
static void on_progress(void *ctx, const char *phase, unsigned percent)
{
    struct watch_context *w = ctx;
    uint64_t now = pv_clock_ms();
    bool changed = strncmp(w->phase, phase, WIRE_NAME_MAX) != 0;
    if (!changed && now - w->told_ms < TELL_EVERY_MS) return;
    w->told_ms = now;
    if (wire_name_valid(phase, strlen(phase))) snprintf(w->phase, sizeof w->phase, "%s", phase);
    zsock_send(w->pipe, "isip", RUNNER_PROGRESS, w->phase, (int)(percent > 100 ? 100 : percent), NULL);
}

static void job_run(zsock_t *pipe, struct job *j)
{
    struct watch_context w = { .pipe = pipe };
    struct handler_watch watch = { .stop = &j->stop, .progress = on_progress, .ctx = &w };
    struct handler_input in = { j->task, j->circuit, j->input, j->input_bytes, j->kind };
    struct handler *handler = j->handler;
    uint64_t from = pv_clock_ms();
    j->status = handler_run(j->handler, &in, &watch, &j->out);
    j->measured_ms = pv_clock_ms() - from;
    if (j->status == PV_OK) j->status = sha256_of(&j->sha256, j->out.bytes, j->out.size);
    HAND_OVER(j);
    zsock_send(pipe, "isip", RUNNER_DONE, "", 100, j);
    if (handler->after) handler->after(handler->self);
}

struct place {
    const struct numa *numa;
    unsigned slot, threads;
};

/* A thread that cannot settle on its NUMA node computes anywhere, more slowly. */
static void runner_main(zsock_t *pipe, void *args)
{
    const struct place *place = args;
    if (place->numa) (void)numa_settle(place->numa, place->slot);
    if (place->threads) (void)team_start(place->threads, TEAM_SPIN_AS_IT_IS);
    HAND_OVER(args);
    zsock_signal(pipe, 0); /* after this *place is no longer valid */
    for (;;) {
        char *word = NULL;
        void *job = NULL;
        if (zsock_recv(pipe, "sp", &word, &job)) continue;
        bool run = word && !strcmp(word, "RUN");
        bool end = word && !strcmp(word, "$TERM");
        zstr_free(&word);
        if (run) TAKE_OVER(job);
        if (run) job_run(pipe, job);
        if (end) return;
    }
}

struct runner *runner_new(const struct numa *numa, unsigned slot, unsigned threads)
{
    struct place place = { numa, slot, threads };
    struct runner *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->actor = zactor_new(runner_main, &place);
    TAKE_OVER(&place);
    if (r->actor) return r;
    free(r);
    return NULL;
}

void runner_destroy(struct runner **r_p)
{
    struct runner *r = *r_p;
    if (!r) return;
    zactor_destroy(&r->actor);
    free(r);
    *r_p = NULL;
}

void runner_start(struct runner *r, struct job **job_p)
{
    HAND_OVER(*job_p);
    zsock_send(r->actor, "sp", "RUN", *job_p);
    *job_p = NULL;
}

zsock_t *runner_socket(struct runner *r)
{
    return zactor_sock(r->actor);
}

void runner_read(struct runner *r, struct runner_report *report)
{
    int news = RUNNER_NOTHING, percent = 0;
    char *phase = NULL;
    void *job = NULL;
    *report = (struct runner_report){ .news = RUNNER_NOTHING };
    if (!(zsock_events(r->actor) & ZMQ_POLLIN)) return;
    if (zsock_recv(r->actor, "isip", &news, &phase, &percent, &job)) return;
    report->news = (enum runner_news)news;
    report->percent = (unsigned)percent;
    report->job = job;
    if (job) TAKE_OVER(job);
    snprintf(report->phase, sizeof report->phase, "%s", phase ? phase : "");
    zstr_free(&phase);
}
