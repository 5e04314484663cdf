/** Runs CUDA kernels on the CPU, for tests: what a kernel and its host code see. C++17, no dependency.
 *
 *  One OS thread runs one block at a time; each CUDA thread of the block is a fiber, so barriers and warp collectives are plain
 *  context switches. Checked in every build: threads of a block at different barriers, a barrier that exited threads never
 *  reach, warp collectives with a wrong mask or with lanes missing, deadlock, launch limits, copies outside an allocation, writes
 *  outside a shared array (red zones), host code that touches device memory (its pages are PROT_NONE while the host runs) or runs
 *  past its end (guard page). With EMU_ASAN: the exact bounds of shared arrays and device allocations. With EMU_TSAN: every CUDA
 *  thread is a TSan fiber and switching does not synchronise, so a missing barrier, __syncwarp, fence or atomic is reported as a
 *  data race with both stacks, whatever order the threads ran in.
 *
 *  Environment:
 *    EMU_SEED=n           0 ascending thread order, 1 descending, >1 random order of threads, blocks and streams, and random
 *                         garbage in memory
 *    EMU_WORKERS=n        OS threads (default: number of cores)
 *    EMU_SMS=n            multiprocessors of the device (default 4: grids stay small)
 *    EMU_NO_DEVICE=1      as on a machine without a driver
 *    EMU_FAIL_MALLOC=n, EMU_FAIL_LAUNCH=n   the nth allocation or launch fails (emu_fault.h has more)
 *    EMU_PTX=1            run the kernels translated from nvcc's PTX (ptx2c.py)
 *
 *  This folder is the emulator. Block by block: emu_fiber (the threads of a block), emu_meet (barriers, warp collectives, copies),
 *  emu_shared (shared memory), emu_grid (blocks and workers), over the state in emu_block.h. The runtime API: emu_memory,
 *  emu_stream (and events), emu_graph, emu_launch, emu_fault (errors), over the state in emu_device.h. */
#ifndef CUDA_EMU_H
#define CUDA_EMU_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define GPU_NOINLINE __attribute__((noinline))
/* no __shared__ on purpose: GPU_SHARED gives each array red zones and poison */

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
static inline uint2 make_uint2(unsigned x, unsigned y)
{
    return { x, y };
}
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w)
{
    return { x, y, z, w };
}

typedef struct emu_stream *cudaStream_t;
typedef struct emu_event *cudaEvent_t;
typedef enum {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorInsufficientDriver = 35,
    cudaErrorNoDevice = 100,
    cudaErrorIllegalState = 401,
    cudaErrorNotReady = 600,
    cudaErrorIllegalAddress = 700,
    cudaErrorLaunchOutOfResources = 701,
    cudaErrorUnknown = 999,
    cudaErrorStreamCaptureUnsupported = 900,
    cudaErrorStreamCaptureInvalidated = 901,
    cudaErrorStreamCaptureUnmatched = 903,
    cudaErrorStreamCaptureUnjoined = 904,
    cudaErrorStreamCaptureIsolation = 905
} cudaError_t;
typedef struct emu_graph *cudaGraph_t;
typedef struct emu_exec *cudaGraphExec_t;
enum cudaStreamCaptureMode {
    cudaStreamCaptureModeGlobal,
    cudaStreamCaptureModeThreadLocal,
    cudaStreamCaptureModeRelaxed
};
enum cudaMemcpyKind {
    cudaMemcpyHostToHost,
    cudaMemcpyHostToDevice,
    cudaMemcpyDeviceToHost,
    cudaMemcpyDeviceToDevice,
    cudaMemcpyDefault
};
enum cudaFuncAttribute {
    cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
    cudaFuncAttributePreferredSharedMemoryCarveout = 9
};
enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2 };
struct cudaDeviceProp {
    char name[256];
    int major, minor, multiProcessorCount, warpSize, l2CacheSize;
    size_t totalGlobalMem, sharedMemPerBlockOptin;
};

