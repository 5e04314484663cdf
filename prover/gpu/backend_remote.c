#include "backend_remote.h"

#include "fp.h"
#include "fp2.h"
#include "gpu_need.h"
#include "gpu_words.h"
#include "gpus.h"
#include "shared_bytes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAP_MS = 2, CLOSE_MS = 10000 }; /* others wait for a key's close: a lease lasts longer */

/* Memory for one witness, here and in the GPU's process. */
struct place {
    struct shared_bytes bytes;
    bool busy;
    uint64_t sent; /* to the process of that generation */
};

/* The key on one GPU. */
struct there {
    uint64_t generation; /* of the process in which it is open; 0: in none */
    bool opening;
    struct gpu_key_plan plan; /* that it got there */
    bool better_now;          /* as the last proof's process said */
    struct place places[GPU_PLACES_MAX];
};

struct backend_key {
    struct gpus *gpus;
    const struct zkey *zkey;
    int device; /* GPUS_ANY, or that of a test */
    uint64_t number;
    size_t memory_bytes_max;
    unsigned proofs; /* at a time on each GPU; 0: by its memory */
    bool best_plan_only;
    pthread_mutex_t lock; /* of what is there */
    struct there there[GPUS_MAX];
};

static size_t witness_bytes(const struct zkey *z)
{
    return (size_t)z->vars * sizeof(bn254_scalar_packed);
}

static bool is_stopped(const struct prove_run *run)
{
    return run && run->cpu.stop && atomic_load(run->cpu.stop);
}

static void on_progress(void *arg, const char *word, unsigned percent)
{
    prove_run_report(arg, word, percent);
}

static struct supervisor_job job_of(enum gpu_job kind, const void *body, size_t bytes, const struct prove_run *run)
{
    return (struct supervisor_job){ .kind = kind,
                                    .body = body,
                                    .bytes = bytes,
                                    .stop = run ? run->cpu.stop : NULL,
                                    .progress = on_progress,
                                    .progress_arg = (void *)(uintptr_t)run };
}

static pv_status no_memory(struct prove_error *err, pv_status status, const char *what)
{
    return prove_error_set(err, status, "the memory that is shared with the GPU's process, for the %s: %s", what,
                           pv_status_text(status));
}

/* --- keys --- */

/* The key as it is sent: its own memory, where that can be lent, or a copy for as long as the process takes it in. */
static pv_status key_lend(int *fd, struct shared_bytes *copy, const struct zkey *z, struct prove_error *err)
{
    *copy = (struct shared_bytes){ .fd = -1 };
    *fd = z->file.lendable;
    if (*fd) return PV_OK;
    pv_status status = shared_bytes_new(copy, "zkey", z->size);
    if (status != PV_OK) return no_memory(err, status, "key");
    memcpy(copy->at, z->bytes, z->size);
    *fd = copy->fd;
    return PV_OK;
}

/* Sends the key to a process: of that generation, or, for a test, to whichever comes. */
static pv_status key_send(struct backend_key *k, unsigned i, uint64_t *generation, const struct prove_run *run,
                          struct prove_error *err)
{
    const struct gpu_key_open m = { k->number, k->zkey->size, k->memory_bytes_max, k->proofs, k->best_plan_only };
    struct gpu_key_plan plan = { .known = 0 };
    struct supervisor_answer answer = { .body = (uint8_t *)&plan, .room = sizeof plan };
    struct shared_bytes copy;
    int fd;
    TRY(key_lend(&fd, &copy, k->zkey, err));
    struct supervisor_job job = job_of(GPU_KEY_OPEN, &m, sizeof m, run);
    job.fds = &fd;
    job.fds_n = 1;
    job.generation = *generation;
    pv_status status = gpus_call(k->gpus, i, &job, k->zkey->size, &answer, err);
    shared_bytes_clear(&copy);
    if (status == PV_OK && answer.bytes != sizeof plan)
        return prove_error_set(err, PV_BAD_MESSAGE, "the GPU's process does not say what plan the key got");
    if (status != PV_OK) return status;
    *generation = answer.generation;
    pthread_mutex_lock(&k->lock);
    k->there[i].plan = plan;
    k->there[i].better_now = false;
    pthread_mutex_unlock(&k->lock);
    return PV_OK;
}

/* With the lock. One thread opens, the others wait for it. */
static pv_status opening_wait(struct backend_key *k, struct there *t, const struct prove_run *run,
                              struct prove_error *err)
{
    const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
    while (t->opening) {
        if (is_stopped(run)) return prove_error_set(err, PV_CANCELLED, "stopped while the key was opened");
        pthread_mutex_unlock(&k->lock);
        nanosleep(&nap, NULL);
        pthread_mutex_lock(&k->lock);
    }
    return PV_OK;
}

