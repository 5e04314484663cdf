/* The sums of a proof on a GPU. A key keeps on the device: the matrices, tables of all five base sets, and the memory
 * of one proof, so that nothing is allocated while proving. Each scalar vector has a stream: the witness's sums (B's
 * apart from A's and C's when many of B are infinity) run beside matrices, NTTs and H's sum. */
#include "backend.h"

#include "gpu_msm.h"
#include "gpu_ntt.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Base sets over one scalar vector. */
enum part_name { PART_H, PART_WITNESS, PART_B, PARTS };

struct part {
    struct gpu_msm *msm;
    struct gpu_stream *stream;
    gpu_buf scratch;
};

struct backend_key {
    const struct zkey *zkey;
    struct gpu *gpu;
    struct gpu_qap *qap;
    struct part part[PARTS]; /* PART_B all NULL when the witness's four sums go together */
    gpu_buf witness, work;
    void *staging; /* pinned: the witness on its way */
};

/* All sizes of a key, before anything is allocated. */
struct layout {
    struct msm_plan plan[PARTS];
    bool b_apart;
    struct gpu_qap_need qap;
    size_t witness_bytes, total_bytes;
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The base sets of a part, G1 first. Returns how many. */
static struct msm_bases part_sets(struct gpu_msm_set sets[4], const struct zkey *z, enum part_name part, bool b_apart)
{
    const struct gpu_msm_set a = { .bases = z->a, .count = z->vars }, b1 = { .bases = z->b1, .count = z->vars },
                             c = { .bases = z->c, .first = z->publics + 1, .count = zkey_c_count(z) },
                             b2 = { .bases = z->b2, .count = z->vars }, h = { .bases = z->h, .count = z->domain };
    if (part == PART_H) return sets[0] = h, (struct msm_bases){ .g1 = 1 };
    if (part == PART_B) return sets[0] = b1, sets[1] = b2, (struct msm_bases){ .g1 = 1, .g2 = 1 };
    sets[0] = a;
    if (b_apart) return sets[1] = c, (struct msm_bases){ .g1 = 2 };
    sets[1] = b1;
    sets[2] = c;
    sets[3] = b2;
    return (struct msm_bases){ .g1 = 3, .g2 = 1 };
}

/* The points of a part and the bytes of one table row: the parts share memory in that proportion. */
struct part_size {
    struct msm_bases bases;
    size_t scalars, finite, row_bytes;
};

static struct part_size part_size(const struct zkey *z, enum part_name part, bool b_apart)
{
    struct gpu_msm_set sets[4];
    struct part_size s = { .bases = part_sets(sets, z, part, b_apart),
                           .scalars = part == PART_H ? z->domain : z->vars };
    s.finite = z->points_absent ? s.scalars : gpu_msm_finite(sets, s.bases, s.scalars); /* never too little */
    s.row_bytes = s.finite * (s.bases.g1 * sizeof(bn254_g1_packed) + s.bases.g2 * sizeof(bn254_g2_packed));
    return s;
}

/* Sorting the digits once more costs about a twentieth of B's additions (40 bytes of traffic a digit against 3.5 G1
 * additions; counted, not measured), so leaving out an eighth of the additions pays for it. */
static bool worth_apart(const struct part_size *b)
{
    return b->finite < b->scalars - b->scalars / 8;
}
static size_t known_bytes(const struct layout *l)
{
    return l->qap.key_bytes + l->qap.work_bytes + l->witness_bytes;
}
static size_t plan_bytes(const struct msm_plan *p)
{
    return p->table_bytes + p->scratch_bytes;
}

static pv_status plan_part(struct msm_plan *plan, const struct part_size *s, size_t bytes, unsigned sm_count)
{
    const struct msm_limits limits = { .free_bytes = bytes, .sm_count = sm_count, .scalars = s->scalars };
    return msm_plan_for(plan, s->finite, s->bases, &limits);
}

static pv_status layout_for(struct layout *l, const struct zkey *z, size_t budget, unsigned sm_count)
{
    struct part_size size[PARTS] = { [PART_H] = part_size(z, PART_H, false), [PART_B] = part_size(z, PART_B, true) };
    l->b_apart = worth_apart(&size[PART_B]);
    size[PART_WITNESS] = part_size(z, PART_WITNESS, l->b_apart);
    const unsigned parts = l->b_apart ? PARTS : PART_B;
    l->qap = gpu_qap_need_for(z->coef_count, z->vars, z->log_domain);
    l->witness_bytes = (size_t)z->vars * sizeof(bn254_scalar_packed);
    /* 320 bytes a point while a table row is made, for at most 2^18 points at a time */
    size_t building = min(z->vars > z->domain ? z->vars : z->domain, (size_t)1 << 18) * 320, rows = 1;
    if (budget < known_bytes(l) + building) return PV_NO_MEMORY;
    budget -= known_bytes(l) + building;
    l->total_bytes = known_bytes(l) + building;
    for (unsigned i = 0; i < parts; i++) rows += size[i].row_bytes;
    for (unsigned i = 0; i < parts; i++) { /* the last gets what is left */
        double share = i + 1 == parts ? 1 : (double)size[i].row_bytes / (double)rows;
        TRY(plan_part(&l->plan[i], &size[i], (size_t)((double)budget * share), sm_count));
        budget -= plan_bytes(&l->plan[i]);
        rows -= size[i].row_bytes;
        l->total_bytes += plan_bytes(&l->plan[i]);
    }
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
    if (status != PV_OK) return prove_error_set(err, status, "this key is too large for the GPU's kernels");
    need->key_bytes = l.total_bytes;
    need->proof_bytes = 0;              /* a key holds the memory of its proof */
    need->host_bytes = l.witness_bytes; /* pinned, for the witness on its way */
    return PV_OK;
}

static void cuda_key_close(struct backend_key **key)
{
    struct backend_key *k = *key;
    if (!k) return;
    for (unsigned i = 0; i < PARTS; i++) gpu_stream_destroy(&k->part[i].stream);
    for (unsigned i = 0; i < PARTS; i++) gpu_msm_destroy(&k->part[i].msm);
    gpu_qap_destroy(&k->qap);
    if (k->gpu) {
        for (unsigned i = 0; i < PARTS; i++) gpu_buf_free(k->gpu, &k->part[i].scratch);
        gpu_buf_free(k->gpu, &k->witness);
        gpu_buf_free(k->gpu, &k->work);
        gpu_pinned_free(k->gpu, &k->staging);
    }
    gpu_close(&k->gpu);
    free(k);
    *key = NULL;
}

static pv_status part_open(struct backend_key *k, enum part_name part, const struct layout *l)
{
    struct part *p = &k->part[part];
    struct gpu_msm_set sets[4];
    part_sets(sets, k->zkey, part, l->b_apart);
    TRY(gpu_buf_new(k->gpu, &p->scratch, l->plan[part].scratch_bytes));
    /* The G2 sum is urgent: it is the longest chain of a small circuit. */
    TRY(gpu_stream_new(k->gpu, &p->stream, l->plan[part].bases.g2 > 0));
    return gpu_msm_new(k->gpu, &p->msm, &l->plan[part], sets);
}

static pv_status fill_key(struct backend_key *k, const struct layout *l)
{
    TRY(gpu_buf_new(k->gpu, &k->witness, l->witness_bytes));
    TRY(gpu_buf_new(k->gpu, &k->work, l->qap.work_bytes));
    TRY(gpu_pinned_new(k->gpu, &k->staging, l->witness_bytes));
    TRY(gpu_qap_new(k->gpu, &k->qap, k->zkey->coefs, k->zkey->coef_count, k->zkey->vars, k->zkey->log_domain));
    for (unsigned i = 0; i < (l->b_apart ? PARTS : PART_B); i++) TRY(part_open(k, i, l));
    return PV_OK;
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
    if (status == PV_OK) status = fill_key(k, &l);
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
    if (status == PV_OK)
        *key = k;
    else
        cuda_key_close(&k);
    return status;
}

static pv_status queue_part(struct backend_key *k, enum part_name part, gpu_buf scalars)
{
    struct part *p = &k->part[part];
    return p->msm ? gpu_msm_async(p->msm, p->stream, scalars, p->scratch) : PV_OK;
}

static pv_status queue_work(struct backend_key *k)
{
    struct gpu_stream *first = k->part[PART_WITNESS].stream;
    gpu_buf h;
    TRY(gpu_upload_async(first, k->witness, k->staging, k->witness.bytes));
    for (unsigned i = 0; i < PARTS; i++)
        if (i != PART_WITNESS && k->part[i].stream) TRY(gpu_stream_after_async(k->part[i].stream, first));
    TRY(queue_part(k, PART_B, k->witness)); /* has the longest chains */
    TRY(queue_part(k, PART_WITNESS, k->witness));
    TRY(gpu_quotient_async(k->qap, k->part[PART_H].stream, k->witness, k->work, &h));
    return queue_part(k, PART_H, h);
}

static bool stopped(const struct prove_run *run)
{
    return run && run->cpu.stop && atomic_load_explicit(run->cpu.stop, memory_order_relaxed);
}

/* Waits until s is done or the stop flag is up. Queued work cannot be called back; the caller waits for it before
 * wiping. */
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

static pv_status wipe_device(struct backend_key *k)
{
    struct gpu_stream *s = k->part[PART_H].stream;
    TRY(gpu_wipe_async(s, k->witness));
    TRY(gpu_wipe_async(s, k->work));
    for (unsigned i = 0; i < PARTS; i++) TRY(gpu_wipe_async(s, k->part[i].scratch));
    return gpu_stream_wait(s);
}

/* Wipes witness, digits, a, b, c and h on the device, and the staging copy on the host. */
static pv_status wipe(struct backend_key *k)
{
    pv_status status = PV_OK;
    for (unsigned i = 0; i < PARTS; i++) {
        pv_status waited = k->part[i].stream ? gpu_stream_wait(k->part[i].stream) : PV_OK;
        if (status == PV_OK) status = waited;
    }
    explicit_bzero(k->staging, k->witness.bytes);
    return status == PV_OK ? wipe_device(k) : status;
}

/* Also wipes the sums it reads. */
static void finish(struct backend_sums *sums, struct backend_key *k)
{
    bn254_g1 g1[3];
    gpu_msm_finish(k->part[PART_H].msm, &sums->h, NULL);
    gpu_msm_finish(k->part[PART_WITNESS].msm, g1, &sums->b2);
    sums->a = g1[0];
    sums->b1 = g1[1];
    sums->c = g1[2];
    if (!k->part[PART_B].msm) return;
    sums->c = g1[1];
    gpu_msm_finish(k->part[PART_B].msm, &sums->b1, &sums->b2);
}

/* Waits until all streams are done. */
static pv_status watch_all(struct backend_key *k, const struct prove_run *run)
{
    TRY(watch(k->part[PART_H].stream, run));
    prove_run_report(run, "msm", 45);
    TRY(watch(k->part[PART_WITNESS].stream, run));
    return k->part[PART_B].stream ? watch(k->part[PART_B].stream, run) : PV_OK;
}

static pv_status cuda_sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                           const struct prove_run *run, struct prove_error *err)
{
    struct backend_sums sums = { 0 };
    if (stopped(run)) return prove_error_set(err, PV_CANCELLED, "stopped");
    memcpy(key->staging, witness, key->witness.bytes);
    prove_run_report(run, "quotient", 5);
    pv_status status = queue_work(key);
    if (status == PV_OK) status = watch_all(key, run);
    pv_status wiped = wipe(key);
    finish(&sums, key); /* on failure too, for the wipe */
    if (status == PV_OK) status = wiped;
    if (status == PV_CANCELLED) return prove_error_set(err, PV_CANCELLED, "stopped");
    if (status != PV_OK) return prove_error_set(err, status, "GPU: %s", gpu_why(key->gpu));
    *out = sums;
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
