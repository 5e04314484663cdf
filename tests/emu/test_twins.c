/* Every kernel beside its twin in crypto/: fields, points, NTT, quotient, MSM, and the sums of whole circuits. The programs
 * test_*.cu hold the same kernels to GMP; this one shows that the two sides of the house agree bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "backend.h"
#include "bn254_random.h"
#include "emu_fault.h"
#include "gpu.h"
#include "toy_circuits.h"
#include "twins.h"
#include "wtns.h"

#include "msm.h"
#include "ntt.h"

#include <stdlib.h>
#include <string.h>

static struct seeded rng;
static struct gpu *the_gpu;

static void *take(size_t n, size_t bytes)
{
    void *p = calloc(n ? n : 1, bytes);
    assert_non_null(p);
    return p;
}

/* ---- fields ---- */

enum { VALUES = 300 };

/* Lazily reduced values are allowed below 2p; crypto's are canonical. */
static void canonical(uint64_t v[4], const uint64_t p[4])
{
    if (!limbs_less(v, p)) limbs_sub(v, v, p);
    assert_true(limbs_less(v, p));
}

static void fp_want(bn254_fp *r, enum twin_op op, const bn254_fp *a, const bn254_fp *b)
{
    bn254_scalar s;
    switch (op) {
    case TWIN_ADD: bn254_fp_add(r, a, b); break;
    case TWIN_SUB: bn254_fp_sub(r, a, b); break;
    case TWIN_NEG: bn254_fp_neg(r, a); break;
    case TWIN_MUL: bn254_fp_mul(r, a, b); break;
    case TWIN_SQR: bn254_fp_sqr(r, a); break;
    case TWIN_FROM_MONT:
        bn254_fp_to_scalar(&s, a);
        memcpy(r, &s, sizeof *r);
        break;
    case TWIN_TO_MONT:
        memcpy(&s, a, sizeof s);
        bn254_fp_from_scalar(r, &s);
        break;
    case TWIN_INV: bn254_fp_inv(r, a); break;
    default: *r = *a;
    }
}

static void fr_want(bn254_fr *r, enum twin_op op, const bn254_fr *a, const bn254_fr *b)
{
    bn254_scalar s;
    switch (op) {
    case TWIN_ADD: bn254_fr_add(r, a, b); break;
    case TWIN_SUB: bn254_fr_sub(r, a, b); break;
    case TWIN_NEG: bn254_fr_neg(r, a); break;
    case TWIN_MUL: bn254_fr_mul(r, a, b); break;
    case TWIN_SQR: bn254_fr_sqr(r, a); break;
    case TWIN_FROM_MONT:
        bn254_fr_to_scalar(&s, a);
        memcpy(r, &s, sizeof *r);
        break;
    case TWIN_TO_MONT:
        memcpy(&s, a, sizeof s);
        bn254_fr_from_scalar(r, &s);
        break;
    case TWIN_INV: bn254_fr_inv(r, a); break;
    default: *r = *a;
    }
}

static void base_field_is_crypto_s(void **state)
{
    (void)state;
    bn254_fp a[VALUES], b[VALUES], r[VALUES], want;
    for (int i = 0; i < VALUES; i++) a[i] = random_fp(&rng), b[i] = random_fp(&rng);
    memset(&a[0], 0, sizeof *a);
    for (int op = 0; op < TWIN_OPS; op++) {
        assert_true(twin_field(false, op, r, a, b, VALUES));
        for (int i = 0; i < VALUES; i++) {
            canonical(r[i].l, BN254_FP_MODULUS);
            fp_want(&want, op, &a[i], &b[i]);
            assert_memory_equal(&r[i], &want, sizeof want);
        }
    }
}

static void scalar_field_is_crypto_s(void **state)
{
    (void)state;
    bn254_fr a[VALUES], b[VALUES], r[VALUES], want;
    for (int i = 0; i < VALUES; i++) a[i] = random_fr(&rng), b[i] = random_fr(&rng);
    memset(&a[0], 0, sizeof *a);
    for (int op = 0; op < TWIN_OPS; op++) {
        assert_true(twin_field(true, op, r, a, b, VALUES));
        for (int i = 0; i < VALUES; i++) {
            canonical(r[i].l, BN254_FR_MODULUS);
            fr_want(&want, op, &a[i], &b[i]);
            assert_memory_equal(&r[i], &want, sizeof want);
        }
    }
}

