/* A key of more than 4 GiB: sections begin beyond 4 GiB, and lengths need more than 32 bits. The file is sparse: all
 * its points are zero bytes (infinity), and nothing reads them here. */
#include "backend.h"
#include "temp_dir.h"
#include "zkey.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char folder[64];
static char path[80];
static int fd;
static uint64_t at; /* where the next bytes go */

static void put(const void *bytes, size_t n)
{
    assert_int_equal(pwrite(fd, bytes, n, (off_t)at), n);
    at += n;
}

static void put_u32(uint32_t v)
{
    put(&v, sizeof v); /* little-endian hosts only, as all of the prover */
}

static void begin_section(uint32_t id, uint64_t size)
{
    put_u32(id);
    put(&size, sizeof size);
}

static void hole(uint32_t id, uint64_t size)
{
    begin_section(id, size);
    at += size;
}

static const uint8_t q[32] = { 0x47, 0xfd, 0x7c, 0xd8, 0x16, 0x8c, 0x20, 0x3c, 0x8d, 0xca, 0x71,
                               0x68, 0x91, 0x6a, 0x81, 0x97, 0x5d, 0x58, 0x81, 0x81, 0xb6, 0x45,
                               0x50, 0xb8, 0x29, 0xa0, 0x31, 0xe1, 0x72, 0x4e, 0x64, 0x30 };
static const uint8_t r[32] = { 0x01, 0x00, 0x00, 0xf0, 0x93, 0xf5, 0xe1, 0x43, 0x91, 0x70, 0xb9,
                               0x79, 0x48, 0xe8, 0x33, 0x28, 0x5d, 0x58, 0x81, 0x81, 0xb6, 0x45,
                               0x50, 0xb8, 0x29, 0xa0, 0x31, 0xe1, 0x72, 0x4e, 0x64, 0x30 };

enum { LOG_DOMAIN = 24, COEFS = 3 };
static const uint64_t vars = (1u << LOG_DOMAIN) - 5, domain = 1u << LOG_DOMAIN;

static void put_header(void)
{
    static const uint8_t points[3 * 64 + 3 * 128];
    begin_section(1, 4);
    put_u32(1);
    begin_section(2, 2 * 36 + 12 + sizeof points);
    put_u32(32);
    put(q, 32);
    put_u32(32);
    put(r, 32);
    put_u32((uint32_t)vars);
    put_u32(1);
    put_u32((uint32_t)domain);
    put(points, sizeof points);
}

static void put_coefs(void)
{
    begin_section(4, 4 + COEFS * 44);
    put_u32(COEFS);
    for (uint32_t i = 0; i < COEFS; i++) {
        uint8_t value[32] = { (uint8_t)(i + 7) };
        put_u32(i % 2);
        put_u32((uint32_t)domain - COEFS + i); /* in the last rows */
        put_u32((uint32_t)vars - 1);
        put(value, 32);
    }
}

/* Points first, 6 GiB of them; the coefficients behind. a_bytes: of section 5. */
static void make(uint64_t a_bytes)
{
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    at = 0;
    put("zkey", 4);
    put_u32(1);
    put_u32(9);
    put_header();
    hole(3, 2 * 64);
    hole(5, a_bytes);
    hole(6, vars * 64);
    hole(7, vars * 128);
    hole(8, (vars - 2) * 64);
    hole(9, domain * 64);
    put_coefs();
    close(fd);
}

static void sections_behind_4_gib_are_where_they_are(void **state)
{
    (void)state;
    struct zkey z;
    struct prove_error err = { 0 };
    make(vars * 64);
    if (zkey_open(&z, path, &err) != PV_OK) fail_msg("%s", err.text);
    assert_true(z.file.size > 5ull << 30);
    assert_true((uint64_t)((const uint8_t *)z.coefs - z.file.bytes) > 5ull << 30);
    assert_int_equal(z.coef_count, COEFS);
    assert_int_equal(z.rows, domain);
    assert_true(z.coefs_in_order);
    for (int i = 0; i < COEFS; i++) assert_int_equal(z.coefs[i].value[0], i + 7);
    assert_ptr_equal(z.b1, (const uint8_t *)z.a + vars * 64 + 12);
    assert_ptr_equal(z.c, (const uint8_t *)z.b2 + vars * 128 + 12);
    assert_ptr_equal((const uint8_t *)z.coefs - 16, (const uint8_t *)(z.h + domain));
    zkey_close(&z);
}

static void the_memory_for_it_is_told_in_64_bits(void **state)
{
    (void)state;
    static const struct backend_options options = { .threads = 2 };
    struct zkey z;
    struct backend_need need;
    make(vars * 64);
    assert_int_equal(zkey_open(&z, path, NULL), PV_OK);
    z.domain = z.vars = UINT32_C(1) << 28; /* the largest key: three vectors of 8 GiB */
    z.log_domain = 28;
    assert_int_equal(backend_cpu.need(&need, &z, &options, NULL), PV_OK);
    assert_true(need.proof_bytes >= 24ull << 30 && need.proof_bytes < 40ull << 30);
    zkey_close(&z);
}

/* vars * 64 modulo 2^32, and everything else in place: a reader that multiplied in 32 bits would take it. */
static void a_length_that_agrees_only_in_32_bits_is_refused(void **state)
{
    (void)state;
    struct zkey z;
    struct prove_error err = { 0 };
    make(vars * 64 + (UINT64_C(1) << 32));
    assert_int_equal(zkey_open(&z, path, &err), PV_BAD_ZKEY);
    assert_non_null(strstr(err.text, "section 5"));
}

static int setup(void **state)
{
    (void)state;
    temp_dir_make(folder);
    snprintf(path, sizeof path, "%s/large.zkey", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_behind_4_gib_are_where_they_are),
        cmocka_unit_test(the_memory_for_it_is_told_in_64_bits),
        cmocka_unit_test(a_length_that_agrees_only_in_32_bits_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
