/* The binary inversion against Fermat's power, in both fields, on random and edge values. */
#include "fp.h"
#include "fr.h"

#include <string.h>

#include "prop_random.h"

#define AGREES(f, F)                                                                                                   \
    static void agrees_##f(const bn254_##f *a)                                                                         \
    {                                                                                                                  \
        bn254_##f fermat, binary;                                                                                      \
        bn254_scalar e;                                                                                                \
        memcpy(&e, F##_MINUS_2, sizeof e);                                                                             \
        bn254_##f##_pow(&fermat, a, &e);                                                                               \
        bn254_##f##_inv(&binary, a);                                                                                   \
        PROP(bn254_##f##_eq(&fermat, &binary), #f " 1/(%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 ")", a->l[3],     \
             a->l[2], a->l[1], a->l[0]);                                                                               \
    }
AGREES(fp, BN254_FP)
AGREES(fr, BN254_FR)

static void agrees(const bn254_fp *a)
{
    bn254_fr b;
    memcpy(&b, a, sizeof b);
    agrees_fp(a);
    if (bn254_fr_is_reduced(&b)) agrees_fr(&b);
}

int main(void)
{
    prop_seed();
    for (int i = 0; i < 5000; i++) {
        bn254_scalar s;
        bn254_fp a;
        for (int w = 0; w < 4; w++) s.l[w] = prop_random() & prop_random() % 3 ? prop_random() : -(prop_random() & 1);
        bn254_fp_from_scalar(&a, &s);
        agrees(&a);
    }
    for (unsigned bit = 0; bit < 254; bit++)
        for (int d = -2; d <= 2; d++) {
            bn254_fp a = { { 0 } }, e;
            a.l[bit / 64] = (uint64_t)1 << bit % 64; /* raw words: powers of two, their neighbours, and all negated */
            if (!bn254_fp_is_reduced(&a)) continue;
            bn254_fp one = { { d < 0 ? (uint64_t)-d : (uint64_t)d } };
            if (d < 0)
                bn254_fp_sub(&a, &a, &one);
            else
                bn254_fp_add(&a, &a, &one);
            agrees(&a);
            bn254_fp_neg(&e, &a);
            agrees(&e);
        }
    bn254_fp zero = { { 0 } };
    agrees(&zero);
    return 0;
}
