/** The core's containers, each beside a naive one on seeded input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "heap.h"
#include "idmap.h"
#include "ranks.h"
#include "names.h"

enum { ITEMS = 300, ROUNDS = 60000 };

static uint64_t state_of_random = 42;

static uint64_t random_below(uint64_t n)
{
    uint64_t z = state_of_random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    return (z ^ z >> 31) % n;
}

struct item {
    heap_at at;
    bool in;
    uint64_t key;
};

static void heap_gives_the_least_and_ties_by_id(void **state)
{
    static struct item items[ITEMS];
    struct heap h;
    print_message("seed %llu\n", (unsigned long long)state_of_random);
    heap_init(&h, offsetof(struct item, at));
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = random_below(ITEMS);
        items[i].in = random_below(3) != 0;
        items[i].key = random_below(20);
        if (items[i].in)
            assert_true(heap_put(&h, &items[i], items[i].key, i));
        else
            heap_remove(&h, &items[i]);
        if (round % 50) continue;
        const struct item *least = NULL;
        for (size_t k = 0; k < ITEMS; k++)
            if (items[k].in && (!least || items[k].key < least->key)) least = &items[k]; /* the first: the least id */
        assert_ptr_equal(heap_top(&h), least);
    }
    uint64_t last = 0;
    while (heap_top(&h)) { /* and empties in order */
        assert_true(heap_top_key(&h) >= last);
        last = heap_top_key(&h);
        heap_remove(&h, heap_top(&h));
    }
    assert_true(heap_top_key(&h) == UINT64_MAX);
    heap_clear(&h);
}

struct ranked {
    uint64_t key, id;
    heap_at at;
    bool in;
};

/* As a heap does, item by item, also where the rank of one that is in changes. */
static void ranks_give_the_same_order_as_a_heap(void **state)
{
    static struct ranked items[ITEMS];
    static struct item twins[ITEMS];
    struct ranks r;
    struct heap h;
    print_message("seed %llu\n", (unsigned long long)state_of_random);
    ranks_init(&r, offsetof(struct ranked, at), offsetof(struct ranked, key), offsetof(struct ranked, id));
    heap_init(&h, offsetof(struct item, at));
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = random_below(ITEMS);
        items[i].id = i;
        if (random_below(3)) {
            items[i].key = random_below(20);
            assert_true(ranks_put(&r, &items[i]));
            assert_true(heap_put(&h, &twins[i], items[i].key, i));
        } else {
            ranks_remove(&r, &items[i]);
            heap_remove(&h, &twins[i]);
        }
        assert_int_equal(r.n, h.n);
        const struct ranked *least = ranks_top(&r);
        const struct item *twin = heap_top(&h);
        assert_int_equal(least ? least - items : -1, twin ? twin - twins : -1);
    }
    ranks_clear(&r);
    heap_clear(&h);
    assert_null(ranks_top(&r));
}

static void idmap_finds_what_was_added_and_nothing_else(void **state)
{
    static char things[ITEMS];
    static bool in[ITEMS];
    struct idmap m;
    idmap_init(&m, 9);
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = random_below(ITEMS);
        wire_id key = idmap_key(i & 7, i); /* many keys share a half */
        if (in[i])
            idmap_remove(&m, key);
        else
            assert_true(idmap_add(&m, key, &things[i]));
        in[i] = !in[i];
        size_t k = random_below(ITEMS);
        assert_ptr_equal(idmap_find(&m, idmap_key(k & 7, k)), in[k] ? &things[k] : NULL);
    }
    for (size_t k = 0; k < ITEMS; k++) assert_ptr_equal(idmap_find(&m, idmap_key(k & 7, k)), in[k] ? &things[k] : NULL);
    idmap_clear(&m);
}

static void idmap_shrinks_with_what_it_holds(void **state)
{
    static char thing;
    struct idmap m;
    idmap_init(&m, 1);
    for (uint64_t i = 0; i < 100000; i++) assert_true(idmap_add(&m, idmap_key(i, i), &thing));
    size_t full = m.mask;
    for (uint64_t i = 0; i < 100000; i++) idmap_remove(&m, idmap_key(i, i));
    assert_int_equal(m.n, 0);
    assert_true(m.mask < full / 16);
    idmap_clear(&m);
}

static void names_are_one_pointer_while_anybody_holds_them(void **state)
{
    struct names s;
    char text[16];
    struct name *held[200];
    names_init(&s, 3);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "n%d", i % 100);
        held[i] = names_hold(&s, text);
        assert_non_null(held[i]);
    }
    for (int i = 0; i < 100; i++) assert_ptr_equal(held[i], held[i + 100]);
    for (int i = 0; i < 100; i++) names_drop(&s, held[i]);
    assert_ptr_equal(names_find(&s, "n7"), held[107]);
    for (int i = 100; i < 200; i++) names_drop(&s, held[i]);
    assert_null(names_find(&s, "n7"));
    assert_int_equal(s.n, 0);
    names_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_gives_the_least_and_ties_by_id),
        cmocka_unit_test(ranks_give_the_same_order_as_a_heap),
        cmocka_unit_test(idmap_finds_what_was_added_and_nothing_else),
        cmocka_unit_test(idmap_shrinks_with_what_it_holds),
        cmocka_unit_test(names_are_one_pointer_while_anybody_holds_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
