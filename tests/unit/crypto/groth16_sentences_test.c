/* Everything that is said of a key, a proof or signals that are not right, word for word; nothing is left or touched behind a refusal, whatever
 * allocation fails. `groth16_sentences_test write` writes the golden text anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "golden.h"
#include "heap_watch.h"
#include "json_limit.h"
#include "vector_file.h"
#include "verify.h"

static const char golden[] = "vectors/crypto/groth16_sentences.txt";

/* One of the three files read from a text: its error, and its sentence. What was there stays. */
static enum groth16_error read_one(int file, const char *text, size_t bytes, struct groth16_text *why)
{
    struct groth16_vkey vkey, vkey_before;
    struct groth16_proof proof, proof_before;
    bn254_scalar_packed *publics = (void *)&vkey;
    size_t n = 4711;
    memset(&vkey, 0x5a, sizeof vkey);
    memset(&proof, 0x5a, sizeof proof);
    memcpy(&vkey_before, &vkey, sizeof vkey);
    memcpy(&proof_before, &proof, sizeof proof);
    enum groth16_error e = file == 0   ? groth16_vkey_from_json(&vkey, text, bytes, why)
                           : file == 1 ? groth16_proof_from_json(&proof, text, bytes, why)
                                       : groth16_publics_from_json(&publics, &n, text, bytes, why);
    if (e != GROTH16_OK || file != 0) assert_memory_equal(&vkey, &vkey_before, sizeof vkey);
    if (e != GROTH16_OK || file != 1) assert_memory_equal(&proof, &proof_before, sizeof proof);
    if (e != GROTH16_OK || file != 2) assert_true(publics == (void *)&vkey && n == 4711);
    if (e == GROTH16_OK && file == 0) {
        groth16_vkey_clear(&vkey);
        assert_true(vkey.ic == NULL && vkey.publics == 0);
    }
    if (e == GROTH16_OK && file == 2) free(publics);
    return e;
}

static const char *const kinds[] = { "vkey", "proof", "public" };

static void tell_of(int file, const char *what, const char *text, size_t bytes)
{
    struct groth16_text why = { "" };
    size_t blocks = heap_blocks();
    enum groth16_error e = read_one(file, text, bytes, &why);
    assert_int_equal(read_one(file, text, bytes, NULL), e);
    assert_int_equal(heap_blocks(), blocks);
    golden_tell("%s %s: %d %s\n", kinds[file], what, (int)e, why.text);
}

/* Every value of the file in turn is something else. */
static void tell_each_value(int file, json_t *root, json_t *here, const char *path)
{
    static const char *const instead[] = { "null",   "true", "-1", "1.5",     "7", "\"7\"",
                                           "\"07\"", "\"\"", "[]", "[\"1\"]", "{}" };
    size_t n = json_is_object(here) ? json_object_size(here) : json_array_size(here), i = 0;
    void *iter = json_is_object(here) ? json_object_iter(here) : NULL;
    for (; i < n; i++) {
        char at[128];
        const char *key = iter ? json_object_iter_key(iter) : NULL;
        json_t *was = iter ? json_object_iter_value(iter) : json_array_get(here, i);
        if (key)
            snprintf(at, sizeof at, "%s/%s", path, key);
        else
            snprintf(at, sizeof at, "%s/%zu", path, i);
        if (strstr(at, "alphabeta")) { /* not read */
            iter = iter ? json_object_iter_next(here, iter) : NULL;
            continue;
        }
        json_incref(was);
        for (size_t k = 0; k < sizeof instead / sizeof *instead; k++) {
            char what[160];
            json_t *other = json_loads(instead[k], JSON_DECODE_ANY, NULL);
            if (key)
                json_object_set_new(here, key, other);
            else
                json_array_set_new(here, i, other);
            char *text = json_dumps(root, JSON_COMPACT);
            snprintf(what, sizeof what, "%s = %s", at, instead[k]);
            tell_of(file, what, text, strlen(text));
            free(text);
        }
        if (key)
            json_object_set(here, key, was);
        else
            json_array_set(here, i, was);
        if (json_is_array(was) || json_is_object(was)) tell_each_value(file, root, was, at);
        json_decref(was);
        iter = iter ? json_object_iter_next(here, json_object_iter_at(here, key)) : NULL;
    }
}

