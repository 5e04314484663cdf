/* The GPU's half of a proof. A key keeps on the device: the matrices, tables of all five base sets, and the memory one proof
 * needs, so that nothing is allocated while proving. Two streams: the witness's four sums beside matrices, NTTs and H's sum. */
#include "backend.h"

#include "gpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct backend_key {
    const struct zkey *zkey;
    struct gpu *gpu;
    struct gpu_qap *qap;
    struct gpu_msm *witness_msm, *h_msm;
    struct gpu_stream *witness_stream, *h_stream;
    gpu_buf witness, work, witness_scratch, h_scratch;
    void *staging; /* pinned: the witness on its way */
};

/* All sizes of a key, before anything is allocated. */
struct layout {
    struct msm_plan witness, h;
    struct gpu_qap_need qap;
    size_t witness_bytes, total_bytes;
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Bytes a table row of each plan takes: memory is shared in that proportion. */
static size_t witness_row(const struct zkey *z)
{
    return (size_t)z->vars * (3 * sizeof(bn254_g1_packed) + sizeof(bn254_g2_packed));
}
static size_t h_row(const struct zkey *z)
{
    return (size_t)z->domain * sizeof(bn254_g1_packed);
}
static size_t known_bytes(const struct layout *l)
{
    return l->qap.key_bytes + l->qap.work_bytes + l->witness_bytes;
}
static size_t plan_bytes(const struct msm_plan *p)
{
    return p->table_bytes + p->scratch_bytes;
}

static pv_status layout_for(struct layout *l, const struct zkey *z, size_t budget, unsigned sm_count)
{
    l->qap = gpu_qap_need_for(z->coef_count, z->vars, z->log_domain);
    l->witness_bytes = (size_t)z->vars * sizeof(bn254_scalar_packed);
    /* 320 bytes a point while a table row is made, for at most 2^18 points at a time */
    size_t building = min(z->vars > z->domain ? z->vars : z->domain, (size_t)1 << 18) * 320;
    if (budget < known_bytes(l) + building) return PV_NO_MEMORY;
    budget -= known_bytes(l) + building;
    double h_share = (double)h_row(z) / ((double)h_row(z) + (double)witness_row(z));
    struct msm_limits limits = { .free_bytes = (size_t)((double)budget * h_share), .sm_count = sm_count };
    TRY(msm_plan_for(&l->h, z->domain, (struct msm_bases){ .g1 = 1 }, &limits));
    limits.free_bytes = budget - plan_bytes(&l->h);
    TRY(msm_plan_for(&l->witness, z->vars, (struct msm_bases){ .g1 = 3, .g2 = 1 }, &limits));
    l->total_bytes = known_bytes(l) + building + plan_bytes(&l->h) + plan_bytes(&l->witness);
    return PV_OK;
}

static pv_status open_gpu(struct gpu **g, const struct backend_options *options, struct prove_error *err)
{
    char why[160];
    pv_status status = gpu_open(g, options->device, why, sizeof why);
    return status == PV_OK ? PV_OK : prove_error_set(err, status, "%s", status == PV_NO_DEVICE ? why : "out of memory");
}

static pv_status cuda_usable(const struct backend_options *options, struct prove_error *err)
{
    struct gpu *g = NULL;
    TRY(open_gpu(&g, options, err));
    gpu_close(&g);
    return PV_OK;
}

static size_t cuda_device_bytes(const struct backend_options *options)
{
    struct gpu *g = NULL;
    if (open_gpu(&g, options, NULL) != PV_OK) return 0;
    size_t bytes = gpu_about(g)->total_bytes;
    gpu_close(&g);
    return bytes;
}

static pv_status no_room(const struct backend_options *options, struct prove_error *err)
{
    if (options->memory_bytes_max)
        return prove_error_set(err, PV_RESOURCES, "this key and a proof with it do not fit into %zu MiB of GPU memory",
                               options->memory_bytes_max >> 20);
    return prove_error_set(err, PV_NO_MEMORY, "this key and a proof with it do not fit into the GPU's free memory");
}

static pv_status cuda_need(struct backend_need *need, const struct zkey *zkey, const struct backend_options *options,
                           struct prove_error *err)
{
    struct gpu *g = NULL;
    struct layout l;
    TRY(open_gpu(&g, options, err));
    size_t total = gpu_about(g)->total_bytes, budget = total - total / 20;
    if (options->memory_bytes_max) budget = min(budget, options->memory_bytes_max);
    pv_status status = layout_for(&l, zkey, budget, gpu_about(g)->sm_count);
    gpu_close(&g);
    if (status == PV_NO_MEMORY) return no_room(options, err);
    if (status != PV_OK) return prove_error_set(err, status, "this key is beyond what the GPU takes");
    need->key_bytes = l.total_bytes;
    need->proof_bytes = 0; /* a key holds the memory of its proof */
    return PV_OK;
}

static void cuda_key_close(struct backend_key **key)
{
    struct backend_key *k = *key;
    if (!k) return;
    gpu_stream_destroy(&k->witness_stream);
    gpu_stream_destroy(&k->h_stream);
    gpu_msm_destroy(&k->witness_msm);
    gpu_msm_destroy(&k->h_msm);
    gpu_qap_destroy(&k->qap);
    if (k->gpu) {
        gpu_buf_free(k->gpu, &k->witness);
        gpu_buf_free(k->gpu, &k->work);
        gpu_buf_free(k->gpu, &k->witness_scratch);
        gpu_buf_free(k->gpu, &k->h_scratch);
        gpu_pinned_free(k->gpu, &k->staging);
    }
    gpu_close(&k->gpu);
    free(k);
    *key = NULL;
}

static pv_status load_tables(struct backend_key *k, const struct layout *l)
{
    const struct zkey *z = k->zkey;
    const struct gpu_msm_set witness[] = {
        { .bases = z->a, .count = z->vars },
        { .bases = z->b1, .count = z->vars },
        { .bases = z->c, .first = z->publics + 1, .count = zkey_c_count(z) },
        { .bases = z->b2, .count = z->vars },
    };
    const struct gpu_msm_set h = { .bases = z->h, .count = z->domain };
    TRY(gpu_qap_new(k->gpu, &k->qap, z->coefs, z->coef_count, z->vars, z->log_domain));
    TRY(gpu_msm_new(k->gpu, &k->h_msm, &l->h, &h));
    return gpu_msm_new(k->gpu, &k->witness_msm, &l->witness, witness);
}

static pv_status take_memory(struct backend_key *k, const struct layout *l)
{
    TRY(gpu_buf_new(k->gpu, &k->witness, l->witness_bytes));
    TRY(gpu_buf_new(k->gpu, &k->work, l->qap.work_bytes));
    TRY(gpu_buf_new(k->gpu, &k->witness_scratch, l->witness.scratch_bytes));
    TRY(gpu_buf_new(k->gpu, &k->h_scratch, l->h.scratch_bytes));
    TRY(gpu_pinned_new(k->gpu, &k->staging, l->witness_bytes));
    TRY(gpu_stream_new(k->gpu, &k->witness_stream, true)); /* holds the G2 sum, the longest chain of a small circuit */
    return gpu_stream_new(k->gpu, &k->h_stream, false);
}

static pv_status open_key(struct backend_key *k, const struct backend_options *options, struct prove_error *err)
{
    size_t budget;
    struct layout l;
    TRY(open_gpu(&k->gpu, options, err));
    pv_status status = gpu_free_bytes(k->gpu, &budget);
    if (status != PV_OK) return prove_error_set(err, status, "GPU: %s", gpu_why(k->gpu));
    if (options->memory_bytes_max) budget = min(budget, options->memory_bytes_max);
    status = layout_for(&l, k->zkey, budget, gpu_about(k->gpu)->sm_count);
    if (status == PV_NO_MEMORY) return no_room(options, err);
    if (status == PV_OK) status = take_memory(k, &l);
    if (status == PV_OK) status = load_tables(k, &l);
    return status == PV_OK ? PV_OK : prove_error_set(err, status, "GPU: %s", gpu_why(k->gpu));
}

static pv_status cuda_key_open(struct backend_key **key, const struct zkey *zkey, const struct backend_options *options,
                               const struct prove_run *run, struct prove_error *err)
{
    struct backend_key *k = calloc(1, sizeof *k);
    if (!k) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    k->zkey = zkey;
    prove_run_report(run, "key", 0);
    pv_status status = open_key(k, options, err);
    if (status == PV_OK) *key = k;
    else cuda_key_close(&k);
    return status;
}

static pv_status queue_work(struct backend_key *k)
{
    gpu_buf h;
    TRY(gpu_upload_async(k->witness_stream, k->witness, k->staging, k->witness.bytes));
    TRY(gpu_stream_after_async(k->h_stream, k->witness_stream));
    TRY(gpu_msm_async(k->witness_msm, k->witness_stream, k->witness, k->witness_scratch));
    TRY(gpu_quotient_async(k->qap, k->h_stream, k->witness, k->work, &h));
    return gpu_msm_async(k->h_msm, k->h_stream, h, k->h_scratch);
}

static bool stopped(const struct prove_run *run)
{
    return run && run->cpu.stop && atomic_load_explicit(run->cpu.stop, memory_order_relaxed);
}

/* Until s is done or the stop flag is up. What is queued cannot be called back; the caller waits for it before wiping. */
static pv_status watch(struct gpu_stream *s, const struct prove_run *run)
{
    const struct timespec nap = { .tv_nsec = 50 * 1000 };
    for (;;) {
        bool done;
        TRY(gpu_stream_query(s, &done));
        if (done) return PV_OK;
        if (stopped(run)) return PV_CANCELLED;
        nanosleep(&nap, NULL);
    }
}

/* Witness, digits, a, b, c and h leave the device; the staging copy leaves the host. */
static pv_status wipe(struct backend_key *k)
{
    pv_status status = gpu_stream_wait(k->witness_stream), other = gpu_stream_wait(k->h_stream);
    explicit_bzero(k->staging, k->witness.bytes);
    if (status == PV_OK) status = other;
    if (status == PV_OK) status = gpu_wipe_async(k->h_stream, k->witness);
    if (status == PV_OK) status = gpu_wipe_async(k->h_stream, k->work);
    if (status == PV_OK) status = gpu_wipe_async(k->h_stream, k->witness_scratch);
    if (status == PV_OK) status = gpu_wipe_async(k->h_stream, k->h_scratch);
    return status == PV_OK ? gpu_stream_wait(k->h_stream) : status;
}

static pv_status cuda_sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                           const struct prove_run *run, struct prove_error *err)
{
    bn254_g1 g1[3], h;
    bn254_g2 g2;
    if (stopped(run)) return prove_error_set(err, PV_CANCELLED, "stopped");
    memcpy(key->staging, witness, key->witness.bytes);
    prove_run_report(run, "quotient", 5);
    pv_status status = queue_work(key);
    if (status == PV_OK) status = watch(key->h_stream, run);
    if (status == PV_OK) prove_run_report(run, "msm", 45);
    if (status == PV_OK) status = watch(key->witness_stream, run);
    pv_status wiped = wipe(key);
    gpu_msm_finish(key->witness_msm, g1, &g2); /* also wipes the sums it reads, so on failure too */
    gpu_msm_finish(key->h_msm, &h, NULL);
    if (status == PV_OK) status = wiped;
    if (status == PV_CANCELLED) return prove_error_set(err, PV_CANCELLED, "stopped");
    if (status != PV_OK) return prove_error_set(err, status, "GPU: %s", gpu_why(key->gpu));
    *out = (struct backend_sums){ .a = g1[0], .b1 = g1[1], .c = g1[2], .h = h, .b2 = g2 };
    prove_run_report(run, "msm", 95);
    return PV_OK;
}

const struct backend backend_cuda = {
    .name = "cuda",
    .proofs_at_once = 1,
    .usable = cuda_usable,
    .device_bytes = cuda_device_bytes,
    .need = cuda_need,
    .key_open = cuda_key_open,
    .key_close = cuda_key_close,
    .sums = cuda_sums,
};
