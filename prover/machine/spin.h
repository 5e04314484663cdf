/** OpenMP's threads spin at a barrier for 3 ms before they sleep. Beside other work that takes the processor time that
 *  they wait for: a proof of 2^13 rows on 2 cores beside ten other jobs took 0.24 s of processor time and 1.2 s of wall
 *  time; with 1,000 rounds of spinning (10 us) it took 0.08 s and 0.48 s (medians of 7).
 */
#ifndef PV_SPIN_H
#define PV_SPIN_H

/** The threads that spin_less starts: one more than the processors. 0: it would do nothing, since GOMP_SPINCOUNT or
 *  OMP_WAIT_POLICY is set. */
unsigned spin_less_threads(void);

/** From now on the threads of this process spin 1,000 rounds. libgomp ends the process if one of spin_less_threads cannot be
 *  started: team_start asks first. */
void spin_less(void);

#endif
