/* Key files that change while they are used, and how much of one a survey reads. */
#include "prove.h"
#include "temp_dir.h"
#include "zkey_survey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[80];
static uint8_t bytes[4 << 20];
static size_t size;

static void file_read(const char *from)
{
    FILE *in = fopen(from, "rb");
    assert_non_null(in);
    size = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
}

/* In place: the file keeps its inode. */
static void file_write(size_t n)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(out);
}

static int setup(void **state)
{
    (void)state;
    temp_dir_make(folder);
    snprintf(path, sizeof path, "%s/circuit.zkey", folder);
    file_read("data/bits/circuit.zkey");
    file_write(size);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(folder);
    return 0;
}

/* Section 4 of the bytes: *count records. */
static struct zkey_coef *coefs(uint32_t *count)
{
    struct zkey z;
    assert_int_equal(zkey_of(&z, bytes, size, "bits", NULL), PV_OK);
    *count = z.coef_count;
    return (struct zkey_coef *)z.coefs;
}

/* Over the same file, from its first byte. */
static void overwrite(const uint8_t *with)
{
    FILE *out = fopen(path, "r+b");
    assert_non_null(out);
    assert_int_equal(fwrite(with, 1, size, out), size);
    fclose(out);
}

/* Another process that writes to the key's file when the proof has come to a stage. */
struct writer {
    const char *phase;
    unsigned percent;
    bool wrote;
    uint8_t with[sizeof bytes];
};

static void write_at(void *arg, const char *phase, unsigned percent)
{
    struct writer *w = arg;
    if (w->wrote || strcmp(phase, w->phase) || percent != w->percent) return;
    w->wrote = true;
    overwrite(w->with);
}

/* A mapped key, as for a single proof. */
static pv_status prove_mapped(struct writer *writer)
{
    static const struct backend_options options;
    struct prove_run run = { .key_pages = PROVE_KEY_PASSES_BY, .progress = write_at, .progress_arg = writer };
    struct prove_key *key;
    struct groth16_proof proof;
    struct wtns w;
    file_write(size);
    assert_int_equal(prove_key_new(&key, path, &backend_cpu, &options, &run, NULL), PV_OK);
    assert_int_equal(wtns_open(&w, "data/bits/witness.wtns", NULL), PV_OK);
    pv_status s = prove_groth16(&proof, key, &w, NULL, &run, NULL);
    assert_true(writer->wrote);
    assert_false(mapfile_is_current(&prove_key_zkey(key)->file, path));
    wtns_close(&w);
    prove_key_destroy(&key);
    return s;
}

static const struct {
    const char *phase;
    unsigned percent;
} stages[] = { { "quotient", 5 }, { "msm", 20 }, { "msm", 45 }, { "msm", 95 }, { "verify", 97 } };

enum { STAGES = sizeof stages / sizeof *stages, LAST_READ = 3 };

/* All numbers 2^32 - 1, all coordinates 2^256 - 1: no row, signal or point is where it was when it was checked. */
static void with_ones(void)
{
    static struct writer w;
    for (size_t i = 0; i < STAGES; i++) {
        w = (struct writer){ .phase = stages[i].phase, .percent = stages[i].percent };
        memset(w.with, 0xff, size);
        assert_int_equal(prove_mapped(&w), i < LAST_READ ? PV_BAD_WITNESS : PV_OK);
    }
}

static void a_mapped_key_that_is_overwritten_gives_no_wrong_proof_and_no_crash(void **state)
{
    (void)state;
    with_ones();
}

/* Its rows are not in order: a permutation was made of them. */
static void so_does_one_in_another_order(void **state)
{
    (void)state;
    uint32_t count;
    struct zkey_coef *c = coefs(&count), first = c[0];
    c[0] = c[count - 1];
    c[count - 1] = first;
    with_ones();
}

/* A key that stays for more than one proof is a copy: nothing that happens to its file reaches it. */
static void a_key_that_stays_does_not_notice(void **state)
{
    (void)state;
    static const struct backend_options options;
    static uint8_t ones[sizeof bytes];
    struct prove_key *key;
    struct groth16_proof proof;
    struct wtns w;
    assert_int_equal(prove_key_new(&key, path, &backend_cpu, &options, NULL, NULL), PV_OK);
    assert_int_equal(wtns_open(&w, "data/bits/witness.wtns", NULL), PV_OK);
    memset(ones, 0xff, size);
    overwrite(ones);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, NULL, NULL), PV_OK);
    file_write(0);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, NULL, NULL), PV_OK);
    assert_int_equal(remove(path), 0);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, NULL, NULL), PV_OK);
    wtns_close(&w);
    prove_key_destroy(&key);
}