/* ---- points ---- */

enum { POINTS = 70 };

/* Which of the cases a pair is: infinity left, right, both; equal; opposite; any. */
static void awkward_g1(bn254_g1 *p, bn254_g1 *q, int i)
{
    const bn254_g1 none = { { { 0 } }, { { 0 } }, { { 0 } } };
    *p = random_g1(&rng);
    *q = random_g1(&rng);
    if (i % 8 == 1 || i % 8 == 5) *p = none;
    if (i % 8 == 2 || i % 8 == 5) *q = none;
    if (i % 8 == 3) *q = *p;
    if (i % 8 == 4) bn254_g1_neg(q, p);
}

static void awkward_g2(bn254_g2 *p, bn254_g2 *q, int i)
{
    bn254_g2 none;
    memset(&none, 0, sizeof none);
    *p = random_g2(&rng);
    *q = random_g2(&rng);
    if (i % 8 == 1 || i % 8 == 5) *p = none;
    if (i % 8 == 2 || i % 8 == 5) *q = none;
    if (i % 8 == 3) *q = *p;
    if (i % 8 == 4) bn254_g2_neg(q, p);
}

/* ZZ = z^2, ZZZ = z^3; infinity is all zero */
static bn254_g1_xyzz g1_xyzz(const bn254_g1 *p)
{
    bn254_g1_xyzz r = { .x = p->x, .y = p->y };
    bn254_fp_sqr(&r.zz, &p->z);
    bn254_fp_mul(&r.zzz, &r.zz, &p->z);
    return r;
}

static bn254_g2_xyzz g2_xyzz(const bn254_g2 *p)
{
    bn254_g2_xyzz r = { .x = p->x, .y = p->y };
    bn254_fp2_sqr(&r.zz, &p->z);
    bn254_fp2_mul(&r.zzz, &r.zz, &p->z);
    return r;
}

static void assert_g1(bn254_g1_xyzz *got, const bn254_g1 *want)
{
    bn254_g1_affine w;
    bn254_fp x, y;
    bn254_fp *coordinate[] = { &got->x, &got->y, &got->zz, &got->zzz };
    bn254_g1_to_affine(&w, want);
    for (int k = 0; k < 4; k++) canonical(coordinate[k]->l, BN254_FP_MODULUS);
    assert_int_equal(bn254_fp_is_zero(&got->zz), bn254_g1_affine_is_infinity(&w));
    bn254_fp_mul(&x, &w.x, &got->zz);
    bn254_fp_mul(&y, &w.y, &got->zzz);
    if (bn254_fp_is_zero(&got->zz)) return;
    assert_memory_equal(&x, &got->x, sizeof x);
    assert_memory_equal(&y, &got->y, sizeof y);
}

static void assert_g2(bn254_g2_xyzz *got, const bn254_g2 *want)
{
    bn254_g2_affine w;
    bn254_fp2 x, y;
    bn254_fp2 *coordinate[] = { &got->x, &got->y, &got->zz, &got->zzz };
    bn254_g2_to_affine(&w, want);
    for (int k = 0; k < 4; k++) {
        canonical(coordinate[k]->c0.l, BN254_FP_MODULUS);
        canonical(coordinate[k]->c1.l, BN254_FP_MODULUS);
    }
    assert_int_equal(bn254_fp2_is_zero(&got->zz), bn254_g2_affine_is_infinity(&w));
    bn254_fp2_mul(&x, &w.x, &got->zz);
    bn254_fp2_mul(&y, &w.y, &got->zzz);
    if (bn254_fp2_is_zero(&got->zz)) return;
    assert_memory_equal(&x, &got->x, sizeof x);
    assert_memory_equal(&y, &got->y, sizeof y);
}

