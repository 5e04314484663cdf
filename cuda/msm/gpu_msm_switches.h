/** Switches of the plans that no card has judged yet, as cuda/variants.cuh has those of the kernels. Here because the plans are C
 *  and take part in what a key needs (prover/groth16/cuda_layout.c), with and without a GPU. */
#ifndef PV_GPU_MSM_SWITCHES_H
#define PV_GPU_MSM_SWITCHES_H

/* 1: sums over at most COMB_N_MOST scalars go without buckets. By count G1 2^13 takes 141 us and not 224, but the tables 16 KiB a
 * point and not 1.5, and the host's end of each base set 18 us and not 6, so that a proof does not gain (tests/gpu/EXPECTED.md). By all
 * scalars and not by those with a finite base, so that a key whose points are not known yet has the same kind of plan. */
#ifndef PV_COMB
#define PV_COMB 0
#endif
enum { COMB_N_MOST = 1 << 14 };

/* 1: a proof's sums over C and H, of which it needs only their sum, go into one bucket set: one reduction less, but the witness's
 * digits of C are sorted twice, and C waits for the quotient. */
#ifndef PV_ONE_SET
#define PV_ONE_SET 0
#endif

/* Percent of a witness that is neither 0 nor small, by which the windows of its sums are chosen: with few digits to add, narrower
 * windows have fewer buckets to add up. 100: as if all were. A circom witness has about a third; one that is dense after all
 * has more additions then (tests/gpu/EXPECTED.md), so it waits for a measurement. */
#ifndef PV_WITNESS_DENSE
#define PV_WITNESS_DENSE 100
#endif

#endif