static void a_survey_knows_what_is_announced(void **state)
{
    (void)state;
    uint8_t digest[32], wanted[32];
    struct zkey whole, z;
    assert_int_equal(zkey_load(&whole, path, NULL, NULL), PV_OK);
    assert_int_equal(zkey_digest_of(wanted, bytes, size, NULL), PV_OK);
    assert_int_equal(zkey_survey(&z, digest, path, NULL, NULL), PV_OK);
    assert_memory_equal(digest, wanted, 32);
    assert_true(z.vars == whole.vars && z.publics == whole.publics && z.domain == whole.domain);
    assert_true(z.rows == whole.rows && z.public_rows && z.coefs_in_order && z.coef_count == whole.coef_count);
    assert_memory_equal(z.alpha1, whole.alpha1, 576);
    assert_memory_equal(z.ic, whole.ic, (z.publics + 1) * sizeof *z.ic);
    assert_int_equal(z.file.size, size);
    file_write(0); /* it is no mapping */
    assert_memory_equal(z.ic, whole.ic, (z.publics + 1) * sizeof *z.ic);
    zkey_close(&z);
    zkey_close(&whole);
}

/* Of the key's bytes that are in memory, in pages. */
static size_t present_pages(const struct zkey *z, size_t page)
{
    unsigned char *there = malloc(z->file.size / page + 1);
    size_t n = 0;
    assert_int_equal(mincore((void *)z->file.bytes, z->file.size, there), 0);
    for (size_t i = 0; i * page < z->file.size; i++) n += there[i] & 1;
    free(there);
    return n;
}

/* A node looks at hundreds of keys that it may never load. */
static void a_survey_holds_neither_points_nor_coefficients(void **state)
{
    (void)state;
    uint8_t digest[32];
    struct zkey z;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(zkey_survey(&z, digest, path, NULL, NULL), PV_OK);
    assert_true(z.file.size / page > 50);
    assert_in_range(present_pages(&z, page), 1, 12); /* a quarter of it would be 24 */
    zkey_close(&z);
}

/* This key's coefficients come in three pieces of a MiB, which cut records. */
static void a_survey_sees_coefficients_that_come_in_pieces(void **state)
{
    (void)state;
    uint8_t digest[32];
    struct zkey whole, z;
    struct prove_error err = { 0 };
    char wanted[80];
    uint32_t count;
    file_read("data/member/circuit.zkey");
    file_write(size);
    assert_int_equal(zkey_load(&whole, path, NULL, NULL), PV_OK);
    assert_int_equal(zkey_survey(&z, digest, path, NULL, NULL), PV_OK);
    assert_true(z.rows == whole.rows && z.public_rows && z.coefs_in_order && z.coef_count == whole.coef_count);
    zkey_close(&z);
    struct zkey_coef *c = coefs(&count);
    size_t cut = (1 << 20) - (size_t)((uint8_t *)c - bytes);
    assert_true(cut / 44 + 1 < count && cut % 44);
    static const uint32_t past[] = { 0, 1 }; /* the record that the first MiB ends in, and the next */
    for (size_t i = 0; i < 2; i++) {
        uint32_t bad = (uint32_t)(cut / 44) + past[i];
        c[bad].matrix[0] ^= 2;
        file_write(size);
        assert_int_equal(zkey_survey(&z, digest, path, NULL, &err), PV_BAD_ZKEY);
        snprintf(wanted, sizeof wanted, "coefficient %u belongs to matrix", bad);
        assert_non_null(strstr(err.text, wanted));
        c[bad].matrix[0] ^= 2;
    }
    memset(c[cut / 44].row, 0, 4); /* lower than the one before */
    file_write(size);
    assert_int_equal(zkey_survey(&z, digest, path, NULL, NULL), PV_OK);
    assert_true(!z.coefs_in_order && !z.public_rows && z.rows == whole.rows);
    zkey_close(&z);
    zkey_close(&whole);
}

static bool after_two_questions(void *ctx)
{
    unsigned *asked = ctx;
    return ++*asked > 2;
}

