/** The machine around a GPU: whether it has one at all, and what CUDA is told by the environment. No CUDA here. */
#ifndef PV_GPU_HOST_H
#define PV_GPU_HOST_H

#include <stdbool.h>

#define GPU_HOST_ROOT "/sys"

/** Whether an NVIDIA card is on the bus, whether or not a driver is there (root: GPU_HOST_ROOT, or a test's). */
bool gpu_host_has_card(const char *root);

/** For a process that serves, before CUDA's first call and before it has threads. What is set already stays.
 *    CUDA_MODULE_LOADING=EAGER   every kernel is loaded with the first context, not at its first launch
 *    CUDA_CACHE_PATH=STATE/cuda-cache   where the driver keeps what it translated for a card newer than the program; the
 *                                       default is the home folder, which a service has not. Made if STATE is there
 *  state "": no such folder. */
void gpu_host_environment(const char *state);

#endif
