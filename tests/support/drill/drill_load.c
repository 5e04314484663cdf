/* A caller under test: submits echo tasks from several threads through libprovost and checks every answer.
 *
 *   drill_load --broker ENDPOINTS --queue Q --tasks N [--threads K] [--sleep-ms MS] [--bytes B] [--pad B] [--seed S]
 *              [--circuits A,B,...] [--name CLIENT] [--acked FILE] [--done FILE] [--patience S] [--submit-only]
 *              [--key FILE --server-key FILE]
 *   drill_load --broker ENDPOINTS --queue Q --resume FILE       fetches the answer of every task in FILE
 *
 * Task i of seed S has an id that is a function of both, so that a second process can ask for it again. Each id is
 * appended to the file of --acked once the broker has acknowledged the submit: from then on the task may not be lost; and
 * to the file of --done once its answer was handed over. What a former process left in these files is not done again: what
 * is done is passed over, what is acknowledged is attached to, not submitted. TERM: no more submits, the open ones are
 * awaited. Ends with one line of JSON: tasks, acked, answered, wrong (an answer that is not the one this input has),
 * failed, attached (to what a former process submitted), attempts. Exit 0 if each acknowledged task was answered rightly. --pad: an
 * input is so long; above 64 KiB it is no order, and is answered as it is.
 */
#include <argp.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "provost.h"

struct load {
    const char *broker, *queue, *name, *acked_path, *done_path, *resume_path, *key, *server_key;
    char *circuits[16]; /* task i is for circuit i mod circuits_n */
    size_t circuits_n;
    long tasks, threads, sleep_ms, bytes, pad, seed, patience_s;
    bool submit_only;
    pv_client *client;
    FILE *acked_file, *done_file;
    bool *was_acked, *was_done; /* by a former process; by number of the task */
    uint32_t *took_us;          /* from the submit to the answer, in the order of the answers */
    atomic_long next, acked, answered, wrong, failed, attached, attempts;
};

static struct load load = {
    .name = "drill-load", .threads = 4, .seed = 1, .patience_s = 120, .circuits = { "echo" }, .circuits_n = 1
};
static atomic_bool enough; /* by a signal, for all threads */

static void on_term(int signal_number)
{
    (void)signal_number;
    enough = true;
}

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

static long number_of(const pv_task_id *id)
{
    uint32_t i;
    memcpy(&i, id->bytes, 4);
    return i;
}

/* The order names the task, so that no two answers are alike: an answer that was swapped is wrong. The caller frees it. */
static char *order_of(size_t *n, const pv_task_id *id)
{
    char text[PV_ID_TEXT], *to = NULL;
    int made = asprintf(&to, "{\"sleep_ms\": %ld, \"bytes\": %ld, \"text\": \"%s\", \"pad\": \"%*s\"}", load.sleep_ms,
                        load.bytes, pv_task_id_text(text, id), (int)load.pad, "");
    if (made < 0) abort();
    *n = (size_t)made;
    return to;
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
    struct pv_submit_options what = { .queue = load.queue,
                                      .circuit = load.circuits[(size_t)number_of(id) % load.circuits_n],
                                      .id = id };
    pv_status s = PV_TIMEOUT;
    for (long left = load.patience_s; left > 0 && (s == PV_TIMEOUT || s == PV_UNREACHABLE || s == PV_STANDBY);
         left -= 5)
        s = pv_submit(load.client, NULL, &what, order, n, 5000);
    return s;
}

/* One write a line: what was written is kept when the process is killed, and is whole. */
static void note(FILE *f, const pv_task_id *id)
{
    char text[PV_ID_TEXT];
    if (!f) return;
    flockfile(f);
    fprintf(f, "%s\n", pv_task_id_text(text, id));
    fflush(f);
    funlockfile(f);
}

static void read_notes(const char *path, bool *was)
{
    FILE *f = fopen(path, "r");
    char line[64];
    pv_task_id id;
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (pv_task_id_of_text(&id, line) == PV_OK && number_of(&id) < load.tasks) was[number_of(&id)] = true;
    }
    if (f) fclose(f);
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void await_answer(const pv_task_id *id, uint64_t since_us)
{
    size_t n;
    char *order = order_of(&n, id);
    struct pv_result r = { 0 };
    struct pv_task_info info;
    pv_status s = pv_wait(load.client, &r, id, load.patience_s * 1000);
    if (s != PV_OK || r.status != PV_OK) {
        complain("wait", id, s != PV_OK ? s : r.status);
    } else {
        long n_before = atomic_fetch_add(&load.answered, 1);
        if (load.took_us) load.took_us[n_before] = (uint32_t)(now_us() - since_us);
        if (!answer_is_right(&r, order, n)) atomic_fetch_add(&load.wrong, 1);
        note(load.done_file, id);
    }
    pv_result_clear(&r);
    free(order);
    if (pv_show(load.client, &info, id, 10000) == PV_OK && info.attempts > 0)
        atomic_fetch_add(&load.attempts, (long)info.attempts);
}

static void submit_and_wait(long i)
{
    pv_task_id id = id_of(i);
    size_t n;
    char *order = order_of(&n, &id);
    uint64_t since_us = now_us();
    pv_status s = load.was_acked[i] ? PV_OK : submit(&id, order, n);
    free(order);
    if (s != PV_OK) {
        complain("submit", &id, s);
        return;
    }
    atomic_fetch_add(&load.acked, 1);
    if (load.was_acked[i])
        atomic_fetch_add(&load.attached, 1);
    else
        note(load.acked_file, &id);
    if (!load.submit_only) await_answer(&id, since_us);
}