namespace emu
{
struct BlockInfo {
    uint3 bid;
    dim3 bdim, gdim;
};
struct Ctx {
    uint3 tid;
    const BlockInfo *blk;
    unsigned lane;
    bool fenced;
};
extern __thread Ctx *cur; /* the running CUDA thread; fibers never change OS thread */
enum WarpOp {
    SHFL_IDX,
    SHFL_UP,
    SHFL_DOWN,
    SHFL_XOR,
    BALLOT,
    MATCH,
    RED_ADD,
    RED_MIN,
    RED_MAX,
    RED_OR,
    RED_AND,
    RED_XOR,
    SYNCWARP
};
enum BarOp { BAR, BAR_COUNT, BAR_OR, BAR_AND };
/* a kernel translated from PTX makes itself known by its mangled name; several translated files may be linked */
struct PtxEntry {
    const char *name;
    void (*fn)(const unsigned char *params);
    const PtxEntry *next;
    PtxEntry(const char *n, void (*f)(const unsigned char *));
};
int barrier(BarOp op, int pred, const char *file, int line);
uint64_t warp(WarpOp op, uint32_t mask, uint64_t v, unsigned arg, unsigned width, const char *file, int line);
void *shared(const void *tag, size_t bytes, const char *name);
void *dyn_shared();
void fence();
void relax();
/* cp.async: nothing is copied before the wait that promises it, so a missing wait reads what was there */
void copy16_async(void *shared, const void *global);
void copy_close();
void copy_wait(unsigned pending);
void trap(const char *msg, const char *file, int line);
cudaError_t launch(const char *name, const void *fn, dim3 g, dim3 b, size_t smem, cudaStream_t s,
                   std::function<void()> body, std::function<void(void *)> pack);
cudaError_t host_op(cudaStream_t s,
                    std::function<void()> f); /* stream-ordered host code that may touch device memory */
cudaError_t func_attr(const void *fn, cudaFuncAttribute a, int v);

/* kernel arguments laid out as in a PTX .param buffer */
template <class... P> void pack_args(void *buf, const std::tuple<P...> &t)
{
    size_t off = 0;
    std::apply(
        [&](const auto &...a) {
            ((off = (off + alignof(decltype(a)) - 1) / alignof(decltype(a)) * alignof(decltype(a)),
              memcpy((char *)buf + off, &a, sizeof a), off += sizeof a),
             ...);
        },
        t);
}
template <class... P, size_t... I> void call(void (*k)(P...), const std::tuple<P...> &t, std::index_sequence<I...>)
{
    k(std::get<I>(t)...);
}
template <class... P, class... A>
cudaError_t launch_k(const char *name, void (*k)(P...), dim3 g, dim3 b, size_t smem, cudaStream_t s, A &&...a)
{
    static_assert((std::is_trivially_copyable_v<P> && ...), "kernel arguments are copied as bytes");
    std::tuple<P...> args(static_cast<P>(a)...);
    return launch(
        name, (const void *)k, g, b, smem, s, [k, args] { call(k, args, std::index_sequence_for<P...>()); },
        [args](void *buf) { pack_args(buf, args); });
}
template <class T> uint64_t to_bits(T v)
{
    static_assert(sizeof(T) <= 8, "");
    uint64_t u = 0;
    memcpy(&u, &v, sizeof v);
    return u;
}
template <class T> T from_bits(uint64_t u)
{
    T v;
    memcpy(&v, &u, sizeof v);
    return v;
}
} // namespace emu

