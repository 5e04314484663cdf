/* The sums of a proof on a GPU. A key keeps its matrices and the tables of all five base sets on the device; a proof runs in a place
 * (cuda_places.h), so that nothing is allocated while proving. Each scalar vector has a stream: the witness's sums (B's apart
 * from A's and C's when many of B are infinity) run beside matrices, NTTs and H's sum. */
#include "backend.h"

#include "cuda_layout.h"
#include "cuda_places.h"
#include "gpu_check.h"
#include "gpu_msm.h"
#include "gpu_ntt.h"
#include "random.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RECORDINGS = CUDA_PARTS + 1, OF_QUOTIENT = CUDA_PARTS };

struct backend_key {
    const struct zkey *zkey;
    struct gpu *gpu; /* for what is made when it is opened */
    struct gpu_qap *qap;
    struct gpu_msm *msm[CUDA_PARTS]; /* msm[CUDA_B] NULL when the witness's four sums go together */
    struct backend_options options;
    struct cuda_sizes sizes;
    struct cuda_layout layout;
    struct cuda_places *places;
    struct cuda_user user;
    /* of each place that a proof has run in; its taker's */
    struct gpu_recording *recording[CUDA_PLACES_MOST][RECORDINGS];
};

/* A proof under way: how the place's memory is laid out for this key. */
struct flight {
    struct backend_key *key;
    struct cuda_place *place;
    gpu_buf witness, work, secret; /* secret: all of them */
    struct gpu_msm_run run[CUDA_PARTS];
    uint8_t *staging; /* pinned: the witness on its way */
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static pv_status open_gpu(struct gpu **g, const struct backend_options *options, struct prove_error *err)
{
    char why[160];
    pv_status status = gpu_open(g, options->device, why, sizeof why);
    return status == PV_OK ? PV_OK : prove_error_set(err, status, "%s", status == PV_NO_DEVICE ? why : "out of memory");
}

static pv_status cuda_usable(const struct backend_options *options, struct prove_error *err)
{
    struct gpu *g = NULL;
    TRY(open_gpu(&g, options, err));
    gpu_close(&g);
    return PV_OK;
}

static size_t cuda_device_bytes(const struct backend_options *options)
{
    struct gpu *g = NULL;
    if (open_gpu(&g, options, NULL) != PV_OK) return 0;
    size_t bytes = gpu_about(g)->total_bytes;
    gpu_close(&g);
    return bytes;
}

static void sizes_of(struct cuda_sizes *sizes, const struct zkey *z)
{
    const struct gpu_qap_need qap = gpu_qap_need_for(z->coef_count, z->vars, z->log_domain);
    cuda_sizes_of(sizes, z, qap.key_bytes, qap.work_bytes);
}

static struct cuda_room room_of(const struct gpu *g, size_t bytes, const struct backend_options *options)
{
    const struct gpu_info *about = gpu_about(g);
    unsigned places = options->places ? options->places : cuda_places_default(about->total_bytes);
    if (options->memory_bytes_max) bytes = min(bytes, options->memory_bytes_max);
    return (struct cuda_room){ .bytes = bytes,
                               .sm_count = about->sm_count,
                               .places = places < CUDA_PLACES_MOST ? places : CUDA_PLACES_MOST };
}

/* The plan for a device that is empty but for a twentieth. */
static pv_status layout_alone(struct cuda_layout *l, const struct cuda_sizes *sizes, const struct gpu *g,
                              const struct backend_options *options)
{
    size_t total = gpu_about(g)->total_bytes;
    const struct cuda_room room = room_of(g, total - total / 20, options);
    return cuda_layout_for(l, sizes, &room);
}

static size_t mib(size_t bytes)
{
    return (bytes + ((size_t)1 << 20) - 1) >> 20;
}

/* A device without room at all, or without now: what the key needs, and what there is. */
static pv_status no_room(const struct cuda_sizes *sizes, const struct gpu *g, const struct backend_options *options,
                         size_t free_bytes, struct prove_error *err)
{
    struct cuda_layout l;
    if (layout_alone(&l, sizes, g, options) != PV_OK)
        return prove_error_set(err, PV_RESOURCES, "this key and a proof with it do not fit into %zu MiB of GPU memory",
                               (options->memory_bytes_max ? options->memory_bytes_max : gpu_about(g)->total_bytes) >>
                                   20);
    return prove_error_set(err, PV_NO_MEMORY,
                           "out of GPU memory: this key needs %zu MiB and a proof %zu MiB more, but %zu MiB are free",
                           mib(l.key_bytes + l.building_bytes), mib(l.place_bytes), free_bytes >> 20);
}

static void need_of(struct backend_need *need, const struct cuda_layout *l, const struct cuda_sizes *sizes,
                    unsigned sm_count)
{
    *need = (struct backend_need){ .key_bytes = l->key_bytes + l->building_bytes,
                                   .proof_bytes = l->place_bytes,
                                   .places = l->places,
                                   .place_host_bytes = l->pinned_bytes };
    need->slower = cuda_layout_slower(&need->best_bytes, l, sizes, sm_count);
}

static pv_status cuda_need(struct backend_need *need, const struct zkey *zkey, const struct backend_options *options,
                           struct prove_error *err)
{
    struct gpu *g = NULL;
    struct cuda_sizes sizes;
    struct cuda_layout l;
    TRY(open_gpu(&g, options, err));
    sizes_of(&sizes, zkey);
    pv_status status = layout_alone(&l, &sizes, g, options);
    if (status == PV_OK) need_of(need, &l, &sizes, gpu_about(g)->sm_count);
    if (status == PV_NO_MEMORY) no_room(&sizes, g, options, 0, err);
    if (status != PV_OK && status != PV_NO_MEMORY)
        prove_error_set(err, status, "this key is too large for the GPU's kernels");
    gpu_close(&g);
    return status == PV_NO_MEMORY ? PV_RESOURCES : status;
}

static void cuda_key_close(struct backend_key **key)
{
    struct backend_key *k = *key;
    if (!k) return;
    cuda_places_leave(&k->places, &k->user);
    for (unsigned i = 0; i < CUDA_PLACES_MOST * RECORDINGS; i++)
        gpu_recording_destroy(&k->recording[i / RECORDINGS][i % RECORDINGS]);
    for (unsigned i = 0; i < CUDA_PARTS; i++) gpu_msm_destroy(&k->msm[i]);
    gpu_qap_destroy(&k->qap);
    gpu_close(&k->gpu);
    free(k);
    *key = NULL;
}

static pv_status part_open(struct backend_key *k, enum cuda_part part)
{
    struct gpu_msm_set sets[CUDA_SETS_MOST];
    for (unsigned i = 0; i < CUDA_SETS_MOST; i++) {
        const struct cuda_set *set = &k->sizes.part[part].set[i];
        sets[i] = (struct gpu_msm_set){ .bases = set->points, .first = set->first, .count = set->count };
    }
    if (k->sizes.part[part].joined) sets[0].rest = &sets[1];
    return gpu_msm_new(k->gpu, &k->msm[part], &k->layout.plan[part], sets);
}

static pv_status fill_key(struct backend_key *k)
{
    TRY(gpu_qap_new(k->gpu, &k->qap, k->zkey->coefs, k->zkey->coef_count, k->zkey->vars, k->zkey->log_domain));
    for (unsigned i = 0; i < k->sizes.parts; i++) TRY(part_open(k, i));
    return PV_OK;
}

/* What the places hold is there for this key's proofs too, as far as they need it; own: what the key holds already. */
static pv_status plan(struct cuda_layout *l, const struct backend_key *k, size_t free_bytes, size_t own)
{
    const size_t shared = cuda_places_bytes(k->options.device);
    for (size_t bytes = free_bytes + own + shared;;) {
        const struct cuda_room room = room_of(k->gpu, bytes, &k->options);
        TRY(cuda_layout_for(l, &k->sizes, &room));
        size_t places = l->places * l->place_bytes,
               need = l->key_bytes + l->building_bytes + (places > shared ? places - shared : 0);
        if (need <= free_bytes + own) return PV_OK;
        bytes = room.bytes - min(room.bytes, need - free_bytes - own);
    }
}

static pv_status plan_key(struct backend_key *k, size_t *free_bytes)
{
    struct cuda_layout alone;
    TRY(gpu_free_bytes(k->gpu, free_bytes));
    TRY(plan(&k->layout, k, *free_bytes, 0));
    if (!k->options.best_plan_only) return PV_OK;
    TRY(layout_alone(&alone, &k->sizes, k->gpu, &k->options));
    return cuda_layout_better(&alone, &k->layout) ? PV_NO_MEMORY : PV_OK;
}

static pv_status open_key(struct backend_key *k, const struct prove_run *run, struct prove_error *err)
{
    size_t free_bytes = 0;
    TRY(open_gpu(&k->gpu, &k->options, err));
    sizes_of(&k->sizes, k->zkey);
    pv_status status = plan_key(k, &free_bytes);
    if (status == PV_INVALID_INPUT) return prove_error_set(err, status, "this key is too large for the GPU's kernels");
    if (status == PV_OK) status = fill_key(k);
    if (status == PV_NO_MEMORY) return no_room(&k->sizes, k->gpu, &k->options, free_bytes, err);
    if (status != PV_OK) return prove_error_set(err, status, "GPU: %s", gpu_why(k->gpu));
    k->user = (struct cuda_user){ .bytes = k->layout.place_bytes,
                                  .pinned_bytes = k->layout.pinned_bytes,
                                  .places = k->layout.places };
    return cuda_places_join(&k->places, k->options.device, room_of(k->gpu, 0, &k->options).places, &k->user,
                            run ? run->cpu.stop : NULL, err);
}

/* Better: with what is free now and what the key itself would give back. */
static void cuda_key_need(struct backend_need *need, bool *better_now, struct backend_key *k)
{
    struct cuda_layout now;
    size_t free_bytes;
    need_of(need, &k->layout, &k->sizes, gpu_about(k->gpu)->sm_count);
    *better_now = need->slower && gpu_free_bytes(k->gpu, &free_bytes) == PV_OK &&
                  plan(&now, k, free_bytes, k->layout.key_bytes) == PV_OK && cuda_layout_better(&now, &k->layout);
}

static pv_status cuda_key_open(struct backend_key **key, const struct zkey *zkey, const struct backend_options *options,
                               const struct prove_run *run, struct prove_error *err)
{
    static const struct backend_options any;
    struct backend_key *k = calloc(1, sizeof *k);
    if (!k) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    k->zkey = zkey;
    prove_run_report(run, "key", 0);
    k->options = options ? *options : any;
    pv_status status = open_key(k, run, err);
    if (status == PV_OK)
        *key = k;
    else
        cuda_key_close(&k);
    return status;
}

/* ---- a proof ---- */

static gpu_buf cut(struct flight *f, size_t *at, size_t bytes)
{
    const gpu_buf b = gpu_buf_part(f->place->memory, *at, bytes);
    *at += (bytes + 255) & ~(size_t)255;
    return b;
}

/* As cuda_layout.c counts it. */
static void lay_out(struct flight *f, struct backend_key *k, struct cuda_place *place)
{
    size_t at = 0, pinned = (k->sizes.witness + 255) & ~(size_t)255;
    *f = (struct flight){ .key = k, .place = place, .staging = place->pinned };
    f->witness = cut(f, &at, k->sizes.witness);
    f->work = cut(f, &at, k->sizes.work);
    for (unsigned i = 0; i < CUDA_PARTS; i++) {
        const struct msm_plan *plan = &k->layout.plan[i];
        if (!k->msm[i]) continue;
        f->run[i] = (struct gpu_msm_run){ .scratch = cut(f, &at, plan->scratch_bytes),
                                          .sums = (uint8_t *)place->pinned + pinned,
                                          .recording = k->recording[place->number][i] };
        pinned += (gpu_msm_sums_bytes(plan) + 255) & ~(size_t)255;
    }
    f->secret = gpu_buf_part(place->memory, 0, at);
}

/* The first proof of a key in a place. */
static pv_status recordings_new(struct backend_key *k, const struct cuda_place *place)
{
    for (unsigned i = 0; i < RECORDINGS; i++)
        if (!k->recording[place->number][i]) TRY(gpu_recording_new(&k->recording[place->number][i]));
    return PV_OK;
}

static struct gpu_stream *stream_of(const struct flight *f, enum cuda_part part)
{
    if (part == CUDA_H) return f->place->stream[CUDA_STREAM_H];
    return f->place->stream[f->key->layout.plan[part].bases.g2 ? CUDA_STREAM_G2 : CUDA_STREAM_G1];
}

static pv_status queue_part(struct flight *f, enum cuda_part part, gpu_buf scalars)
{
    if (!f->key->msm[part]) return PV_OK;
    return gpu_msm_async(f->key->msm[part], stream_of(f, part), scalars, &f->run[part]);
}

/* ---- the witness on its way ---- */

#ifndef CUDA_PIECE_BYTES /* tests/emu has small witnesses */
#define CUDA_PIECE_BYTES (1 << 20)
#endif
enum { PIECE_BYTES = CUDA_PIECE_BYTES, PIECES_AT_ONCE = 4 };

static void stage_piece(struct flight *f, const bn254_scalar_packed *witness, size_t at)
{
    if (at < f->witness.bytes)
        memcpy(f->staging + at, (const uint8_t *)witness + at, min(PIECE_BYTES, f->witness.bytes - at));
}

/* In pieces, so that the first are on their way while the next are copied. A core copies slower than the bus takes it, so several
 * copy at a time; the region has the whole team, because one of another size would end threads that the next has to start. */
static pv_status stage(struct flight *f, const bn254_scalar_packed *witness, const struct prove_run *run)
{
    struct gpu_stream *first = stream_of(f, CUDA_WITNESS);
    const unsigned team = run ? bn254_run_threads(&run->cpu) : 1,
                   pieces = team < PIECES_AT_ONCE ? team : PIECES_AT_ONCE;
    const size_t bytes = f->witness.bytes, step = (size_t)pieces * PIECE_BYTES;
    for (size_t at = 0; at < bytes; at += step) {
#pragma omp parallel for schedule(static, 1) num_threads(team) if (team > 1 && bytes - at > PIECE_BYTES)
        for (unsigned i = 0; i < pieces; i++) stage_piece(f, witness, at + (size_t)i * PIECE_BYTES);
        const size_t n = min(step, bytes - at);
        TRY(gpu_upload_async(first, gpu_buf_part(f->witness, at, n), f->staging + at, n));
    }
    return gpu_mark_async(first);
}

static pv_status queue_work(struct flight *f, const bn254_scalar_packed *witness, const struct prove_run *run)
{
    struct gpu_stream *first = stream_of(f, CUDA_WITNESS);
    gpu_buf h;
    TRY(gpu_stream_after_async(first, stream_of(f, CUDA_H))); /* which wipes what the last proof left */
    TRY(stage(f, witness, run));
    for (unsigned i = 0; i < CUDA_PARTS; i++)
        if (i != CUDA_WITNESS && f->key->msm[i]) TRY(gpu_stream_after_async(stream_of(f, i), first));
    TRY(queue_part(f, CUDA_B, f->witness)); /* has the longest chains */
    TRY(queue_part(f, CUDA_WITNESS, f->witness));
    TRY(gpu_quotient_async(f->key->qap, stream_of(f, CUDA_H), f->witness, f->work,
                           f->key->recording[f->place->number][OF_QUOTIENT], &h));
    if (!f->key->sizes.c_with_h) return queue_part(f, CUDA_H, h);
    f->run[CUDA_H].more = h;
    return queue_part(f, CUDA_H, f->witness);
}

static bool stopped(const struct prove_run *run)
{
    return run && run->cpu.stop && atomic_load_explicit(run->cpu.stop, memory_order_relaxed);
}

/* Waits until ask says that s is done, or the stop flag is up. Queued work cannot be called back; the caller waits for it before
 * wiping. */
static pv_status watch(struct gpu_stream *s, pv_status (*ask)(struct gpu_stream *s, bool *done),
                       const struct prove_run *run)
{
    const struct timespec nap = { .tv_nsec = 50 * 1000 };
    for (;;) {
        bool done;
        TRY(ask(s, &done));
        if (done) return PV_OK;
        if (stopped(run)) return PV_CANCELLED;
        nanosleep(&nap, NULL);
    }
}

/* ---- what is left of it ---- */

/* Nothing waits for it: what comes next in the place comes after it. */
static pv_status wipe_device_async(struct flight *f)
{
    struct gpu_stream *s = stream_of(f, CUDA_H);
    for (unsigned i = 0; i < CUDA_STREAMS; i++)
        if (f->place->stream[i] != s) TRY(gpu_stream_after_async(s, f->place->stream[i]));
    return gpu_wipe_async(s, f->secret);
}

/* After a failure or a stop: waits for what is queued, and wipes everything. */
static void wipe_all(struct flight *f)
{
    for (unsigned i = 0; i < CUDA_STREAMS; i++) (void)gpu_stream_wait(f->place->stream[i]);
    explicit_bzero(f->staging, f->witness.bytes);
    if (wipe_device_async(f) == PV_OK) (void)gpu_stream_wait(stream_of(f, CUDA_H));
}

/* Also wipes the sums it reads. */
static void finish(struct backend_sums *sums, struct flight *f)
{
    const struct msm_plan *plan = f->key->layout.plan;
    bn254_g1 g1[3];
    gpu_msm_finish(&plan[CUDA_H], f->run[CUDA_H].sums, &sums->h, NULL);
    gpu_msm_finish(&plan[CUDA_WITNESS], f->run[CUDA_WITNESS].sums, g1, &sums->b2);
    const bool b_apart = f->key->msm[CUDA_B];
    sums->a = g1[0];
    if (!f->key->sizes.c_with_h) sums->c = g1[b_apart ? 1 : 2]; /* otherwise in h */
    if (!b_apart) sums->b1 = g1[1];
    if (b_apart) gpu_msm_finish(&plan[CUDA_B], f->run[CUDA_B].sums, &sums->b1, &sums->b2);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Waits until all streams are done. The copy in RAM is wiped as soon as it has been uploaded. */
static pv_status watch_all(struct flight *f, const struct prove_run *run, struct backend_times *t, double from)
{
    TRY(watch(stream_of(f, CUDA_WITNESS), gpu_mark_query, run));
    explicit_bzero(f->staging, f->witness.bytes);
    t->uploaded_ms = now_ms() - from;
    TRY(watch(stream_of(f, CUDA_H), gpu_stream_query, run));
    prove_run_report(run, "msm", 45);
    TRY(watch(stream_of(f, CUDA_WITNESS), gpu_stream_query, run));
    if (f->key->msm[CUDA_B]) TRY(watch(stream_of(f, CUDA_B), gpu_stream_query, run));
    t->device_ms = now_ms() - from;
    return PV_OK;
}

/* The CPU's own part runs in the device's shadow: what is not needed before the sums are there is done before. */
static pv_status fly(struct backend_sums *sums, struct flight *f, const bn254_scalar_packed *witness,
                     const struct prove_run *run, struct backend_times *t, double from)
{
    prove_run_report(run, "quotient", 5);
    pv_status status = queue_work(f, witness, run);
    t->staged_ms = now_ms() - from;
    if (status == PV_OK && run && run->meanwhile) run->meanwhile(run->meanwhile_arg);
    if (status == PV_OK) status = watch_all(f, run, t, from);
    if (status == PV_OK) status = wipe_device_async(f);
    t->wiped_ms = now_ms() - from;
    if (status != PV_OK) wipe_all(f);
    finish(sums, f); /* on failure too, for the wipe */
    t->finished_ms = now_ms() - from;
    return status;
}

static pv_status cuda_sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                           const struct prove_run *run, struct prove_error *err)
{
    struct backend_sums sums = { 0 };
    struct cuda_place *place;
    struct flight f;
    struct backend_times times = { 0 };
    const double from = now_ms();
    if (stopped(run)) return prove_error_set(err, PV_CANCELLED, "stopped");
    TRY(cuda_place_take(&place, key->places, &key->user, run ? run->cpu.stop : NULL, err));
    pv_status status = recordings_new(key, place);
    if (status == PV_OK) {
        lay_out(&f, key, place);
        status = fly(&sums, &f, witness, run, &times, from);
    }
    if (status == PV_CANCELLED) prove_error_set(err, status, "stopped");
    if (status != PV_OK && status != PV_CANCELLED) prove_error_set(err, status, "GPU: %s", gpu_why(place->gpu));
    cuda_place_give(key->places, &place);
    if (status != PV_OK) return status;
    *out = sums;
    if (run && run->times) *run->times = times;
    prove_run_report(run, "msm", 95);
    return PV_OK;
}

/* ---- the check of a key ---- */

/* A sum with coefficients of 16 bits misses a point outside G2 with 2^-13.2 at most (msm_subgroup.h). */
enum { MIXES = 10 };

static pv_status look_at_points(struct flight *f, bool *sound, const struct zkey *z, const struct prove_run *run)
{
    const struct {
        const void *points;
        size_t count;
        unsigned group;
    } list[] = {
        { z->ic, (size_t)z->publics + 1, 1 }, { z->a, z->vars, 1 },  { z->b1, z->vars, 1 }, { z->b2, z->vars, 2 },
        { z->c, zkey_c_count(z), 1 },         { z->h, z->domain, 1 }
    };
    struct gpu_stream *s = stream_of(f, CUDA_H); /* which wipes what the last proof left */
    TRY(gpu_check_begin(s, f->work));
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        const void *b = list[i].group == 1 ? (const void *)&BN254_G1_B : (const void *)&BN254_G2_B;
        if (stopped(run)) return PV_CANCELLED;
        TRY(gpu_check_points(s, list[i].group, list[i].points, list[i].count, b, f->work));
    }
    return gpu_check_end(s, sound, f->work);
}

