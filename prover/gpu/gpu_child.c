#include "gpu_child.h"

#include "child_serve.h"
#include "gpu_words.h"
#include "shared_bytes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A key that is open. Its users are counted by the node, which closes it after the last one. */
struct key {
    struct key *next;
    uint64_t number;
    struct shared_bytes bytes;
    struct zkey zkey;
    struct backend_key *opened;
    struct gpu_key_plan plan;
    struct shared_bytes places[GPU_PLACES_MAX];
};

static struct {
    const struct gpu_child_options *o;
    pthread_mutex_t lock;
    struct key *keys;
} me = { .lock = PTHREAD_MUTEX_INITIALIZER };

static pv_status failed(struct child_answer *answer, pv_status status, const char *why)
{
    snprintf(answer->why, sizeof answer->why, "%.*s", (int)sizeof answer->why - 1, why);
    return status;
}

static pv_status broken_rule(struct child_answer *answer)
{
    return failed(answer, PV_BAD_MESSAGE, "the GPU's process was told what makes no sense");
}

/* --- keys --- */

static struct key *key_of(uint64_t number)
{
    pthread_mutex_lock(&me.lock);
    struct key *k = me.keys;
    while (k && k->number != number) k = k->next;
    pthread_mutex_unlock(&me.lock);
    return k;
}

static void key_free(struct key *k)
{
    me.o->backend->key_close(&k->opened);
    for (unsigned i = 0; i < GPU_PLACES_MAX; i++)
        if (k->places[i].at) shared_bytes_clear(&k->places[i]);
    if (k->bytes.at) shared_bytes_clear(&k->bytes);
    free(k);
}

static int descriptor_take(struct child_job *job)
{
    int fd = job->fds_n ? job->fds[0] : -1;
    if (job->fds_n) job->fds[0] = -1;
    return fd;
}

static void on_progress(void *job, const char *phase, unsigned percent)
{
    child_progress(job, phase, percent);
}

static struct prove_run run_of(struct child_job *job)
{
    return (struct prove_run){ .cpu = { .threads = me.o->threads, .stop = &job->stop },
                               .progress = on_progress,
                               .progress_arg = job };
}

static pv_status key_fill(struct key *k, const struct gpu_key_open *m, struct child_job *job, struct prove_error *err)
{
    const struct prove_run run = run_of(job);
    const struct backend_options options = { .device = me.o->device,
                                             .threads = me.o->threads,
                                             .memory_bytes_max = (size_t)m->memory_bytes_max,
                                             .places = m->places,
                                             .best_plan_only = m->best_plan_only != 0,
                                             .keys = GROTH16_KEYS_DEVELOPMENT }; /* the node has looked */
    pv_status status = shared_bytes_of(&k->bytes, descriptor_take(job), (size_t)m->bytes);
    if (status != PV_OK) return prove_error_set(err, status, "the key's memory: %s", pv_status_text(status));
    TRY(zkey_of(&k->zkey, k->bytes.at, k->bytes.bytes, "the key", err));
    TRY(me.o->backend->key_open(&k->opened, &k->zkey, &options, &run, err));
    if (me.o->backend->reads_key_once) shared_bytes_clear(&k->bytes);
    return PV_OK;
}

/* Asks the device, so only for a key that lacks its best plan. */
static bool better_now(const struct key *k)
{
    struct backend_need need;
    bool better = false;
    if (k->plan.slower) me.o->backend->key_need(&need, &better, k->opened);
    return better;
}

static void plan_take(struct key *k)
{
    struct backend_need need;
    bool better;
    if (!me.o->backend->key_need) return;
    me.o->backend->key_need(&need, &better, k->opened);
    k->plan = (struct gpu_key_plan){ .key_bytes = need.key_bytes,
                                     .proof_bytes = need.proof_bytes,
                                     .place_host_bytes = need.place_host_bytes,
                                     .best_bytes = need.best_bytes,
                                     .places = need.places,
                                     .slower = need.slower,
                                     .known = 1 };
}

static pv_status key_open(struct child_job *job, struct child_answer *answer)
{
    struct gpu_key_open m;
    struct prove_error err = { 0 };
    if (job->bytes != sizeof m || job->fds_n != 1) return broken_rule(answer);
    memcpy(&m, job->body, sizeof m);
    struct key *k = key_of(m.key) ? NULL : calloc(1, sizeof *k);
    if (!k) return broken_rule(answer);
    k->number = m.key;
    pv_status status = key_fill(k, &m, job, &err);
    if (status != PV_OK) {
        key_free(k);
        return failed(answer, status, err.text);
    }
    plan_take(k);
    memcpy(answer->body, &k->plan, sizeof k->plan);
    answer->bytes = sizeof k->plan;
    pthread_mutex_lock(&me.lock);
    k->next = me.keys;
    me.keys = k;
    pthread_mutex_unlock(&me.lock);
    return PV_OK;
}

