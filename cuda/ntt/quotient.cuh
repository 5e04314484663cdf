/* Matrix rows times the witness, on the device; the rest of the quotient is ntt_coset_products. */
#ifndef PV_CUDA_QUOTIENT_CUH
#define PV_CUDA_QUOTIENT_CUH
#include "fr.cuh"

enum { QAP_SHORT = 32 }; /* the most entries of a row that one thread takes; longer rows get a warp */
static constexpr uint32_t QAP_PLUS = 0x80000000u, QAP_MINUS = 0x40000000u,
                          QAP_COLUMN = 0x3fffffffu; /* coefficient 1, -1 */

/** One matrix in rows: entries start[row] .. start[row + 1] - 1. */
struct qap_matrix {
    const uint32_t *start, *column; /* column with a flag when its coefficient is 1 or -1 */
    const fr *value;                /* Montgomery form */
    const uint32_t *long_rows;
    uint32_t long_count;
};
/** Brings the witness into Montgomery form. */
cudaError_t qap_to_mont(fr *out, const fr *in, uint32_t n, cudaStream_t s);
/** Coefficients from value R^2 to value R, in place. */
cudaError_t qap_values(fr *v, size_t n, cudaStream_t s);
/** out[row] <- row times w, for all rows; lazily reduced. */
cudaError_t qap_rows(fr *out, const qap_matrix &m, const fr *w, uint32_t rows, cudaStream_t s);
#endif