/* Makes sure that the key is open in that process. */
static pv_status key_there(struct backend_key *k, unsigned i, uint64_t generation, const struct prove_run *run,
                           struct prove_error *err)
{
    struct there *t = &k->there[i];
    pthread_mutex_lock(&k->lock);
    pv_status status = opening_wait(k, t, run, err);
    if (status == PV_OK && t->generation != generation) {
        t->opening = true;
        pthread_mutex_unlock(&k->lock);
        status = key_send(k, i, &generation, run, err);
        pthread_mutex_lock(&k->lock);
        t->opening = false;
        if (status == PV_OK) t->generation = generation;
    }
    pthread_mutex_unlock(&k->lock);
    return status;
}

static pv_status test_open(struct backend_key *k, const struct prove_run *run, struct prove_error *err)
{
    unsigned i = (unsigned)k->device;
    uint64_t generation = 0;
    TRY(gpus_wait(k->gpus, i, run ? run->cpu.stop : NULL, err));
    TRY(key_send(k, i, &generation, run, err));
    k->there[i].generation = generation;
    gpus_on_trial(k->gpus, i, generation);
    return PV_OK;
}

static pv_status any_open(struct backend_key *k, const struct prove_run *run, struct prove_error *err)
{
    unsigned i;
    uint64_t generation;
    if (!gpus_take(k->gpus, &i, &generation))
        return prove_error_set(err, PV_BAD_STATE, "no GPU that has passed its test serves just now");
    pv_status status = key_there(k, i, generation, run, err);
    gpus_give(k->gpus, i);
    return status;
}

/* In processes that have ended meanwhile there is nothing to close. */
static void there_close(struct backend_key *k, unsigned i)
{
    const struct gpu_key_close m = { k->number };
    struct there *t = &k->there[i];
    struct supervisor_answer answer = { .room = 0 };
    struct supervisor_job job = job_of(GPU_KEY_CLOSE, &m, sizeof m, NULL);
    job.generation = t->generation;
    job.limit_ms = CLOSE_MS;
    if (t->generation) (void)gpus_call(k->gpus, i, &job, 0, &answer, NULL);
    for (unsigned p = 0; p < GPU_PLACES_MAX; p++)
        if (t->places[p].bytes.at) shared_bytes_clear(&t->places[p].bytes);
}

static void remote_key_close(struct backend_key **key)
{
    struct backend_key *k = *key;
    if (!k) return;
    for (unsigned i = 0; i < gpus_count(k->gpus); i++) there_close(k, i);
    pthread_mutex_destroy(&k->lock);
    free(k);
    *key = NULL;
}

static pv_status remote_key_open(struct backend_key **key, const struct zkey *zkey,
                                 const struct backend_options *options, const struct prove_run *run,
                                 struct prove_error *err)
{
    struct backend_key *k = calloc(1, sizeof *k);
    if (!k) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    pthread_mutex_init(&k->lock, NULL);
    k->gpus = options->gpus;
    k->zkey = zkey;
    k->device = options->device;
    k->number = gpus_key_number(options->gpus);
    k->memory_bytes_max = options->memory_bytes_max;
    k->proofs = options->places;
    k->best_plan_only = options->best_plan_only;
    pv_status status = k->device == GPUS_ANY ? any_open(k, run, err) : test_open(k, run, err);
    if (status == PV_OK)
        *key = k;
    else
        remote_key_close(&k);
    return status;
}

static pv_status check_ask(struct backend_key *k, unsigned i, uint64_t generation, const struct prove_run *run,
                           struct prove_error *err)
{
    const struct gpu_key_check m = { k->number, k->zkey->size };
    struct supervisor_answer answer = { .room = 0 };
    struct supervisor_job job = job_of(GPU_KEY_CHECK, &m, sizeof m, run);
    struct shared_bytes copy;
    int fd;
    TRY(key_there(k, i, generation, run, err));
    TRY(key_lend(&fd, &copy, k->zkey, err));
    job.generation = generation;
    job.fds = &fd;
    job.fds_n = 1;
    pv_status status = gpus_call(k->gpus, i, &job, k->zkey->size, &answer, err);
    shared_bytes_clear(&copy);
    return status;
}

