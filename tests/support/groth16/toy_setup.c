#include "toy_setup.h"

#include "codec.h"
#include "g1.h"
#include "g2.h"

#include <stdlib.h>
#include <string.h>

uint64_t toy_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void toy_random(bn254_fr *to, uint64_t *state)
{
    bn254_scalar k;
    for (int i = 0; i < 4; i++) k.l[i] = toy_next(state);
    bn254_fr_from_scalar(to, &k);
}

void toy_add(struct toy_r1cs *s, unsigned matrix, uint32_t row, uint32_t wire, const bn254_fr *value)
{
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->terms = realloc(s->terms, s->room * sizeof *s->terms);
        if (!s->terms) abort();
    }
    s->terms[s->count++] = (struct toy_term){ row, wire, matrix, *value };
}

void toy_clear(struct toy_r1cs *s)
{
    free(s->terms);
    memset(s, 0, sizeof *s);
}

static void *room(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p) abort();
    return p;
}

/* Multiples of one base by a table of all bytes at all 32 places. */
struct table1 {
    bn254_g1_affine t[32][256];
};
struct table2 {
    bn254_g2_affine t[32][256];
};

#define TABLE_OF(G, N)                                                                                                 \
    static void table##N##_of(struct table##N *table, const bn254_##G##_affine *base)                                  \
    {                                                                                                                  \
        bn254_##G power, sum;                                                                                          \
        bn254_##G##_from_affine(&power, base);                                                                         \
        for (int place = 0; place < 32; place++) {                                                                     \
            memset(&sum, 0, sizeof sum);                                                                               \
            for (int i = 0; i < 256; i++) {                                                                            \
                bn254_##G##_to_affine(&table->t[place][i], &sum);                                                      \
                bn254_##G##_add(&sum, &sum, &power);                                                                   \
            }                                                                                                          \
            power = sum;                                                                                               \
        }                                                                                                              \
    }                                                                                                                  \
    /* to[i] = k[i] * base, packed as the files hold it */                                                             \
    static void multiples##N(uint8_t *to, const bn254_fr *k, size_t n, const struct table##N *table)                   \
    {                                                                                                                  \
        _Pragma("omp parallel for") for (size_t i = 0; i < n; i++)                                                     \
        {                                                                                                              \
            bn254_scalar e;                                                                                            \
            bn254_##G sum = { 0 };                                                                                     \
            bn254_##G##_affine a;                                                                                      \
            bn254_fr_to_scalar(&e, &k[i]);                                                                             \
            for (int place = 0; place < 32; place++)                                                                   \
                bn254_##G##_add_affine(&sum, &sum, &table->t[place][e.l[place / 8] >> 8 * (place % 8) & 255]);         \
            bn254_##G##_to_affine(&a, &sum);                                                                           \
            memcpy(to + i * sizeof a, &a, sizeof a);                                                                   \
        }                                                                                                              \
    }

TABLE_OF(g1, 1)
TABLE_OF(g2, 2)

/* L_i(tau) for the domain of 2^log_n, every step-th from first: w^i (tau^n - 1) / (n (tau - w^i)). */
static bn254_fr *lagrange(unsigned log_n, const bn254_fr *tau, size_t first, size_t step, size_t count)
{
    bn254_fr *v = room(count, sizeof *v), *scratch = room(count, sizeof *v), w, stride, power, z = *tau, one, n;
    bn254_fr_set_one(&one);
    for (unsigned i = 0; i < log_n; i++) bn254_fr_sqr(&z, &z);
    bn254_fr_sub(&z, &z, &one);
    bn254_fr_from_u64(&n, (uint64_t)1 << log_n);
    bn254_fr_inv(&n, &n);
    bn254_fr_mul(&z, &z, &n);
    bn254_fr_root_of_unity(&w, log_n);
    bn254_scalar e = { { first } };
    bn254_fr_pow(&power, &w, &e);
    e.l[0] = step;
    bn254_fr_pow(&stride, &w, &e);
    bn254_fr at = power;
    for (size_t i = 0; i < count; i++, bn254_fr_mul(&at, &at, &stride)) bn254_fr_sub(&v[i], tau, &at);
    bn254_fr_batch_inv(v, count, scratch);
    for (size_t i = 0; i < count; i++, bn254_fr_mul(&power, &power, &stride)) {
        bn254_fr_mul(&v[i], &v[i], &power);
        bn254_fr_mul(&v[i], &v[i], &z);
    }
    free(scratch);
    return v;
}

