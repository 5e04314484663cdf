/** The device behind the runtime API: its allocations, streams, captures and failures. State shared by the files that answer the
 *  API: emu_memory.cpp, emu_stream.cpp, emu_graph.cpp, emu_fault.cpp, emu_launch.cpp. */
#ifndef EMU_DEVICE_H
#define EMU_DEVICE_H
#include "cuda_emu.h"
#include "emu_fault.h"
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

struct Alloc {
    size_t size;
    char *map;
    size_t maplen;
};
/* What a capture records: an operation, and those it comes after. */
struct Node {
    std::function<void()> f;
    std::vector<size_t> after;
};
struct emu_graph {
    std::vector<Node> nodes;
    emu_stream *origin;
    bool broken;
};
struct emu_exec {
    std::shared_ptr<std::vector<Node>> nodes;
};
struct emu_stream {
    std::deque<std::function<void()>> q;
    bool nonblocking;
    emu_graph *capture;
    std::vector<size_t> tail;
};
struct emu_event {
    std::shared_ptr<bool> token;
    emu_stream *s;
    double ms;
    emu_graph *capture;
    std::vector<size_t> tail;
};

namespace emu
{
extern std::recursive_mutex api; /* held by every call */
#define LOCK std::lock_guard<std::recursive_mutex> lock_(api)
extern std::map<char *, Alloc> allocs;
extern std::vector<emu_stream *> streams;
extern emu_graph *capturing; /* one at a time is enough here */
extern thread_local cudaError_t last_error;
extern unsigned live, submitted; /* what exists; operations handed over */
extern bool dead;                /* the device answers no call any more */
extern bool dry;                 /* nothing touches memory (emu_dry) */
extern unsigned long long total_memory;
unsigned long long used_memory(); /* by whatever process */

/* emu_fault.cpp */

/** Keeps e as the last error and returns it; what (may be NULL) is printed. */
cudaError_t fail(cudaError_t e, const char *what);
/** Whether it is this one's turn to fail. place: where it comes from; 0: from here. */
bool fault(emu_fault kind, unsigned long long place = 0);
/** One more of them, or more (emu_count). */
void count(const char *what, unsigned long long more = 1);
/** The calls that lead here, as one number; 0 unless places are noted. */
unsigned long long place_of_call();

/* emu_memory.cpp */

/** Runs f, which may touch device memory: that is reachable only while device work runs. */
void device_op(const std::function<void()> &f);

/* emu_stream.cpp */

/** Puts f on s; recorded when s is captured, done at once on the null stream. */
void enqueue(cudaStream_t s, std::function<void()> f);
/** Runs all that is on s, or on all streams (blocking ones only). */
void drain(emu_stream *s);
void drain_all(bool blocking_only);
} // namespace emu

/* every call that can fail begins so */
#define CALL(kind, error)                                                                                              \
    LOCK;                                                                                                              \
    count(__func__);                                                                                                   \
    if (dead) return fail(cudaErrorIllegalAddress, 0);                                                                 \
    if (fault(kind)) return fail(error, 0)
/* and one that frees so: it cannot */
#define FREES                                                                                                          \
    LOCK;                                                                                                              \
    count(__func__)
/* One that no capture allows, whatever thread makes it, so: it breaks the capture. Memory that is taken or freed, and waits for
 * the whole device (measured: NVIDIA/TensorRT issue 2888). CUDA lets some of these calls pass; which ones depends on the driver. */
#define NOT_CAPTURED                                                                                                   \
    if (capturing) {                                                                                                   \
        capturing->broken = true;                                                                                      \
        return fail(cudaErrorStreamCaptureUnsupported, "a call that a capture does not allow");                        \
    }                                                                                                                  \
    (void)0
/* and one that only the capture of the stream itself does not allow */
#define NOT_CAPTURED_ON(s)                                                                                             \
    if (!(s) || (s)->capture) {                                                                                        \
        NOT_CAPTURED;                                                                                                  \
    }                                                                                                                  \
    (void)0
#endif
