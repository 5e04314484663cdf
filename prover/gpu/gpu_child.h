/** The process of one GPU: opens the keys that it is given, and does the sums of the witnesses that it is shown. It knows no
 *  broker, no folder and no key file, and verifies nothing: what it answers is only believed when a proof made of it verifies.
 */
#ifndef PV_GPU_CHILD_H
#define PV_GPU_CHILD_H

#include "backend.h"

struct gpu_child_options {
    const struct backend *backend;
    int device;
    unsigned jobs;    /* at a time */
    unsigned threads; /* of the CPU, of each */
};

/** For main, after child_begin: serves until its parent ends. Returns the exit status. */
int gpu_child(const struct gpu_child_options *options);

#endif