#define GPU_LAUNCH(k, grid, block, smem, stream, ...)                                                                  \
    ((void)emu::launch_k(#k, k, (grid), (block), (smem), (stream), ##__VA_ARGS__))
#define GPU_SHARED(T, name, n)                                                                                         \
    static const char emu_tag_##name = 0;                                                                              \
    T(&name)[n] = *reinterpret_cast<T(*)[n]>(emu::shared(&emu_tag_##name, sizeof(T[n]), #name))
#define GPU_DYN_SHARED(T, name) T *name = reinterpret_cast<T *>(emu::dyn_shared())

#define threadIdx (emu::cur->tid)
#define blockIdx (emu::cur->blk->bid)
#define blockDim (emu::cur->blk->bdim)
#define gridDim (emu::cur->blk->gdim)
enum { warpSize = 32 };

#define EMU_HERE __FILE__, __LINE__
#define __syncthreads() ((void)emu::barrier(emu::BAR, 0, EMU_HERE))
#define __syncthreads_count(p) emu::barrier(emu::BAR_COUNT, !!(p), EMU_HERE)
#define __syncthreads_or(p) emu::barrier(emu::BAR_OR, !!(p), EMU_HERE)
#define __syncthreads_and(p) emu::barrier(emu::BAR_AND, !!(p), EMU_HERE)
#define EMU_W(op, m, v, a, w)                                                                                          \
    emu::from_bits<std::decay_t<decltype(v)>>(emu::warp(emu::op, m, emu::to_bits(v), (unsigned)(a), w, EMU_HERE))
#define EMU_PICK(_1, _2, _3, _4, N, ...) N
#define __shfl_sync(...) EMU_PICK(__VA_ARGS__, EMU_S4, EMU_S3, )(SHFL_IDX, __VA_ARGS__)
#define __shfl_up_sync(...) EMU_PICK(__VA_ARGS__, EMU_S4, EMU_S3, )(SHFL_UP, __VA_ARGS__)
#define __shfl_down_sync(...) EMU_PICK(__VA_ARGS__, EMU_S4, EMU_S3, )(SHFL_DOWN, __VA_ARGS__)
#define __shfl_xor_sync(...) EMU_PICK(__VA_ARGS__, EMU_S4, EMU_S3, )(SHFL_XOR, __VA_ARGS__)
#define EMU_S3(op, m, v, a) EMU_W(op, m, v, a, 32)
#define EMU_S4(op, m, v, a, w) EMU_W(op, m, v, a, w)
#define __syncwarp(...) ((void)emu::warp(emu::SYNCWARP, emu_mask(__VA_ARGS__), 0, 0, 32, EMU_HERE))
static inline uint32_t emu_mask(uint32_t m = 0xffffffffu)
{
    return m;
}
#define __ballot_sync(m, p) ((uint32_t)emu::warp(emu::BALLOT, m, !!(p), 0, 32, EMU_HERE))
#define __any_sync(m, p) (__ballot_sync(m, p) != 0)
#define __all_sync(m, p) (__ballot_sync(m, p) == (uint32_t)(m))
#define __match_any_sync(m, v) ((uint32_t)emu::warp(emu::MATCH, m, emu::to_bits(v), 0, 32, EMU_HERE))
#define __reduce_add_sync(m, v) ((uint32_t)emu::warp(emu::RED_ADD, m, (uint32_t)(v), 0, 32, EMU_HERE))
#define __reduce_min_sync(m, v) ((uint32_t)emu::warp(emu::RED_MIN, m, (uint32_t)(v), 0, 32, EMU_HERE))
#define __reduce_max_sync(m, v) ((uint32_t)emu::warp(emu::RED_MAX, m, (uint32_t)(v), 0, 32, EMU_HERE))
#define __reduce_or_sync(m, v) ((uint32_t)emu::warp(emu::RED_OR, m, (uint32_t)(v), 0, 32, EMU_HERE))
#define __reduce_and_sync(m, v) ((uint32_t)emu::warp(emu::RED_AND, m, (uint32_t)(v), 0, 32, EMU_HERE))
/* __activemask() is left out: its value is not specified on sm_70+ */

#define __threadfence() emu::fence()
#define __threadfence_block() emu::fence()
#define __threadfence_system() emu::fence()
#define __nanosleep(ns) emu::relax()
#define __trap() emu::trap("__trap()", EMU_HERE)

/* the memory order must be a constant: TSan does not see a variable one */
#define EMU_ATOMIC(name, builtin)                                                                                      \
    template <class T> static inline T name(T *p, std::common_type_t<T> v)                                             \
    {                                                                                                                  \
        return emu::cur->fenced ? builtin(p, v, __ATOMIC_ACQ_REL) : builtin(p, v, __ATOMIC_RELAXED);                   \
    }
EMU_ATOMIC(atomicAdd, __atomic_fetch_add)
EMU_ATOMIC(atomicSub, __atomic_fetch_sub)
EMU_ATOMIC(atomicAnd, __atomic_fetch_and)
EMU_ATOMIC(atomicOr, __atomic_fetch_or)
EMU_ATOMIC(atomicXor, __atomic_fetch_xor)
EMU_ATOMIC(atomicExch, __atomic_exchange_n)
template <class T> static inline T atomicCAS(T *p, std::common_type_t<T> c, std::common_type_t<T> v)
{
    if (emu::cur->fenced)
        __atomic_compare_exchange_n(p, &c, v, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    else
        __atomic_compare_exchange_n(p, &c, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return c;
}
template <class T> static inline T atomicMax(T *p, std::common_type_t<T> v)
{
    T o = __atomic_load_n(p, __ATOMIC_RELAXED), c;
    while (o < v && (c = atomicCAS(p, o, v)) != o) o = c;
    return o;
}
template <class T> static inline T atomicMin(T *p, std::common_type_t<T> v)
{
    T o = __atomic_load_n(p, __ATOMIC_RELAXED), c;
    while (o > v && (c = atomicCAS(p, o, v)) != o) o = c;
    return o;
}

template <class T> static inline T __ldg(const T *p)
{
    return *p;
}
static inline int __popc(uint32_t x)
{
    return __builtin_popcount(x);
}
static inline int __clz(uint32_t x)
{
    return x ? __builtin_clz(x) : 32;
}
static inline int __clzll(uint64_t x)
{
    return x ? __builtin_clzll(x) : 64;
}
static inline int __ffs(uint32_t x)
{
    return __builtin_ffs((int)x);
}
static inline uint32_t __umulhi(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}
static inline uint64_t __umul64hi(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 64);
}
static inline uint32_t __funnelshift_l(uint32_t lo, uint32_t hi, uint32_t n)
{
    n &= 31;
    return n ? hi << n | lo >> (32 - n) : hi;
}
static inline uint32_t __funnelshift_r(uint32_t lo, uint32_t hi, uint32_t n)
{
    n &= 31;
    return n ? lo >> n | hi << (32 - n) : lo;
}
static inline uint32_t __brev(uint32_t x)
{
    x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
    x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
    x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
    return __builtin_bswap32(x);
}

/* ---- runtime API: the part the host code uses ---- */
cudaError_t cudaMalloc(void **p, size_t n);
cudaError_t cudaFree(void *p);
cudaError_t cudaMallocHost(void **p, size_t n);
cudaError_t cudaFreeHost(void *p);
cudaError_t cudaMallocAsync(void **p, size_t n, cudaStream_t s);
cudaError_t cudaFreeAsync(void *p, cudaStream_t s);
cudaError_t cudaMemcpy(void *d, const void *s, size_t n, cudaMemcpyKind k);
cudaError_t cudaMemcpyAsync(void *d, const void *s, size_t n, cudaMemcpyKind k, cudaStream_t st = 0);
cudaError_t cudaMemset(void *d, int v, size_t n);
cudaError_t cudaMemsetAsync(void *d, int v, size_t n, cudaStream_t st = 0);
cudaError_t cudaStreamCreate(cudaStream_t *s);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags);
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int priority);
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest);
cudaError_t cudaStreamQuery(cudaStream_t s);
cudaError_t cudaStreamDestroy(cudaStream_t s);
cudaError_t cudaStreamSynchronize(cudaStream_t s);
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned flags = 0);
cudaError_t cudaEventCreate(cudaEvent_t *e);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s = 0);
cudaError_t cudaEventQuery(cudaEvent_t e);
cudaError_t cudaEventSynchronize(cudaEvent_t e);
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t a, cudaEvent_t b);
cudaError_t cudaEventDestroy(cudaEvent_t e);
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t s);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();
const char *cudaGetErrorString(cudaError_t e);
cudaError_t cudaGetDeviceCount(int *n);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaSetDevice(int d);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int d);
cudaError_t cudaMemGetInfo(size_t *free_, size_t *total);
template <class T> cudaError_t cudaMalloc(T **p, size_t n)
{
    return cudaMalloc((void **)p, n);
}
template <class T> cudaError_t cudaMallocHost(T **p, size_t n)
{
    return cudaMallocHost((void **)p, n);
}
template <class T> cudaError_t cudaMallocAsync(T **p, size_t n, cudaStream_t s)
{
    return cudaMallocAsync((void **)p, n, s);
}
template <class... P> cudaError_t cudaFuncSetAttribute(void (*k)(P...), cudaFuncAttribute a, int v)
{
    return emu::func_attr((const void *)k, a, v);
}
#endif