/* By any GPU that has passed its test. */
static pv_status remote_key_check(struct backend_key *k, const struct zkey *zkey, const struct prove_run *run,
                                  struct prove_error *err)
{
    unsigned i;
    uint64_t generation;
    (void)zkey; /* the one that k was opened with */
    if (!gpus_take(k->gpus, &i, &generation))
        return prove_error_set(err, PV_BAD_STATE, "no GPU that has passed its test serves just now");
    pv_status status = check_ask(k, i, generation, run, err);
    gpus_give(k->gpus, i);
    return status;
}

/* --- proofs --- */

static struct place *place_free(struct there *t, unsigned n)
{
    for (unsigned p = 0; p < n; p++)
        if (!t->places[p].busy) return &t->places[p];
    return NULL;
}

/* Its descriptor was closed when it was sent, or keys would use them up: another process gets other memory. */
static pv_status place_ready(struct place *p, const struct backend_key *k, uint64_t generation)
{
    if (p->bytes.at && (p->sent == generation || p->bytes.fd >= 0)) return PV_OK;
    if (p->bytes.at) shared_bytes_clear(&p->bytes);
    return shared_bytes_new(&p->bytes, "witness", witness_bytes(k->zkey));
}

/* More callers than the process serves at once with a key wait here: another GPU may have ended, whose they were. */
static pv_status place_take(struct place **place, struct backend_key *k, unsigned i, uint64_t generation,
                            const struct prove_run *run, struct prove_error *err)
{
    const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
    struct place *found;
    for (;;) {
        pthread_mutex_lock(&k->lock);
        found = place_free(&k->there[i], gpus_places(k->gpus, i));
        if (found) found->busy = true;
        pthread_mutex_unlock(&k->lock);
        if (found) break;
        if (is_stopped(run)) return prove_error_set(err, PV_CANCELLED, "stopped while another proof used the key");
        nanosleep(&nap, NULL);
    }
    pv_status status = place_ready(found, k, generation);
    if (status == PV_OK) return *place = found, PV_OK;
    pthread_mutex_lock(&k->lock);
    found->busy = false;
    pthread_mutex_unlock(&k->lock);
    return no_memory(err, status, "witness");
}

static void place_give(struct backend_key *k, struct place *p)
{
    shared_bytes_wipe(&p->bytes);
    pthread_mutex_lock(&k->lock);
    p->busy = false;
    pthread_mutex_unlock(&k->lock);
}

static bool g1_is_reduced(const bn254_g1 *p)
{
    return bn254_fp_is_reduced(&p->x) && bn254_fp_is_reduced(&p->y) && bn254_fp_is_reduced(&p->z);
}

/* What our arithmetic may be given. Whether it is right, the proof shows. */
static bool sums_are_formed(const struct backend_sums *s)
{
    return g1_is_reduced(&s->a) && g1_is_reduced(&s->b1) && g1_is_reduced(&s->c) && g1_is_reduced(&s->h) &&
           bn254_fp2_is_reduced(&s->b2.x) && bn254_fp2_is_reduced(&s->b2.y) && bn254_fp2_is_reduced(&s->b2.z);
}

static void better_note(struct backend_key *k, unsigned i, bool better)
{
    pthread_mutex_lock(&k->lock);
    k->there[i].better_now = better;
    pthread_mutex_unlock(&k->lock);
}

static pv_status sums_ask(struct backend_sums *out, struct backend_key *k, unsigned i, uint64_t generation,
                          struct place *p, const struct prove_run *run, struct prove_error *err)
{
    const struct gpu_sums m = { .key = k->number, .place = (uint32_t)(p - k->there[i].places) };
    struct gpu_sums_found found = { .better_now = 0 };
    struct supervisor_answer answer = { .body = (uint8_t *)&found, .room = sizeof found };
    struct supervisor_job job = job_of(GPU_SUMS, &m, sizeof m, run);
    job.generation = generation;
    job.given = run ? run->meanwhile : NULL;
    job.given_arg = run ? run->meanwhile_arg : NULL;
    job.fds = &p->bytes.fd;
    job.fds_n = p->sent != generation;
    pv_status status = gpus_call(k->gpus, i, &job, witness_bytes(k->zkey), &answer, err);
    if (answer.generation && status != PV_DEVICE && status != PV_BAD_MESSAGE) {
        p->sent = generation;
        shared_bytes_lent(&p->bytes);
    }
    if (status == PV_OK && (answer.bytes != sizeof found || !sums_are_formed(&found.sums)))
        status = prove_error_set(err, PV_BAD_PROOF, "the sums of the GPU's process are no points");
    if (status == PV_OK) *out = found.sums;
    if (status == PV_OK) better_note(k, i, found.better_now != 0);
    explicit_bzero(&found, sizeof found);
    return status;
}

