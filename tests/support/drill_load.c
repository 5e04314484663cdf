/* A caller under test: submits echo tasks from several threads through libprovost and checks every answer.
 *
 *   drill_load --broker ENDPOINTS --queue Q --tasks N [--threads K] [--sleep-ms MS] [--bytes B] [--seed S]
 *              [--name CLIENT] [--acked FILE] [--patience S] [--submit-only]
 *   drill_load --broker ENDPOINTS --queue Q --resume FILE       fetches the answer of every task in FILE
 *
 * Task i of seed S has an id that is a function of both, so that a second process can ask for it again. Each id is
 * appended to FILE once the broker has acknowledged the submit: from then on the task may not be lost. Ends with one line
 * of JSON: tasks, acked, answered, wrong (an answer that is not the one this input has), failed, attempts. Exit 0 if each
 * acknowledged task was answered rightly.
 */
#include <argp.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provost.h"

struct load {
    const char *broker, *queue, *name, *acked_path, *resume_path;
    long tasks, threads, sleep_ms, bytes, seed, patience_s;
    bool submit_only;
    pv_client *client;
    FILE *acked_file;
    atomic_long next, acked, answered, wrong, failed, attempts;
};

static struct load load = { .name = "drill-load", .threads = 4, .seed = 1, .patience_s = 120 };

static pv_task_id id_of(long i)
{
    pv_task_id id = { { 0 } };
    uint64_t x = (uint64_t)load.seed * 0x9e3779b97f4a7c15u + (uint64_t)i;
    for (size_t k = 0; k < sizeof id.bytes; k++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        id.bytes[k] = (uint8_t)(x >> 24);
    }
    memcpy(id.bytes, &(uint32_t){ (uint32_t)i }, 4); /* distinct within a seed whatever the mixing does */
    return id;
}

/* The order names the task, so that no two answers are alike: an answer that was swapped is wrong. */
static size_t order_of(char *to, size_t bytes, const pv_task_id *id)
{
    char text[PV_ID_TEXT];
    return (size_t)snprintf(to, bytes, "{\"sleep_ms\": %ld, \"bytes\": %ld, \"text\": \"%s\"}", load.sleep_ms, load.bytes,
                            pv_task_id_text(text, id));
}

/* What the echo handler answers: the input, or `bytes` bytes that are a function of the input. */
static bool answer_is_right(const struct pv_result *r, const char *order, size_t n)
{
    if (!load.bytes) return r->bytes_n == n && !memcmp(r->bytes, order, n);
    if (r->bytes_n != (size_t)load.bytes) return false;
    uint64_t x = 14695981039346656037u;
    for (size_t i = 0; i < n; i++) x = (x ^ (uint8_t)order[i]) * 1099511628211u;
    x |= 1;
    for (size_t i = 0; i < r->bytes_n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if (r->bytes[i] != (uint8_t)x) return false;
    }
    return true;
}

static void complain(const char *what, const pv_task_id *id, pv_status s)
{
    char text[PV_ID_TEXT], why[PV_TEXT_BYTES];
    pv_client_error(load.client, why, sizeof why);
    fprintf(stderr, "%s task=%s status=%s: %s\n", what, pv_task_id_text(text, id), pv_status_word(s), why);
    atomic_fetch_add(&load.failed, 1);
}

/* A submit whose outcome is not known is submitted again: that is what ids are for. */
static pv_status submit(const pv_task_id *id, const char *order, size_t n)
{
    struct pv_submit_options what = { .queue = load.queue, .circuit = "echo", .id = id };
    pv_status s = PV_TIMEOUT;
    for (long left = load.patience_s; left > 0 && (s == PV_TIMEOUT || s == PV_UNREACHABLE); left -= 5)
        s = pv_submit(load.client, NULL, &what, order, n, 5000);
    return s;
}

static void note_acked(const pv_task_id *id)
{
    char text[PV_ID_TEXT];
    atomic_fetch_add(&load.acked, 1);
    if (!load.acked_file) return;
    fprintf(load.acked_file, "%s\n", pv_task_id_text(text, id));
    fflush(load.acked_file);
}

