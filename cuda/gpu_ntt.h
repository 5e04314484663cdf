/** NTT over Fr and the quotient of a Groth16 proof on a GPU; gpu.h has the rules of all calls. */
#ifndef PV_GPU_NTT_H
#define PV_GPU_NTT_H
#include "gpu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- NTT over Fr ---- */

/** The tables of one power of two: gpu_domain_bytes of device memory. */
struct gpu_domain;
size_t gpu_domain_bytes(unsigned log_n);
pv_status gpu_domain_new(struct gpu *g, struct gpu_domain **d, unsigned log_n);
void gpu_domain_destroy(struct gpu_domain **d);

enum gpu_ntt {
    GPU_NTT_TO_REVERSED = 0, /* natural order in, bit-reversed out */
    GPU_NTT_TO_NATURAL = 1,  /* bit-reversed in, natural out */
    GPU_NTT_INVERSE = 2,     /* w^-1 and 1/n; a flag beside one of the above */
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
/** records: count times 44 bytes as a zkey's section 4 has them (matrix, row, signal: u32; coefficient * R^2), in any
 *  order, duplicates add up. PV_INVALID_INPUT when a matrix is not 0 or 1, a row >= 2^log_n, a signal >= vars, or vars
 *  >= 2^30. */
pv_status gpu_qap_new(struct gpu *g, struct gpu_qap **q, const void *records, size_t count, size_t vars,
                      unsigned log_n);
void gpu_qap_destroy(struct gpu_qap **q);
/** *h <- part of work: the 2^log_n plain scalars a b - c at the odd points of the doubled domain, where a = A w and b =
 *  B w on the domain and c = a b there. witness: vars plain scalars. All of work is secret afterwards. The matrices are only
 *  read. recording: for up to 2^17 rows; larger ones leave it alone. */
pv_status gpu_quotient_async(const struct gpu_qap *q, struct gpu_stream *s, gpu_buf witness, gpu_buf work,
                             struct gpu_recording *recording, gpu_buf *h);

#ifdef __cplusplus
}
#endif
#endif
