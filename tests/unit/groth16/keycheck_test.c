/* keycheck.h finds every kind of damage to a point and names its section and number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "codec.h"
#include "heap_watch.h"
#include "keycheck.h"
#include "twist_point.h"
#include "zkey_vkey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mapfile file;

/* A private copy of a key's bytes, opened. */
struct damaged {
    uint8_t *bytes;
    struct zkey zkey;
};

static void open_copy(struct damaged *d)
{
    d->bytes = malloc(file.size);
    memcpy(d->bytes, file.bytes, file.size);
    assert_int_equal(zkey_of(&d->zkey, d->bytes, file.size, "copy", NULL), PV_OK);
}

static const struct bn254_run two_threads = { .threads = 2 };

static void assert_found(struct damaged *d, const char *words)
{
    struct prove_error err = { 0 };
    assert_int_equal(keycheck_points(&d->zkey, &two_threads, &err), PV_BAD_ZKEY);
    if (!strstr(err.text, words)) fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    free(d->bytes);
}

static void a_good_key_passes(void **state)
{
    (void)state;
    struct damaged d;
    open_copy(&d);
    assert_int_equal(keycheck_points(&d.zkey, &two_threads, NULL), PV_OK);
    assert_int_equal(keycheck_range(&d.zkey, &(struct prove_run){ .cpu = two_threads }, NULL), PV_OK);
    free(d.bytes);
}

/* The first point at or after from that is not infinity. */
static size_t some_point(const uint8_t *points, size_t size, size_t from)
{
    static const uint8_t zero[128];
    while (!memcmp(points + from * size, zero, size)) from++;
    return from;
}

static void flip_in(const char *what, unsigned section, size_t list_offset, size_t size, size_t from)
{
    struct damaged d;
    char words[64];
    open_copy(&d);
    const uint8_t *points;
    memcpy(&points, (const uint8_t *)&d.zkey + list_offset, sizeof points);
    size_t i = some_point(points, size, from);
    ((uint8_t *)points)[i * size + 3] ^= 4;
    snprintf(words, sizeof words, "section %u (%s): point %zu is not on the curve", section, what, i);
    assert_found(&d, words);
}

static void a_flipped_bit_is_found_in_every_section(void **state)
{
    (void)state;
    flip_in("IC", 3, offsetof(struct zkey, ic), 64, 1);
    flip_in("A", 5, offsetof(struct zkey, a), 64, 20);
    flip_in("B1", 6, offsetof(struct zkey, b1), 64, 20);
    flip_in("B2", 7, offsetof(struct zkey, b2), 128, 20);
    flip_in("C", 8, offsetof(struct zkey, c), 64, 20);
    flip_in("H", 9, offsetof(struct zkey, h), 64, 500);
}

static void the_first_of_two_bad_points_is_named(void **state)
{
    (void)state;
    struct damaged d;
    open_copy(&d);
    uint8_t *h = (uint8_t *)d.zkey.h->bytes;
    h[700 * 64] ^= 1;
    h[30 * 64] ^= 1;
    assert_found(&d, "point 30 ");
}

static void a_coordinate_that_is_not_reduced_is_found(void **state)
{
    (void)state;
    struct damaged d;
    open_copy(&d);
    memset((uint8_t *)d.zkey.b2[7].bytes + 96, 0xff, 32);
    struct prove_error err = { 0 };
    assert_int_equal(keycheck_range(&d.zkey, &(struct prove_run){ .cpu = two_threads }, &err), PV_BAD_ZKEY);
    assert_non_null(strstr(err.text, "section 7 (B2): point 7"));
    assert_found(&d, "not reduced");
}

/* On the twist, y^2 = x^3 + 3/(9+u), but outside the subgroup: most points of the twist are. Found by trying x. */
static void a_point_of_the_twist_outside_the_group_is_found(void **state)
{
    (void)state;
    struct damaged d;
    FILE *f = fopen("vectors/g2_outside_subgroup.bin", "rb");
    assert_non_null(f);
    open_copy(&d);
    assert_int_equal(fread((uint8_t *)d.zkey.b2[9].bytes, 1, 128, f), 128);
    fclose(f);
    assert_found(&d, "section 7 (B2): point 9 is not in the group of order r");
}

/* --- a long list of G2 points, whose group is looked at by combinations, in two parts --- */

enum { MANY = 140000, POOL = 50 };

static struct {
    bn254_g2_packed *b2;
    uint8_t *infinite; /* MANY points of G1 */
    struct zkey zkey;
    bn254_g2 of_10069; /* a point of the smallest order outside the group */
} many;

static void pack(bn254_g2_packed *to, const bn254_g2 *p)
{
    bn254_g2_affine a;
    bn254_g2_to_affine(&a, p);
    bn254_g2_pack(to, &a);
}

static int many_points(void **state)
{
    (void)state;
    static const bn254_g1_packed nothing;
    bn254_g2 p, generator;
    many.b2 = malloc(MANY * sizeof *many.b2);
    many.infinite = calloc(MANY, 64);
    bn254_g2_from_affine(&generator, &BN254_G2_GENERATOR);
    bn254_g2_dbl(&p, &generator);
    for (size_t i = 0; i < MANY; i++) {
        if (i < POOL)
            bn254_g2_add(&p, &p, &generator), pack(&many.b2[i], &p);
        else
            many.b2[i] = many.b2[(i * i + 7) % POOL];
    }
    const bn254_g1_packed *g1 = (const bn254_g1_packed *)many.infinite;
    many.zkey = (struct zkey){ .vars = MANY, .ic = &nothing, .a = g1, .b1 = g1, .b2 = many.b2, .c = g1, .h = g1 };
    twist_point_of_10069(&many.of_10069);
    return 0;
}

