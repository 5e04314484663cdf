/* The C face: handles, memory, and the order of stages. Policy is in the plans, arithmetic in the kernels. */
#include "gpu.h"
#include "curve.cuh"
#include "msm.cuh"
#include "ntt.cuh"
#include "quotient.cuh"
#include <stdio.h>
#include <stdlib.h>

struct gpu {
    int device;
    gpu_info info;
    char why[160];
};
struct gpu_stream {
    gpu *g;
    cudaStream_t s;
    cudaEvent_t mark;
};
struct gpu_domain {
    gpu *g;
    ntt_tables tables;
    gpu_buf mem;
};
struct gpu_qap {
    gpu *g;
    gpu_domain *domain;
    unsigned log_n;
    size_t vars;
    qap_matrix matrix[2];
    gpu_buf mem;
};
struct gpu_msm {
    gpu *g;
    msm_plan plan;
    gpu_buf tables;
    const fp *table_g1[MSM_BASES_MAX], *table_g2[MSM_BASES_MAX];
    void *sums; /* pinned: chunks times msm_result_bytes */
    unsigned g2_lanes;
};

static pv_status failed(gpu *g, cudaError_t e, const char *what)
{
    snprintf(g->why, sizeof g->why, "%s: %s", what, cudaGetErrorString(e));
    cudaGetLastError(); /* do not let it be found again by the next launch */
    return e == cudaErrorMemoryAllocation ? PV_NO_MEMORY : PV_DEVICE;
}
#define TRY_CUDA(g, call)                                                                                              \
    do {                                                                                                               \
        const cudaError_t try_cuda_ = (call);                                                                          \
        if (try_cuda_ != cudaSuccess) return failed((g), try_cuda_, #call);                                            \
    } while (0)
/* each thread has a current device of its own */
#define ENTER(g) TRY_CUDA((g), cudaSetDevice((g)->device))

/* ---- device ---- */
extern "C" pv_status gpu_open(gpu **out, int device, char *why, size_t why_bytes)
{
    int count = 0;
    cudaDeviceProp prop;
    cudaError_t e = cudaGetDeviceCount(&count);
    if (e == cudaSuccess && (device < 0 || device >= count)) {
        snprintf(why, why_bytes, "no GPU number %d, there are %d", device, count);
        return PV_NO_DEVICE;
    }
    if (e == cudaSuccess) e = cudaGetDeviceProperties(&prop, device);
    if (e != cudaSuccess) {
        snprintf(why, why_bytes, "no usable GPU: %s", cudaGetErrorString(e));
        cudaGetLastError();
        return PV_NO_DEVICE;
    }
    if (prop.major < 9) {
        snprintf(why, why_bytes, "%s has compute capability %d.%d, the kernels need 9.0", prop.name, prop.major, prop.minor);
        return PV_NO_DEVICE;
    }
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
    TRY_CUDA(g, cudaMalloc(&p, bytes ? bytes : 256));
    *b = gpu_buf{p, bytes};
    return PV_OK;
}
extern "C" void gpu_buf_free(gpu *g, gpu_buf *b)
{
    if (b->at && cudaSetDevice(g->device) == cudaSuccess) {
        cudaDeviceSynchronize();
        cudaFree(b->at);
    }
    *b = gpu_buf{NULL, 0};
}
extern "C" gpu_buf gpu_buf_part(gpu_buf b, size_t offset, size_t bytes)
{
    return gpu_buf{(char *)b.at + offset, bytes};
}
extern "C" pv_status gpu_pinned_new(gpu *g, void **p, size_t bytes)
{
    void *q = NULL;
    ENTER(g);
    TRY_CUDA(g, cudaMallocHost(&q, bytes ? bytes : 1));
    *p = q;
    return PV_OK;
}
extern "C" void gpu_pinned_free(gpu *g, void **p)
{
    if (*p && cudaSetDevice(g->device) == cudaSuccess) cudaFreeHost(*p);
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
    if (e == cudaSuccess && (e = cudaEventCreateWithFlags(&s->mark, cudaEventDisableTiming)) != cudaSuccess) cudaStreamDestroy(s->s);
    if (e != cudaSuccess) {
        free(s);
        return failed(g, e, "stream");
    }
    *out = s;
    return PV_OK;
}
extern "C" void gpu_stream_destroy(gpu_stream **s)
{
    if (*s && cudaSetDevice((*s)->g->device) == cudaSuccess) {
        cudaStreamSynchronize((*s)->s);
        cudaEventDestroy((*s)->mark);
        cudaStreamDestroy((*s)->s);
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
    if (e != cudaSuccess && e != cudaErrorNotReady) return failed(s->g, e, "stream query");
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

/* ---- NTT ---- */
extern "C" size_t gpu_domain_bytes(unsigned log_n)
{
    return ntt_table_bytes(log_n);
}
extern "C" pv_status gpu_domain_new(gpu *g, gpu_domain **out, unsigned log_n)
{
    if (log_n > NTT_LOG_MAX) return PV_INVALID_INPUT;
    gpu_domain *d = (gpu_domain *)calloc(1, sizeof *d);
    if (!d) return PV_NO_MEMORY;
    d->g = g;
    pv_status st = gpu_buf_new(g, &d->mem, ntt_table_bytes(log_n));
    if (st == PV_OK) {
        cudaError_t e = ntt_tables_init(&d->tables, log_n, (fr *)d->mem.at, 0);
        if (e == cudaSuccess) e = cudaDeviceSynchronize();
        if (e != cudaSuccess) st = failed(g, e, "NTT tables");
    }
    if (st == PV_OK) *out = d;
    else gpu_domain_destroy(&d);
    return st;
}
extern "C" void gpu_domain_destroy(gpu_domain **d)
{
    if (*d) gpu_buf_free((*d)->g, &(*d)->mem);
    free(*d);
    *d = NULL;
}
extern "C" pv_status gpu_ntt_async(gpu_domain *d, gpu_stream *s, gpu_buf v, unsigned batch, unsigned kind)
{
    const size_t n = (size_t)1 << d->tables.log_n;
    if (batch == 0 || batch > 65535 || v.bytes / sizeof(fr) / n < batch) return PV_INVALID_INPUT;
    ENTER(s->g);
    ntt_job job = {};
    job.to_natural = kind & GPU_NTT_TO_NATURAL, job.inverse = kind & GPU_NTT_INVERSE;
    if (job.inverse) job.store = NTT_STORE_SCALE;
    TRY_CUDA(s->g, ntt_run((fr *)v.at, n, batch, d->tables, job, s->s));
    return PV_OK;
}

/* ---- quotient ---- */
struct qap_record { /* a zkey's section 4; alignment 1 */
    uint8_t matrix[4], row[4], signal[4], value[32];
};
static uint32_t le32(const uint8_t *b)
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
/* what a matrix of `entries` takes: rows' starts, columns, values, long rows */
static size_t qap_matrix_bytes(size_t entries, unsigned log_n)
{
    msm_arena dry = {NULL, 0};
    msm_take(&dry, (((size_t)1 << log_n) + 1) * 4);
    msm_take(&dry, entries * 4);
    msm_take(&dry, entries * sizeof(fr));
    msm_take(&dry, entries / QAP_SHORT * 4 + 4);
    return dry.used;
}
extern "C" gpu_qap_need gpu_qap_need_for(size_t records, size_t vars, unsigned log_n)
{
    gpu_qap_need need;
    /* all records in one matrix, and an empty other one, is the most: rounding apart, sums are the same */
    need.key_bytes = qap_matrix_bytes(records, log_n) + qap_matrix_bytes(0, log_n) + 8 * 256 + ntt_table_bytes(log_n);
    msm_arena dry = {NULL, 0};
    msm_take(&dry, vars * sizeof(fr));
    msm_take(&dry, 3 * sizeof(fr) << log_n);
    need.work_bytes = dry.used;
    return need;
}
static bool qap_record_ok(const qap_record *r, size_t vars, unsigned log_n)
{
    return le32(r->matrix) < 2 && le32(r->row) >> log_n == 0 && le32(r->signal) < vars;
}
/* coefficients 1 and -1 as section 4 has them: R^2 and r - R^2 */
static uint32_t qap_flag(const uint8_t value[32])
{
    fr one, v, minus;
    for (int i = 0; i < 8; i++) one.v[i] = fr_modulus::r2(i);
    memcpy(v.v, value, 32);
    minus = f_canon(f_neg(one));
    return !memcmp(v.v, one.v, 32) ? QAP_PLUS : !memcmp(v.v, minus.v, 32) ? QAP_MINUS : 0;
}
/* the host's image of one matrix, laid out as on the device */
struct qap_image {
    uint32_t *start, *column, *long_rows;
    fr *value;
    uint32_t long_count;
};
static void qap_fill(qap_image *m, const qap_record *r, size_t count, unsigned which, unsigned log_n)
{
    const size_t rows = (size_t)1 << log_n;
    memset(m->start, 0, (rows + 1) * 4);
    for (size_t i = 0; i < count; i++)
        if (le32(r[i].matrix) == which) m->start[le32(r[i].row) + 1]++;
    for (size_t k = 0; k < rows; k++) {
        if (m->start[k + 1] > QAP_SHORT) m->long_rows[m->long_count++] = (uint32_t)k;
        m->start[k + 1] += m->start[k];
    }
    /* fill from each row's start, moving it; then start[k] is row k's end, that is row k + 1's start */
    for (size_t i = 0; i < count; i++) {
        if (le32(r[i].matrix) != which) continue;
        const uint32_t at = m->start[le32(r[i].row)]++;
        m->column[at] = le32(r[i].signal) | qap_flag(r[i].value);
        memcpy(m->value[at].v, r[i].value, 32);
    }
    memmove(m->start + 1, m->start, rows * 4);
    m->start[0] = 0;
}
static pv_status qap_load(gpu_qap *q, const qap_record *r, size_t count)
{
    size_t entries[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        if (!qap_record_ok(r + i, q->vars, q->log_n)) return PV_INVALID_INPUT;
        entries[le32(r[i].matrix)]++;
    }
    const size_t bytes[2] = {qap_matrix_bytes(entries[0], q->log_n), qap_matrix_bytes(entries[1], q->log_n)};
    TRY(gpu_buf_new(q->g, &q->mem, bytes[0] + bytes[1]));
    uint8_t *host = (uint8_t *)aligned_alloc(256, bytes[0] + bytes[1]);
    if (!host) return PV_NO_MEMORY;
    cudaError_t e = cudaSuccess;
    for (unsigned k = 0; k < 2; k++) {
        const size_t offset = k ? bytes[0] : 0, rows = (size_t)1 << q->log_n;
        qap_image m = {};
        msm_arena a = {host, offset}, dev = {(uint8_t *)q->mem.at, offset};
        m.start = (uint32_t *)msm_take(&a, (rows + 1) * 4), m.column = (uint32_t *)msm_take(&a, entries[k] * 4);
        m.value = (fr *)msm_take(&a, entries[k] * sizeof(fr)), m.long_rows = (uint32_t *)msm_take(&a, entries[k] / QAP_SHORT * 4 + 4);
        qap_fill(&m, r, count, k, q->log_n);
        q->matrix[k].start = (uint32_t *)msm_take(&dev, (rows + 1) * 4), q->matrix[k].column = (uint32_t *)msm_take(&dev, entries[k] * 4);
        q->matrix[k].value = (fr *)msm_take(&dev, entries[k] * sizeof(fr)), q->matrix[k].long_rows = (uint32_t *)msm_take(&dev, entries[k] / QAP_SHORT * 4 + 4);
        q->matrix[k].long_count = m.long_count;
    }
    e = cudaMemcpy(q->mem.at, host, bytes[0] + bytes[1], cudaMemcpyHostToDevice);
    for (unsigned k = 0; k < 2 && e == cudaSuccess; k++) e = qap_values(const_cast<fr *>(q->matrix[k].value), entries[k], 0);
    if (e == cudaSuccess) e = cudaDeviceSynchronize();
    free(host);
    return e == cudaSuccess ? PV_OK : failed(q->g, e, "matrices");
}
extern "C" pv_status gpu_qap_new(gpu *g, gpu_qap **out, const void *records, size_t count, size_t vars, unsigned log_n)
{
    if (log_n > NTT_LOG_MAX || vars > QAP_COLUMN || count >> 31) return PV_INVALID_INPUT;
    ENTER(g);
    gpu_qap *q = (gpu_qap *)calloc(1, sizeof *q);
    if (!q) return PV_NO_MEMORY;
    q->g = g, q->log_n = log_n, q->vars = vars;
    pv_status st = gpu_domain_new(g, &q->domain, log_n);
    if (st == PV_OK) st = qap_load(q, (const qap_record *)records, count);
    if (st == PV_OK) *out = q;
    else gpu_qap_destroy(&q);
    return st;
}
extern "C" void gpu_qap_destroy(gpu_qap **q)
{
    if (*q) {
        gpu_buf_free((*q)->g, &(*q)->mem);
        gpu_domain_destroy(&(*q)->domain);
    }
    free(*q);
    *q = NULL;
}
extern "C" pv_status gpu_quotient_async(gpu_qap *q, gpu_stream *s, gpu_buf witness, gpu_buf work, gpu_buf *h)
{
    const size_t n = (size_t)1 << q->log_n;
    msm_arena a = {(uint8_t *)work.at, 0};
    fr *w = (fr *)msm_take(&a, q->vars * sizeof(fr)), *abc = (fr *)msm_take(&a, 3 * n * sizeof(fr));
    if (a.used > work.bytes || witness.bytes < q->vars * sizeof(fr)) return PV_INVALID_INPUT;
    ENTER(s->g);
    TRY_CUDA(s->g, qap_to_mont(w, (const fr *)witness.at, (uint32_t)q->vars, s->s));
    for (unsigned k = 0; k < 2; k++) TRY_CUDA(s->g, qap_rows(abc + k * n, q->matrix[k], w, (uint32_t)n, s->s));
    TRY_CUDA(s->g, ntt_coset_products(abc, abc + n, abc + 2 * n, q->domain->tables, s->s));
    *h = gpu_buf{abc + 2 * n, n * sizeof(fr)};
    return PV_OK;
}

/* ---- MSM ---- */
enum { BUILD_POINTS = 1 << 18 }; /* points of a table row made at a time: bounds the spare memory to 84 MB */

static size_t build_points(const msm_plan *p)
{
    const size_t most = BUILD_POINTS;
    return p->rows < 2 ? 0 : p->n < most ? p->n : most;
}
extern "C" size_t gpu_msm_build_bytes(const msm_plan *p)
{
    return build_points(p) * msm_table_spare(p->bases.g2 ? 2 : 1);
}
/* row 0 from the host, points outside the set infinity; each further row from the one before */
static pv_status build_table(gpu_msm *m, fp *table, const gpu_msm_set *set, unsigned group, gpu_buf spare)
{
    const msm_plan &p = m->plan;
    const size_t fields = AFFINE_COORDS * (size_t)group, point = fields * sizeof(fp);
    if (set->count > p.n || set->first > p.n - set->count) return PV_INVALID_INPUT;
    if (p.n) TRY_CUDA(m->g, cudaMemsetAsync(table, 0, p.n * point, 0));
    if (set->count) TRY_CUDA(m->g, cudaMemcpyAsync(table + set->first * fields, set->bases, set->count * point, cudaMemcpyHostToDevice, 0));
    const size_t step = build_points(&p);
    for (unsigned row = 1; row < p.rows; row++)
        for (size_t i = 0; i < p.n; i += step) {
            const uint32_t n = (uint32_t)(p.n - i < step ? p.n - i : step);
            const fp *in = table + ((row - 1) * p.n + i) * fields;
            fp *to = table + (row * p.n + i) * fields;
            const unsigned doublings = p.window_bits * p.sets;
            TRY_CUDA(m->g, group == 1 ? msm_table_g1(to, in, (fp *)spare.at, n, doublings, 0) : msm_table_g2(to, in, (fp *)spare.at, n, doublings, 0));
        }
    return PV_OK;
}
static pv_status build(gpu_msm *m, const gpu_msm_set *sets)
{
    const msm_plan &p = m->plan;
    gpu_buf spare = {NULL, 0};
    TRY(gpu_buf_new(m->g, &m->tables, p.table_bytes));
    TRY(gpu_pinned_new(m->g, &m->sums, p.chunks * msm_result_bytes(&p)));
    TRY(gpu_buf_new(m->g, &spare, gpu_msm_build_bytes(&p)));
    uint8_t *at = (uint8_t *)m->tables.at;
    pv_status st = PV_OK;
    for (unsigned i = 0; i < p.bases.g1 + p.bases.g2 && st == PV_OK; i++) {
        const unsigned group = i < p.bases.g1 ? 1 : 2;
        (group == 1 ? m->table_g1[i] : m->table_g2[i - p.bases.g1]) = (fp *)at;
        st = build_table(m, (fp *)at, sets + i, group, spare);
        at += p.n * p.rows * 64 * group;
    }
    const cudaError_t e = cudaDeviceSynchronize();
    gpu_buf_free(m->g, &spare);
    return st != PV_OK ? st : e == cudaSuccess ? PV_OK : failed(m->g, e, "tables");
}
extern "C" pv_status gpu_msm_new(gpu *g, gpu_msm **out, const msm_plan *plan, const gpu_msm_set *sets)
{
    ENTER(g);
    gpu_msm *m = (gpu_msm *)calloc(1, sizeof *m);
    if (!m) return PV_NO_MEMORY;
    m->g = g, m->plan = *plan, m->g2_lanes = 2;
    const pv_status st = build(m, sets);
    if (st == PV_OK) *out = m;
    else gpu_msm_destroy(&m);
    return st;
}
extern "C" void gpu_msm_destroy(gpu_msm **m)
{
    if (*m) {
        gpu_buf_free((*m)->g, &(*m)->tables);
        gpu_pinned_free((*m)->g, &(*m)->sums);
    }
    free(*m);
    *m = NULL;
}
extern "C" void gpu_msm_set_g2_lanes(gpu_msm *m, unsigned lanes)
{
    m->g2_lanes = lanes;
}
static msm_sets sets_of(const msm_plan &p, const msm_scratch &x, const fp *const *table, unsigned group, size_t first)
{
    msm_sets s = {};
    const unsigned count = group == 1 ? p.bases.g1 : p.bases.g2;
    uint8_t *result = (uint8_t *)x.result + (group == 2 ? (size_t)p.bases.g1 * p.sets * 128 : 0);
    for (unsigned i = 0; i < count; i++) {
        s.table[i] = table[i] + first * AFFINE_COORDS * group;
        s.buckets[i] = (fp *)(group == 1 ? x.buckets_g1 : x.buckets_g2)[i];
        s.parts[i] = (fp *)(group == 1 ? x.parts_g1 : x.parts_g2)[i];
        s.partial[i] = (fp *)(group == 1 ? x.partial_g1 : x.partial_g2)[i];
        s.result[i] = (fp *)(result + (size_t)i * p.sets * 128 * group);
    }
    return s;
}
extern "C" pv_status gpu_msm_async(gpu_msm *m, gpu_stream *s, gpu_buf scalars, gpu_buf scratch)
{
    const msm_plan &p = m->plan;
    if (scratch.bytes < p.scratch_bytes || scalars.bytes < p.n * sizeof(fr)) return PV_INVALID_INPUT;
    ENTER(m->g);
    msm_arena arena = {(uint8_t *)scratch.at, 0};
    msm_scratch x;
    msm_scratch_layout(&x, &p, &arena);
    const size_t bytes = msm_result_bytes(&p);
    for (unsigned chunk = 0; chunk < p.chunks; chunk++) {
        const size_t first = chunk * p.chunk_n < p.n ? chunk * p.chunk_n : p.n, n = p.n - first < p.chunk_n ? p.n - first : p.chunk_n;
        TRY_CUDA(m->g, msm_sort(p, x, (const fr *)scalars.at + first, (uint32_t)n, (uint32_t)p.n, s->s));
        /* G2 first: its chains are the longest */
        TRY_CUDA(m->g, msm_sums_g2(p, x, sets_of(p, x, m->table_g2, 2, first), m->g2_lanes, s->s));
        TRY_CUDA(m->g, msm_sums_g1(p, x, sets_of(p, x, m->table_g1, 1, first), s->s));
        TRY_CUDA(m->g, cudaMemcpyAsync((char *)m->sums + chunk * bytes, x.result, bytes, cudaMemcpyDeviceToHost, s->s));
    }
    return PV_OK;
}
extern "C" void gpu_msm_finish(gpu_msm *m, bn254_g1 *g1, bn254_g2 *g2)
{
    const msm_plan &p = m->plan;
    const size_t stride = msm_result_bytes(&p);
    const char *at = (const char *)m->sums;
    for (unsigned i = 0; i < p.bases.g1; i++, at += (size_t)p.sets * 128) {
        fp r[3];
        msm_finish_g1(r, p, at, stride);
        r[2] = f_is_blank(r[0]) && f_is_blank(r[1]) ? f_zero<fp_modulus>() : f_one<fp_modulus>();
        memcpy(g1 + i, r, sizeof *g1);
    }
    for (unsigned i = 0; i < p.bases.g2; i++, at += (size_t)p.sets * 256) {
        fp r[6];
        msm_finish_g2(r, p, at, stride);
        const bool none = f_is_blank(r[0]) && f_is_blank(r[1]) && f_is_blank(r[2]) && f_is_blank(r[3]);
        r[4] = none ? f_zero<fp_modulus>() : f_one<fp_modulus>(), r[5] = f_zero<fp_modulus>();
        memcpy(g2 + i, r, sizeof *g2);
    }
    memset(m->sums, 0, p.chunks * stride);
    __asm__ volatile("" ::"r"(m->sums) : "memory"); /* the wipe is not optimised away */
}
