#include "cuda_check.h"

#include "cuda_flight.h"
#include "gpu_check.h"
#include "random.h"

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
    struct gpu_stream *s = cuda_flight_stream(f, CUDA_H); /* which wipes what the last proof left */
    TRY(gpu_check_begin(s, f->work));
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        const void *b = list[i].group == 1 ? (const void *)&BN254_G1_B : (const void *)&BN254_G2_B;
        if (cuda_flight_stopped(run)) return PV_CANCELLED;
        TRY(gpu_check_points(s, list[i].group, list[i].points, list[i].count, b, f->work));
    }
    return gpu_check_end(s, sound, f->work);
}

/* B2's sum with random coefficients as the witness. */
static pv_status mix(struct flight *f, bool *sound)
{
    const enum cuda_part part = f->key->msm[CUDA_B] ? CUDA_B : CUDA_WITNESS;
    const size_t n = f->witness.bytes / sizeof(bn254_scalar_packed);
    struct gpu_stream *s = cuda_flight_stream(f, part);
    bn254_g1 g1[3];
    bn254_g2 sum;
    bn254_g2_affine p;
    TRY(pv_random(f->staging, n * sizeof(uint16_t)));
    TRY(gpu_coefs_async(s, f->witness, (const uint16_t *)(const void *)f->staging, n, f->work));
    TRY(cuda_flight_queue(f, part, f->witness));
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
        if (cuda_flight_stopped(run)) return PV_CANCELLED;
        TRY(mix(f, &sound));
    }
    return sound ? PV_OK : prove_error_set(err, PV_BAD_ZKEY, "a point of the key is damaged");
}

pv_status cuda_key_check(struct backend_key *key, const struct zkey *zkey, const struct prove_run *run,
                         struct prove_error *err)
{
    struct cuda_place *place;
    struct flight f;
    TRY(cuda_place_take(&place, key->places, &key->user, run ? run->cpu.stop : NULL, err));
    pv_status status = cuda_flight_begin(&f, key, place);
    if (status == PV_OK) {
        status = look(&f, zkey, run, err);
        for (unsigned i = 0; i < CUDA_STREAMS; i++) (void)gpu_stream_wait(place->stream[i]);
    }
    if (status == PV_CANCELLED) prove_error_set(err, status, "stopped");
    if (status != PV_OK && status != PV_CANCELLED && status != PV_BAD_ZKEY)
        prove_error_set(err, status, "GPU: %s", gpu_why(place->gpu));
    cuda_place_give(key->places, &place);
    return status;
}