static int many_points_end(void **state)
{
    (void)state;
    free(many.b2);
    free(many.infinite);
    return 0;
}

/* Adds the point of order 10069, or its opposite, to point i. */
static void taint(size_t i, bool opposite)
{
    bn254_g2_affine a;
    bn254_g2 p, more = many.of_10069;
    bn254_g2_unpack(&a, &many.b2[i]);
    bn254_g2_from_affine(&p, &a);
    if (opposite) bn254_g2_neg(&more, &more);
    bn254_g2_add(&p, &p, &more);
    pack(&many.b2[i], &p);
}

static void assert_first_of_many(size_t bad, const char *what)
{
    char words[96];
    struct prove_error err = { 0 };
    snprintf(words, sizeof words, "section 7 (B2): point %zu %s", bad, what);
    assert_int_equal(keycheck_points(&many.zkey, &two_threads, &err), PV_BAD_ZKEY);
    if (!strstr(err.text, words)) fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void a_long_list_of_good_points_passes(void **state)
{
    (void)state;
    assert_int_equal(keycheck_points(&many.zkey, &two_threads, NULL), PV_OK);
}

static void a_point_of_the_smallest_order_is_found_wherever_it_is(void **state)
{
    static const size_t places[] = { 0, 69999, 70000, 93217, MANY - 1 };
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        taint(places[i], false);
        assert_first_of_many(places[i], "is not in the group of order r");
        taint(places[i], true);
    }
}

/* The sum of all points is in the group, and every sum that has both with one coefficient. */
static void a_bad_point_and_its_opposite_are_found(void **state)
{
    (void)state;
    taint(20011, false), taint(64003, true);
    assert_first_of_many(20011, "is not in the group of order r");
    taint(20011, true), taint(64003, false);
}

static void of_two_kinds_of_damage_the_first_is_named(void **state)
{
    (void)state;
    taint(90001, false);
    many.b2[100000].bytes[3] ^= 4;
    assert_first_of_many(90001, "is not in the group of order r");
    many.b2[90000].bytes[3] ^= 4;
    assert_first_of_many(90000, "is not on the curve of G2");
    many.b2[90000].bytes[3] ^= 4;
    many.b2[100000].bytes[3] ^= 4;
    taint(90001, true);
}

/* Combinations want memory; a machine that has none looks at each point. */
static void without_memory_each_point_is_looked_at(void **state)
{
    (void)state;
    struct zkey few = many.zkey;
    struct prove_error err = { 0 };
    few.vars = 2000;
    taint(1777, false);
    for (long which = 0; which < 2; which++) {
        heap_fail_after(which);
        assert_int_equal(keycheck_points(&few, &two_threads, &err), PV_BAD_ZKEY);
        assert_true(heap_failed());
        assert_non_null(strstr(err.text, "point 1777 is not in the group"));
    }
    heap_fail_after(-1);
    taint(1777, true);
}

/* A limit of ours is no damage. Nothing of such a key is read: its points are not even there. */
static void a_key_beyond_the_limit_of_signals_is_told_the_limit(void **state)
{
    (void)state;
    const struct zkey z = { .publics = 65537 };
    struct groth16_vkey vkey;
    struct prove_error err = { 0 };
    assert_int_equal(zkey_vkey(&vkey, &z, GROTH16_KEYS_SOUND, &err), PV_BAD_ZKEY);
    assert_string_equal(err.text, "65,537 public signals, the limit is 65,536");
}

static void stops_when_told(void **state)
{
    (void)state;
    atomic_int stop = 1;
    struct bn254_run run = { .stop = &stop };
    struct damaged d;
    open_copy(&d);
    assert_int_equal(keycheck_points(&d.zkey, &run, NULL), PV_CANCELLED);
    free(d.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_key_passes),
        cmocka_unit_test(a_flipped_bit_is_found_in_every_section),
        cmocka_unit_test(the_first_of_two_bad_points_is_named),
        cmocka_unit_test(a_coordinate_that_is_not_reduced_is_found),
        cmocka_unit_test(a_point_of_the_twist_outside_the_group_is_found),
        cmocka_unit_test(a_long_list_of_good_points_passes),
        cmocka_unit_test(a_point_of_the_smallest_order_is_found_wherever_it_is),
        cmocka_unit_test(a_bad_point_and_its_opposite_are_found),
        cmocka_unit_test(of_two_kinds_of_damage_the_first_is_named),
        cmocka_unit_test(without_memory_each_point_is_looked_at),
        cmocka_unit_test(a_key_beyond_the_limit_of_signals_is_told_the_limit),
        cmocka_unit_test(stops_when_told),
    };
    if (mapfile_open(&file, "data/bits/circuit.zkey", NULL) != PV_OK) return 1;
    int failed = cmocka_run_group_tests(tests, many_points, many_points_end);
    mapfile_close(&file);
    return failed;
}
