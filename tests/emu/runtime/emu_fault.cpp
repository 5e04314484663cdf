/* Errors: the last one, failures on demand (emu_fault.h), and what the device says of itself. */
#include "emu_fault.h"
#include "emu_block.h"
#include "emu_device.h"
#include <execinfo.h>
#include <stdlib.h>
#include <string>

namespace emu
{
std::recursive_mutex api;
thread_local cudaError_t last_error;
unsigned live, submitted;
bool dead, dry;
} // namespace emu
using namespace emu;

cudaError_t emu::fail(cudaError_t e, const char *what)
{
    if (what) fprintf(stderr, "EMU: %s\n", what);
    return last_error = e;
}

/* ---- where things come from ---- */
static int noted_kind = -1;
static std::vector<unsigned long long> noted;
unsigned long long emu::place_of_call()
{
    void *frame[64];
    unsigned long long hash = 0xcbf29ce484222325u;
    if (noted_kind < 0) return 0;
    const int n = backtrace(frame, 64);
    for (int i = 0; i < n; i++) hash = (hash ^ (uintptr_t)frame[i]) * 0x100000001b3u;
    return hash;
}
void emu_note(emu_fault kind)
{
    LOCK;
    noted_kind = kind;
    noted.clear();
}
unsigned emu_noted(unsigned long long *place, unsigned most)
{
    LOCK;
    noted_kind = -1;
    for (unsigned i = 0; i < noted.size() && i < most; i++) place[i] = noted[i];
    return noted.size();
}

/* ---- how often ---- */
static std::map<std::string, unsigned long long> counts;
void emu::count(const char *what, unsigned long long more)
{
    counts[what] += more;
}
unsigned long long emu_count(const char *what)
{
    LOCK;
    return counts[what];
}
unsigned emu_busy()
{
    LOCK;
    unsigned n = 0;
    for (const emu_stream *s : streams) n += !s->q.empty();
    return n;
}
void emu_dry(int on)
{
    LOCK;
    dry = on;
}

/* ---- failures on demand ---- */
static unsigned fault_left[EMU_FAULTS];
static bool fault_hit;
bool emu::fault(emu_fault kind, unsigned long long place)
{
    if (noted_kind == kind) noted.push_back(place ? place : place_of_call());
    static const bool env = [] {
        const char *m = getenv("EMU_FAIL_MALLOC"), *l = getenv("EMU_FAIL_LAUNCH");
        if (m && !fault_left[EMU_MALLOC]) fault_left[EMU_MALLOC] = atoi(m);
        if (l && !fault_left[EMU_LAUNCH]) fault_left[EMU_LAUNCH] = atoi(l);
        return true;
    }();
    (void)env;
    if (!fault_left[kind] || --fault_left[kind]) return false;
    return fault_hit = true;
}
void emu_fail(emu_fault kind, unsigned nth)
{
    LOCK;
    fault_left[kind] = nth, fault_hit = false;
}
int emu_failed()
{
    LOCK;
    return fault_hit;
}
unsigned long long emu::total_memory = 139ull << 30;
void emu_memory(unsigned long long bytes)
{
    LOCK;
    total_memory = bytes ? bytes : 139ull << 30;
}
static unsigned long long others; /* what other processes hold */
void emu_leave(unsigned long long bytes)
{
    LOCK;
    const unsigned long long used = emu_allocated() + bytes;
    others = bytes && used < total_memory ? total_memory - used : 0;
}
unsigned long long emu::used_memory()
{
    return emu_allocated() + others;
}
unsigned long long emu_allocated()
{
    LOCK;
    unsigned long long bytes = 0;
    for (auto &a : allocs) bytes += a.second.size;
    return bytes;
}
unsigned emu_live()
{
    LOCK;
    return live;
}
unsigned emu_submitted()
{
    LOCK;
    return submitted;
}
void emu_revive()
{
    LOCK;
    dead = false, last_error = cudaSuccess;
}

cudaError_t cudaDeviceSynchronize()
{
    CALL(EMU_CALL, cudaErrorUnknown);
    NOT_CAPTURED;
    drain_all(false);
    count("wait");
    return dead ? fail(cudaErrorIllegalAddress, 0) : last_error;
}
cudaError_t cudaGetLastError()
{
    LOCK;
    if (dead) return cudaErrorIllegalAddress;
    cudaError_t e = last_error;
    last_error = cudaSuccess;
    return e;
}
cudaError_t cudaPeekAtLastError()
{
    return last_error;
}
const char *cudaGetErrorString(cudaError_t e)
{
    return e == cudaSuccess                     ? "no error"
           : e == cudaErrorMemoryAllocation     ? "out of memory"
           : e == cudaErrorNoDevice             ? "no CUDA-capable device is detected"
           : e == cudaErrorInvalidConfiguration ? "invalid configuration argument"
           : e == cudaErrorIllegalAddress       ? "an illegal memory access was encountered"
           : e == cudaErrorLaunchOutOfResources ? "too many resources requested for launch"
           : e >= cudaErrorStreamCaptureUnsupported && e <= cudaErrorStreamCaptureIsolation
               ? "operation not permitted when stream is capturing"
           : e == cudaErrorUnknown ? "unknown error"
                                   : "invalid argument";
}
cudaError_t cudaGetDeviceCount(int *n)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    *n = getenv("EMU_NO_DEVICE") || getenv("EMU_DRIVER") ? 0 : 1;
    return *n ? cudaSuccess : fail(cudaErrorInsufficientDriver, 0);
}
cudaError_t cudaDriverGetVersion(int *version)
{
    *version = getenv("EMU_NO_DEVICE") ? 0 : getenv("EMU_DRIVER") ? atoi(getenv("EMU_DRIVER")) : 13000;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    memset(p, 0, sizeof *p);
    strcpy(p->name, "CPU emulation of sm_90");
    p->major = getenv("EMU_CARD") ? atoi(getenv("EMU_CARD")) / 10 : 9;
    p->minor = getenv("EMU_CARD") ? atoi(getenv("EMU_CARD")) % 10 : 0;
    p->multiProcessorCount = getenv("EMU_SMS") ? atoi(getenv("EMU_SMS")) : 4, p->warpSize = 32,
    p->l2CacheSize = 50 << 20;
    p->totalGlobalMem = total_memory, p->sharedMemPerBlockOptin = MAX_SHARED;
    return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *f, size_t *t)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    const unsigned long long used = used_memory();
    *t = total_memory, *f = used < *t ? *t - used : 0;
    return cudaSuccess;
}
