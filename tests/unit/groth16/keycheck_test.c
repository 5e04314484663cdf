/* keycheck.h finds every kind of damage to a point and names its section and number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "keycheck.h"
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
        cmocka_unit_test(a_key_beyond_the_limit_of_signals_is_told_the_limit),
        cmocka_unit_test(stops_when_told),
    };
    if (mapfile_open(&file, "data/bits/circuit.zkey", NULL) != PV_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mapfile_close(&file);
    return failed;
}
