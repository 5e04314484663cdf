/* measure CMD...: runs CMD silently and prints "wall_ms cpu_ms peak_kib". It is a small program because the highest
 * resident size of a child starts with that of its parent: 10 MB for python. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static double ms(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec * 1e-3;
}

static void become(char **argv)
{
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, 1);
    dup2(nowhere, 2);
    execvp(argv[0], argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "measure CMD...\n"), 2;
    double from = now_ms();
    pid_t child = fork();
    if (child == 0) become(argv + 1);
    int status;
    struct rusage use;
    if (child < 0 || wait4(child, &status, 0, &use) != child) return perror("measure"), 1;
    double wall = now_ms() - from;
    if (status != 0) return fprintf(stderr, "failed with status %#x: %s\n", (unsigned)status, argv[1]), 1;
    printf("%.2f %.2f %ld\n", wall, ms(use.ru_utime) + ms(use.ru_stime), use.ru_maxrss);
    return 0;
}
