/* The rows are sums over records, whatever the order of the records, with duplicates, gaps, and any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "qap.h"

#include <gmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOMAIN = 64, VARS = 40, COEFS = 700 };

static uint64_t state = 1;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static mpz_t r, inverse; /* inverse: R^-1 mod r */

static void to_mpz(mpz_t to, const void *bytes)
{
    mpz_import(to, 32, -1, 1, -1, 0, bytes);
}

static void from_mpz(void *bytes, const mpz_t from)
{
    memset(bytes, 0, 32);
    mpz_export(bytes, NULL, -1, 1, -1, 0, from);
}

static void random_below_r(uint8_t to[32])
{
    mpz_t n;
    mpz_init(n);
    uint64_t words[5];
    for (int i = 0; i < 5; i++) words[i] = next();
    mpz_import(n, 5, -1, 8, 0, 0, words);
    mpz_mod(n, n, r);
    if (next() % 8 == 0) mpz_set_ui(n, next() % 2);
    from_mpz(to, n);
    mpz_clear(n);
}

struct system {
    struct zkey zkey;
    struct zkey_coef coefs[COEFS];
    bn254_scalar_packed witness[VARS];
};

static void put_u32(uint8_t to[4], uint32_t n)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(n >> 8 * i);
}

/* Rows crowd together and leave gaps; signals repeat, so some (matrix, row, signal) come more than once. */
static void random_system(struct system *s, bool in_order)
{
    uint32_t row = 0;
    for (int i = 0; i < COEFS; i++) {
        row = in_order ? (i % 11 == 0 && row < DOMAIN - 2 ? row + 1 + next() % 2 : row) : (uint32_t)(next() % DOMAIN);
        put_u32(s->coefs[i].matrix, next() % 2);
        put_u32(s->coefs[i].row, row);
        put_u32(s->coefs[i].signal, next() % VARS);
        random_below_r(s->coefs[i].value);
    }
    for (int i = 0; i < VARS; i++) random_below_r(s->witness[i].bytes);
    s->zkey = (struct zkey){ .vars = VARS,
                             .domain = DOMAIN,
                             .log_domain = 6,
                             .coef_count = COEFS,
                             .rows = DOMAIN,
                             .coefs_in_order = in_order,
                             .coefs = s->coefs };
}

/* sum over records of coef * R^-2 * w, by GMP; then compared in Montgomery form: times R. */
static void naive_row(mpz_t sum, const struct system *s, uint32_t matrix, uint32_t row)
{
    mpz_t c, w;
    mpz_inits(c, w, NULL);
    mpz_set_ui(sum, 0);
    for (int i = 0; i < COEFS; i++) {
        if (s->coefs[i].matrix[0] != matrix || s->coefs[i].row[0] != row) continue;
        to_mpz(c, s->coefs[i].value);
        to_mpz(w, s->witness[s->coefs[i].signal[0]].bytes);
        mpz_mul(c, c, inverse);
        mpz_addmul(sum, c, w);
    }
    mpz_mod(sum, sum, r);
    mpz_clears(c, w, NULL);
}

static void assert_rows(const struct system *s, const bn254_fr *a, const bn254_fr *b)
{
    mpz_t x, y;
    uint8_t bytes[32];
    mpz_inits(x, y, NULL);
    for (uint32_t row = 0; row < DOMAIN; row++) {
        naive_row(x, s, 0, row);
        from_mpz(bytes, x);
        assert_memory_equal(&a[row], bytes, 32);
        naive_row(y, s, 1, row);
        from_mpz(bytes, y);
        assert_memory_equal(&b[row], bytes, 32);
    }
    mpz_clears(x, y, NULL);
}

static void check(bool in_order)
{
    static struct system s;
    bn254_fr a[DOMAIN], b[DOMAIN];
    struct qap q;
    for (unsigned threads = 1; threads <= 9; threads += 2) {
        struct bn254_run run = { .threads = threads, .path = threads % 4 == 1 ? BN254_PATH_PORTABLE : BN254_PATH_AUTO };
        random_system(&s, in_order);
        assert_int_equal(qap_init(&q, &s.zkey, NULL), PV_OK);
        assert_int_equal(q.order == NULL, in_order);
        memset(a, 0xff, sizeof a);
        memset(b, 0xff, sizeof b);
        assert_true(qap_evaluate(a, b, &q, s.witness, &run));
        assert_rows(&s, a, b);
        qap_clear(&q);
    }
}

static void rows_in_order_are_sums(void **unused)
{
    (void)unused;
    check(true);
}

static void rows_in_any_order_are_sums(void **unused)
{
    (void)unused;
    check(false);
}

static void one_row_may_hold_everything(void **unused)
{
    (void)unused;
    static struct system s;
    bn254_fr a[DOMAIN], b[DOMAIN];
    struct bn254_run run = { .threads = 4 };
    struct qap q;
    random_system(&s, true);
    for (int i = 0; i < COEFS; i++) put_u32(s.coefs[i].row, 5);
    assert_int_equal(qap_init(&q, &s.zkey, NULL), PV_OK);
    assert_true(qap_evaluate(a, b, &q, s.witness, &run));
    assert_rows(&s, a, b);
}

static void a_circuit_without_coefficients_is_all_zero(void **unused)
{
    (void)unused;
    static struct system s;
    bn254_fr a[DOMAIN], b[DOMAIN], zero = { { 0 } };
    struct bn254_run run = { .threads = 3 };
    struct qap q;
    random_system(&s, true);
    s.zkey.coef_count = 0;
    assert_int_equal(qap_init(&q, &s.zkey, NULL), PV_OK);
    assert_true(qap_evaluate(a, b, &q, s.witness, &run));
    for (int i = 0; i < DOMAIN; i++)
        assert_memory_equal(&a[i], &zero, sizeof zero), assert_memory_equal(&b[i], &zero, sizeof zero);
}

static void stops_when_told(void **unused)
{
    (void)unused;
    static struct system s;
    bn254_fr a[DOMAIN], b[DOMAIN];
    atomic_int stop = 1;
    struct bn254_run run = { .threads = 2, .stop = &stop };
    struct qap q;
    random_system(&s, true);
    assert_int_equal(qap_init(&q, &s.zkey, NULL), PV_OK);
    assert_false(qap_evaluate(a, b, &q, s.witness, &run));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_order_are_sums),
        cmocka_unit_test(rows_in_any_order_are_sums),
        cmocka_unit_test(one_row_may_hold_everything),
        cmocka_unit_test(a_circuit_without_coefficients_is_all_zero),
        cmocka_unit_test(stops_when_told),
    };
    state = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261122;
    print_message("seed %llu\n", (unsigned long long)state);
    mpz_inits(r, inverse, NULL);
    mpz_set_str(r, "21888242871839275222246405745257275088548364400416034343698204186575808495617", 10);
    mpz_ui_pow_ui(inverse, 2, 256);
    mpz_invert(inverse, inverse, r);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mpz_clears(r, inverse, NULL);
    return failed;
}