static void await_answer(const pv_task_id *id)
{
    char order[256];
    size_t n = order_of(order, sizeof order, id);
    struct pv_result r = { 0 };
    struct pv_task_info info;
    pv_status s = pv_wait(load.client, &r, id, load.patience_s * 1000);
    if (s != PV_OK || r.status != PV_OK) {
        complain("wait", id, s != PV_OK ? s : r.status);
    } else {
        atomic_fetch_add(&load.answered, 1);
        if (!answer_is_right(&r, order, n)) atomic_fetch_add(&load.wrong, 1);
    }
    pv_result_clear(&r);
    if (pv_show(load.client, &info, id, 10000) == PV_OK && info.attempts > 0)
        atomic_fetch_add(&load.attempts, (long)info.attempts);
}

static void *submit_and_wait(void *arg)
{
    for (long i; (i = atomic_fetch_add(&load.next, 1)) < load.tasks;) {
        pv_task_id id = id_of(i);
        char order[256];
        pv_status s = submit(&id, order, order_of(order, sizeof order, &id));
        if (s != PV_OK) {
            complain("submit", &id, s);
            continue;
        }
        note_acked(&id);
        if (!load.submit_only) await_answer(&id);
    }
    return NULL;
}

static int resume(void)
{
    FILE *f = fopen(load.resume_path, "r");
    char line[64];
    if (!f) return perror(load.resume_path), 1;
    while (fgets(line, sizeof line, f)) {
        pv_task_id id;
        line[strcspn(line, "\n")] = 0;
        if (pv_task_id_of_text(&id, line) != PV_OK) continue; /* the last line, cut by a kill */
        atomic_fetch_add(&load.acked, 1);
        await_answer(&id);
    }
    fclose(f);
    return 0;
}

static int run(void)
{
    pthread_t threads[64];
    long n = load.threads < 1 ? 1 : load.threads > 64 ? 64 : load.threads;
    if (load.acked_path && !(load.acked_file = fopen(load.acked_path, "a"))) return perror(load.acked_path), 1;
    for (long i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, submit_and_wait, NULL)) return perror("pthread_create"), 1;
    for (long i = 0; i < n; i++) pthread_join(threads[i], NULL);
    if (load.acked_file) fclose(load.acked_file);
    return 0;
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case 'b': load.broker = arg; return 0;
    case 'q': load.queue = arg; return 0;
    case 'n': load.name = arg; return 0;
    case 'a': load.acked_path = arg; return 0;
    case 'r': load.resume_path = arg; return 0;
    case 't': load.tasks = atol(arg); return 0;
    case 'k': load.threads = atol(arg); return 0;
    case 's': load.sleep_ms = atol(arg); return 0;
    case 'B': load.bytes = atol(arg); return 0;
    case 'S': load.seed = atol(arg); return 0;
    case 'p': load.patience_s = atol(arg); return 0;
    case 'o': load.submit_only = true; return 0;
    case ARGP_KEY_END:
        if (!load.broker || !load.queue || (!load.tasks && !load.resume_path)) argp_usage(state);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "broker", 'b', "ENDPOINTS", 0, "where", 0 },      { "queue", 'q', "QUEUE", 0, "an echo queue", 0 },
        { "name", 'n', "NAME", 0, "client name", 0 },       { "acked", 'a', "FILE", 0, "ids acknowledged", 0 },
        { "resume", 'r', "FILE", 0, "fetch these", 0 },     { "tasks", 't', "N", 0, "how many", 0 },
        { "threads", 'k', "K", 0, "at once", 0 },           { "sleep-ms", 's', "MS", 0, "work per task", 0 },
        { "bytes", 'B', "B", 0, "size of the answers", 0 }, { "seed", 'S', "S", 0, "of the ids", 0 },
        { "patience", 'p', "S", 0, "longest wait", 0 },     { "submit-only", 'o', NULL, 0, "ask for no answer", 0 },
        { 0 },
    };
    static const struct argp parser = { options, option, NULL, NULL, NULL, NULL, NULL };
    if (argp_parse(&parser, argc, argv, 0, NULL, NULL)) return 2;
    struct pv_client_options how = { .endpoints = load.broker, .name = load.name, .insecure = true };
    pv_status s = pv_client_open(&load.client, &how);
    if (s != PV_OK) return fprintf(stderr, "open: %s\n", pv_status_text(s)), 1;
    int bad = load.resume_path ? resume() : run();
    pv_flush(load.client, 10000);
    pv_client_close(&load.client);
    printf("{\"tasks\": %ld, \"acked\": %ld, \"answered\": %ld, \"wrong\": %ld, \"failed\": %ld, \"attempts\": %ld}\n",
           load.tasks, load.acked, load.answered, load.wrong, load.failed, load.attempts);
    return bad || load.wrong || load.failed || (!load.submit_only && load.answered != load.acked);
}