static void g1_sums_are_crypto_s(void **state)
{
    (void)state;
    bn254_g1 p[POINTS], q[POINTS], want;
    bn254_g1_xyzz a[POINTS], b[POINTS];
    bn254_g1_affine c[POINTS];
    for (int i = 0; i < POINTS; i++) awkward_g1(&p[i], &q[i], i);
    for (enum twin_point op = TWIN_ADD_AFFINE; op <= TWIN_ADD_XYZZ; op++) {
        for (int i = 0; i < POINTS; i++) {
            a[i] = g1_xyzz(&p[i]);
            b[i] = g1_xyzz(&q[i]);
            bn254_g1_to_affine(&c[i], &q[i]);
        }
        assert_true(twin_points(1, op, a, op == TWIN_ADD_AFFINE ? (void *)c : b, POINTS));
        for (int i = 0; i < POINTS; i++) {
            if (op == TWIN_DBL)
                bn254_g1_dbl(&want, &p[i]);
            else
                bn254_g1_add(&want, &p[i], &q[i]);
            assert_g1(&a[i], &want);
        }
    }
}

static void g2_sums_are_crypto_s(void **state)
{
    (void)state;
    bn254_g2 p[POINTS], q[POINTS], want;
    bn254_g2_xyzz a[POINTS], b[POINTS];
    bn254_g2_affine c[POINTS];
    for (int i = 0; i < POINTS; i++) awkward_g2(&p[i], &q[i], i);
    for (enum twin_point op = TWIN_ADD_AFFINE; op <= TWIN_ADD_XYZZ; op++) {
        for (int i = 0; i < POINTS; i++) {
            a[i] = g2_xyzz(&p[i]);
            b[i] = g2_xyzz(&q[i]);
            bn254_g2_to_affine(&c[i], &q[i]);
        }
        assert_true(twin_points(2, op, a, op == TWIN_ADD_AFFINE ? (void *)c : b, POINTS));
        for (int i = 0; i < POINTS; i++) {
            if (op == TWIN_DBL)
                bn254_g2_dbl(&want, &p[i]);
            else
                bn254_g2_add(&want, &p[i], &q[i]);
            assert_g2(&a[i], &want);
        }
    }
}

/* ---- NTT ---- */

static struct bn254_twiddles twiddles(unsigned log_n, void **mem)
{
    struct bn254_twiddles tw;
    *mem = take(1, bn254_twiddles_bytes(log_n));
    bn254_twiddles_init(&tw, log_n, *mem, NULL);
    return tw;
}

static void reverse(bn254_fr *v, unsigned log_n)
{
    for (size_t i = 0; i < (size_t)1 << log_n; i++) {
        size_t r = 0;
        for (unsigned k = 0; k < log_n; k++) r |= (i >> k & 1) << (log_n - 1 - k);
        if (r <= i) continue;
        bn254_fr t = v[i];
        v[i] = v[r];
        v[r] = t;
    }
}

static void transform(struct gpu_domain *d, struct gpu_stream *s, bn254_fr *v, size_t bytes, unsigned kind)
{
    gpu_buf buf;
    assert_int_equal(gpu_buf_new(the_gpu, &buf, bytes), PV_OK);
    assert_int_equal(gpu_upload_async(s, buf, v, bytes), PV_OK);
    assert_int_equal(gpu_ntt_async(d, s, buf, 1, kind), PV_OK);
    assert_int_equal(gpu_download_async(s, v, buf, bytes), PV_OK);
    assert_int_equal(gpu_stream_wait(s), PV_OK);
    gpu_buf_free(the_gpu, &buf);
}

static void check_ntt(unsigned log_n)
{
    const size_t n = (size_t)1 << log_n, bytes = n * sizeof(bn254_fr);
    void *mem;
    struct bn254_twiddles tw = twiddles(log_n, &mem);
    bn254_fr *v = take(n, sizeof *v), *want = take(n, sizeof *want);
    struct gpu_domain *d;
    struct gpu_stream *s;
    assert_int_equal(gpu_domain_new(the_gpu, &d, log_n), PV_OK);
    assert_int_equal(gpu_stream_new(the_gpu, &s, false), PV_OK);
    for (unsigned inverse = 0; inverse <= GPU_NTT_INVERSE; inverse += GPU_NTT_INVERSE)
        for (unsigned kind = GPU_NTT_TO_REVERSED; kind <= GPU_NTT_TO_NATURAL; kind++) {
            for (size_t i = 0; i < n; i++) v[i] = want[i] = random_fr(&rng);
            if (kind == GPU_NTT_TO_NATURAL) reverse(v, log_n);
            transform(d, s, v, bytes, kind | inverse);
            if (kind == GPU_NTT_TO_REVERSED) reverse(v, log_n);
            assert_true(inverse ? bn254_intt(want, &tw, NULL) : bn254_ntt(want, &tw, NULL));
            assert_memory_equal(v, want, bytes);
        }
    gpu_stream_destroy(&s);
    gpu_domain_destroy(&d);
    free(v);
    free(want);
    free(mem);
}

