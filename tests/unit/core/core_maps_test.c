/** The maps of the core about the sizes at which they grow and shrink: what is found, what is not, and how many places there are. */
#include "idmap.h"
#include "idset.h"
#include "names.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MANY = 3000 };

static char items[MANY];

static wire_id key(unsigned i)
{
    return idmap_key(i % 3 ? i : 7, i); /* each half tells some of them apart */
}

static void an_idmap_grows_at_three_quarters(void **state)
{
    struct idmap m;
    idmap_init(&m, 4);
    assert_null(idmap_find(&m, key(1)));
    idmap_remove(&m, key(1));
    for (unsigned i = 0; i < MANY; i++) {
        assert_true(idmap_add(&m, key(i), &items[i]));
        size_t slots = 16;
        while (4 * (size_t)(i + 1) > 3 * slots) slots *= 2;
        assert_int_equal(m.mask, slots - 1);
        assert_int_equal(m.n, i + 1);
    }
    for (unsigned i = 0; i < MANY; i++) assert_ptr_equal(idmap_find(&m, key(i)), &items[i]);
    assert_null(idmap_find(&m, key(MANY)));
    idmap_clear(&m);
    assert_int_equal(m.n + m.mask, 0);
}

static void an_idmap_shrinks_below_an_eighth(void **state)
{
    struct idmap m;
    idmap_init(&m, 9);
    for (unsigned i = 0; i < MANY; i++) assert_true(idmap_add(&m, key(i), &items[i]));
    size_t slots = m.mask + 1;
    idmap_remove(&m, key(MANY)); /* not there */
    assert_int_equal(m.n, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        idmap_remove(&m, key(i));
        if (slots > 1024 && m.n < slots / 8) slots /= 2;
        assert_null(idmap_find(&m, key(i)));
        assert_int_equal(m.n, MANY - 1 - i);
        assert_int_equal(m.mask + 1, slots);
        if (i % 100 == 0)
            for (unsigned k = i + 1; k < MANY; k++) assert_ptr_equal(idmap_find(&m, key(k)), &items[k]);
    }
    assert_int_equal(m.mask + 1, 1024);
    idmap_clear(&m);
}

struct record {
    uint64_t other;
    wire_id id;
};

static void an_idset_finds_by_the_id_in_the_record(void **state)
{
    static struct record records[MANY];
    struct record stranger = { .id = key(7) };
    struct idset s;
    idset_init(&s, 11, offsetof(struct record, id));
    assert_null(idset_find(&s, key(1)));
    idset_remove(&s, &records[0]);
    for (unsigned i = 0; i < MANY; i++) {
        records[i].id = key(i);
        assert_null(idset_find(&s, key(i)));
        assert_true(idset_add(&s, &records[i]));
        size_t slots = 16;
        while (4 * (size_t)(i + 1) > 3 * slots) slots *= 2;
        assert_int_equal(s.mask, slots - 1);
        assert_int_equal(s.n, i + 1);
    }
    for (unsigned i = 0; i < MANY; i++) assert_ptr_equal(idset_find(&s, key(i)), &records[i]);
    assert_null(idset_find(&s, key(MANY)));
    idset_remove(&s, &stranger); /* of the same id, and not in */
    assert_ptr_equal(idset_find(&s, key(7)), &records[7]);
    size_t slots = s.mask + 1;
    for (unsigned i = 0; i < MANY; i++) {
        idset_remove(&s, &records[i]);
        if (slots > 1024 && s.n < slots / 8) slots /= 2;
        assert_null(idset_find(&s, key(i)));
        assert_int_equal(s.n, MANY - 1 - i);
        assert_int_equal(s.mask + 1, slots);
        if (i % 100 == 0)
            for (unsigned k = i + 1; k < MANY; k++) assert_ptr_equal(idset_find(&s, key(k)), &records[k]);
    }
    idset_clear(&s);
    assert_int_equal(s.n + s.mask, 0);
}

static void names_are_held_once(void **state)
{
    struct names s;
    struct name *held[200];
    char text[16];
    names_init(&s, 5);
    assert_null(names_find(&s, "n0"));
    for (unsigned i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "n%u", i);
        assert_non_null(held[i] = names_hold(&s, text));
        assert_int_equal(s.mask, i < 64 ? 63 : i < 128 ? 127 : 255);
        assert_ptr_equal(names_hold(&s, text), held[i]);
        assert_int_equal(held[i]->refs, 2);
        assert_int_equal(s.n, i + 1);
    }
    assert_null(names_find(&s, "n200"));
    for (unsigned i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "n%u", i);
        assert_ptr_equal(names_find(&s, text), held[i]);
        names_drop(&s, held[i]);
        assert_ptr_equal(names_find(&s, text), held[i]);
        names_drop(&s, held[i]);
        assert_null(names_find(&s, text));
        assert_int_equal(s.n, 199 - i);
    }
    names_drop(&s, NULL);
    assert_non_null(names_hold(&s, "left"));
    names_clear(&s);
    assert_int_equal(s.n + s.mask, 0);
    assert_null(names_find(&s, "left"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idmap_grows_at_three_quarters),
        cmocka_unit_test(an_idmap_shrinks_below_an_eighth),
        cmocka_unit_test(an_idset_finds_by_the_id_in_the_record),
        cmocka_unit_test(names_are_held_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
