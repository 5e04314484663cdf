/* NTT over Fr on the device: tables of a domain, passes and their order. gpu_ntt.h has the C face. */
#ifndef PV_CUDA_NTT_CUH
#define PV_CUDA_NTT_CUH
#include "fr.cuh"

enum { NTT_PASSES_MAX = 3 };
enum { NTT_TILE_LOG = 11, NTT_THREADS = 256, NTT_HI_LOG = 14, NTT_LOG_MAX = 28 };
enum { NTT_DEVICE_LOG = 18 }; /* from this size on a pass fills the device whatever its tiles */

/** Powers of the domain's root, in two levels so that they stay in the L2 cache: 1 MB at most instead of 32 n bytes. */
struct ntt_twiddles {
    const fr *hi;  /* w_(2^14)^i, i < 2^14, whatever the domain */
    const fr *lo;  /* w_(2^log_n)^i, i < 2^(log_n - 14), for domains above 2^14 */
    const fr *all; /* w_(2^log_n)^i, i < 2^log_n; NULL for a domain without that table (ntt_has_all) */
};
/** i -> s g^i for i < 2^log_n, in two levels split at bit lo_log. */
struct ntt_coset {
    const fr *hi, *lo;
    uint32_t lo_log;
};
enum ntt_store { NTT_STORE_PLAIN, NTT_STORE_SCALE, NTT_STORE_COSET, NTT_STORE_QUOTIENT };
/** One pass, the same for all blocks. */
struct ntt_pass {
    uint32_t log_n, log_m; /* of the transform; of the blocks this pass splits (DIF) or joins (DIT) */
    uint32_t k, lc;        /* levels; columns of a tile */
    uint32_t across;       /* 1: a tile's columns are neighbouring blocks, because a block is one column */
    uint32_t inverse, last;
    ntt_store store;
    fr scale;
    const fr *factor_a, *factor_b; /* not NULL: the input is their product (first pass of c = a b), or the output is
                                      a b - c as a plain scalar (NTT_STORE_QUOTIENT) */
};

/** The tables of a domain on the device, in its owner's memory: ntt_table_bytes, at most 3 MB (for 2^28), and 32 bytes a
 *  point more where ntt_has_all. */
struct ntt_tables {
    uint32_t log_n;
    ntt_twiddles w;
    ntt_coset coset; /* g^i / n; g = w_2n, or 25 for n = 2^28, as in snarkjs */
    fr inverse_n;
};
bool ntt_has_all(unsigned log_n);
size_t ntt_table_bytes(unsigned log_n);
cudaError_t ntt_tables_init(ntt_tables *t, unsigned log_n, fr *mem, cudaStream_t s);

/** 5^((r-1)/2^log_n), Montgomery form, on the host. */
fr ntt_root(unsigned log_n);

/** The levels of each pass, first pass of DIF first: one pass up to 2^11, two up to 2^18, three beyond; two
 *  where ntt_has_all. Returns how many. */
unsigned ntt_plan(unsigned log_n, unsigned k[NTT_PASSES_MAX]);

/** The points of a block's tile in a pass of k levels, as a power of two: small where larger ones would be too few for
 *  the device's multiprocessors. */
unsigned ntt_tile_log(unsigned log_n, unsigned k);

/** A transform in place. Input may be lazily reduced; output is canonical. */
struct ntt_job {
    bool to_natural; /* DIT, bit-reversed to natural; otherwise DIF, natural to bit-reversed */
    bool inverse;    /* with w^-1; 1/n only with NTT_STORE_SCALE or NTT_STORE_COSET */
    ntt_store store;
    const fr *factor_a, *factor_b;
};
/** batch transforms, stride elements apart. */
cudaError_t ntt_run(fr *data, size_t stride, unsigned batch, const ntt_tables &t, const ntt_job &job, cudaStream_t s);

/** a, b: evaluations on the domain, destroyed. c <- the plain canonical scalars a b - c at the odd points of the
 *  doubled domain, c there the polynomial through the products a_i b_i. The old content of c is not read. */
cudaError_t ntt_coset_products(fr *a, fr *b, fr *c, const ntt_tables &t, cudaStream_t s);
/** The same with c's transforms in the launches of a's and b's, or apart; three: a, b and c lie one stride apart, in this order. */
enum ntt_quotient { NTT_QUOTIENT_OF_TWO, NTT_QUOTIENT_OF_THREE };
cudaError_t ntt_coset_products_by(fr *a, fr *b, fr *c, const ntt_tables &t, ntt_quotient by, cudaStream_t s);
cudaError_t ntt_quotient_of_one(const fr *a, const fr *b, fr *c, cudaStream_t s);
#endif
