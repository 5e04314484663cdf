/** OpenMP's threads at a barrier spin for 3 ms before they sleep. Beside other work that burns the processor they wait for: a
 *  proof of 2^13 rows on 2 cores and ten other jobs took 0.24 s of processor time and 1.2 s of wall time, with 1,000 rounds of
 *  spinning (10 us) 0.08 s and 0.48 s (medians of 7).
 */
#ifndef PV_CALM_H
#define PV_CALM_H

/** From now on they spin 1,000 rounds in this process. Does nothing where GOMP_SPINCOUNT or OMP_WAIT_POLICY is set. */
void calm_threads(void);

#endif
