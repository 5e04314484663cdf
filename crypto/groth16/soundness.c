#include "soundness.h"

#include "g1.h"
#include "g2.h"
#include "pairing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum groth16_error say(struct groth16_text *why, enum groth16_error e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum groth16_error say(struct groth16_text *why, enum groth16_error e, const char *format, ...)
{
    if (!why) return e;
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return e;
}

/* --- relations of small numbers --- */

#define MULTIPLE_OF(G)                                                                                                 \
    /* k with b = k a and 0 < |k| <= GROTH16_SMALL_MULTIPLE, or 0. Neither is infinity. */                             \
    static int multiple_##G(const bn254_##G##_affine *a, const bn254_##G##_affine *b)                                  \
    {                                                                                                                  \
        bn254_##G sum, wanted, opposite;                                                                               \
        bn254_##G##_from_affine(&sum, a);                                                                              \
        bn254_##G##_from_affine(&wanted, b);                                                                           \
        bn254_##G##_neg(&opposite, &wanted);                                                                           \
        for (int k = 1; k <= GROTH16_SMALL_MULTIPLE; k++) {                                                            \
            if (bn254_##G##_eq(&sum, &wanted)) return k;                                                               \
            if (bn254_##G##_eq(&sum, &opposite)) return -k;                                                            \
            bn254_##G##_add_affine(&sum, &sum, a);                                                                     \
        }                                                                                                              \
        return 0;                                                                                                      \
    }

MULTIPLE_OF(g1)
MULTIPLE_OF(g2)

/* "b is k times a". */
static enum groth16_error related(const char *b, int k, const char *a, struct groth16_text *why)
{
    static const char *const end =
        "so anyone can forge proofs: it comes before the key's first contribution, or from no "
        "ceremony";
    if (k == 1) return say(why, GROTH16_WEAK_KEY, "%s is %s, %s", b, a, end);
    if (k == -1) return say(why, GROTH16_WEAK_KEY, "%s is minus %s, %s", b, a, end);
    return say(why, GROTH16_WEAK_KEY, "%s is %d times %s, %s", b, k, a, end);
}

struct named_g2 {
    const char *name;
    const bn254_g2_affine *point;
};

static enum groth16_error unrelated(const struct named_g2 *a, const struct named_g2 *b, struct groth16_text *why)
{
    int k = multiple_g2(a->point, b->point);
    if (k) return related(b->name, k, a->name, why);
    k = multiple_g2(b->point, a->point);
    return k ? related(a->name, k, b->name, why) : GROTH16_OK;
}

static enum groth16_error check_g2(const struct groth16_vkey *v, struct groth16_text *why)
{
    const struct named_g2 gamma = { "gamma2", &v->gamma2 }, delta = { "delta2", &v->delta2 },
                          beta = { "beta2", &v->beta2 }, one = { "the generator of G2", &BN254_G2_GENERATOR };
    const struct named_g2 *const pairs[][2] = {
        { &gamma, &delta }, { &gamma, &beta }, { &beta, &delta }, { &one, &delta }, { &one, &beta },
    };
    size_t n = bn254_g2_affine_eq(&v->gamma2, &BN254_G2_GENERATOR) ? 3 : 5;
    for (size_t i = 0; i < n; i++) {
        enum groth16_error e = unrelated(pairs[i][0], pairs[i][1], why);
        if (e != GROTH16_OK) return e;
    }
    return GROTH16_OK;
}

/* --- points of G1 that must differ --- */

/* A point of G1 in the list of those that must differ up to sign: which is -2 for the generator, -1 for alpha1, else
 * the index in IC. */
struct placed {
    const bn254_g1_affine *point;
    long which;
};

/* Equal x: equal points, or opposite ones. Elements are reduced, so equal ones have equal bytes. */
static int by_x(const void *a, const void *b)
{
    const struct placed *p = a, *q = b;
    int order = memcmp(&p->point->x, &q->point->x, sizeof p->point->x);
    return order ? order : (p->which > q->which) - (p->which < q->which);
}

static enum groth16_error same(long first, long second, struct groth16_text *why)
{
    if (first < 0)
        return say(why, GROTH16_WEAK_KEY, "IC[%ld] is %s or its opposite, so the key comes from no ceremony", second,
                   first == -2 ? "the generator of G1" : "alpha1");
    if (first == 0)
        return say(why, GROTH16_WEAK_KEY, "IC[0] and IC[%ld] are equal or opposite, so anyone can forge proofs",
                   second);
    return say(why, GROTH16_WEAK_KEY,
               "IC[%ld] and IC[%ld] are equal or opposite, so a proof holds for other values of public signals %ld and "
               "%ld too",
               first, second, first - 1, second - 1);
}

static enum groth16_error differ(struct placed *list, size_t n, struct groth16_text *why)
{
    qsort(list, n, sizeof *list, by_x);
    for (size_t i = 1; i < n; i++)
        if (!memcmp(&list[i - 1].point->x, &list[i].point->x, sizeof list[i].point->x))
            return same(list[i - 1].which, list[i].which, why);
    return GROTH16_OK;
}

static enum groth16_error none_infinite(const struct groth16_vkey *v, struct groth16_text *why)
{
    for (size_t i = 0; i <= v->publics; i++) {
        if (!bn254_g1_affine_is_infinity(&v->ic[i])) continue;
        if (i == 0)
            return say(why, GROTH16_WEAK_KEY,
                       "IC[0] is infinity, so anyone can forge a proof of public signals that are all 0");
        return say(why, GROTH16_WEAK_KEY, "IC[%zu] is infinity, so public signal %zu is not checked", i, i - 1);
    }
    return GROTH16_OK;
}

static enum groth16_error check_g1(const struct groth16_vkey *v, struct groth16_text *why)
{
    int k = multiple_g1(&BN254_G1_GENERATOR, &v->alpha1);
    if (k) return related("alpha1", k, "the generator of G1", why);
    enum groth16_error e = none_infinite(v, why);
    if (e != GROTH16_OK) return e;
    size_t n = v->publics + 3;
    struct placed *list = calloc(n, sizeof *list);
    if (!list) return say(why, GROTH16_NO_MEMORY, "out of memory");
    list[0] = (struct placed){ &BN254_G1_GENERATOR, -2 };
    list[1] = (struct placed){ &v->alpha1, -1 };
    for (size_t i = 0; i <= v->publics; i++) list[i + 2] = (struct placed){ &v->ic[i], (long)i };
    e = differ(list, n, why);
    free(list);
    return e;
}

enum groth16_error groth16_soundness(const struct groth16_vkey *vkey, struct groth16_text *why)
{
    enum groth16_error e = check_g2(vkey, why);
    return e == GROTH16_OK ? check_g1(vkey, why) : e;
}

/* --- the halves of a proving key --- */

/* Whether a = k G1 and b = k G2 for one k: e(a, G2) e(-G1, b) = 1. */
static bool one_number(const bn254_g1_affine *a, const bn254_g2_affine *b)
{
    bn254_g1_affine p[2] = { *a, BN254_G1_GENERATOR };
    const bn254_g2_affine q[2] = { BN254_G2_GENERATOR, *b };
    bn254_g1_affine_neg(&p[1], &p[1]);
    return bn254_pairing_product_is_one(p, q, 2);
}

static enum groth16_error not_in_ic(const struct groth16_vkey *v, const bn254_g1_affine *p, const char *name,
                                    struct groth16_text *why)
{
    for (size_t i = 0; i <= v->publics; i++)
        if (bn254_fp_eq(&v->ic[i].x, &p->x))
            return say(why, GROTH16_WEAK_KEY, "IC[%zu] is %s or its opposite, so anyone can forge proofs", i, name);
    return GROTH16_OK;
}

enum groth16_error groth16_halves(const struct groth16_vkey *vkey, const bn254_g1_affine *beta1,
                                  const bn254_g1_affine *delta1, struct groth16_text *why)
{
    if (!one_number(beta1, &vkey->beta2))
        return say(why, GROTH16_BAD_POINT, "beta1 and beta2 are different multiples of the generators");
    if (!one_number(delta1, &vkey->delta2))
        return say(why, GROTH16_BAD_POINT, "delta1 and delta2 are different multiples of the generators");
    enum groth16_error e = not_in_ic(vkey, beta1, "beta1", why);
    return e == GROTH16_OK ? not_in_ic(vkey, delta1, "delta1", why) : e;
}
