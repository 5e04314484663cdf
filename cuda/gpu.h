/** A GPU for BN254: the device, its memory, and streams. gpu_ntt.h and gpu_msm.h have what runs on them.
 *
 *  No CUDA type appears here and no call ends the process: CUDA's errors come back as a status, with their text in
 *  gpu_why. A call named _async only queues work on its stream; its host buffers must live until the stream has been
 *  waited for. The memory that a call allocates is known beforehand from a _bytes function. A gpu belongs to one thread
 *  at a time.
 *
 *  PV_NO_DEVICE: no driver, no device. PV_NO_MEMORY: the device's memory is short. PV_DEVICE: any other error of CUDA;
 *  after it the device may fail every call until the process ends.
 */
#ifndef PV_GPU_H
#define PV_GPU_H
#include "status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- device ---- */
struct gpu;
struct gpu_info {
    char name[64];
    unsigned sm_count;
    size_t total_bytes;
};
/** Opens device number `device`. On failure *g is untouched and why (why_bytes > 0) holds a sentence. A machine without
 *  a driver gives PV_NO_DEVICE. */
pv_status gpu_open(struct gpu **g, int device, char *why, size_t why_bytes);
void gpu_close(struct gpu **g);
const struct gpu_info *gpu_about(const struct gpu *g);
/** Device memory that is free now. */
pv_status gpu_free_bytes(struct gpu *g, size_t *bytes);
/** CUDA's text for the last call on g that failed. Borrowed until the next failure. */
const char *gpu_why(const struct gpu *g);

/* ---- memory ---- */

/** Device memory. at is an address that only the device may use. */
typedef struct gpu_buf {
    void *at;
    size_t bytes;
} gpu_buf;
pv_status gpu_buf_new(struct gpu *g, gpu_buf *b, size_t bytes);
/** Frees, empties *b. Harmless on an empty one. The streams that use it have been waited for. */
void gpu_buf_free(struct gpu *g, gpu_buf *b);
/** The part of b of that many bytes from offset on; shares b's memory. */
gpu_buf gpu_buf_part(gpu_buf b, size_t offset, size_t bytes);
/** Host memory that the device reads at full speed; free it with gpu_pinned_free. */
pv_status gpu_pinned_new(struct gpu *g, void **p, size_t bytes);
void gpu_pinned_free(struct gpu *g, void **p);

/* ---- streams ---- */
struct gpu_stream;
/** urgent: its blocks run before those of other streams. */
pv_status gpu_stream_new(struct gpu *g, struct gpu_stream **s, bool urgent);
void gpu_stream_destroy(struct gpu_stream **s);
/** Returns when all queued work is done. */
pv_status gpu_stream_wait(struct gpu_stream *s);
/** *done: whether all queued work is done. Does not wait. */
pv_status gpu_stream_query(struct gpu_stream *s, bool *done);
/** Work queued on s from now on starts after the work queued on other so far. */
pv_status gpu_stream_after_async(struct gpu_stream *s, struct gpu_stream *other);
/** Marks what is queued on s so far; the mark before counts no more. */
pv_status gpu_mark_async(struct gpu_stream *s);
/** *passed: whether the work up to the mark is done. Does not wait. */
pv_status gpu_mark_query(struct gpu_stream *s, bool *passed);
pv_status gpu_upload_async(struct gpu_stream *s, gpu_buf to, const void *from, size_t bytes);
pv_status gpu_download_async(struct gpu_stream *s, void *to, gpu_buf from, size_t bytes);
/** Zeros all of b. */
pv_status gpu_wipe_async(struct gpu_stream *s, gpu_buf b);

/* ---- recordings ---- */

/** The launches of one call, recorded when it is first made and handed over in one piece from then on. It holds for the same
 *  buffers; with others it is made again. It serves one stream at a time. Where a call takes one, NULL records nothing. */
struct gpu_recording;
/** PV_NO_MEMORY. Takes nothing of the device. */
pv_status gpu_recording_new(struct gpu_recording **r);
/** What was queued from it has been waited for. Harmless on NULL. */
void gpu_recording_destroy(struct gpu_recording **r);

#ifdef __cplusplus
}
#endif
#endif
