/* The C face: device, memory, streams. */
#include "gpu.cuh"
#include "gpu_card.h"
#include "replay.cuh"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

pv_status gpu_failed(gpu *g, cudaError_t e, const char *what)
{
    snprintf(g->why, sizeof g->why, "%s: %s", what, cudaGetErrorString(e));
    cudaGetLastError(); /* or the next launch would find it again */
    return e == cudaErrorMemoryAllocation ? PV_NO_MEMORY : PV_DEVICE;
}

/* ---- what must not meet ---- */
static pthread_mutex_t apart = PTHREAD_MUTEX_INITIALIZER;
void gpu_apart_lock(void)
{
    pthread_mutex_lock(&apart);
}
void gpu_apart_unlock(void)
{
    pthread_mutex_unlock(&apart);
}
cudaError_t gpu_building(gpu *g, cudaStream_t *s)
{
    const cudaError_t e = g->building ? cudaSuccess : cudaStreamCreateWithFlags(&g->building, cudaStreamNonBlocking);
    *s = g->building;
    return e;
}

/* ---- device ---- */

#ifndef PV_CUDA_OLDEST /* the lowest architecture that is compiled in (cuda/CMakeLists.txt) */
#define PV_CUDA_OLDEST 80
#endif
#ifndef CUDART_VERSION
#define CUDART_VERSION 13000
#endif

/* What CUDA says of driver and card. prop is valid when nothing failed and the device is there. */
static gpu_card ask(cudaDeviceProp *prop, int device, char release[32])
{
    gpu_card c = {};
    c.runtime = CUDART_VERSION;
    c.oldest = PV_CUDA_OLDEST;
    c.device = device;
    c.release = gpu_card_release(release, GPU_CARD_RELEASE);
    cudaError_t e = cudaDriverGetVersion(&c.driver);
    if (e == cudaSuccess) e = cudaGetDeviceCount(&c.devices);
    c.too_old = e == cudaErrorInsufficientDriver;
    if (e == cudaSuccess && device >= 0 && device < c.devices &&
        (e = cudaGetDeviceProperties(prop, device)) == cudaSuccess) {
        c.name = prop->name;
        c.major = prop->major;
        c.minor = prop->minor;
    }
    if (e != cudaSuccess) c.error = cudaGetErrorString(e);
    cudaGetLastError();
    return c;
}
extern "C" pv_status gpu_open(gpu **out, int device, char *why, size_t why_bytes)
{
    char release[32];
    cudaDeviceProp prop;
    const gpu_card c = ask(&prop, device, release);
    if (!gpu_card_usable(&c, why, why_bytes)) return PV_NO_DEVICE;
    gpu *g = (gpu *)calloc(1, sizeof *g);
    if (!g) return PV_NO_MEMORY;
    g->device = device;
    snprintf(g->info.name, sizeof g->info.name, "%.63s", prop.name);
    g->info.sm_count = (unsigned)prop.multiProcessorCount;
    g->info.total_bytes = prop.totalGlobalMem;
    *out = g;
    return PV_OK;
}
extern "C" void gpu_close(gpu **g)
{
    if (*g && (*g)->building) {
        cudaSetDevice((*g)->device);
        cudaStreamDestroy((*g)->building);
        cudaGetLastError();
    }
    free(*g);
    *g = NULL;
}
extern "C" const gpu_info *gpu_about(const gpu *g)
{
    return &g->info;
}
extern "C" pv_status gpu_free_bytes(gpu *g, size_t *bytes)
{
    size_t total;
    ENTER(g);
    TRY_CUDA(g, cudaMemGetInfo(bytes, &total));
    return PV_OK;
}
extern "C" const char *gpu_why(const gpu *g)
{
    return g->why;
}

/* ---- memory ---- */
extern "C" pv_status gpu_buf_new(gpu *g, gpu_buf *b, size_t bytes)
{
    void *p = NULL;
    ENTER(g);
    gpu_apart_lock();
    const cudaError_t e = cudaMalloc(&p, bytes ? bytes : 256);
    gpu_apart_unlock();
    if (e != cudaSuccess) return gpu_failed(g, e, "memory");
    *b = gpu_buf{ p, bytes };
    return PV_OK;
}
extern "C" void gpu_buf_free(gpu *g, gpu_buf *b)
{
    if (b->at) {
        cudaSetDevice(g->device); /* free even when other calls fail */
        gpu_apart_lock();
        cudaFree(b->at); /* waits for what runs */
        gpu_apart_unlock();
        cudaGetLastError();
    }
    *b = gpu_buf{ NULL, 0 };
}
extern "C" gpu_buf gpu_buf_part(gpu_buf b, size_t offset, size_t bytes)
{
    return gpu_buf{ (char *)b.at + offset, bytes };
}
extern "C" pv_status gpu_pinned_new(gpu *g, void **p, size_t bytes)
{
    void *q = NULL;
    ENTER(g);
    gpu_apart_lock();
    const cudaError_t e = cudaMallocHost(&q, bytes ? bytes : 1);
    gpu_apart_unlock();
    if (e != cudaSuccess) return gpu_failed(g, e, "pinned memory");
    *p = q;
    return PV_OK;
}
extern "C" void gpu_pinned_free(gpu *g, void **p)
{
    if (*p) {
        cudaSetDevice(g->device);
        gpu_apart_lock();
        cudaFreeHost(*p);
        gpu_apart_unlock();
        cudaGetLastError();
    }
    *p = NULL;
}

