/* The sums of a proof on a GPU. A key keeps its matrices and the tables of all five base sets on the device; a proof runs in a place
 * (cuda_places.h), so that nothing is allocated while proving. Each scalar vector has a stream: the witness's sums (B's apart
 * from A's and C's when many of B are infinity) run beside matrices, NTTs and H's sum. */
#include "backend.h"

#include "cuda_check.h"
#include "cuda_flight.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static unsigned cuda_device_sm_count(const struct backend_options *options)
{
    struct gpu *g = NULL;
    if (open_gpu(&g, options, NULL) != PV_OK) return 0;
    unsigned count = gpu_about(g)->sm_count;
    gpu_close(&g);
    return count;
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
    for (unsigned i = 0; i < CUDA_PLACES_MOST * CUDA_RECORDINGS; i++)
        gpu_recording_destroy(&k->recording[i / CUDA_RECORDINGS][i % CUDA_RECORDINGS]);
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
    struct gpu_stream *first = cuda_flight_stream(f, CUDA_WITNESS);
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
    struct gpu_stream *first = cuda_flight_stream(f, CUDA_WITNESS);
    gpu_buf h;
    TRY(gpu_stream_after_async(first, cuda_flight_stream(f, CUDA_H))); /* which wipes what the last proof left */
    TRY(stage(f, witness, run));
    for (unsigned i = 0; i < CUDA_PARTS; i++)
        if (i != CUDA_WITNESS && f->key->msm[i]) TRY(gpu_stream_after_async(cuda_flight_stream(f, i), first));
    TRY(cuda_flight_queue(f, CUDA_B, f->witness)); /* has the longest chains */
    TRY(cuda_flight_queue(f, CUDA_WITNESS, f->witness));
    TRY(gpu_quotient_async(f->key->qap, cuda_flight_stream(f, CUDA_H), f->witness, f->work,
                           f->key->recording[f->place->number][CUDA_OF_QUOTIENT], &h));
    if (!f->key->sizes.c_with_h) return cuda_flight_queue(f, CUDA_H, h);
    f->run[CUDA_H].more = h;
    return cuda_flight_queue(f, CUDA_H, f->witness);
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
        if (cuda_flight_stopped(run)) return PV_CANCELLED;
        nanosleep(&nap, NULL);
    }
}

/* ---- what is left of it ---- */

/* Nothing waits for it: what comes next in the place comes after it. */
static pv_status wipe_device_async(struct flight *f)
{
    struct gpu_stream *s = cuda_flight_stream(f, CUDA_H);
    for (unsigned i = 0; i < CUDA_STREAMS; i++)
        if (f->place->stream[i] != s) TRY(gpu_stream_after_async(s, f->place->stream[i]));
    return gpu_wipe_async(s, f->secret);
}

/* After a failure or a stop: waits for what is queued, and wipes everything. */
static void wipe_all(struct flight *f)
{
    for (unsigned i = 0; i < CUDA_STREAMS; i++) (void)gpu_stream_wait(f->place->stream[i]);
    explicit_bzero(f->staging, f->witness.bytes);
    if (wipe_device_async(f) == PV_OK) (void)gpu_stream_wait(cuda_flight_stream(f, CUDA_H));
}

/* One of a part's sets, and where its sum goes. */
struct finish_of {
    enum cuda_part part;
    unsigned set;
    bn254_g1 *g1;
    bn254_g2 *g2;
};

/* The sets of all parts, G2's first: it takes as long as three of the others. */
static unsigned finishes_of(struct finish_of to[CUDA_SETS_MOST + 1], struct backend_sums *sums, const struct flight *f)
{
    const bool b_apart = f->key->msm[CUDA_B], c_with_h = f->key->sizes.c_with_h;
    unsigned n = 0, of_witness = 0, of_b = 0;
    const unsigned g2 = b_apart ? 1 : c_with_h ? 2 : 3; /* behind the sets of G1 */
    to[n++] = (struct finish_of){ b_apart ? CUDA_B : CUDA_WITNESS, g2, NULL, &sums->b2 };
    to[n++] = (struct finish_of){ CUDA_H, 0, &sums->h, NULL };
    to[n++] = (struct finish_of){ CUDA_WITNESS, of_witness++, &sums->a, NULL };
    to[n++] = (struct finish_of){ b_apart ? CUDA_B : CUDA_WITNESS, b_apart ? of_b : of_witness++, &sums->b1, NULL };
    if (!c_with_h) to[n++] = (struct finish_of){ CUDA_WITNESS, of_witness, &sums->c, NULL }; /* otherwise in h */
    return n;
}

/* Also wipes the sums it reads. A doubling and an addition for each bit of a bucket's number, one after another: 118 us in all for
 * five sums of 2^13, of which the longest is 50. */
static void finish(struct backend_sums *sums, struct flight *f, const struct prove_run *run)
{
    struct finish_of of[CUDA_SETS_MOST + 1];
    const struct msm_plan *plan = f->key->layout.plan;
    const unsigned n = finishes_of(of, sums, f), team = run ? bn254_run_threads(&run->cpu) : 1;
#pragma omp parallel for schedule(dynamic, 1) num_threads(team) if (team > 1)
    for (unsigned i = 0; i < n; i++)
        gpu_msm_finish_set(&plan[of[i].part], f->run[of[i].part].sums, of[i].set, of[i].g1, of[i].g2);
    for (unsigned i = 0; i < CUDA_PARTS; i++)
        if (f->key->msm[i]) gpu_msm_finish_end(&plan[i], f->run[i].sums);
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
    TRY(watch(cuda_flight_stream(f, CUDA_WITNESS), gpu_mark_query, run));
    explicit_bzero(f->staging, f->witness.bytes);
    t->uploaded_ms = now_ms() - from;
    TRY(watch(cuda_flight_stream(f, CUDA_H), gpu_stream_query, run));
    prove_run_report(run, "msm", 45);
    TRY(watch(cuda_flight_stream(f, CUDA_WITNESS), gpu_stream_query, run));
    if (f->key->msm[CUDA_B]) TRY(watch(cuda_flight_stream(f, CUDA_B), gpu_stream_query, run));
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
    finish(sums, f, run); /* on failure too, for the wipe */
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
    if (cuda_flight_stopped(run)) return prove_error_set(err, PV_CANCELLED, "stopped");
    TRY(cuda_place_take(&place, key->places, &key->user, run ? run->cpu.stop : NULL, err));
    pv_status status = cuda_flight_begin(&f, key, place);
    if (status == PV_OK) status = fly(&sums, &f, witness, run, &times, from);
    if (status == PV_CANCELLED) prove_error_set(err, status, "stopped");
    if (status != PV_OK && status != PV_CANCELLED) prove_error_set(err, status, "GPU: %s", gpu_why(place->gpu));
    cuda_place_give(key->places, &place);
    if (status != PV_OK) return status;
    *out = sums;
    if (run && run->times) *run->times = times;
    prove_run_report(run, "msm", 95);
    return PV_OK;
}

const struct backend backend_cuda = {
    .name = "cuda",
    .proofs_at_once = CUDA_PLACES_MOST,
    .reads_key_once = true,
    .usable = cuda_usable,
    .device_bytes = cuda_device_bytes,
    .device_sm_count = cuda_device_sm_count,
    .need = cuda_need,
    .key_open = cuda_key_open,
    .key_close = cuda_key_close,
    .key_need = cuda_key_need,
    .key_check = cuda_key_check,
    .sums = cuda_sums,
};
