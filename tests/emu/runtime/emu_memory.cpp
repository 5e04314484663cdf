/* Device memory. Outside of device work its pages are PROT_NONE (poisoned under ASan), and a guard page follows each allocation. */
#include "emu_block.h"
#include "emu_device.h"
#include "emu_report.h"
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

namespace emu
{
std::map<char *, Alloc> allocs;
}
using namespace emu;

static void open_device(bool on)
{
    for (auto &a : allocs) {
#if defined(EMU_ASAN)
        if (on)
            __asan_unpoison_memory_region(a.first, a.second.size);
        else
            __asan_poison_memory_region(a.first, a.second.size);
#elif !defined(EMU_TSAN)
        mprotect(a.second.map, a.second.maplen, on ? PROT_READ | PROT_WRITE : PROT_NONE);
#else
        (void)on, (void)a;
#endif
    }
}
void emu::device_op(const std::function<void()> &f)
{
    if (dry) return;
    open_device(true);
    f();
    open_device(false);
}
static bool on_device(const void *p, size_t n, bool *inside)
{
    auto it = allocs.upper_bound((char *)p);
    *inside = false;
    if (it == allocs.begin()) return false;
    --it;
    if ((char *)p >= it->first + it->second.size + 4096) return false;
    *inside = (char *)p + n <= it->first + it->second.size;
    return (char *)p < it->first + it->second.size || n == 0;
}

cudaError_t cudaMalloc(void **p, size_t n)
{
    *p = 0;
    CALL(EMU_MALLOC, cudaErrorMemoryAllocation);
    NOT_CAPTURED;
    if (!n) return cudaSuccess;
    if (used_memory() + n > total_memory) return fail(cudaErrorMemoryAllocation, 0);
    Alloc a = { n, 0, 0 };
    char *q;
#if defined(EMU_ASAN) || defined(EMU_TSAN)
    q = (char *)aligned_alloc(256, (n + 255) & ~(size_t)255);
#else
    a.maplen = (n + 4095) & ~(size_t)4095;
    a.map =
        (char *)mmap(0, a.maplen + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (a.map == MAP_FAILED) return fail(cudaErrorMemoryAllocation, 0);
    mprotect(a.map + a.maplen, 4096, PROT_NONE);
    q = a.map + (a.maplen - ((n + 31) & ~(size_t)31)); /* end against the guard page; 32-byte aligned */
#endif
    static uint64_t r = seed();
    if (!dry) memset(q, seed() ? (int)next_rand(r) | 1 : 0xcd, n);
    allocs[q] = a;
    live++;
    open_device(false);
    *p = q;
    return cudaSuccess;
}
cudaError_t cudaFree(void *p)
{
    FREES;
    if (capturing && p) capturing->broken = true; /* it waits for the device; freed all the same */
    drain_all(false);
    if (!p) return cudaSuccess;
    auto it = allocs.find((char *)p);
    if (it == allocs.end()) return fail(cudaErrorInvalidValue, "cudaFree of a pointer that is not an allocation");
    open_device(true);
    if (it->second.map)
        munmap(it->second.map, it->second.maplen + 4096);
    else
        free(p);
    allocs.erase(it);
    live--;
    open_device(false);
    return dead ? fail(cudaErrorIllegalAddress, 0) : cudaSuccess;
}
cudaError_t cudaMallocHost(void **p, size_t n)
{
    *p = 0;
    CALL(EMU_MALLOC, cudaErrorMemoryAllocation);
    NOT_CAPTURED;
    if (!(*p = malloc(n ? n : 1))) return fail(cudaErrorMemoryAllocation, 0);
    live++;
    return cudaSuccess;
}
cudaError_t cudaFreeHost(void *p)
{
    FREES;
    if (capturing && p) capturing->broken = true;
    if (p) live--;
    free(p);
    return cudaSuccess;
}
cudaError_t cudaMallocAsync(void **p, size_t n, cudaStream_t)
{
    return cudaMalloc(p, n);
}
cudaError_t cudaFreeAsync(void *p, cudaStream_t s)
{
    FREES;
    enqueue(s, [p] {
        auto it = allocs.find((char *)p);
        if (it == allocs.end()) {
            fail(cudaErrorInvalidValue, "cudaFreeAsync of a pointer that is not an allocation");
            return;
        }
        open_device(true);
        if (it->second.map)
            munmap(it->second.map, it->second.maplen + 4096);
        else
            free(p);
        allocs.erase(it);
        live--;
        open_device(false);
    });
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *d, const void *s, size_t n, cudaMemcpyKind k, cudaStream_t st)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (!st) {
        NOT_CAPTURED;
    }
    bool di, si, dd = on_device(d, n, &di), sd = on_device(s, n, &si);
    if ((dd && !di) || (sd && !si)) return fail(cudaErrorInvalidValue, "copy leaves its device allocation");
    if (k != cudaMemcpyDefault && n &&
        (dd != (k == cudaMemcpyHostToDevice || k == cudaMemcpyDeviceToDevice) ||
         sd != (k == cudaMemcpyDeviceToHost || k == cudaMemcpyDeviceToDevice)))
        return fail(cudaErrorInvalidValue, "copy kind does not match its pointers");
    const char *way = dd == sd ? "bytes beside" : dd ? "bytes up" : "bytes down";
    enqueue(st, [=] {
        count(way, n);
        device_op([=] { memmove(d, s, n); });
    });
    return cudaSuccess;
}
cudaError_t cudaMemcpy(void *d, const void *s, size_t n, cudaMemcpyKind k)
{
    return cudaMemcpyAsync(d, s, n, k, 0);
}
cudaError_t cudaMemsetAsync(void *d, int v, size_t n, cudaStream_t st)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (!st) {
        NOT_CAPTURED;
    }
    bool in;
    if (n && (!on_device(d, n, &in) || !in)) return fail(cudaErrorInvalidValue, "memset leaves its device allocation");
    enqueue(st, [=] { device_op([=] { memset(d, v, n); }); });
    return cudaSuccess;
}
cudaError_t cudaMemset(void *d, int v, size_t n)
{
    return cudaMemsetAsync(d, v, n, 0);
}
#ifndef EMU_ASAN
static void on_segv(int, siginfo_t *si, void *)
{
    fprintf(stderr, "EMU ERROR: bad memory access at %p%s\n", si->si_addr, cur ? "" : " by host code");
    where(stderr);
    for (auto &a : allocs) {
        long d = (char *)si->si_addr - a.first;
        if (d >= -4096 && d < (long)a.second.size + 4096)
            fprintf(stderr, "  %ld bytes into a device allocation of %zu bytes%s\n", d, a.second.size,
                    cur ? "" : " (device memory read or written on the host)");
    }
    fflush(0);
    _exit(86);
}
static const bool segv_installed = [] {
    struct sigaction sa = {};
    sa.sa_sigaction = on_segv;
    sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &sa, 0);
    sigaction(SIGBUS, &sa, 0);
    return true;
}();
#else
extern "C" void __asan_on_error()
{
    where(stderr);
}
#endif
