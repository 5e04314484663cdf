/* The only header that a kernel file includes for CUDA: the toolkit's runtime under nvcc, the CPU emulator of tests/emu
 * under a plain C++ compiler. Three spellings are ours, because plain C++ cannot parse or check CUDA's: launches and
 * both kinds of shared array. Kernels have external linkage and are launched in the file that defines them (nvcc 13
 * gives each file its own stub of a template kernel). */
#ifndef PV_CUDA_DEVICE_CUH
#define PV_CUDA_DEVICE_CUH

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#define GPU_LAUNCH(k, grid, block, smem, stream, ...) k<<<(grid), (block), (smem), (stream)>>>(__VA_ARGS__)
#define GPU_SHARED(T, name, n) __shared__ T name[n]
#define GPU_DYN_SHARED(T, name)                                                                                        \
    extern __shared__ __align__(16) unsigned char gpu_dyn_[];                                                          \
    T *name = reinterpret_cast<T *>(gpu_dyn_)
#define GPU_NOINLINE __noinline__
#define GPU_UNROLL _Pragma("unroll")
#define GPU_ROLLED _Pragma("unroll 1")
#else
#include "cuda_emu.h"
#define GPU_UNROLL
#define GPU_ROLLED
#endif
#include <stddef.h>
#include <stdint.h>

/* PTX where ptxas compiles it; everywhere else the C++ beside it. */
#if defined(__CUDA_ARCH__)
#define GPU_PTX 1
#else
#define GPU_PTX 0
#endif

#define GPU_FN __host__ __device__ __forceinline__
#define GPU_DEV __device__ __forceinline__

static constexpr uint32_t WHOLE_WARP = 0xffffffffu;

/* Copies 16 bytes from global to shared memory while the thread goes on. Groups complete in the order in which they
 * were closed; gpu_copy_wait<n> returns when all but the last n groups of this thread have arrived. */
GPU_DEV void gpu_copy16_async(void *shared, const void *global)
{
#if GPU_PTX
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((uint32_t)__cvta_generic_to_shared(shared)),
                 "l"(global)
                 : "memory");
#elif !defined(__CUDACC__)
    emu::copy16_async(shared, global);
#endif
}
GPU_DEV void gpu_copy_close()
{
#if GPU_PTX
    asm volatile("cp.async.commit_group;" ::: "memory");
#elif !defined(__CUDACC__)
    emu::copy_close();
#endif
}
template <int pending> GPU_DEV void gpu_copy_wait()
{
#if GPU_PTX
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#elif !defined(__CUDACC__)
    emu::copy_wait(pending);
#endif
}

#endif