static void transforms_are_crypto_s(void **state)
{
    (void)state;
    for (unsigned log_n = 0; log_n <= 12; log_n++) check_ntt(log_n);
}

/* ---- quotient ---- */

struct record { /* section 4 of a zkey */
    uint8_t matrix[4], row[4], signal[4], value[32];
};

static void put32(uint8_t to[4], uint32_t v)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> 8 * i);
}

/* A coefficient (0, 1, -1 or any) as section 4 has it, k R^2, and in Montgomery form. */
static bn254_fr coefficient(uint8_t file[32])
{
    bn254_fr k, twice;
    bn254_scalar s;
    bn254_fr_set_one(&k);
    switch (seeded_below(&rng, 5)) {
    case 0: bn254_fr_set_zero(&k); break;
    case 1: break;
    case 2: bn254_fr_neg(&k, &k); break;
    default: k = random_fr(&rng);
    }
    memcpy(&s, &k, sizeof s); /* k R, taken as a plain number, made Montgomery once more */
    bn254_fr_from_scalar(&twice, &s);
    memcpy(file, &twice, 32);
    return k;
}

struct matrices {
    struct record *records;
    size_t count, room;
    unsigned log_n;
    uint32_t vars;
    bn254_fr *a, *b, *w; /* rows times witness, and the witness, Montgomery */
};

static void entry(struct matrices *m, unsigned matrix, uint32_t row, uint32_t signal)
{
    if (m->count == m->room)
        assert_non_null(m->records = realloc(m->records, (m->room = 2 * m->room + 64) * sizeof *m->records));
    struct record *r = &m->records[m->count++];
    bn254_fr t, *to = (matrix ? m->b : m->a) + row, k = coefficient(r->value);
    put32(r->matrix, matrix);
    put32(r->row, row);
    put32(r->signal, signal);
    bn254_fr_mul(&t, &k, &m->w[signal]);
    bn254_fr_add(to, to, &t);
}

/* Rows empty, short, at the edge between a thread and a warp, and long; records in random order, some twice. */
static void fill(struct matrices *m)
{
    static const unsigned lengths[] = { 0, 1, 2, 31, 32, 33, 64, 65, 150 };
    const uint32_t n = 1u << m->log_n;
    for (uint32_t i = 0; i < m->vars; i++) m->w[i] = i % 3 ? random_fr(&rng) : (bn254_fr){ { 0 } };
    for (uint32_t row = 0; row < n; row++)
        for (unsigned matrix = 0; matrix < 2; matrix++)
            for (unsigned k = lengths[seeded_below(&rng, n < 64 ? 9 : 4)]; k > 0; k--) {
                uint32_t signal = (uint32_t)seeded_below(&rng, m->vars);
                entry(m, matrix, row, signal);
                if (seeded_below(&rng, 8) == 0) entry(m, matrix, row, signal);
            }
    for (size_t i = m->count; i > 1; i--) {
        size_t k = seeded_below(&rng, i);
        struct record t = m->records[i - 1];
        m->records[i - 1] = m->records[k];
        m->records[k] = t;
    }
}