static void tell_each_missing(int file, const char *text)
{
    json_t *all = json_loads(text, 0, NULL);
    const char *key;
    json_t *value;
    json_object_foreach(all, key, value)
    {
        char what[64];
        json_t *copy = json_copy(all);
        json_object_del(copy, key);
        char *less = json_dumps(copy, JSON_COMPACT);
        snprintf(what, sizeof what, "without %s", key);
        tell_of(file, what, less, strlen(less));
        free(less);
        json_decref(copy);
    }
    json_decref(all);
}

static char *file_text(size_t *bytes, int file)
{
    char path[80];
    snprintf(path, sizeof path, "vectors/groth16/mul.%s.json", kinds[file]);
    return vector_file(bytes, path);
}

static void each_sentence_is_what_it_was(void **state)
{
    static const char *const texts[] = { "",
                                         "null",
                                         "7",
                                         "\"x\"",
                                         "[]",
                                         "{}",
                                         "[1",
                                         "{\"a\":1,\"a\":2}",
                                         "[12345678901234567890]",
                                         "[1234567890123456789]",
                                         "[-12345678901234567890]",
                                         "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
                                         "[\"\\\"12345678901234567890\"]",
                                         "[12345678901234567890.5]",
                                         "[1e400]",
                                         "[5,06]" };
    for (int file = 0; file < 3; file++) {
        size_t bytes;
        char *text = file_text(&bytes, file);
        tell_of(file, "as it is", text, bytes);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) tell_of(file, texts[i], texts[i], strlen(texts[i]));
        json_t *root = json_loads(text, 0, NULL);
        tell_each_value(file, root, root, "");
        json_decref(root);
        if (file < 2) tell_each_missing(file, text);
        free(text);
    }
    golden_is(golden);
}

static void each_allocation_may_fail(void **state)
{
    for (int file = 0; file < 3; file++) {
        size_t bytes, blocks = heap_blocks();
        char *text = file_text(&bytes, file);
        for (long n = 0;; n++) {
            struct groth16_text why = { "" };
            heap_fail_after(n);
            enum groth16_error e = read_one(file, text, bytes, &why);
            bool failed = heap_failed();
            heap_fail_after(-1);
            if (!failed) {
                assert_int_equal(e, GROTH16_OK);
                break;
            }
            assert_int_equal(e, GROTH16_NO_MEMORY);
            assert_string_equal(why.text, "out of memory");
        }
        free(text);
        assert_int_equal(heap_blocks(), blocks);
    }
}

static void each_allocation_of_what_is_written_may_fail(void **state)
{
    struct groth16_vkey vkey;
    struct groth16_proof proof;
    bn254_scalar_packed *publics;
    size_t n, bytes[3], blocks = heap_blocks();
    char *text[3];
    for (int i = 0; i < 3; i++) text[i] = file_text(&bytes[i], i);
    assert_int_equal(groth16_vkey_from_json(&vkey, text[0], bytes[0], NULL), GROTH16_OK);
    assert_int_equal(groth16_proof_from_json(&proof, text[1], bytes[1], NULL), GROTH16_OK);
    assert_int_equal(groth16_publics_from_json(&publics, &n, text[2], bytes[2], NULL), GROTH16_OK);
    for (int file = 0; file < 3; file++) {
        for (long at = 0;; at++) {
            heap_fail_after(at);
            char *made = file == 0   ? groth16_vkey_to_json(&vkey)
                         : file == 1 ? groth16_proof_to_json(&proof)
                                     : groth16_publics_to_json(publics, n);
            bool failed = heap_failed();
            heap_fail_after(-1);
            assert_int_equal(made == NULL, failed);
            if (made) assert_string_equal(made, text[file]);
            free(made);
            if (!failed) break;
        }
    }
    groth16_vkey_clear(&vkey);
    free(publics);
    for (int i = 0; i < 3; i++) free(text[i]);
    assert_int_equal(heap_blocks(), blocks);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_sentence_is_what_it_was),
                                        cmocka_unit_test(each_allocation_may_fail),
                                        cmocka_unit_test(each_allocation_of_what_is_written_may_fail) };
    golden_writes(argc > 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
