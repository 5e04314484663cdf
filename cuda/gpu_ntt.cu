/* The C face: domains, NTT, matrices and the quotient. */
#include "gpu_ntt.h"
#include "gpu.cuh"
#include "gpu_msm_plan.h" /* msm_arena: memory laid out dry first, then in place */
#include "ntt.cuh"
#include "quotient.cuh"
#include "replay.cuh"
#include <stdlib.h>

enum { QUOTIENT_REPLAY_LOG = 17 }; /* as MSM_LATENCY_N */

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
        cudaStream_t s;
        cudaError_t e = gpu_building(g, &s);
        if (e == cudaSuccess) e = ntt_tables_init(&d->tables, log_n, (fr *)d->mem.at, s);
        if (e == cudaSuccess) e = cudaStreamSynchronize(s);
        if (e != cudaSuccess) st = gpu_failed(g, e, "NTT tables");
    }
    if (st == PV_OK)
        *out = d;
    else
        gpu_domain_destroy(&d);
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
/* the bytes of a matrix of `entries` entries: row starts, columns, values, long rows */
static size_t qap_matrix_bytes(size_t entries, unsigned log_n)
{
    msm_arena dry = { NULL, 0 };
    msm_take(&dry, (((size_t)1 << log_n) + 1) * 4);
    msm_take(&dry, entries * 4);
    msm_take(&dry, entries * sizeof(fr));
    msm_take(&dry, entries / QAP_SHORT * 4 + 4);
    return dry.used;
}
extern "C" gpu_qap_need gpu_qap_need_for(size_t records, size_t vars, unsigned log_n)
{
    gpu_qap_need need;
    /* All records in one matrix and none in the other takes the most; apart from rounding the sums are equal. */
    need.key_bytes = qap_matrix_bytes(records, log_n) + qap_matrix_bytes(0, log_n) + 8 * 256 + ntt_table_bytes(log_n);
    msm_arena dry = { NULL, 0 };
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
/* the host's copy of one matrix, laid out as on the device */
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
    size_t entries[2] = { 0, 0 };
    for (size_t i = 0; i < count; i++) {
        if (!qap_record_ok(r + i, q->vars, q->log_n)) return PV_INVALID_INPUT;
        entries[le32(r[i].matrix)]++;
    }
    const size_t bytes[2] = { qap_matrix_bytes(entries[0], q->log_n), qap_matrix_bytes(entries[1], q->log_n) };
    TRY(gpu_buf_new(q->g, &q->mem, bytes[0] + bytes[1]));
    uint8_t *host = (uint8_t *)aligned_alloc(256, bytes[0] + bytes[1]);
    if (!host) return PV_NO_MEMORY;
    cudaError_t e = cudaSuccess;
    for (unsigned k = 0; k < 2; k++) {
        const size_t offset = k ? bytes[0] : 0, rows = (size_t)1 << q->log_n;
        qap_image m = {};
        msm_arena a = { host, offset }, dev = { (uint8_t *)q->mem.at, offset };
        m.start = (uint32_t *)msm_take(&a, (rows + 1) * 4), m.column = (uint32_t *)msm_take(&a, entries[k] * 4);
        m.value = (fr *)msm_take(&a, entries[k] * sizeof(fr)),
        m.long_rows = (uint32_t *)msm_take(&a, entries[k] / QAP_SHORT * 4 + 4);
        qap_fill(&m, r, count, k, q->log_n);
        q->matrix[k].start = (uint32_t *)msm_take(&dev, (rows + 1) * 4),
        q->matrix[k].column = (uint32_t *)msm_take(&dev, entries[k] * 4);
        q->matrix[k].value = (fr *)msm_take(&dev, entries[k] * sizeof(fr)),
        q->matrix[k].long_rows = (uint32_t *)msm_take(&dev, entries[k] / QAP_SHORT * 4 + 4);
        q->matrix[k].long_count = m.long_count;
    }
    cudaStream_t s;
    e = gpu_building(q->g, &s);
    if (e == cudaSuccess) e = cudaMemcpyAsync(q->mem.at, host, bytes[0] + bytes[1], cudaMemcpyHostToDevice, s);
    for (unsigned k = 0; k < 2 && e == cudaSuccess; k++)
        e = qap_values(const_cast<fr *>(q->matrix[k].value), entries[k], s);
    const cudaError_t waited = s ? cudaStreamSynchronize(s) : cudaSuccess; /* host is freed, whatever failed */
    if (e == cudaSuccess) e = waited;
    free(host);
    return e == cudaSuccess ? PV_OK : gpu_failed(q->g, e, "matrices");
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
    if (st == PV_OK)
        *out = q;
    else
        gpu_qap_destroy(&q);
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
static cudaError_t walk_quotient(const gpu_qap *q, const fr *witness, fr *w, fr *abc, cudaStream_t s)
{
    const size_t n = (size_t)1 << q->log_n;
    cudaError_t e = qap_to_mont(w, witness, (uint32_t)q->vars, s);
    for (unsigned k = 0; k < 2 && e == cudaSuccess; k++) e = qap_rows(abc + k * n, q->matrix[k], w, (uint32_t)n, s);
    return e == cudaSuccess ? ntt_coset_products(abc, abc + n, abc + 2 * n, q->domain->tables, s) : e;
}
extern "C" pv_status gpu_quotient_async(const gpu_qap *q, gpu_stream *s, gpu_buf witness, gpu_buf work,
                                        gpu_recording *recording, gpu_buf *h)
{
    const size_t n = (size_t)1 << q->log_n;
    msm_arena a = { (uint8_t *)work.at, 0 };
    fr *w = (fr *)msm_take(&a, q->vars * sizeof(fr)), *abc = (fr *)msm_take(&a, 3 * n * sizeof(fr));
    if (a.used > work.bytes || witness.bytes < q->vars * sizeof(fr)) return PV_INVALID_INPUT;
    ENTER(s->g);
    const auto queue = [&] { return walk_quotient(q, (const fr *)witness.at, w, abc, s->s); };
    const bool recorded = recording && q->log_n <= QUOTIENT_REPLAY_LOG;
    const cudaError_t e = recorded ? replay_run(recording, witness.at, NULL, work.at, NULL, 0, s->s, queue) : queue();
    if (e != cudaSuccess) return gpu_failed(s->g, e, "quotient");
    *h = gpu_buf{ abc + 2 * n, n * sizeof(fr) };
    return PV_OK;
}
