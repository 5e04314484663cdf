/** Sums that are compared as points: their coordinates may have any common factor. */
#ifndef SAME_SUM_H
#define SAME_SUM_H

#include "g1.h"
#include "g2.h"

#include <string.h>

static inline bool same_sum_g1(const bn254_g1 *a, const bn254_g1 *b)
{
    bn254_g1_affine p, q;
    bn254_g1_to_affine(&p, a);
    bn254_g1_to_affine(&q, b);
    return !memcmp(&p, &q, sizeof p);
}

static inline bool same_sum_g2(const bn254_g2 *a, const bn254_g2 *b)
{
    bn254_g2_affine p, q;
    bn254_g2_to_affine(&p, a);
    bn254_g2_to_affine(&q, b);
    return !memcmp(&p, &q, sizeof p);
}

#endif
