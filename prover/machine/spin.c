#include "spin.h"

#include <omp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

/* libgomp reads GOMP_SPINCOUNT before main and has no call for it; setting it and starting the process again costs 8
 * ms. But its manual promises the short spin "when there are more managed OpenMP threads than available CPUs", and
 * threads are managed while their team lives. So this thread opens a team larger than the machine and sleeps until the
 * process ends. On a busy machine the two loops of a test program took 390 ms of processor time without such a team, 97
 * with it, and 97 with GOMP_SPINCOUNT=1000. */
static void *stand_by(void *assembled)
{
    int n = 0;
#pragma omp parallel num_threads(omp_get_num_procs() + 1) reduction(+ : n)
    n++;
    sem_post(assembled);
    for (;;) pause();
    return NULL; /* never */
}

unsigned spin_less_threads(void)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")) return 0;
    return (unsigned)omp_get_num_procs() + 1;
}

void spin_less(void)
{
    static sem_t assembled; /* the thread may look at it after this returns */
    pthread_attr_t detached;
    pthread_t thread;
    if (!spin_less_threads()) return;
    sem_init(&assembled, 0, 0);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, stand_by, &assembled) == 0) {
        while (sem_wait(&assembled) != 0) {
        }
    }
    pthread_attr_destroy(&detached);
}
