/** What a path gives to the transforms: pieces of work between two barriers, which ntt.c cuts and orders.
 *
 *  A vector of 2^log_n is halved level by level: at level l it has 2^l blocks. `split` turns block s, the residue of a
 *  polynomial mod x^2m - z^2, into its residues mod x^m - z and x^m + z, with z = w^-rev(s) (inverse transform) or
 *  w^rev(s) (forward one). All levels of splits are a transform from natural to bit-reversed order. `merge` undoes an
 *  inverse split times two: all levels from the last to the first are the forward transform from bit-reversed to
 *  natural order. z is one factor for the whole block: short tables, read in order. At level l block s uses table entry
 *  s.
 *
 *  Upper levels run on columns: elements whose index agrees modulo the size of the blocks at the end of the stretch do
 *  not meet others, so a few neighbouring columns are copied out, worked on in the cache and copied back. Lower levels
 *  run on leaves: blocks that fit the cache as they are. Splits, coset factors and merges of a leaf are one piece of
 *  work.
 *
 *  A piece takes the same columns, or the same leaf, of all vectors, because they meet the same factors. In the
 *  quotient, c = a*b is formed by the first splits and a*b - c by the last merges: neither needs a pass over memory of
 *  its own. */
#ifndef BN254_NTT_KERNEL_H
#define BN254_NTT_KERNEL_H
#include <stdbool.h>
#include <stddef.h>
#include "ntt.h"

#define NTT_STRETCH_LOG 9 /* the most levels of a stretch of columns */
#define NTT_LEAF_LOG 12   /* the most levels of a leaf */
#define NTT_SHIFT_TABLE ((size_t)1 << 14)
#define NTT_HEAD 64 /* first entries of the table that are kept inverted as well */

struct ntt_stretch {
    unsigned log_n, from, to; /* levels [from, to) */
};

enum ntt_transform { NTT_FORWARD, NTT_INVERSE };

struct ntt_vectors {
    bn254_fr *v[3];
    unsigned count;
    bn254_scalar_packed *h; /* of the quotient (count is 3), or NULL */
    bn254_fr ab, c;         /* h = a*b*ab - c*c, Montgomery factors folded in, in the path's way */
};

struct ntt_kernel {
    unsigned log_n_min;   /* shorter vectors take the portable path */
    unsigned log_columns; /* of one piece of a stretch */
    unsigned log_r;       /* the path multiplies with R = 2^log_r: its table holds z * 2^log_r */
    size_t work_bytes;    /* what one piece is worked on in: each thread has its own, 64-byte aligned */
    /** Piece number `piece` of 2^(log_n - rows - log_columns), rows = to - from: blocks first, then columns.
     *  With h, splits from level 0 form c = a*b / 2^log_r before, and merges to level 0 form h in place of a, b and c.
     *  */
    void (*split)(const struct ntt_vectors *v, const struct bn254_twiddles *tw, const struct ntt_stretch *s,
                  size_t piece, enum ntt_transform t, void *work);
    void (*merge)(const struct ntt_vectors *v, const struct bn254_twiddles *tw, const struct ntt_stretch *s,
                  size_t piece, void *work);
    /** Leaf `leaf` of 2^log_leaf elements: its levels of splits; with h, coset factors and merges too, and, when it is
     *  the whole vector, both products. */
    void (*leaf)(const struct ntt_vectors *v, const struct bn254_twiddles *tw, unsigned log_n, unsigned log_leaf,
                 size_t leaf, enum ntt_transform t, void *work);
};

/** The tables, defined by the twins ntt_portable.c, ntt_adx.c and ntt_ifma.c, which have no headers of their own. */
extern const struct ntt_kernel bn254_ntt_kernel_portable, bn254_ntt_kernel_adx, bn254_ntt_kernel_ifma;

/* w^-rev(s) = -w^rev(s') for s > 0: s' has the bits of s below its highest one inverted. */
static inline size_t ntt_mirror(size_t s)
{
    return s ^ (((size_t)1 << (63 - __builtin_clzll(s))) - 1);
}
#endif
