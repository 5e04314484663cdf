/* Kernels from their sources or, with EMU_PTX=1, from the PTX that nvcc made of them. */
#include "emu_device.h"
#include "emu_grid.h"
#include "emu_report.h"
#include <dlfcn.h>

namespace emu
{
static const PtxEntry
    *ptx_entries; /* set before main by the translated files' constants; a plain pointer, so no order matters */
PtxEntry::PtxEntry(const char *n, void (*f)(const unsigned char *)) : name(n), fn(f), next(ptx_entries)
{
    ptx_entries = this;
}
static void (*ptx_find(const char *name))(const unsigned char *)
{
    for (const PtxEntry *e = ptx_entries; e; e = e->next)
        if (!strcmp(e->name, name)) return e->fn;
    return nullptr;
}
} // namespace emu
using namespace emu;

static std::map<const void *, int> dyn_limit;

cudaError_t emu::host_op(cudaStream_t s, std::function<void()> f)
{
    LOCK;
    enqueue(s, [f] { device_op(f); });
    return cudaSuccess;
}
cudaError_t emu::func_attr(const void *fn, cudaFuncAttribute a, int v)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (a != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (v > MAX_SHARED) return fail(cudaErrorInvalidValue, "more than 227 KB of dynamic shared memory asked for");
    dyn_limit[fn] = v;
    return cudaSuccess;
}
cudaError_t emu::launch(const char *name, const void *fn, dim3 g, dim3 b, size_t smem, cudaStream_t s,
                        std::function<void()> body, std::function<void(void *)> pack)
{
    CALL(EMU_LAUNCH, cudaErrorLaunchOutOfResources);
    uint64_t nt = (uint64_t)b.x * b.y * b.z;
    int limit = dyn_limit.count(fn) ? dyn_limit[fn] : STATIC_SHARED;
    if (!nt || nt > MAX_THREADS || b.z > 64 || !g.x || !g.y || !g.z || g.x > 0x7fffffffu || g.y > 65535 ||
        g.z > 65535 || smem > (size_t)limit) {
        fprintf(stderr, "EMU: launch of %s refused: grid (%u,%u,%u) block (%u,%u,%u) shared %zu (limit %d)\n", name,
                g.x, g.y, g.z, b.x, b.y, b.z, smem, limit);
        return fail(smem > (size_t)limit ? cudaErrorInvalidValue : cudaErrorInvalidConfiguration, 0);
    }
    static bool ptx = getenv("EMU_PTX") && atoi(getenv("EMU_PTX"));
    if (ptx) {
        Dl_info di;
        if (!dladdr(const_cast<void *>(fn), &di) || !di.dli_sname)
            die("EMU_PTX: no symbol for kernel %s (link with -rdynamic and the translated PTX)", name);
        auto f = ptx_find(di.dli_sname);
        if (!f) die("EMU_PTX: kernel %s is not in the PTX", di.dli_sname);
        auto buf = std::make_shared<std::vector<uint64_t>>(512);
        pack(buf->data());
        body = [f, buf] { f((const unsigned char *)buf->data()); };
    }
    const unsigned long long place = place_of_call();
    enqueue(s, [=] {
        Launch L;
        L.name = name, L.body = body, L.grid = g, L.block = b, L.smem = smem;
        L.nblocks = (uint64_t)g.x * g.y * g.z;
        count("kernel");
        if (fault(EMU_KERNEL, place))
            dead = true;
        else
            device_op([&] { run_grid(&L); });
    });
    return cudaSuccess;
}