/* ---- streams ---- */
extern "C" pv_status gpu_stream_new(gpu *g, gpu_stream **out, bool urgent)
{
    ENTER(g);
    gpu_stream *s = (gpu_stream *)calloc(1, sizeof *s);
    if (!s) return PV_NO_MEMORY;
    s->g = g;
    int least = 0, greatest = 0;
    cudaError_t e = cudaDeviceGetStreamPriorityRange(&least, &greatest);
    if (e == cudaSuccess) e = cudaStreamCreateWithPriority(&s->s, cudaStreamNonBlocking, urgent ? greatest : least);
    if (e == cudaSuccess && (e = cudaEventCreateWithFlags(&s->mark, cudaEventDisableTiming)) != cudaSuccess)
        cudaStreamDestroy(s->s);
    if (e != cudaSuccess) {
        free(s);
        return gpu_failed(g, e, "stream");
    }
    *out = s;
    return PV_OK;
}
cudaError_t gpu_stream_side(gpu_stream *s)
{
    cudaError_t e = cudaSuccess;
    if (!s->fork) e = cudaEventCreateWithFlags(&s->fork, cudaEventDisableTiming);
    if (e == cudaSuccess && !s->join) e = cudaEventCreateWithFlags(&s->join, cudaEventDisableTiming);
    if (e == cudaSuccess && !s->side) e = cudaStreamCreateWithFlags(&s->side, cudaStreamNonBlocking);
    return e;
}
extern "C" void gpu_stream_destroy(gpu_stream **s)
{
    if (*s) {
        cudaSetDevice((*s)->g->device);
        cudaStreamSynchronize((*s)->s);
        if ((*s)->asked) cudaEventDestroy((*s)->asked);
        if ((*s)->fork) cudaEventDestroy((*s)->fork);
        if ((*s)->join) cudaEventDestroy((*s)->join);
        if ((*s)->side) cudaStreamDestroy((*s)->side);
        cudaEventDestroy((*s)->mark);
        cudaStreamDestroy((*s)->s);
        cudaGetLastError();
    }
    free(*s);
    *s = NULL;
}
extern "C" pv_status gpu_stream_wait(gpu_stream *s)
{
    ENTER(s->g);
    TRY_CUDA(s->g, cudaStreamSynchronize(s->s));
    return PV_OK;
}
extern "C" pv_status gpu_stream_query(gpu_stream *s, bool *done)
{
    ENTER(s->g);
    const cudaError_t e = cudaStreamQuery(s->s);
    if (e != cudaSuccess && e != cudaErrorNotReady) return gpu_failed(s->g, e, "stream query");
    if (e != cudaSuccess) cudaGetLastError(); /* older runtimes keep "not ready" as an error for the next launch */
    *done = e == cudaSuccess;
    return PV_OK;
}
extern "C" pv_status gpu_stream_after_async(gpu_stream *s, gpu_stream *other)
{
    ENTER(s->g);
    TRY_CUDA(s->g, cudaEventRecord(other->mark, other->s));
    TRY_CUDA(s->g, cudaStreamWaitEvent(s->s, other->mark, 0));
    return PV_OK;
}
extern "C" pv_status gpu_mark_async(gpu_stream *s)
{
    ENTER(s->g);
    if (!s->asked) TRY_CUDA(s->g, cudaEventCreateWithFlags(&s->asked, cudaEventDisableTiming));
    TRY_CUDA(s->g, cudaEventRecord(s->asked, s->s));
    return PV_OK;
}
extern "C" pv_status gpu_mark_query(gpu_stream *s, bool *passed)
{
    ENTER(s->g);
    const cudaError_t e = s->asked ? cudaEventQuery(s->asked) : cudaSuccess;
    if (e != cudaSuccess && e != cudaErrorNotReady) return gpu_failed(s->g, e, "mark query");
    if (e != cudaSuccess) cudaGetLastError(); /* as in gpu_stream_query */
    *passed = e == cudaSuccess;
    return PV_OK;
}
extern "C" pv_status gpu_upload_async(gpu_stream *s, gpu_buf to, const void *from, size_t bytes)
{
    ENTER(s->g);
    if (bytes > to.bytes) return PV_INTERNAL;
    TRY_CUDA(s->g, cudaMemcpyAsync(to.at, from, bytes, cudaMemcpyHostToDevice, s->s));
    return PV_OK;
}
extern "C" pv_status gpu_download_async(gpu_stream *s, void *to, gpu_buf from, size_t bytes)
{
    ENTER(s->g);
    if (bytes > from.bytes) return PV_INTERNAL;
    TRY_CUDA(s->g, cudaMemcpyAsync(to, from.at, bytes, cudaMemcpyDeviceToHost, s->s));
    return PV_OK;
}
extern "C" pv_status gpu_wipe_async(gpu_stream *s, gpu_buf b)
{
    ENTER(s->g);
    if (b.bytes) TRY_CUDA(s->g, cudaMemsetAsync(b.at, 0, b.bytes, s->s));
    return PV_OK;
}

/* ---- recordings ---- */
extern "C" pv_status gpu_recording_new(gpu_recording **r)
{
    gpu_recording *made = (gpu_recording *)calloc(1, sizeof *made);
    if (!made) return PV_NO_MEMORY;
    *r = made;
    return PV_OK;
}
extern "C" void gpu_recording_destroy(gpu_recording **r)
{
    if (*r && (*r)->exec) cudaGraphExecDestroy((*r)->exec);
    free(*r);
    *r = NULL;
}
