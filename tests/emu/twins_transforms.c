/* NTT and quotient: the kernels beside crypto/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "twins_scene.h"

#include "gpu_ntt.h"
#include "ntt.h"

#include <stdlib.h>
#include <string.h>

static struct bn254_twiddles twiddles(unsigned log_n, void **mem)
{
    struct bn254_twiddles tw;
    *mem = twins_take(1, bn254_twiddles_bytes(log_n) + bn254_ntt_scratch_bytes(NULL));
    bn254_twiddles_init(&tw, log_n, *mem, NULL);
    return tw;
}

/* It lies behind the table. */
static void *scratch_of(void *mem, unsigned log_n)
{
    return (char *)mem + bn254_twiddles_bytes(log_n);
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
    assert_int_equal(gpu_buf_new(twins_gpu, &buf, bytes), PV_OK);
    assert_int_equal(gpu_upload_async(s, buf, v, bytes), PV_OK);
    assert_int_equal(gpu_ntt_async(d, s, buf, 1, kind), PV_OK);
    assert_int_equal(gpu_download_async(s, v, buf, bytes), PV_OK);
    assert_int_equal(gpu_stream_wait(s), PV_OK);
    gpu_buf_free(twins_gpu, &buf);
}

static void check_ntt(unsigned log_n)
{
    const size_t n = (size_t)1 << log_n, bytes = n * sizeof(bn254_fr);
    void *mem;
    struct bn254_twiddles tw = twiddles(log_n, &mem);
    bn254_fr *v = twins_take(n, sizeof *v), *want = twins_take(n, sizeof *want);
    struct gpu_domain *d;
    struct gpu_stream *s;
    assert_int_equal(gpu_domain_new(twins_gpu, &d, log_n), PV_OK);
    assert_int_equal(gpu_stream_new(twins_gpu, &s, false), PV_OK);
    for (unsigned inverse = 0; inverse <= GPU_NTT_INVERSE; inverse += GPU_NTT_INVERSE)
        for (unsigned kind = GPU_NTT_TO_REVERSED; kind <= GPU_NTT_TO_NATURAL; kind++) {
            for (size_t i = 0; i < n; i++) v[i] = want[i] = random_fr(&twins_rng);
            if (kind == GPU_NTT_TO_NATURAL) reverse(v, log_n);
            transform(d, s, v, bytes, kind | inverse);
            if (kind == GPU_NTT_TO_REVERSED) reverse(v, log_n);
            void *scratch = scratch_of(mem, log_n);
            assert_true(inverse ? bn254_intt(want, &tw, NULL, scratch) : bn254_ntt(want, &tw, NULL, scratch));
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
    switch (seeded_below(&twins_rng, 5)) {
    case 0: bn254_fr_set_zero(&k); break;
    case 1: break;
    case 2: bn254_fr_neg(&k, &k); break;
    default: k = random_fr(&twins_rng);
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
    for (uint32_t i = 0; i < m->vars; i++) m->w[i] = i % 3 ? random_fr(&twins_rng) : (bn254_fr){ { 0 } };
    for (uint32_t row = 0; row < n; row++)
        for (unsigned matrix = 0; matrix < 2; matrix++)
            for (unsigned k = lengths[seeded_below(&twins_rng, n < 64 ? 9 : 4)]; k > 0; k--) {
                uint32_t signal = (uint32_t)seeded_below(&twins_rng, m->vars);
                entry(m, matrix, row, signal);
                if (seeded_below(&twins_rng, 8) == 0) entry(m, matrix, row, signal);
            }
    for (size_t i = m->count; i > 1; i--) {
        size_t k = seeded_below(&twins_rng, i);
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
    struct gpu_recording *recording;
    gpu_buf w, work, out;
    const size_t bytes = (size_t)m->vars * 32, n = (size_t)1 << m->log_n;
    assert_int_equal(gpu_qap_new(twins_gpu, &q, m->records, m->count, m->vars, m->log_n), PV_OK);
    assert_int_equal(gpu_stream_new(twins_gpu, &s, false), PV_OK);
    assert_int_equal(gpu_buf_new(twins_gpu, &w, bytes), PV_OK);
    assert_int_equal(gpu_buf_new(twins_gpu, &work, need.work_bytes), PV_OK);
    assert_int_equal(gpu_recording_new(&recording), PV_OK);
    for (int again = 0; again < 2; again++) { /* recorded, then replayed */
        memset(h, 0xee, n * 32);
        assert_int_equal(gpu_upload_async(s, w, witness, bytes), PV_OK);
        assert_int_equal(gpu_quotient_async(q, s, w, work, recording, &out), PV_OK);
        assert_int_equal(gpu_download_async(s, h, out, n * 32), PV_OK);
        assert_int_equal(gpu_stream_wait(s), PV_OK);
    }
    gpu_buf_free(twins_gpu, &w);
    gpu_buf_free(twins_gpu, &work);
    gpu_stream_destroy(&s);
    gpu_recording_destroy(&recording);
    gpu_qap_destroy(&q);
}

static void check_quotient(unsigned log_n, uint32_t vars)
{
    const size_t n = (size_t)1 << log_n;
    struct matrices m = {
        .log_n = log_n, .vars = vars, .a = twins_take(n, 32), .b = twins_take(n, 32), .w = twins_take(vars, 32)
    };
    bn254_fr *c = twins_take(n, sizeof *c);
    bn254_scalar_packed *witness = twins_take(vars, 32), *h = twins_take(n, 32), *want = twins_take(n, 32);
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
    bn254_scalar_packed *quotient = (bn254_scalar_packed *)want;
    assert_true(bn254_quotient(quotient, m.a, m.b, c, log_n, &tw, NULL, scratch_of(mem, log_n)));
    assert_memory_equal(h, want, n * 32);
    free(m.records), free(m.a), free(m.b), free(m.w), free(c), free(witness), free(h), free(want), free(mem);
}

static void quotients_are_crypto_s(void **state)
{
    (void)state;
    for (unsigned log_n = 0; log_n <= 9; log_n++) check_quotient(log_n, 1 + (uint32_t)seeded_below(&twins_rng, 200));
    check_quotient(12, 4000);
    check_quotient(5, 1);
}

int twins_transforms(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transforms_are_crypto_s),
        cmocka_unit_test(quotients_are_crypto_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