static pv_status key_close(const struct child_job *job, struct child_answer *answer)
{
    struct gpu_key_close m;
    if (job->bytes != sizeof m) return broken_rule(answer);
    memcpy(&m, job->body, sizeof m);
    pthread_mutex_lock(&me.lock);
    struct key **at = &me.keys, *k;
    while (*at && (*at)->number != m.key) at = &(*at)->next;
    k = *at;
    if (k) *at = k->next;
    pthread_mutex_unlock(&me.lock);
    if (!k) return broken_rule(answer);
    key_free(k);
    return PV_OK;
}

/* A process that looks at the bytes of another key would answer for this one. */
static bool is_of(const struct key *k, const struct zkey *z)
{
    return z->size == k->zkey.size && z->vars == k->zkey.vars && z->domain == k->zkey.domain;
}

static pv_status key_look(const struct key *k, const struct shared_bytes *bytes, struct child_job *job,
                          struct prove_error *err)
{
    const struct prove_run run = run_of(job);
    struct zkey z;
    TRY(zkey_of(&z, bytes->at, bytes->bytes, "the key", err));
    if (!is_of(k, &z)) return prove_error_set(err, PV_BAD_MESSAGE, "another key's bytes");
    return me.o->backend->key_check(k->opened, &z, &run, err);
}

static pv_status key_check(struct child_job *job, struct child_answer *answer)
{
    struct gpu_key_check m;
    struct prove_error err = { 0 };
    struct shared_bytes bytes;
    if (job->bytes != sizeof m || job->fds_n != 1) return broken_rule(answer);
    memcpy(&m, job->body, sizeof m);
    const struct key *k = key_of(m.key);
    if (!k) return broken_rule(answer);
    if (!me.o->backend->key_check) return failed(answer, PV_NO_DEVICE, "this backend looks at no keys");
    pv_status status = shared_bytes_of(&bytes, descriptor_take(job), (size_t)m.bytes);
    if (status != PV_OK) return failed(answer, status, "the key's memory");
    status = key_look(k, &bytes, job, &err);
    shared_bytes_clear(&bytes);
    return status == PV_OK ? PV_OK : failed(answer, status, err.text);
}

/* --- proofs --- */

/* A place has one proof at a time, so nobody else is at it. */
static pv_status place_of(const struct shared_bytes **place, struct key *k, uint32_t number, struct child_job *job)
{
    struct shared_bytes *p = &k->places[number];
    if (!job->fds_n) return *place = p, p->at ? PV_OK : PV_BAD_MESSAGE;
    if (p->at) shared_bytes_clear(p);
    TRY(shared_bytes_of(p, descriptor_take(job), (size_t)k->zkey.vars * sizeof(bn254_scalar_packed)));
    *place = p;
    return PV_OK;
}

static pv_status sums(struct child_job *job, struct child_answer *answer)
{
    struct gpu_sums m;
    struct prove_error err = { 0 };
    struct gpu_sums_found found = { .better_now = 0 };
    const struct shared_bytes *place;
    if (job->bytes != sizeof m) return broken_rule(answer);
    memcpy(&m, job->body, sizeof m);
    struct key *k = key_of(m.key);
    if (!k || m.place >= GPU_PLACES_MAX || place_of(&place, k, m.place, job) != PV_OK) return broken_rule(answer);
    const struct prove_run run = run_of(job);
    pv_status status =
        me.o->backend->sums(&found.sums, k->opened, (const bn254_scalar_packed *)(const void *)place->at, &run, &err);
    if (status != PV_OK) return failed(answer, status, err.text);
    found.better_now = better_now(k);
    _Static_assert(sizeof found <= sizeof answer->body, "five sums are an answer");
    memcpy(answer->body, &found, sizeof found);
    answer->bytes = sizeof found;
    explicit_bzero(&found, sizeof found);
    return PV_OK;
}

static pv_status run(void *arg, struct child_job *job, struct child_answer *answer)
{
    (void)arg;
    switch (job->kind) {
    case GPU_KEY_OPEN: return key_open(job, answer);
    case GPU_KEY_CLOSE: return key_close(job, answer);
    case GPU_SUMS: return sums(job, answer);
    case GPU_KEY_CHECK: return key_check(job, answer);
    default: return broken_rule(answer);
    }
}

int gpu_child(const struct gpu_child_options *options)
{
    const struct backend_options device = { .device = options->device };
    const struct child_serve_options serve = { .threads = options->jobs, .run = run };
    struct prove_error err = { 0 };
    me.o = options;
    if (options->backend->usable(&device, &err) != PV_OK) return child_refuse(err.text);
    const struct backend *b = options->backend;
    const struct gpu_ready ready = { .version = GPU_WORDS_VERSION,
                                     .proofs_at_once = b->proofs_at_once,
                                     .bytes = b->device_bytes(&device),
                                     .sm_count = b->device_sm_count ? b->device_sm_count(&device) : 0 };
    return child_serve(&serve, (const uint8_t *)&ready, sizeof ready);
}
