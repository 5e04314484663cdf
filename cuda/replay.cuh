/* A sequence of launches, recorded once as a CUDA graph and then submitted in one call. It is for small sizes, where a
 * stage takes a few microseconds, as long as its launch from the host. The same function walks the sequence with and
 * without recording. */
#ifndef PV_CUDA_REPLAY_CUH
#define PV_CUDA_REPLAY_CUH
#include "gpu.cuh"

/** Behind gpu_recording: the graph, and what it was recorded for. */
struct gpu_recording {
    cudaGraphExec_t exec; /* NULL: not recorded */
    const void *in, *more, *memory, *out;
    unsigned variant;
};
/** A walk over two streams. fork: the side stream goes on after the work that s has so far; join: s goes on after that of
 *  the side stream. */
inline cudaError_t replay_fork(const gpu_stream *s)
{
    const cudaError_t e = cudaEventRecord(s->fork, s->s);
    return e == cudaSuccess ? cudaStreamWaitEvent(s->side, s->fork, 0) : e;
}
inline cudaError_t replay_join(const gpu_stream *s)
{
    const cudaError_t e = cudaEventRecord(s->join, s->side);
    return e == cudaSuccess ? cudaStreamWaitEvent(s->s, s->join, 0) : e;
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
/** Queues on s what walk() queues; in one call when r has that for the same in, more, memory, out and variant. */
template <class Walk>
static cudaError_t replay_run(gpu_recording *r, const void *in, const void *more, const void *memory, const void *out,
                              unsigned variant, cudaStream_t s, const Walk &walk)
{
    if (!r->exec || r->in != in || r->more != more || r->memory != memory || r->out != out || r->variant != variant) {
        if (r->exec) cudaGraphExecDestroy(r->exec); /* a graph that still runs is freed when it is done */
        r->exec = NULL;
        const cudaError_t e = replay_record(&r->exec, s, walk);
        if (e != cudaSuccess) return e;
        r->in = in, r->more = more, r->memory = memory, r->out = out, r->variant = variant;
    }
    return cudaGraphLaunch(r->exec, s);
}
#endif
