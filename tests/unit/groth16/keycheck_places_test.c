/* keycheck.h looks at every point: the first and the last of each section, damaged one at a time, are found and named, word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "heap_watch.h"
#include "keycheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct prove_run one_thread = { .cpu = { .threads = 1 } };

struct list {
    const char *what;
    unsigned section;
    const uint8_t *bytes;
    size_t count, size;
};

static void found(const struct zkey *z, const struct list *l, size_t i, const char *why)
{
    char wanted[128];
    struct prove_error err = { 0 };
    snprintf(wanted, sizeof wanted, "the key is damaged: section %u (%s): point %zu %s", l->section, l->what, i, why);
    assert_int_equal(keycheck_points(z, &one_thread.cpu, &err), PV_BAD_ZKEY);
    assert_string_equal(err.text, wanted);
    bool range = strstr(why, "reduced");
    assert_int_equal(keycheck_range(z, &one_thread, range ? &err : NULL), range ? PV_BAD_ZKEY : PV_OK);
    assert_string_equal(err.text, wanted);
}

static void damage(const struct zkey *z, const struct list *l, size_t i)
{
    uint8_t *point = (uint8_t *)l->bytes + i * l->size, before[128];
    memcpy(before, point, l->size);
    memset(point, 0, l->size);
    point[0] = 1;
    found(z, l, i, l->size == 64 ? "is not on the curve" : "is not on the curve of G2");
    for (size_t at = 0; at < l->size; at += 32) { /* each coordinate */
        memset(point, 0, l->size);
        memset(point + at, 0xff, 32);
        found(z, l, i, "has a coordinate that is not reduced modulo q");
    }
    memcpy(point, before, l->size);
}

static void every_section_is_looked_at_to_its_ends(void **state)
{
    struct mapfile file;
    struct zkey z;
    assert_int_equal(mapfile_open(&file, "data/chain-5/circuit.zkey", NULL), PV_OK);
    size_t blocks = heap_blocks();
    uint8_t *copy = malloc(file.size);
    memcpy(copy, file.bytes, file.size);
    assert_int_equal(zkey_of(&z, copy, file.size, "copy", NULL), PV_OK);
    const struct list lists[] = {
        { "IC", 3, z.ic->bytes, (size_t)z.publics + 1, 64 },
        { "A", 5, z.a->bytes, z.vars, 64 },
        { "B1", 6, z.b1->bytes, z.vars, 64 },
        { "B2", 7, z.b2->bytes, z.vars, 128 },
        { "C", 8, z.c->bytes, z.vars - z.publics - 1, 64 },
        { "H", 9, z.h->bytes, z.domain, 64 },
    };
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        damage(&z, &lists[k], 0);
        damage(&z, &lists[k], lists[k].count - 1);
    }
    assert_int_equal(keycheck_points(&z, &one_thread.cpu, NULL), PV_OK);
    assert_int_equal(keycheck_range(&z, &one_thread, NULL), PV_OK);
    free(copy);
    assert_int_equal(heap_blocks(), blocks);
    mapfile_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_section_is_looked_at_to_its_ends) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