static void gpu_h(bn254_scalar_packed *h, const struct matrices *m, const bn254_scalar_packed *witness)
{
    struct gpu_qap_need need = gpu_qap_need_for(m->count, m->vars, m->log_n);
    struct gpu_qap *q;
    struct gpu_stream *s;
    gpu_buf w, work, out;
    const size_t bytes = (size_t)m->vars * 32, n = (size_t)1 << m->log_n;
    assert_int_equal(gpu_qap_new(the_gpu, &q, m->records, m->count, m->vars, m->log_n), PV_OK);
    assert_int_equal(gpu_stream_new(the_gpu, &s, false), PV_OK);
    assert_int_equal(gpu_buf_new(the_gpu, &w, bytes), PV_OK);
    assert_int_equal(gpu_buf_new(the_gpu, &work, need.work_bytes), PV_OK);
    for (int again = 0; again < 2; again++) { /* recorded, then replayed */
        memset(h, 0xee, n * 32);
        assert_int_equal(gpu_upload_async(s, w, witness, bytes), PV_OK);
        assert_int_equal(gpu_quotient_async(q, s, w, work, &out), PV_OK);
        assert_int_equal(gpu_download_async(s, h, out, n * 32), PV_OK);
        assert_int_equal(gpu_stream_wait(s), PV_OK);
    }
    gpu_buf_free(the_gpu, &w);
    gpu_buf_free(the_gpu, &work);
    gpu_stream_destroy(&s);
    gpu_qap_destroy(&q);
}

static void check_quotient(unsigned log_n, uint32_t vars)
{
    const size_t n = (size_t)1 << log_n;
    struct matrices m = { .log_n = log_n, .vars = vars, .a = take(n, 32), .b = take(n, 32), .w = take(vars, 32) };
    bn254_fr *c = take(n, sizeof *c);
    bn254_scalar_packed *witness = take(vars, 32), *h = take(n, 32), *want = take(n, 32);
    void *mem;
    struct bn254_twiddles tw = twiddles(log_n, &mem);
    fill(&m);
    for (uint32_t i = 0; i < vars; i++) {
        bn254_scalar s;
        bn254_fr_to_scalar(&s, &m.w[i]);
        bn254_scalar_pack(&witness[i], &s);
    }
    gpu_h(h, &m, witness);
    for (size_t i = 0; i < n; i++) bn254_fr_mul(&c[i], &m.a[i], &m.b[i]);
    assert_true(bn254_quotient((bn254_scalar_packed *)want, m.a, m.b, c, log_n, &tw, NULL));
    assert_memory_equal(h, want, n * 32);
    free(m.records), free(m.a), free(m.b), free(m.w), free(c), free(witness), free(h), free(want), free(mem);
}

static void quotients_are_crypto_s(void **state)
{
    (void)state;
    for (unsigned log_n = 0; log_n <= 9; log_n++) check_quotient(log_n, 1 + (uint32_t)seeded_below(&rng, 200));
    check_quotient(12, 4000);
    check_quotient(5, 1);
}

/* ---- MSM ---- */

enum { POOL = 64 };
static bn254_g1_packed pool1[POOL];
static bn254_g2_packed pool2[POOL];

static void fill_pools(void)
{
    for (int i = 0; i < POOL; i++) {
        bn254_g1_affine p = random_g1_affine(&rng);
        bn254_g2_affine q = random_g2_affine(&rng);
        bn254_g1_pack(&pool1[i], &p);
        bn254_g2_pack(&pool2[i], &q);
    }
}

/* How many of 100 are infinity; the same ones in both groups, as B's are. */
static void make_bases(bn254_g1_packed *p, bn254_g2_packed *q, size_t n, unsigned infinite)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = seeded_below(&rng, POOL);
        bool none = seeded_below(&rng, 100) < infinite;
        p[i] = none ? (bn254_g1_packed){ { 0 } } : pool1[k];
        q[i] = none ? (bn254_g2_packed){ { 0 } } : pool2[k];
    }
}

enum family { DENSE, ZERO, ONE, SAME, MINUS_ONE, HALF, SMALL, CIRCOM, ONE_HOT, FAMILIES };

static bn254_scalar half(unsigned plus) /* (r - 1) / 2 + plus - 2 */
{
    bn254_scalar s;
    for (int i = 0; i < 4; i++) s.l[i] = BN254_FR_MODULUS[i] >> 1 | (i < 3 ? BN254_FR_MODULUS[i + 1] << 63 : 0);
    s.l[0] += plus - 2u;
    return s;
}

