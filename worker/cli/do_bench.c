/* Measures how fast tasks go through a queue whose handler echoes its input. */
#include "commands.h"
#include "connect.h"
#include "follow_task.h"
#include "show.h"
#include "waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 1000, NOBODY_MS = 5000, IDLE_MS = 30000, LEAVE_MS = 2000 };

struct bench_task {
    struct bench *bench;
    double began_ms;
    uint64_t number; /* the first bytes of its input */
    struct bench_task *next_free;
};

struct bench {
    pv_client *client;
    struct bench_task *tasks, *free; /* as many as are under way at once */
    struct pv_submit_options what;
    uint8_t *input;
    size_t bytes;
    uint64_t submitted, done, failed, wrong;
    double *took_ms; /* of each done */
    pv_status first_failure;
    struct pv_progress last; /* news of any of them */
    struct waiting why;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void on_progress(void *user, const struct pv_progress *p)
{
    struct bench_task *t = user;
    t->bench->last = *p;
}

static void give_back(struct bench_task *t)
{
    t->next_free = t->bench->free;
    t->bench->free = t;
}

static void on_done(void *user, struct pv_result *r)
{
    struct bench_task *t = user;
    struct bench *b = t->bench;
    b->took_ms[b->done++] = now_ms() - t->began_ms;
    if (r->status != PV_OK) {
        if (b->failed++ == 0) b->first_failure = r->status;
    } else if (r->bytes_n == b->bytes && memcmp(r->bytes, &t->number, sizeof t->number) != 0) {
        b->wrong++; /* the echo of another task */
    }
    give_back(t);
}

static pv_status submit_one(struct bench *b)
{
    struct bench_task *t = b->free;
    b->free = t->next_free;
    *t = (struct bench_task){ .bench = b, .began_ms = now_ms(), .number = b->submitted++ };
    memcpy(b->input, &t->number, sizeof t->number);
    b->what.user = t;
    pv_status s = pv_submit(b->client, NULL, &b->what, b->input, b->bytes, 0);
    if (s == PV_OK) return PV_OK;
    b->submitted--;
    give_back(t);
    return s;
}

/* Says once why nothing finishes: the broker is at a limit or gone, or nobody serves the queue. */
static pv_status look_why(struct bench *b, const struct cli *cli)
{
    struct waiting w = { 0 };
    w.reason = waiting_reason(w.text, b->client, &b->last);
    if (w.reason == PV_OK && b->last.accepted) w.reason = waiting_queue(w.text, b->client, cli->queue);
    if (w.reason == PV_OK && b->last.unservable) {
        w.reason = PV_UNKNOWN_CIRCUIT;
        snprintf(w.text, sizeof w.text, "no live prover of queue \"%s\" has circuit \"%s\"", cli->queue, cli->circuit);
    }
    if (w.reason != PV_OK && strcmp(w.text, b->why.text) != 0) waiting_say(&w, cli);
    b->why = w;
    return w.reason;
}

/* How long nothing may finish. Without a broker: as long as one waits for a connection. */
static double patience_ms(pv_status why, const struct cli *cli)
{
    if (why == PV_UNSERVABLE || why == PV_UNKNOWN_CIRCUIT) return NOBODY_MS;
    return why == PV_UNREACHABLE && cli->connect_ms < IDLE_MS ? (double)cli->connect_ms : IDLE_MS;
}

/* Ends when nothing has finished for IDLE_MS, sooner where nobody can do it; --timeout sets the end of it all instead. */
static pv_status run(struct bench *b, const struct cli *cli)
{
    double began = now_ms(), moved = began;
    bool timed = cli->timeout_ms >= 0;
    while (b->done < cli->count) {
        uint64_t done = b->done;
        while (b->submitted < cli->count && b->submitted - b->done < cli->inflight) {
            pv_status s = submit_one(b);
            if (s != PV_OK) return s;
        }
        pv_client_process(b->client, NULL, LOOK_MS);
        double now = now_ms();
        if (b->done > done) moved = now;
        pv_status why = now - moved >= LOOK_MS ? look_why(b, cli) : PV_OK;
        if (timed ? now - began >= (double)cli->timeout_ms : now - moved >= patience_ms(why, cli))
            return why != PV_OK ? why : PV_TIMEOUT;
    }
    return PV_OK;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(struct bench *b, const struct cli *cli, double seconds)
{
    qsort(b->took_ms, b->done, sizeof *b->took_ms, by_size);
    double p50 = b->took_ms[b->done / 2], p99 = b->took_ms[b->done * 99 / 100];
    if (cli->output == OUTPUT_JSON)
        show_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:I}", "schema", "provost.bench/1",
                            "queue", cli->queue, "tasks", (json_int_t)b->done, "bytes", (json_int_t)b->bytes,
                            "inflight", (json_int_t)cli->inflight, "seconds", seconds, "tasks_per_s",
                            (double)b->done / seconds, "p50_ms", p50, "p99_ms", p99, "failed", (json_int_t)b->failed,
                            "wrong", (json_int_t)b->wrong));
    else
        printf("%llu tasks of %zu bytes, %llu at a time: %.0f a second, p50 %.2f ms, p99 %.2f ms, failed %llu, wrong "
               "%llu\n",
               (unsigned long long)b->done, b->bytes, (unsigned long long)cli->inflight, (double)b->done / seconds, p50,
               p99, (unsigned long long)b->failed, (unsigned long long)b->wrong);
}

