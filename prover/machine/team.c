#include "team.h"

#include "spin.h"
#include "startable.h"

#include <ctype.h>
#include <limits.h>
#include <omp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No function of ours has a frame above 16 KiB (-Wframe-larger-than), and a proof worked with 64 KiB of stack; four times
 * that is what we take for granted. */
enum { STACK_LEAST = 256 << 10 };

static _Thread_local unsigned mine; /* the team of this thread; 0: none was started */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* As libgomp reads it: a number and B, K, M or G, without a letter K. 0: not set, or nothing that it takes. */
static size_t stack_bytes(void)
{
    static const char units[] = "bkmg";
    const char *text = getenv("OMP_STACKSIZE");
    char *end;
    if (!text) text = getenv("GOMP_STACKSIZE");
    if (!text) return 0;
    unsigned long long n = strtoull(text, &end, 10);
    while (isspace((unsigned char)*end)) end++;
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : units + 1;
    if (end == text || !unit) return 0;
    unsigned shift = 10 * (unsigned)(unit - units);
    return n <= SIZE_MAX >> shift ? (size_t)n << shift : 0;
}

void team_stack_suffices(char **argv)
{
    char path[PATH_MAX];
    size_t bytes = stack_bytes();
    if (!bytes || bytes >= STACK_LEAST) return;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0) return;
    path[n] = 0;
    unsetenv("OMP_STACKSIZE");
    unsetenv("GOMP_STACKSIZE");
    execv(path, argv);
}

/* OMP_THREAD_LIMIT and OMP_DYNAMIC may make the team smaller than it was asked for. */
static unsigned assemble(unsigned threads)
{
    int n = 1;
    omp_set_num_threads((int)threads);
#pragma omp parallel num_threads(threads) reduction(max : n)
    n = omp_get_num_threads();
    if (n < (int)threads) omp_set_num_threads(n);
    return (unsigned)n;
}

static unsigned start(unsigned threads, enum team_spin spin)
{
    if (threads < 2) return assemble(1); /* nobody waits for another: there is no spin to shorten */
    unsigned others = threads - 1, standing = spin == TEAM_SPIN_LESS ? spin_less_threads() : 0;
    unsigned can = startable_threads(others + standing, stack_bytes());
    if (standing && can == others + standing) spin_less();
    return assemble(can < others ? can + 1 : threads);
}

unsigned team_start(unsigned threads, enum team_spin spin)
{
    pthread_mutex_lock(&one_at_a_time);
    mine = start(threads, spin);
    pthread_mutex_unlock(&one_at_a_time);
    return mine;
}

unsigned team_most(unsigned threads)
{
    return mine && (!threads || mine < threads) ? mine : threads;
}