static pv_status sums_on(struct backend_sums *out, struct backend_key *k, unsigned i, uint64_t generation,
                         const bn254_scalar_packed *witness, const struct prove_run *run, struct prove_error *err)
{
    struct place *p = NULL;
    TRY(key_there(k, i, generation, run, err));
    TRY(place_take(&p, k, i, generation, run, err));
    memcpy(p->bytes.at, witness, witness_bytes(k->zkey));
    pv_status status = sums_ask(out, k, i, generation, p, run, err);
    place_give(k, p);
    return status;
}

static pv_status remote_sums(struct backend_sums *out, struct backend_key *k, const bn254_scalar_packed *witness,
                             const struct prove_run *run, struct prove_error *err)
{
    unsigned i = (unsigned)k->device;
    uint64_t generation;
    if (is_stopped(run)) return prove_error_set(err, PV_CANCELLED, "stopped");
    if (k->device != GPUS_ANY) {
        gpus_take_one(k->gpus, i);
        generation = k->there[i].generation;
    } else if (!gpus_take(k->gpus, &i, &generation)) {
        return prove_error_set(err, PV_BAD_STATE, "no GPU that has passed its test serves just now");
    }
    if (run && run->device) *run->device = (int)i;
    pv_status status = sums_on(out, k, i, generation, witness, run, err);
    gpus_give(k->gpus, i);
    return status;
}

/* --- plans --- */

static pv_status remote_need(struct backend_need *need, const struct zkey *zkey, const struct backend_options *options,
                             struct prove_error *err);

static void need_of_plan(struct backend_need *need, const struct gpu_key_plan *plan)
{
    need->key_bytes = (size_t)plan->key_bytes;
    need->proof_bytes = (size_t)plan->proof_bytes;
    need->place_host_bytes = (size_t)plan->place_host_bytes;
    need->best_bytes = (size_t)plan->best_bytes;
    need->places = plan->places;
    need->slower = plan->slower;
}

/* Of the GPU where it is slowest, from what their processes said last: whoever asks may hold a lock that heartbeats need, and must
 * not wait for a process that hangs. */
static void remote_key_need(struct backend_need *need, bool *better_now, struct backend_key *k)
{
    const struct backend_options options = { .gpus = k->gpus,
                                             .places = k->proofs,
                                             .memory_bytes_max = k->memory_bytes_max };
    struct prove_error err;
    bool found = false;
    *better_now = false;
    if (remote_need(need, k->zkey, &options, &err) != PV_OK) *need = (struct backend_need){ 0 };
    pthread_mutex_lock(&k->lock);
    for (unsigned i = 0; i < gpus_count(k->gpus); i++) {
        const struct there *t = &k->there[i];
        if (!t->plan.known) continue;
        *better_now |= t->better_now;
        if (!found || t->plan.slower > need->slower) need_of_plan(need, &t->plan);
        found = true;
    }
    pthread_mutex_unlock(&k->lock);
}

/* --- what is known without them --- */

static pv_status remote_usable(const struct backend_options *options, struct prove_error *err)
{
    return gpus_wait(options->gpus, options->device == GPUS_ANY ? 0 : (unsigned)options->device, NULL, err);
}

static size_t remote_device_bytes(const struct backend_options *options)
{
    return gpus_bytes(options->gpus);
}

/* Also while no process serves: folders are read whenever they change. */
static pv_status remote_need(struct backend_need *need, const struct zkey *zkey, const struct backend_options *options,
                             struct prove_error *err)
{
    struct gpu_need_card card = { .bytes = gpus_bytes(options->gpus),
                                  .sm_count = gpus_sm_count(options->gpus),
                                  .places = options->places };
    size_t most = options->memory_bytes_max / 19 * 20; /* a twentieth of a card is left alone */
    if (most && most < card.bytes) card.bytes = most;
    TRY(gpu_need(need, zkey, &card, err));
    need->key_host_bytes = witness_bytes(zkey) * need->places * gpus_count(options->gpus);
    return PV_OK;
}

const struct backend backend_remote = {
    .name = "cuda",
    .proofs_at_once = 1,
    .usable = remote_usable,
    .device_bytes = remote_device_bytes,
    .need = remote_need,
    .key_open = remote_key_open,
    .key_close = remote_key_close,
    .key_need = remote_key_need,
    .key_check = remote_key_check,
    .sums = remote_sums,
};
