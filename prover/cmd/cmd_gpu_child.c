#include "cmd_gpu_child.h"

#include "backend.h"
#include "child_serve.h"
#include "gpu_child.h"
#include "process.h"
#include "status.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool number(unsigned *to, const char *text, unsigned most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (!*text || *end || n > most) return false;
    *to = (unsigned)n;
    return true;
}

/* gpu-child DEVICE JOBS THREADS, as prover/gpu/gpus.c writes it. */
static int by_hand(void)
{
    fprintf(stderr, "provost-prover: gpu-child is started by provost-prover run, one for each GPU\n");
    return pv_status_exit(PV_USAGE);
}

int cmd_gpu_child(int argc, char **argv)
{
    unsigned device, jobs, threads;
    if (argc != 4 || !number(&device, argv[1], 1023) || !number(&jobs, argv[2], CHILD_THREADS_MAX) ||
        !number(&threads, argv[3], 4096) || !child_begin())
        return by_hand();
    process_no_core();
    process_ignore_pipe();
#ifdef PV_HAVE_CUDA
    /* Without the handlers of exit: a driver's may wait for work that hangs. */
    _exit(gpu_child(&(struct gpu_child_options){ &backend_cuda, (int)device, jobs, threads }));
#else
    return child_refuse("built without CUDA");
#endif
}