/* B2's sum with random coefficients as the witness. */
static pv_status mix(struct flight *f, bool *sound)
{
    const enum cuda_part part = f->key->msm[CUDA_B] ? CUDA_B : CUDA_WITNESS;
    const size_t n = f->witness.bytes / sizeof(bn254_scalar_packed);
    struct gpu_stream *s = stream_of(f, part);
    bn254_g1 g1[3];
    bn254_g2 sum;
    bn254_g2_affine p;
    TRY(pv_random(f->staging, n * sizeof(uint16_t)));
    TRY(gpu_coefs_async(s, f->witness, (const uint16_t *)(const void *)f->staging, n, f->work));
    TRY(queue_part(f, part, f->witness));
    TRY(gpu_stream_wait(s));
    gpu_msm_finish(&f->key->layout.plan[part], f->run[part].sums, g1, &sum);
    bn254_g2_to_affine(&p, &sum);
    *sound = bn254_g2_is_in_subgroup(&p);
    return PV_OK;
}

static pv_status look(struct flight *f, const struct zkey *z, const struct prove_run *run, struct prove_error *err)
{
    bool sound = false;
    TRY(look_at_points(f, &sound, z, run));
    for (unsigned i = 0; i < MIXES && sound; i++) {
        if (stopped(run)) return PV_CANCELLED;
        TRY(mix(f, &sound));
    }
    return sound ? PV_OK : prove_error_set(err, PV_BAD_ZKEY, "a point of the key is damaged");
}

