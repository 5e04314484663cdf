/** The last, short part of an MSM, in Jacobian coordinates: window values from reduced buckets, and the sum over
 *  windows. */
#ifndef BN254_MSM_SUM_H
#define BN254_MSM_SUM_H
#include <stddef.h>
#include "g1.h"
#include "g2.h"
#include "msm_kernel.h"

/** *r = sum of partial[j] + 2^log_length * sum of j * total[j], j < n. Points are the kernel's. */
void msm_weigh_g1(bn254_g1 *r, const struct msm_kernel *kernel, const unsigned char *total,
                  const unsigned char *partial, size_t n, unsigned log_length);
void msm_weigh_g2(bn254_g2 *r, const struct msm_kernel *kernel, const unsigned char *total,
                  const unsigned char *partial, size_t n, unsigned log_length);

/** *r = ones + sum of 2^(c*w) * window[w], normalised. */
void msm_horner_g1(bn254_g1 *r, const bn254_g1 *window, unsigned windows, unsigned c, const bn254_g1 *ones);
void msm_horner_g2(bn254_g2 *r, const bn254_g2 *window, unsigned windows, unsigned c, const bn254_g2 *ones);
#endif