static void a_survey_ends_when_it_is_told_to(void **state)
{
    (void)state;
    uint8_t digest[32];
    struct zkey z;
    unsigned asked = 0;
    const struct regular_interrupt interrupt = { after_two_questions, &asked };
    file_read("data/member/circuit.zkey");
    file_write(size);
    assert_int_equal(zkey_survey(&z, digest, path, &interrupt, NULL), PV_CANCELLED);
    assert_int_equal(asked, 3); /* of four MiB */
}

/* Taken while the file is read, and before anything is made of the bytes. */
static void a_key_is_loaded_by_its_digest_alone(void **state)
{
    (void)state;
    uint8_t digest[32];
    struct zkey z;
    struct prove_error err = { 0 };
    const atomic_int raised = 1;
    assert_int_equal(zkey_digest_of(digest, bytes, size, NULL), PV_OK);
    assert_int_equal(zkey_load_digest(&z, path, digest, ZKEY_PRIVATE, NULL, &err), PV_OK);
    zkey_close(&z);
    assert_int_equal(zkey_load_digest(&z, path, digest, ZKEY_PRIVATE, &raised, &err), PV_CANCELLED);
    bytes[size - 1] ^= 1;
    file_write(size);
    assert_int_equal(zkey_load_digest(&z, path, digest, ZKEY_PRIVATE, NULL, &err), PV_HASH_MISMATCH);
    assert_non_null(strstr(err.text, path));
    memset(bytes, 0, 100);
    file_write(size); /* no key at all */
    assert_int_equal(zkey_load_digest(&z, path, digest, ZKEY_PRIVATE, NULL, &err), PV_HASH_MISMATCH);
    file_write(0);
    assert_int_equal(zkey_load_digest(&z, path, digest, ZKEY_PRIVATE, NULL, &err), PV_INVALID_INPUT);
}

static void a_survey_refuses_what_a_reader_of_the_whole_refuses(void **state)
{
    (void)state;
    uint8_t digest[32];
    struct zkey z;
    struct prove_error err = { 0 };
    uint32_t count;
    static const size_t cut[] = { 1, 5, 11, 12, 20, 24, 100, 3000 };
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        file_write(cut[i]);
        assert_int_equal(zkey_survey(&z, digest, path, NULL, &err), PV_BAD_ZKEY);
    }
    file_write(size - 1);
    assert_int_equal(zkey_survey(&z, digest, path, NULL, &err), PV_BAD_ZKEY);
    coefs(&count)[0].row[3] = 0xff;
    file_write(size);
    assert_int_equal(zkey_survey(&z, digest, path, NULL, &err), PV_BAD_ZKEY);
    assert_non_null(strstr(err.text, "row"));
    memset(bytes + 8, 0xff, 4);
    file_write(size);
    assert_int_equal(zkey_survey(&z, digest, path, NULL, &err), PV_BAD_ZKEY);
    assert_non_null(strstr(err.text, "sections"));
    assert_int_equal(zkey_survey(&z, digest, folder, NULL, &err), PV_INVALID_INPUT);
}

static void a_loaded_key_proves_whatever_becomes_of_its_file(void **state)
{
    (void)state;
    static const struct backend_options options;
    struct prove_key *key;
    struct groth16_proof proof;
    struct zkey z;
    struct wtns w;
    assert_int_equal(zkey_load(&z, path, NULL, NULL), PV_OK);
    assert_int_equal(prove_key_take(&key, &z, path, &backend_cpu, &options, NULL, NULL), PV_OK);
    file_write(0);
    assert_int_equal(wtns_open(&w, "data/bits/witness.wtns", NULL), PV_OK);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, NULL, NULL), PV_OK);
    wtns_close(&w);
    prove_key_destroy(&key);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mapped_key_that_is_overwritten_gives_no_wrong_proof_and_no_crash),
        TEST(so_does_one_in_another_order),
        TEST(a_key_that_stays_does_not_notice),
        TEST(a_survey_knows_what_is_announced),
        TEST(a_survey_holds_neither_points_nor_coefficients),
        TEST(a_survey_sees_coefficients_that_come_in_pieces),
        TEST(a_survey_ends_when_it_is_told_to),
        TEST(a_key_is_loaded_by_its_digest_alone),
        TEST(a_survey_refuses_what_a_reader_of_the_whole_refuses),
        TEST(a_loaded_key_proves_whatever_becomes_of_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
