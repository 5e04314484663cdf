/* Reading circom's r1cs files, as the measurements do: good files are read, all others refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fr.h"
#include "r1cs_file.h"
#include "toy_circuits.h"

#include <stdlib.h>
#include <string.h>

enum { SECTIONS_AT = 8, HEADER_AT = 24, FIELD_AT = HEADER_AT + 4, WIRES_AT = FIELD_AT + 32 };

struct file {
    size_t size, first_list; /* where the first list of terms that is not empty begins */
    uint8_t bytes[1 << 16];
};

static size_t put(struct file *f, const void *from, size_t n)
{
    assert_true(f->size + n <= sizeof f->bytes);
    memcpy(f->bytes + f->size, from, n);
    f->size += n;
    return f->size - n;
}

static size_t put_u32(struct file *f, uint32_t v)
{
    return put(f, &v, 4);
}

static void put_section(struct file *f, uint32_t type, uint64_t size)
{
    put_u32(f, type);
    put(f, &size, 8);
}

static void put_header(struct file *f, const struct toy_r1cs *s)
{
    static const uint64_t labels = 7;
    put_section(f, 1, 64);
    put_u32(f, 32);
    put(f, BN254_FR_MODULUS, 32);
    put_u32(f, s->wires);
    put_u32(f, s->publics - s->publics / 2); /* outputs */
    put_u32(f, s->publics / 2);
    put_u32(f, 0);
    put(f, &labels, 8);
    put_u32(f, s->constraints);
}

static void put_terms(struct file *f, const struct toy_r1cs *s, uint32_t row, unsigned matrix)
{
    uint32_t n = 0;
    size_t count_at = put_u32(f, 0);
    for (size_t i = 0; i < s->count; i++) {
        const struct toy_term *t = &s->terms[i];
        bn254_scalar k;
        if (t->row != row || t->matrix != matrix) continue;
        n++;
        bn254_fr_to_scalar(&k, &t->value);
        put_u32(f, t->wire);
        put(f, &k, 32);
    }
    memcpy(f->bytes + count_at, &n, 4);
    if (n && !f->first_list) f->first_list = count_at;
}

/* As circom writes it, with the third section of labels, which is not needed. */
static void write_file(struct file *f, const struct toy_r1cs *s)
{
    *f = (struct file){ 0 };
    put(f, "r1cs\1\0\0\0\3\0\0\0", 12);
    put_header(f, s);
    put_section(f, 2, 0);
    size_t from = f->size;
    for (uint32_t row = 0; row < s->constraints; row++)
        for (unsigned matrix = 0; matrix < 3; matrix++) put_terms(f, s, row, matrix);
    uint64_t size = f->size - from;
    memcpy(f->bytes + from - 8, &size, 8);
    put_section(f, 3, 8);
    put(f, &size, 8);
}

static struct file file;
static struct toy_circuit circuit;

static int setup(void **state)
{
    (void)state;
    toy_random_circuit(&circuit, 9, 3, 5);
    write_file(&file, &circuit.r1cs);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_circuit_clear(&circuit);
    return 0;
}

static void the_key_of_a_file_is_the_key_of_its_circuit(void **state)
{
    (void)state;
    struct toy_r1cs read;
    size_t size, size_read;
    assert_null(r1cs_read(&read, file.bytes, file.size));
    assert_int_equal(read.count, circuit.r1cs.count);
    uint8_t *ours = toy_zkey(&size, &circuit.r1cs, 1), *its = toy_zkey(&size_read, &read, 1);
    assert_int_equal(size, size_read);
    assert_memory_equal(ours, its, size);
    free(ours);
    free(its);
    toy_clear(&read);
}

static const char *read_of(const uint8_t *bytes, size_t size)
{
    struct toy_r1cs s;
    uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees the byte behind */
    memcpy(exact, bytes, size);
    const char *wrong = r1cs_read(&s, exact, size);
    if (!wrong) toy_clear(&s);
    free(exact);
    return wrong;
}

static void a_file_cut_short_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < file.size; size++) assert_non_null(read_of(file.bytes, size));
}

/* What is read when the four bytes at `at` are v. */
static const char *read_with(size_t at, uint32_t v)
{
    static struct file changed;
    changed = file;
    memcpy(changed.bytes + at, &v, 4);
    return read_of(changed.bytes, changed.size);
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    size_t term_at = file.first_list + 4;
    assert_null(read_with(SECTIONS_AT, 3));
    assert_string_equal(read_with(SECTIONS_AT, 4), "the file ends within a section");
    assert_string_equal(read_with(FIELD_AT, 2), "the circuit is over another field than bn254's");
    assert_string_equal(read_with(WIRES_AT, 3), "more public signals than wires");
    assert_string_equal(read_with(WIRES_AT, circuit.r1cs.publics + 1), "a constraint names a wire that is not there");
    assert_string_equal(read_with(WIRES_AT + 24, 10), "the constraints end within one of them");
    assert_string_equal(read_with(WIRES_AT + 24, 8), "bytes follow the last constraint");
    assert_string_equal(read_with(WIRES_AT + 24, UINT32_MAX), "more constraints than a domain of bn254 has rows");
    assert_non_null(read_with(file.first_list, UINT32_MAX)); /* what follows is read as terms until it fits no longer */
    assert_string_equal(read_with(term_at, circuit.r1cs.wires), "a constraint names a wire that is not there");
    assert_string_equal(read_with(term_at + 4 + 28, UINT32_MAX), "a coefficient is not reduced");
}

static void custom_gates_are_refused(void **state)
{
    (void)state;
    static struct file more;
    more = file;
    put_section(&more, 5, 4);
    put_u32(&more, 0);
    more.bytes[SECTIONS_AT] = 4;
    assert_string_equal(read_of(more.bytes, more.size), "the circuit uses custom gates, which Groth16 has not");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_a_file_is_the_key_of_its_circuit),
        cmocka_unit_test(a_file_cut_short_anywhere_is_refused),
        cmocka_unit_test(numbers_that_do_not_fit_are_refused),
        cmocka_unit_test(custom_gates_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
