/* What the sources of the C face share: device and stream, and how CUDA's errors become statuses. */
#ifndef PV_CUDA_GPU_CUH
#define PV_CUDA_GPU_CUH
#include "device.cuh"
#include "gpu.h"

struct gpu {
    int device;
    gpu_info info;
    char why[160];
    cudaStream_t building; /* gpu_building; NULL before its first use */
};
struct gpu_stream {
    gpu *g;
    cudaStream_t s;
    cudaEvent_t mark;  /* for gpu_stream_after_async */
    cudaEvent_t asked; /* of gpu_mark_async; NULL before its first use */
    /* a second stream for a recorded walk that forks; NULL before the first of them */
    cudaStream_t side;
    cudaEvent_t fork, join;
};
/** Gives s its side stream. What a failure leaves gpu_stream_destroy frees. */
cudaError_t gpu_stream_side(gpu_stream *s);

/** Keeps CUDA's text in g->why and returns the matching status. */
pv_status gpu_failed(gpu *g, cudaError_t e, const char *what);
#define TRY_CUDA(g, call)                                                                                              \
    do {                                                                                                               \
        const cudaError_t try_cuda_ = (call);                                                                          \
        if (try_cuda_ != cudaSuccess) return gpu_failed((g), try_cuda_, #call);                                        \
    } while (0)
/** The stream on which a gpu makes its tables: the null stream would wait for others, and end a recording in another thread. */
cudaError_t gpu_building(gpu *g, cudaStream_t *s);
/** Held by a recording, and by calls that end the recordings of all threads: those that take and free memory, and so wait for
 *  the whole device. One lock for the process, as CUDA's captures are. */
void gpu_apart_lock(void);
void gpu_apart_unlock(void);
/* every thread has its own current device */
#define ENTER(g) TRY_CUDA((g), cudaSetDevice((g)->device))
#endif
