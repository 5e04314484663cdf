/** A GPU for BN254: device memory, streams, and the MSM, NTT and quotient of a Groth16 proof on them.
 *
 *  No CUDA type appears here and no call ends the process: what CUDA reports comes back as a status, with its words in
 *  gpu_why. A call named _async only queues work on its stream; its host buffers must live until the stream was waited for.
 *  Everything a call allocates is named by a _bytes function first. A gpu belongs to one thread at a time.
 *
 *  PV_NO_DEVICE: no driver, no device. PV_NO_MEMORY: the device's memory is short. PV_DEVICE: anything else CUDA says;
 *  after it the device may answer nothing until the process ends.
 */
#ifndef PV_GPU_H
#define PV_GPU_H
#include "types.h"
#include "gpu_msm_plan.h"
#include "status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- device ---- */
struct gpu;
struct gpu_info {
    char name[64];
    unsigned sm_count;
    size_t total_bytes;
};
/** Opens device number `device`. On failure *g is untouched and why (why_bytes > 0) holds a sentence. A machine without a
 *  driver is no error of the program: PV_NO_DEVICE. */
pv_status gpu_open(struct gpu **g, int device, char *why, size_t why_bytes);
void gpu_close(struct gpu **g);
const struct gpu_info *gpu_about(const struct gpu *g);
/** Device memory nobody holds now. */
pv_status gpu_free_bytes(struct gpu *g, size_t *bytes);
/** What CUDA said when a call on g last failed. Borrowed until the next failure. */
const char *gpu_why(const struct gpu *g);

/* ---- memory ---- */

/** Device memory. at is an address for the device alone. */
typedef struct gpu_buf {
    void *at;
    size_t bytes;
} gpu_buf;
pv_status gpu_buf_new(struct gpu *g, gpu_buf *b, size_t bytes);
/** Waits for the device, frees, empties *b. Harmless on an empty one. */
void gpu_buf_free(struct gpu *g, gpu_buf *b);
/** bytes of b from offset on; shares b's memory. */
gpu_buf gpu_buf_part(gpu_buf b, size_t offset, size_t bytes);
/** Host memory the device reads at full speed; free with gpu_pinned_free. */
pv_status gpu_pinned_new(struct gpu *g, void **p, size_t bytes);
void gpu_pinned_free(struct gpu *g, void **p);

/* ---- streams ---- */
struct gpu_stream;
/** urgent: goes before other streams where both have blocks to run. */
pv_status gpu_stream_new(struct gpu *g, struct gpu_stream **s, bool urgent);
void gpu_stream_destroy(struct gpu_stream **s);
/** Returns when all that was queued is done. */
pv_status gpu_stream_wait(struct gpu_stream *s);
/** *done: is everything queued done? Does not wait. */
pv_status gpu_stream_query(struct gpu_stream *s, bool *done);
/** What is queued on s from now on starts after what `other` has queued so far. */
pv_status gpu_stream_after_async(struct gpu_stream *s, struct gpu_stream *other);
pv_status gpu_upload_async(struct gpu_stream *s, gpu_buf to, const void *from, size_t bytes);
pv_status gpu_download_async(struct gpu_stream *s, void *to, gpu_buf from, size_t bytes);
/** Zeros all of b. */
pv_status gpu_wipe_async(struct gpu_stream *s, gpu_buf b);

/* ---- NTT over Fr ---- */

/** The tables of one power of two; owned by whoever made them, freed with them, gpu_domain_bytes each. */
struct gpu_domain;
size_t gpu_domain_bytes(unsigned log_n);
pv_status gpu_domain_new(struct gpu *g, struct gpu_domain **d, unsigned log_n);
void gpu_domain_destroy(struct gpu_domain **d);

enum gpu_ntt {
    GPU_NTT_TO_REVERSED = 0, /* natural order in, bit-reversed out */
    GPU_NTT_TO_NATURAL = 1,  /* bit-reversed in, natural out */
    GPU_NTT_INVERSE = 2,     /* w^-1 and 1/n; or-ed to one of the above */
};
/** v: batch transforms of 2^log_n elements, one after another, in place; Montgomery form, canonical out.
 *  X_k = sum x_j w^(jk), w = 5^((r-1)/2^log_n), log_n from 0 to 28. */
