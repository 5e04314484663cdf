/* A sequence of launches, recorded once as a CUDA graph and then submitted in one call. It is for small sizes, where a
 * stage takes a few microseconds, as long as its launch from the host. The same function walks the sequence with and
 * without recording. */
#ifndef PV_CUDA_REPLAY_CUH
#define PV_CUDA_REPLAY_CUH
#include "gpu.cuh"

struct replay {
    cudaGraphExec_t exec;    /* NULL: not recorded */
    const void *in, *memory; /* what it was recorded for */
    unsigned variant;
    /* a second stream for a walk that forks; NULL when none does */
    cudaStream_t side;
    cudaEvent_t fork, join;
};
/** Gives r a side stream. After a failure replay_clear frees what was made. */
inline cudaError_t replay_side(replay *r)
{
    cudaError_t e = cudaStreamCreateWithFlags(&r->side, cudaStreamNonBlocking);
    if (e == cudaSuccess) e = cudaEventCreateWithFlags(&r->fork, cudaEventDisableTiming);
    if (e == cudaSuccess) e = cudaEventCreateWithFlags(&r->join, cudaEventDisableTiming);
    return e;
}
/** fork: the side stream goes on after the work that s has so far; join: s goes on after that of the side stream. Both
 *  do nothing without a side stream. */
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
/* A failed walk must end the recording too, or s stays unusable. */
template <class Walk> static cudaError_t replay_record_alone(cudaGraphExec_t *exec, cudaStream_t s, const Walk &walk)
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
template <class Walk> static cudaError_t replay_record(cudaGraphExec_t *exec, cudaStream_t s, const Walk &walk)
{
    gpu_apart_lock();
    const cudaError_t e = replay_record_alone(exec, s, walk);
    gpu_apart_unlock();
    return e;
}
/** Queues on s what walk() queues; in one call when that was recorded before for the same in, memory and variant. */
template <class Walk>
static cudaError_t replay_run(replay *r, const void *in, const void *memory, unsigned variant, cudaStream_t s,
                              const Walk &walk)
{
    if (!r->exec || r->in != in || r->memory != memory || r->variant != variant) {
        if (r->exec) cudaGraphExecDestroy(r->exec); /* a graph that still runs is freed when it is done */
        r->exec = NULL;
        const cudaError_t e = replay_record(&r->exec, s, walk);
        if (e != cudaSuccess) return e;
        r->in = in, r->memory = memory, r->variant = variant;
    }
    return cudaGraphLaunch(r->exec, s);
}
#endif
