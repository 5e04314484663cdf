/** OpenMP's threads, started where that may fail and then kept.
 *
 *  libgomp starts its threads at the first parallel region of each thread that opens one, and ends the process when it cannot
 *  ("Thread creation failed"): limits of a user's processes, of a control group, of memory. So a thread that is going to
 *  compute says at its begin how many it would like and is told how many it has. libgomp keeps the threads of a team for the
 *  next region of the same size, and a region of one needs none: as long as every region has the size that was told, it
 *  starts no thread any more.
 */
#ifndef PV_TEAM_H
#define PV_TEAM_H

/** Whether OpenMP's threads spin shorter from then on (spin.h): not asked for, or where there are threads for that too. */
enum team_spin { TEAM_SPIN_AS_IT_IS, TEAM_SPIN_LESS };

/** Starts the team of the calling thread: `threads` (at least 1), or as many as can be started. Returns how many it has. A
 *  region of this thread that names no number has that size as well. One thread at a time is in here; others wait. */
unsigned team_start(unsigned threads, enum team_spin spin);

/** `threads`, or what the calling thread's team has if that is less. */
unsigned team_most(unsigned threads);

/** When OMP_STACKSIZE (or GOMP_STACKSIZE) asks for less stack than a proof needs: starts this program anew without the
 *  setting, since libgomp reads it before main. Else, and when that fails, it returns. argv is main's. */
void team_stack_suffices(char **argv);

#endif