static bn254_scalar scalar_of(enum family f, size_t i, size_t n, const bn254_scalar *same)
{
    bn254_scalar minus = { { BN254_FR_MODULUS[0] - 1, BN254_FR_MODULUS[1], BN254_FR_MODULUS[2], BN254_FR_MODULUS[3] } };
    switch (f) {
    case ZERO: return bn254_scalar_of_u64(0);
    case ONE: return bn254_scalar_of_u64(1);
    case SAME: return *same;
    case MINUS_ONE: return minus;
    case HALF: return half((unsigned)seeded_below(&rng, 6));
    case SMALL: return bn254_scalar_of_u64(seeded_below(&rng, 65536));
    case CIRCOM: return seeded_below(&rng, 10) < 7 ? bn254_scalar_of_u64(seeded_below(&rng, 2)) : random_scalar(&rng);
    case ONE_HOT: return i == n / 2 ? *same : bn254_scalar_of_u64(0);
    default: return random_scalar(&rng);
    }
}

struct msm_case {
    bn254_g1_packed *p;
    bn254_g2_packed *q;
    bn254_scalar_packed *k;
    size_t n, first; /* the G1 set starts at scalar `first` */
};

static struct msm_case msm_case(size_t n, size_t first, enum family f, unsigned infinite)
{
    struct msm_case c = { take(n, sizeof *c.p), take(n, sizeof *c.q), take(n, sizeof *c.k), n, first };
    const bn254_scalar same = random_scalar(&rng);
    make_bases(c.p, c.q, n, infinite);
    for (size_t i = 0; i < n; i++) {
        bn254_scalar s = scalar_of(f, i, n, &same);
        bn254_scalar_pack(&c.k[i], &s);
    }
    return c;
}

static void msm_case_free(struct msm_case *c)
{
    free(c->p);
    free(c->q);
    free(c->k);
}

static void cpu_sums(bn254_g1 *r1, bn254_g2 *r2, const struct msm_case *c)
{
    const struct bn254_msm_set sets[] = { { .bases = c->p, .first = c->first, .count = c->n - c->first, .r1 = r1 },
                                          { .bases = c->q, .count = c->n, .r2 = r2 } };
    void *scratch = aligned_alloc(64, (bn254_msm_shared_scratch_bytes(sets, 2, c->n, NULL) + 63) / 64 * 64 + 64);
    assert_non_null(scratch);
    assert_true(bn254_msm_shared(sets, 2, c->k, c->n, NULL, scratch));
    free(scratch);
}

static void queue_and_wait(struct gpu_msm *m, struct gpu_stream *s, gpu_buf scalars, gpu_buf scratch,
                           const struct msm_case *c)
{
    assert_int_equal(gpu_upload_async(s, scalars, c->k, c->n * 32), PV_OK);
    assert_int_equal(gpu_msm_async(m, s, scalars, scratch), PV_OK);
    assert_int_equal(gpu_stream_wait(s), PV_OK);
}

static struct msm_plan plan_of(const struct msm_case *c, const struct gpu_msm_set sets[2], unsigned window_bits,
                               unsigned rows)
{
    const struct msm_bases both = { 1, 1 };
    struct msm_plan plan;
    struct msm_limits l = {
        .free_bytes = (size_t)1 << 30, .sm_count = 4, .window_bits = window_bits, .rows = rows, .scalars = c->n
    };
    assert_int_equal(msm_plan_for(&plan, gpu_msm_finite(sets, both, c->n), both, &l), PV_OK);
    return plan;
}

static void check_msm(const struct msm_case *c, unsigned window_bits, unsigned rows, unsigned lanes)
{
    const struct gpu_msm_set sets[] = { { c->p, c->first, c->n - c->first }, { c->q, 0, c->n } };
    const struct msm_plan plan = plan_of(c, sets, window_bits, rows);
    struct gpu_msm *m;
    struct gpu_stream *s;
    gpu_buf scalars, scratch;
    bn254_g1 want1, got1;
    bn254_g2 want2, got2;
    cpu_sums(&want1, &want2, c);
    assert_int_equal(gpu_stream_new(the_gpu, &s, false), PV_OK);
    assert_int_equal(gpu_msm_new(the_gpu, &m, &plan, sets), PV_OK);
    gpu_msm_set_g2_lanes(m, lanes);
    assert_int_equal(gpu_buf_new(the_gpu, &scalars, c->n * 32), PV_OK);
    assert_int_equal(gpu_buf_new(the_gpu, &scratch, plan.scratch_bytes), PV_OK);
    queue_and_wait(m, s, scalars, scratch, c);
    gpu_msm_finish(m, &got1, &got2);
    assert_memory_equal(&got1, &want1, sizeof got1);
    assert_memory_equal(&got2, &want2, sizeof got2);
    gpu_buf_free(the_gpu, &scalars);
    gpu_buf_free(the_gpu, &scratch);
    gpu_msm_destroy(&m);
    gpu_stream_destroy(&s);
}