static void *one_after_another(void *arg)
{
    for (long i; (i = atomic_fetch_add(&load.next, 1)) < load.tasks;)
        if (!load.was_done[i] && (!enough || load.was_acked[i])) submit_and_wait(i);
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
        await_answer(&id, now_us());
    }
    fclose(f);
    return 0;
}

static int run(void)
{
    pthread_t threads[64];
    long n = load.threads < 1 ? 1 : load.threads > 64 ? 64 : load.threads;
    load.was_acked = calloc((size_t)load.tasks, sizeof *load.was_acked);
    load.was_done = calloc((size_t)load.tasks, sizeof *load.was_done);
    load.took_us = calloc((size_t)load.tasks, sizeof *load.took_us);
    if (!load.was_acked || !load.was_done || !load.took_us) return perror("calloc"), 1;
    if (load.acked_path) read_notes(load.acked_path, load.was_acked);
    if (load.done_path) read_notes(load.done_path, load.was_done);
    if (load.acked_path && !(load.acked_file = fopen(load.acked_path, "a"))) return perror(load.acked_path), 1;
    if (load.done_path && !(load.done_file = fopen(load.done_path, "a"))) return perror(load.done_path), 1;
    for (long i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, one_after_another, NULL)) return perror("pthread_create"), 1;
    for (long i = 0; i < n; i++) pthread_join(threads[i], NULL);
    if (load.acked_file) fclose(load.acked_file);
    if (load.done_file) fclose(load.done_file);
    free(load.was_acked);
    free(load.was_done);
    return 0;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The time that so many of a hundred tasks did not exceed, in ms. */
static double took_ms(long percent)
{
    long n = load.took_us ? load.answered : 0;
    return n ? load.took_us[(n - 1) * percent / 100] / 1000.0 : 0;
}

static void take_circuits(char *list)
{
    load.circuits_n = 0;
    for (char *name = strtok(list, ","); name && load.circuits_n < 16; name = strtok(NULL, ","))
        load.circuits[load.circuits_n++] = name;
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case 'b': load.broker = arg; return 0;
    case 'q': load.queue = arg; return 0;
    case 'n': load.name = arg; return 0;
    case 'a': load.acked_path = arg; return 0;
    case 'c': take_circuits(arg); return 0;
    case 'd': load.done_path = arg; return 0;
    case 'r': load.resume_path = arg; return 0;
    case 'K': load.key = arg; return 0;
    case 'V': load.server_key = arg; return 0;
    case 't': load.tasks = atol(arg); return 0;
    case 'k': load.threads = atol(arg); return 0;
    case 's': load.sleep_ms = atol(arg); return 0;
    case 'B': load.bytes = atol(arg); return 0;
    case 'P': load.pad = atol(arg); return 0;
    case 'S': load.seed = atol(arg); return 0;
    case 'p': load.patience_s = atol(arg); return 0;
    case 'o': load.submit_only = true; return 0;
    case ARGP_KEY_END:
        if (!load.broker || !load.queue || !load.circuits_n || (!load.tasks && !load.resume_path)) argp_usage(state);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "broker", 'b', "ENDPOINTS", 0, "where", 0 },
        { "queue", 'q', "QUEUE", 0, "an echo queue", 0 },
        { "name", 'n', "NAME", 0, "client name", 0 },
        { "acked", 'a', "FILE", 0, "ids acknowledged", 0 },
        { "resume", 'r', "FILE", 0, "fetch these", 0 },
        { "tasks", 't', "N", 0, "how many", 0 },
        { "threads", 'k', "K", 0, "at once", 0 },
        { "sleep-ms", 's', "MS", 0, "work per task", 0 },
        { "bytes", 'B', "B", 0, "size of the answers", 0 },
        { "pad", 'P', "B", 0, "size of the inputs", 0 },
        { "seed", 'S', "S", 0, "of the ids", 0 },
        { "patience", 'p', "S", 0, "longest wait", 0 },
        { "submit-only", 'o', NULL, 0, "ask for no answer", 0 },
        { "done", 'd', "FILE", 0, "ids answered", 0 },
        { "key", 'K', "FILE", 0, "own key", 0 },
        { "server-key", 'V', "FILE", 0, "the broker's", 0 },
        { "circuits", 'c', "A,B,...", 0, "in turn", 0 },
        { 0 },
    };
    static const struct argp parser = { options, option, NULL, NULL, NULL, NULL, NULL };
    if (argp_parse(&parser, argc, argv, 0, NULL, NULL)) return 2;
    struct pv_client_options how = { .endpoints = load.broker,
                                     .name = load.name,
                                     .key_file = load.key,
                                     .server_key = load.server_key,
                                     .insecure = !load.key };
    signal(SIGTERM, on_term);
    pv_status s = pv_client_open(&load.client, &how);
    if (s != PV_OK) return fprintf(stderr, "open: %s\n", pv_status_text(s)), 1;
    int bad = load.resume_path ? resume() : run();
    pv_flush(load.client, 10000);
    pv_client_close(&load.client);
    if (load.took_us) qsort(load.took_us, (size_t)load.answered, sizeof *load.took_us, by_size);
    printf("{\"p50_ms\": %.1f, \"p99_ms\": %.1f, ", took_ms(50), took_ms(99));
    free(load.took_us);
    printf("\"tasks\": %ld, \"acked\": %ld, \"answered\": %ld, \"wrong\": %ld, \"failed\": %ld, \"attached\": %ld, "
           "\"attempts\": %ld}\n",
           load.tasks, load.acked, load.answered, load.wrong, load.failed, load.attached, load.attempts);
    return bad || load.wrong || load.failed || (!load.submit_only && load.answered != load.acked);
}