static pv_status cuda_key_check(struct backend_key *key, const struct zkey *zkey, const struct prove_run *run,
                                struct prove_error *err)
{
    struct cuda_place *place;
    struct flight f;
    TRY(cuda_place_take(&place, key->places, &key->user, run ? run->cpu.stop : NULL, err));
    pv_status status = recordings_new(key, place);
    if (status == PV_OK) {
        lay_out(&f, key, place);
        status = look(&f, zkey, run, err);
        for (unsigned i = 0; i < CUDA_STREAMS; i++) (void)gpu_stream_wait(place->stream[i]);
    }
    if (status == PV_CANCELLED) prove_error_set(err, status, "stopped");
    if (status != PV_OK && status != PV_CANCELLED && status != PV_BAD_ZKEY)
        prove_error_set(err, status, "GPU: %s", gpu_why(place->gpu));
    cuda_place_give(key->places, &place);
    return status;
}

const struct backend backend_cuda = {
    .name = "cuda",
    .proofs_at_once = CUDA_PLACES_MOST,
    .reads_key_once = true,
    .usable = cuda_usable,
    .device_bytes = cuda_device_bytes,
    .need = cuda_need,
    .key_open = cuda_key_open,
    .key_close = cuda_key_close,
    .key_need = cuda_key_need,
    .key_check = cuda_key_check,
    .sums = cuda_sums,
};
