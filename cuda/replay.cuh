/* A sequence of launches recorded once as a CUDA graph and then handed over in one call. For small sizes: a stage takes a few
 * microseconds there, as long as its launch from the host. The function that walks the sequence is the same with and without. */
#ifndef PV_CUDA_REPLAY_CUH
#define PV_CUDA_REPLAY_CUH
#include "device.cuh"

struct replay {
    cudaGraphExec_t exec;    /* NULL: not recorded */
    const void *in, *memory; /* what it was recorded for */
    unsigned variant;
    /* beside the main line, for a walk that forks; NULL where none does */
    cudaStream_t side;
    cudaEvent_t fork, join;
};
/** A side line for r. On failure what was made is left to replay_clear. */
inline cudaError_t replay_side(replay *r)
{
    cudaError_t e = cudaStreamCreateWithFlags(&r->side, cudaStreamNonBlocking);
    if (e == cudaSuccess) e = cudaEventCreateWithFlags(&r->fork, cudaEventDisableTiming);
    if (e == cudaSuccess) e = cudaEventCreateWithFlags(&r->join, cudaEventDisableTiming);
    return e;
}
/** The side line starts after what s has so far; s goes on after all that the side line has. Nothing without a side line. */
inline cudaError_t replay_fork(const replay *r, cudaStream_t s)
{
    if (!r->side) return cudaSuccess;
    const cudaError_t e = cudaEventRecord(r->fork, s);
    return e == cudaSuccess ? cudaStreamWaitEvent(r->side, r->fork, 0) : e;
}
inline cudaError_t replay_join(const replay *r, cudaStream_t s)
{
    if (!r->side) return cudaSuccess;
    const cudaError_t e = cudaEventRecord(r->join, r->side);
    return e == cudaSuccess ? cudaStreamWaitEvent(s, r->join, 0) : e;
}
/** Frees all of r; harmless on a zeroed one. */
inline void replay_clear(replay *r)
{
    if (r->exec) cudaGraphExecDestroy(r->exec);
    if (r->fork) cudaEventDestroy(r->fork);
    if (r->join) cudaEventDestroy(r->join);
    if (r->side) cudaStreamDestroy(r->side);
    *r = replay{};
}
/* A walk that failed has to leave the recording all the same, or s stays unusable. */
template <class Walk> static cudaError_t replay_record(cudaGraphExec_t *exec, cudaStream_t s, const Walk &walk)
{
    cudaGraph_t graph = NULL;
    cudaError_t e = cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal);
    if (e != cudaSuccess) return e;
    const cudaError_t walked = walk();
    e = cudaStreamEndCapture(s, &graph);
    if (walked != cudaSuccess) e = walked;
    if (e == cudaSuccess) e = cudaGraphInstantiate(exec, graph, 0);
    if (graph) cudaGraphDestroy(graph);
    return e;
}
/** Queues on s what walk() queues there, in one call when it was recorded for the same in, memory and variant before. */
template <class Walk>
static cudaError_t replay_run(replay *r, const void *in, const void *memory, unsigned variant, cudaStream_t s,
                              const Walk &walk)
{
    if (!r->exec || r->in != in || r->memory != memory || r->variant != variant) {
        if (r->exec) cudaGraphExecDestroy(r->exec); /* one still running is freed when it is done */
        r->exec = NULL;
        const cudaError_t e = replay_record(&r->exec, s, walk);
        if (e != cudaSuccess) return e;
        r->in = in, r->memory = memory, r->variant = variant;
    }
    return cudaGraphLaunch(r->exec, s);
}
#endif