static void say_late(const struct bench *b, pv_status s)
{
    char text[PV_TEXT_BYTES + 128];
    if (b->why.reason != PV_OK)
        snprintf(text, sizeof text, "%llu of %llu submitted tasks finished in time: %s", (unsigned long long)b->done,
                 (unsigned long long)b->submitted, b->why.text);
    else if (b->done == 0)
        snprintf(text, sizeof text, "no task finished in time; does a prover serve it with the echo handler?");
    else
        snprintf(text, sizeof text, "only %llu of %llu submitted tasks finished in time", (unsigned long long)b->done,
                 (unsigned long long)b->submitted);
    cli_fail_text(s, NULL, text);
}

static pv_status prepare(struct bench *b, struct cli *cli)
{
    pv_task_id unused;
    if (!cli->circuit) cli->circuit = "bench";
    pv_status s = submit_options_of(&b->what, cli, &unused);
    if (s != PV_OK) return s;
    b->what.id = NULL;
    b->what.nowait = true;
    b->what.done = on_done;
    b->what.progress = on_progress;
    b->bytes = cli->bytes > sizeof(uint64_t) ? cli->bytes : sizeof(uint64_t);
    b->input = calloc(1, b->bytes);
    b->took_ms = calloc(cli->count, sizeof *b->took_ms);
    uint64_t at_once = cli->inflight < cli->count ? cli->inflight : cli->count;
    b->tasks = calloc(at_once, sizeof *b->tasks);
    if (!b->input || !b->took_ms || !b->tasks) return PV_NO_MEMORY;
    for (uint64_t i = 0; i < at_once; i++) {
        b->tasks[i].bench = b;
        give_back(&b->tasks[i]);
    }
    return PV_OK;
}

int run_bench(struct cli *cli)
{
    struct bench b = { 0 };
    pv_status s = prepare(&b, cli);
    if (s == PV_OK) s = cli_connect(&b.client, cli, PV_ROLE_CLIENT);
    if (s == PV_OK) {
        double began = now_ms();
        s = run(&b, cli);
        if (s != PV_OK && b.submitted > 0)
            say_late(&b, s);
        else if (s != PV_OK)
            cli_fail(b.client, s, NULL);
        else
            report(&b, cli, (now_ms() - began) / 1e3);
    }
    if (s == PV_OK) s = b.wrong ? PV_FAILED : b.first_failure;
    /* What is left of it would stand in the queue, and be done after the next bench. */
    if (b.client && b.done < b.submitted) pv_purge(b.client, NULL, &(struct pv_purge_options){ 0 }, LEAVE_MS);
    pv_client_close(&b.client);
    free(b.input);
    free(b.took_ms);
    free(b.tasks);
    return pv_status_exit(s);
}
