/* A chain of three kinds of work: 16 inner proofs at once, keccak over all of them, outer over that. It may be killed at any moment:
 * started again it goes on where it was, and nothing is proved twice (docs/pipelines.md).
 *
 *      pipeline_worker BROKER JOB FILE
 */
#include <provost.h>

#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INNERS = 16 };

struct worker {
    pv_client *client;
    const char *job;
    pv_task_id ids[INNERS + 2];
    size_t ids_n;
};

struct bytes {
    unsigned char *at;
    size_t n;
};

static void give_up(struct worker *w, const char *what)
{
    char why[PV_TEXT_BYTES] = "";
    if (w->client) pv_client_error(w->client, why, sizeof why);
    fprintf(stderr, "pipeline_worker: %s: %s\n", what, why);
    exit(1);
}

/* What happened, for who watches. */
static void say(const char *what, int i)
{
    printf("%s %d\n", what, i);
    fflush(stdout);
}

static void append(struct bytes *to, const void *more, size_t n)
{
    to->at = realloc(to->at, to->n + n);
    if (!to->at) abort();
    memcpy(to->at + to->n, more, n);
    to->n += n;
}

/* The id comes from what the task is, and from nothing else: the same process started again asks for the same task. */
static pv_task_id id_of(const struct worker *w, const char *queue, struct bytes input)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct bytes all = { 0 };
    pv_task_id id;
    append(&all, "pipeline/1", sizeof "pipeline/1");
    append(&all, w->job, strlen(w->job) + 1);
    append(&all, queue, strlen(queue) + 1);
    append(&all, input.at, input.n);
    SHA256(all.at, all.n, digest);
    free(all.at);
    memcpy(&id, digest, sizeof id);
    return id;
}

/* New to the broker, or known from a run before: then it is attached to, whatever its state. */
static pv_task_id submit(struct worker *w, const char *queue, struct bytes input, int i)
{
    pv_task_id id = id_of(w, queue, input);
    struct pv_submit_options what = {
        .queue = queue, .circuit = "pipeline", .id = &id, .group = w->job, .manual_ack = true
    };
    if (pv_submit(w->client, NULL, &what, input.at, input.n, PV_DEFAULT_TIMEOUT) != PV_OK) give_up(w, queue);
    w->ids[w->ids_n++] = id;
    say(queue, i);
    return id;
}

static void result_append(struct worker *w, struct bytes *to, const pv_task_id *id, int i)
{
    struct pv_result r = { 0 };
    if (pv_wait(w->client, &r, id, INT64_MAX) != PV_OK) give_up(w, "wait");
    if (r.status != PV_OK) {
        fprintf(stderr, "pipeline_worker: %s: %s\n", pv_status_word(r.status), r.text);
        exit(1);
    }
    append(to, r.bytes, r.bytes_n);
    pv_result_clear(&r);
    say("result", i);
}

/* Either the whole file is there, or nothing is. */
static bool file_put(const char *path, struct bytes b)
{
    char part[4096];
    if ((size_t)snprintf(part, sizeof part, "%s.part", path) >= sizeof part) return false;
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return false;
    bool put = write(fd, b.at, b.n) == (ssize_t)b.n && !fsync(fd);
    return !close(fd) && put && !rename(part, path);
}

/* Only now may the broker drop what every step has given. */
static void acknowledge(struct worker *w)
{
    for (size_t i = 0; i < w->ids_n; i++)
        if (pv_ack(w->client, &w->ids[i]) != PV_OK) give_up(w, "ack");
    if (pv_flush(w->client, PV_DEFAULT_TIMEOUT) != PV_OK) give_up(w, "flush");
}

static struct bytes chain(struct worker *w)
{
    struct bytes proofs = { 0 }, aggregate = { 0 }, final = { 0 };
    pv_task_id inner[INNERS];
    char input[200];
    for (int i = 0; i < INNERS; i++) {
        int n = snprintf(input, sizeof input, "%.100s block %d", w->job, i);
        inner[i] = submit(w, "inner", (struct bytes){ (unsigned char *)input, (size_t)n }, i);
    }
    for (int i = 0; i < INNERS; i++) result_append(w, &proofs, &inner[i], i);
    pv_task_id keccak = submit(w, "keccak", proofs, 0);
    append(&aggregate, proofs.at, proofs.n);
    result_append(w, &aggregate, &keccak, INNERS);
    pv_task_id outer = submit(w, "outer", aggregate, 0);
    result_append(w, &final, &outer, INNERS + 1);
    free(proofs.at);
    free(aggregate.at);
    return final;
}

int main(int argc, char **argv)
{
    struct worker w = { 0 };
    if (argc != 4) {
        fprintf(stderr, "usage: pipeline_worker BROKER JOB FILE\n");
        return 2;
    }
    w.job = argv[2];
    struct pv_client_options options = { .endpoints = argv[1], .name = "pipeline", .insecure = true };
    if (pv_client_open(&w.client, &options) != PV_OK) give_up(&w, "no client");
    struct bytes result = chain(&w);
    if (!file_put(argv[3], result)) give_up(&w, argv[3]);
    say("written", 0);
    acknowledge(&w);
    say("done", 0);
    free(result.at);
    pv_client_close(&w.client);
    return 0;
}