struct secret {
    bn254_fr tau, alpha, beta, gamma, delta;
};

struct key {
    const struct toy_r1cs *s;
    struct secret x;
    unsigned log_n;
    bn254_fr *poly[3]; /* u, v, w of every wire, at tau */
    bn254_fr *k;       /* (beta u + alpha v + w) / gamma or delta */
    const struct table1 *t1;
    const struct table2 *t2;
};

/* Made once a process: they cost more than a small key. */
static void tables(struct key *k)
{
    static struct table1 t1;
    static struct table2 t2;
    static bool made;
    if (!made) {
        table1_of(&t1, &BN254_G1_GENERATOR);
        table2_of(&t2, &BN254_G2_GENERATOR);
        made = true;
    }
    k->t1 = &t1;
    k->t2 = &t2;
}

static void evaluate(struct key *k)
{
    bn254_fr *l = lagrange(k->log_n, &k->x.tau, 0, 1, (size_t)1 << k->log_n), t, gamma, delta;
    for (int m = 0; m < 3; m++) k->poly[m] = room(k->s->wires, sizeof **k->poly);
    k->k = room(k->s->wires, sizeof *k->k);
    for (size_t i = 0; i < k->s->count; i++) {
        const struct toy_term *e = &k->s->terms[i];
        bn254_fr_mul(&t, &e->value, &l[e->row]);
        bn254_fr_add(&k->poly[e->matrix][e->wire], &k->poly[e->matrix][e->wire], &t);
    }
    for (uint32_t i = 0; i <= k->s->publics; i++)
        bn254_fr_add(&k->poly[0][i], &k->poly[0][i], &l[k->s->constraints + i]);
    bn254_fr_inv(&gamma, &k->x.gamma);
    bn254_fr_inv(&delta, &k->x.delta);
    for (uint32_t i = 0; i < k->s->wires; i++) {
        bn254_fr_mul(&k->k[i], &k->x.beta, &k->poly[0][i]);
        bn254_fr_mul(&t, &k->x.alpha, &k->poly[1][i]);
        bn254_fr_add(&k->k[i], &k->k[i], &t);
        bn254_fr_add(&k->k[i], &k->k[i], &k->poly[2][i]);
        bn254_fr_mul(&k->k[i], &k->k[i], i <= k->s->publics ? &gamma : &delta);
    }
    free(l);
}

static uint8_t *put_u32(uint8_t *p, uint32_t n)
{
    memcpy(p, &n, 4);
    return p + 4;
}

static uint8_t *put_section(uint8_t *p, uint32_t id, uint64_t size)
{
    p = put_u32(p, id);
    memcpy(p, &size, 8);
    return p + 8;
}

static uint8_t *put_prime(uint8_t *p, const uint64_t prime[4])
{
    p = put_u32(p, 32);
    memcpy(p, prime, 32);
    return p + 32;
}

static uint8_t *put_g1(uint8_t *p, const bn254_fr *k, size_t n, const struct key *key)
{
    multiples1(p, k, n, key->t1);
    return p + n * 64;
}

static uint8_t *put_g2(uint8_t *p, const bn254_fr *k, size_t n, const struct key *key)
{
    multiples2(p, k, n, key->t2);
    return p + n * 128;
}

enum { HEADER = 36 + 36 + 12 + 3 * 64 + 3 * 128, RECORD = 44 };

static uint8_t *put_header(uint8_t *p, const struct key *k)
{
    p = put_section(p, 1, 4);
    p = put_u32(p, 1);
    p = put_section(p, 2, HEADER);
    p = put_prime(p, BN254_FP_MODULUS);
    p = put_prime(p, BN254_FR_MODULUS);
    p = put_u32(p, k->s->wires);
    p = put_u32(p, k->s->publics);
    p = put_u32(p, (uint32_t)1 << k->log_n);
    p = put_g1(p, &k->x.alpha, 1, k);
    p = put_g1(p, &k->x.beta, 1, k);
    p = put_g2(p, &k->x.beta, 1, k);
    p = put_g2(p, &k->x.gamma, 1, k);
    p = put_g1(p, &k->x.delta, 1, k);
    return put_g2(p, &k->x.delta, 1, k);
}

