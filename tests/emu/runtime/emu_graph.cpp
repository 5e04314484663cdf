/* Captures and graphs: a graph's nodes run in any order that their dependencies allow, so a missing join shows. */
#include "emu_device.h"
#include "emu_report.h"
#include <unistd.h>

namespace emu
{
emu_graph *capturing;
}
using namespace emu;

static unsigned linger_ms;
void emu_linger(unsigned ms)
{
    LOCK;
    linger_ms = ms;
}
static cudaError_t begin_capture(cudaStream_t s)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (!s || capturing)
        return fail(s ? cudaErrorIllegalState : cudaErrorStreamCaptureUnsupported, "a capture cannot begin here");
    capturing = s->capture = new emu_graph{ {}, s, false };
    s->tail.clear();
    live++;
    return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode)
{
    const cudaError_t e = begin_capture(s);
    if (linger_ms) usleep(linger_ms * 1000); /* without the lock: other threads may call what they like */
    return e;
}
static void mark_before(const emu_graph *g, size_t node, std::vector<bool> &seen)
{
    if (seen[node]) return;
    seen[node] = true;
    for (size_t k : g->nodes[node].after) mark_before(g, k, seen);
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph)
{
    LOCK; /* ends whatever happened */
    *graph = 0;
    emu_graph *g = s->capture;
    if (!g) return fail(cudaErrorIllegalState, "no capture to end");
    std::vector<bool> joined(g->nodes.size());
    for (size_t k : s->tail) mark_before(g, k, joined);
    cudaError_t e = g->broken        ? cudaErrorStreamCaptureInvalidated
                    : g->origin != s ? cudaErrorStreamCaptureUnmatched
                                     : cudaSuccess;
    for (bool b : joined)
        if (!b && !e) e = cudaErrorStreamCaptureUnjoined;
    for (emu_stream *o : streams)
        if (o->capture == g) o->capture = 0, o->tail.clear();
    capturing = 0;
    if (!e && dead) e = cudaErrorIllegalAddress;
    if (!e && fault(EMU_CALL)) e = cudaErrorUnknown;
    if (!e) return *graph = g, cudaSuccess;
    delete g;
    live--;
    return fail(e, e == cudaErrorStreamCaptureUnjoined ? "a forked stream was not joined before the capture's end" : 0);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t g, unsigned long long)
{
    CALL(EMU_CALL, cudaErrorMemoryAllocation);
    *exec = new emu_exec{ std::make_shared<std::vector<Node>>(g->nodes) };
    live++;
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
    FREES;
    delete g;
    live--;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e)
{
    FREES;
    delete e;
    live--;
    return cudaSuccess;
}
/* in any order the graph allows: the first that may run, the last, or any */
static void run_graph(const std::vector<Node> &nodes)
{
    static uint64_t r = seed();
    std::vector<bool> done(nodes.size());
    for (size_t left = nodes.size(); left; left--) {
        std::vector<size_t> may;
        for (size_t k = 0; k < nodes.size(); k++) {
            bool ok = !done[k];
            for (size_t a : nodes[k].after) ok = ok && done[a];
            if (ok) may.push_back(k);
        }
        const size_t k = seed() == 0 ? may.front() : seed() == 1 ? may.back() : may[next_rand(r) % may.size()];
        if (!dead) nodes[k].f();
        done[k] = true;
    }
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t s)
{
    CALL(EMU_LAUNCH, cudaErrorLaunchOutOfResources);
    enqueue(s, [nodes = exec->nodes] { run_graph(*nodes); });
    return cudaSuccess;
}