pv_status gpu_ntt_async(struct gpu_domain *d, struct gpu_stream *s, gpu_buf v, unsigned batch, unsigned kind);

/* ---- quotient ---- */

/** The matrices A and B of a circuit on the device, by rows. */
struct gpu_qap;
struct gpu_qap_need {
    size_t key_bytes;  /* matrices and domain */
    size_t work_bytes; /* of one gpu_quotient_async */
};
struct gpu_qap_need gpu_qap_need_for(size_t records, size_t vars, unsigned log_n);
/** records: count times 44 bytes as a zkey's section 4 has them (matrix, row, signal: u32; coefficient * R^2), in any order,
 *  duplicates adding up. PV_INVALID_INPUT when a matrix is not 0 or 1, a row >= 2^log_n, a signal >= vars, vars >= 2^30. */
pv_status gpu_qap_new(struct gpu *g, struct gpu_qap **q, const void *records, size_t count, size_t vars,
                      unsigned log_n);
void gpu_qap_destroy(struct gpu_qap **q);
/** Up to 2^17 rows recorded as gpu_msm_async is. *h <- part of work: the 2^log_n plain scalars a b - c at the odd points of the doubled domain, where a = A w and b = B w
 *  on the domain and c = a b there. witness: vars plain scalars. All of work is secret afterwards. */
pv_status gpu_quotient_async(struct gpu_qap *q, struct gpu_stream *s, gpu_buf witness, gpu_buf work, gpu_buf *h);

/* ---- MSM ---- */

/** sum over first <= i < first + count of k_i bases[i - first]. bases: packed points (bn254_g1_packed, bn254_g2_packed). */
struct gpu_msm_set {
    const void *bases;
    size_t first, count;
};
/** How many of n scalars meet a base that is not infinity in any of the sets (bases.g1 in G1, then bases.g2 in G2). A plan
 *  for that many points with limits.scalars = n leaves the others out before anything is sorted. Pure; reads all bases. */
size_t gpu_msm_finite(const struct gpu_msm_set *sets, struct msm_bases bases, size_t n);
/** The tables of plan->bases base sets, G1 first, and where their results come to. */
struct gpu_msm;
/** Table rows are made on the device; besides plan->table_bytes this takes up to gpu_msm_build_bytes(plan) while it runs. */
size_t gpu_msm_build_bytes(const struct msm_plan *plan);
/** PV_INVALID_INPUT when a set leaves plan->scalars, or plan->n is neither that nor what gpu_msm_finite says. */
pv_status gpu_msm_new(struct gpu *g, struct gpu_msm **m, const struct msm_plan *plan, const struct gpu_msm_set *sets);
void gpu_msm_destroy(struct gpu_msm **m);
/** How many lanes hold a G2 point in the accumulation: 1 (the default: 7.3 ms of 2^20 on an H100, where 2 take 8.7) or 2. */
void gpu_msm_set_g2_lanes(struct gpu_msm *m, unsigned lanes);
/** Queues the sums of the plan->scalars plain scalars (each < r). scratch: plan->scratch_bytes, secret afterwards.
 *  Small plans (plan->replay) are recorded by the first call and by any with other buffers: give the same ones again.
 *  Points of file order are exact whatever they are: infinity, equal, opposite. */
pv_status gpu_msm_async(struct gpu_msm *m, struct gpu_stream *s, gpu_buf scalars, gpu_buf scratch);
/** After the stream was waited for: normalised sums (z = 1, or all zero for infinity), and their copies wiped. Either array
 *  may be NULL when the plan has none of that group. Takes well under a millisecond. */
void gpu_msm_finish(struct gpu_msm *m, bn254_g1 *g1, bn254_g2 *g2);

#ifdef __cplusplus
}
#endif
#endif