static uint8_t *put_record(uint8_t *p, unsigned matrix, uint32_t row, uint32_t wire, const bn254_fr *value)
{
    bn254_scalar once;
    bn254_fr twice;
    p = put_u32(put_u32(put_u32(p, matrix), row), wire);
    memcpy(&once, value, sizeof once); /* value * R as a plain number; times R again */
    bn254_fr_from_scalar(&twice, &once);
    memcpy(p, &twice, 32);
    return p + 32;
}

static int by_row(const void *a, const void *b)
{
    const struct toy_term *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return (x->matrix > y->matrix) - (x->matrix < y->matrix);
}

static uint32_t count_ab(const struct toy_r1cs *s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s->count; i++) n += s->terms[i].matrix < 2;
    return n;
}

static uint8_t *put_coefs(uint8_t *p, const struct toy_r1cs *s)
{
    uint32_t n = count_ab(s) + s->publics + 1;
    bn254_fr one;
    bn254_fr_set_one(&one);
    if (s->count) qsort(s->terms, s->count, sizeof *s->terms, by_row);
    p = put_u32(put_section(p, 4, 4 + (uint64_t)n * RECORD), n);
    for (size_t i = 0; i < s->count; i++) {
        const struct toy_term *t = &s->terms[i];
        if (t->matrix < 2) p = put_record(p, t->matrix, t->row, t->wire, &t->value);
    }
    for (uint32_t i = 0; i <= s->publics; i++) p = put_record(p, 0, s->constraints + i, i, &one);
    return p;
}

static uint8_t *put_points(uint8_t *p, const struct key *k)
{
    size_t n = (size_t)1 << k->log_n, wires = k->s->wires, shown = k->s->publics + (size_t)1;
    bn254_fr delta, *h = lagrange(k->log_n + 1, &k->x.tau, 1, 2, n);
    bn254_fr_inv(&delta, &k->x.delta);
    for (size_t i = 0; i < n; i++) bn254_fr_mul(&h[i], &h[i], &delta);
    p = put_g1(put_section(p, 3, shown * 64), k->k, shown, k);
    p = put_g1(put_section(p, 9, n * 64), h, n, k);
    p = put_g1(put_section(p, 8, (wires - shown) * 64), k->k + shown, wires - shown, k);
    p = put_g1(put_section(p, 5, wires * 64), k->poly[0], wires, k);
    p = put_g1(put_section(p, 6, wires * 64), k->poly[1], wires, k);
    p = put_g2(put_section(p, 7, wires * 128), k->poly[1], wires, k);
    free(h);
    return p;
}

uint8_t *toy_zkey(size_t *size, const struct toy_r1cs *s, uint64_t seed)
{
    struct key k = { .s = s };
    bn254_fr *secret[] = { &k.x.tau, &k.x.alpha, &k.x.beta, &k.x.gamma, &k.x.delta };
    for (int i = 0; i < 5; i++) toy_random(secret[i], &seed);
    while ((uint64_t)1 << k.log_n < (uint64_t)s->constraints + s->publics + 1) k.log_n++;
    tables(&k);
    evaluate(&k);
    size_t n = (size_t)1 << k.log_n, records = count_ab(s) + s->publics + (size_t)1;
    uint8_t *bytes = room(1, 12 + 9 * 12 + 4 + HEADER + 4 + records * RECORD + n * 64 + (size_t)s->wires * 320);
    uint8_t *p = bytes;
    memcpy(p, "zkey", 4);
    p = put_u32(put_u32(p + 4, 1), 9);
    p = put_header(p, &k);
    p = put_coefs(p, s);
    p = put_points(p, &k);
    *size = (size_t)(p - bytes);
    for (int m = 0; m < 3; m++) free(k.poly[m]);
    free(k.k);
    return bytes;
}

uint8_t *toy_wtns(size_t *size, const bn254_fr *witness, uint32_t count)
{
    uint8_t *bytes = room(1, 12 + 12 + 40 + 12 + (size_t)count * 32), *p = bytes;
    memcpy(p, "wtns", 4);
    p = put_u32(put_u32(p + 4, 2), 2);
    p = put_prime(put_section(p, 1, 40), BN254_FR_MODULUS);
    p = put_section(put_u32(p, count), 2, (uint64_t)count * 32);
    for (uint32_t i = 0; i < count; i++, p += 32) {
        bn254_scalar k;
        bn254_fr_to_scalar(&k, &witness[i]);
        memcpy(p, &k, 32);
    }
    *size = (size_t)(p - bytes);
    return bytes;
}