static void sums_at_every_edge_are_crypto_s(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 31, 32, 33, 127, 129, 255, 257 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct msm_case c = msm_case(sizes[i], sizes[i] / 3, DENSE, 0);
        check_msm(&c, 8, sizes[i] < 40 ? 0 : 4, 2);
        msm_case_free(&c);
    }
}

static void sums_of_every_family_are_crypto_s(void **state)
{
    (void)state;
    static const unsigned infinite[] = { 25, 50, 68, 100, 0 };
    for (enum family f = 0; f < FAMILIES; f++) {
        struct msm_case c = msm_case(97, f % 2 ? 11 : 0, f, infinite[f % 5]);
        check_msm(&c, 7, f % 3 ? 3 : 0, 1 + f % 2);
        msm_case_free(&c);
    }
}

/* The real shape: many of B at infinity, in pieces too. */
static void infinities_are_left_out_before_the_sort(void **state)
{
    (void)state;
    for (unsigned infinite = 25; infinite <= 68; infinite += 43) {
        struct msm_case c = msm_case(600, 0, CIRCOM, infinite);
        const struct gpu_msm_set sets[] = { { c.p, 0, c.n }, { c.q, 0, c.n } };
        size_t finite = 0;
        for (size_t i = 0; i < c.n; i++) finite += memcmp(&c.p[i], &(bn254_g1_packed){ { 0 } }, 64) != 0;
        const struct msm_plan plan = plan_of(&c, sets, 8, 2);
        assert_int_equal(plan.n, finite);
        assert_true(plan.entries_max < 33 * c.n * (100 - infinite + 8) / 100);
        check_msm(&c, 8, 2, 2);
        msm_case_free(&c);
    }
}

static void a_plan_for_other_bases_is_refused(void **state)
{
    (void)state;
    struct msm_case c = msm_case(50, 0, DENSE, 50);
    const struct gpu_msm_set sets[] = { { c.p, 0, c.n }, { c.q, 0, c.n } },
                             late[] = { { c.p, 1, c.n }, { c.q, 0, c.n } };
    struct msm_plan plan = plan_of(&c, sets, 6, 1);
    struct gpu_msm *m = NULL;
    assert_int_equal(gpu_msm_new(the_gpu, &m, &plan, late), PV_INVALID_INPUT);
    memset(c.p, 0, c.n * sizeof *c.p);
    memset(c.q, 0, c.n * sizeof *c.q);
    assert_int_equal(gpu_msm_new(the_gpu, &m, &plan, sets), PV_INVALID_INPUT);
    assert_null(m);
    msm_case_free(&c);
}

/* Latency: after the first time one call hands over an MSM of both groups, whatever the scalars now are. */
static void small_sums_are_one_launch(void **state)
{
    (void)state;
    struct msm_case c = msm_case(80, 0, DENSE, 0), d = msm_case(80, 0, CIRCOM, 0);
    const struct gpu_msm_set sets[] = { { c.p, 0, c.n }, { c.q, 0, c.n } };
    const struct msm_plan plan = plan_of(&c, sets, 7, 4);
    struct gpu_msm *m;
    struct gpu_stream *s;
    gpu_buf scalars, other, scratch;
    bn254_g1 want1, got1;
    bn254_g2 want2, got2;
    assert_int_equal(plan.replay, 1);
    assert_int_equal(gpu_stream_new(the_gpu, &s, false), PV_OK);
    assert_int_equal(gpu_msm_new(the_gpu, &m, &plan, sets), PV_OK);
    assert_int_equal(gpu_buf_new(the_gpu, &scalars, c.n * 32), PV_OK);
    assert_int_equal(gpu_buf_new(the_gpu, &other, c.n * 32), PV_OK);
    assert_int_equal(gpu_buf_new(the_gpu, &scratch, plan.scratch_bytes), PV_OK);
    queue_and_wait(m, s, scalars, scratch, &c);
    gpu_msm_finish(m, &got1, &got2);
    memcpy(c.k, d.k, c.n * 32);
    cpu_sums(&want1, &want2, &c);
    for (int k = 0; k < 3; k++) { /* replayed, recorded for another buffer, replayed */
        unsigned before = emu_submitted();
        queue_and_wait(m, s, k ? other : scalars, scratch, &c);
        assert_int_equal(emu_submitted() - before, 2); /* the upload and the sums */
        gpu_msm_finish(m, &got1, &got2);
        assert_memory_equal(&got1, &want1, sizeof got1);
        assert_memory_equal(&got2, &want2, sizeof got2);
    }
    gpu_buf_free(the_gpu, &scalars);
    gpu_buf_free(the_gpu, &other);
    gpu_buf_free(the_gpu, &scratch);
    gpu_msm_destroy(&m);
    gpu_stream_destroy(&s);
    msm_case_free(&c);
    msm_case_free(&d);
}

