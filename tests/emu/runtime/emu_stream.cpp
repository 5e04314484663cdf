/* Streams and events. Queued work runs no earlier than somebody waits for it. */
#include "emu_device.h"
#include "emu_report.h"
#include <time.h>

namespace emu
{
std::vector<emu_stream *> streams;
}
using namespace emu;

static void step(emu_stream *s)
{
    auto f = std::move(s->q.front());
    s->q.pop_front();
    if (!dead) f();
}
void emu::drain(emu_stream *s)
{
    static uint64_t r = seed();
    while (!s->q.empty()) {
        if (seed() > 1)
            for (emu_stream *o : streams)
                if (!o->q.empty() && next_rand(r) % 2 && !s->q.empty()) step(o);
        if (!s->q.empty()) step(s);
    }
}
void emu::drain_all(bool blocking_only)
{
    for (emu_stream *s : streams)
        if (!blocking_only || !s->nonblocking) drain(s);
}
void emu::enqueue(cudaStream_t s, std::function<void()> f)
{
    if (s && s->capture) {
        s->capture->nodes.push_back({ std::move(f), s->tail });
        s->tail = { s->capture->nodes.size() - 1 };
        return;
    }
    submitted++;
    if (!s) {
        drain_all(true);
        if (!dead) f();
    } else {
        s->q.push_back(std::move(f)); /* runs no earlier than somebody waits for it */
    }
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    *s = new emu_stream{ {}, (flags & cudaStreamNonBlocking) != 0, 0, {} };
    streams.push_back(*s);
    live++;
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int)
{
    return cudaStreamCreateWithFlags(s, flags);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    *least = 0, *greatest = -5;
    return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t s)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    NOT_CAPTURED_ON(s);
    if (!s->q.empty()) step(s);
    if (dead) return fail(cudaErrorIllegalAddress, 0);
    if (s->q.empty()) count("wait");
    return s->q.empty() ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaStreamCreate(cudaStream_t *s)
{
    return cudaStreamCreateWithFlags(s, 0);
}
cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    NOT_CAPTURED_ON(s);
    if (s)
        drain(s);
    else
        drain_all(true);
    count("wait");
    return dead ? fail(cudaErrorIllegalAddress, 0) : cudaGetLastError();
}
cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    FREES;
    drain(s);
    for (size_t i = 0; i < streams.size(); i++)
        if (streams[i] == s) streams.erase(streams.begin() + i--);
    delete s;
    live--;
    return cudaSuccess;
}
static double now_ms()
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    *e = new emu_event{ nullptr, nullptr, 0, 0, {} };
    live++;
    return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *e)
{
    return cudaEventCreateWithFlags(e, 0);
}
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    e->capture = s ? s->capture : 0;
    if (e->capture) return e->tail = s->tail, cudaSuccess;
    auto tok = e->token = std::make_shared<bool>(false);
    e->s = s;
    enqueue(s, [e, tok] {
        *tok = true;
        if (e->token == tok) e->ms = now_ms();
    });
    submitted--; /* no work */
    return cudaSuccess;
}
static void wait_token(std::shared_ptr<bool> tok, emu_stream *s)
{
    while (tok && !*tok) {
        if (dead) return;
        if (!s || s->q.empty()) die("wait for an event whose record never runs");
        step(s);
    }
}
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (e->capture || (s && s->capture)) { /* the capture spreads to s, or s comes back to it */
        if (!s || !e->capture || e->capture != capturing || (s->capture && s->capture != e->capture))
            return fail(cudaErrorStreamCaptureIsolation, 0);
        s->capture = e->capture;
        s->tail.insert(s->tail.end(), e->tail.begin(), e->tail.end());
        return cudaSuccess;
    }
    enqueue(s, [tok = e->token, es = e->s] { wait_token(tok, es); });
    submitted--;
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t e)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    NOT_CAPTURED_ON(e->s);
    if (e->token && !*e->token && !dead && e->s && !e->s->q.empty()) step(e->s);
    if (dead) return fail(cudaErrorIllegalAddress, 0);
    const bool passed = !e->token || *e->token;
    if (passed) count("wait");
    return passed ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    NOT_CAPTURED_ON(e->s);
    wait_token(e->token, e->s);
    count("wait");
    return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t a, cudaEvent_t b)
{
    *ms = (float)(b->ms - a->ms);
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    FREES;
    wait_token(e->token, e->s);
    delete e;
    live--;
    return cudaSuccess;
}
