#include "cuda_flight.h"

#include <stdatomic.h>

static gpu_buf cut(struct flight *f, size_t *at, size_t bytes)
{
    const gpu_buf b = gpu_buf_part(f->place->memory, *at, bytes);
    *at += (bytes + 255) & ~(size_t)255;
    return b;
}

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
    for (unsigned i = 0; i < CUDA_RECORDINGS; i++)
        if (!k->recording[place->number][i]) TRY(gpu_recording_new(&k->recording[place->number][i]));
    return PV_OK;
}

pv_status cuda_flight_begin(struct flight *f, struct backend_key *k, struct cuda_place *place)
{
    TRY(recordings_new(k, place));
    lay_out(f, k, place);
    return PV_OK;
}

struct gpu_stream *cuda_flight_stream(const struct flight *f, enum cuda_part part)
{
    if (part == CUDA_H) return f->place->stream[CUDA_STREAM_H];
    return f->place->stream[f->key->layout.plan[part].bases.g2 ? CUDA_STREAM_G2 : CUDA_STREAM_G1];
}

pv_status cuda_flight_queue(struct flight *f, enum cuda_part part, gpu_buf scalars)
{
    if (!f->key->msm[part]) return PV_OK;
    return gpu_msm_async(f->key->msm[part], cuda_flight_stream(f, part), scalars, &f->run[part]);
}

bool cuda_flight_stopped(const struct prove_run *run)
{
    return run && run->cpu.stop && atomic_load_explicit(run->cpu.stop, memory_order_relaxed);
}