/* ---- the five sums of whole circuits ---- */

static void sums_of(struct backend_sums *sums, const struct backend *b, const struct zkey *z, const struct wtns *w)
{
    const struct backend_options options = { 0 };
    const struct prove_run run = { 0 };
    struct prove_error err = { 0 };
    struct backend_key *key = NULL;
    if (b->key_open(&key, z, &options, &run, &err) != PV_OK) fail_msg("%s: %s", b->name, err.text);
    for (int again = 0; again < 2; again++)
        if (b->sums(sums, key, w->values, &run, &err) != PV_OK) fail_msg("%s: %s", b->name, err.text);
    b->key_close(&key);
}

static void check_circuit(struct toy_circuit *c)
{
    size_t zkey_size, wtns_size;
    uint8_t *zkey_bytes = toy_zkey(&zkey_size, &c->r1cs, seeded_u64(&rng)),
            *wtns_bytes = toy_wtns(&wtns_size, c->witness, c->r1cs.wires);
    struct backend_sums cpu, cuda;
    struct prove_error err = { 0 };
    struct zkey z;
    struct wtns w;
    memset(&cpu, 0, sizeof cpu);
    memset(&cuda, 0, sizeof cuda);
    assert_int_equal(zkey_of(&z, zkey_bytes, zkey_size, "toy", &err), PV_OK);
    assert_int_equal(wtns_of(&w, wtns_bytes, wtns_size, "toy", &err), PV_OK);
    sums_of(&cpu, &backend_cpu, &z, &w);
    sums_of(&cuda, &backend_cuda, &z, &w);
    assert_memory_equal(&cpu, &cuda, sizeof cpu);
    wtns_close(&w);
    zkey_close(&z);
    free(zkey_bytes);
    free(wtns_bytes);
    toy_circuit_clear(c);
}

static void circuits_of_any_shape_have_crypto_s_sums(void **state)
{
    (void)state;
    struct toy_circuit c;
    static const uint32_t shapes[][2] = { { 0, 0 }, { 1, 0 }, { 9, 0 }, { 18, 3 }, { 1, 40 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        toy_random_circuit(&c, shapes[i][0], shapes[i][1], seeded_u64(&rng));
        check_circuit(&c);
    }
    toy_bits(&c, 130, seeded_u64(&rng));
    check_circuit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_field_is_crypto_s),
        cmocka_unit_test(scalar_field_is_crypto_s),
        cmocka_unit_test(g1_sums_are_crypto_s),
        cmocka_unit_test(g2_sums_are_crypto_s),
        cmocka_unit_test(transforms_are_crypto_s),
        cmocka_unit_test(quotients_are_crypto_s),
        cmocka_unit_test(sums_at_every_edge_are_crypto_s),
        cmocka_unit_test(sums_of_every_family_are_crypto_s),
        cmocka_unit_test(infinities_are_left_out_before_the_sort),
        cmocka_unit_test(a_plan_for_other_bases_is_refused),
        cmocka_unit_test(small_sums_are_one_launch),
        cmocka_unit_test(circuits_of_any_shape_have_crypto_s_sums),
    };
    char why[160];
    rng = seeded_start();
    fill_pools();
    if (gpu_open(&the_gpu, 0, why, sizeof why) != PV_OK) return fprintf(stderr, "%s\n", why), 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gpu_close(&the_gpu);
    return failed;
}
