#include "fp2.h"

/* 1 / (c0 + c1 u) = (c0 - c1 u) / (c0^2 + c1^2) */
void bn254_fp2_inv(bn254_fp2 *r, const bn254_fp2 *a)
{
    bn254_fp norm, square;
    bn254_fp_sqr(&norm, &a->c0);
    bn254_fp_sqr(&square, &a->c1);
    bn254_fp_add(&norm, &norm, &square);
    bn254_fp_inv(&norm, &norm);
    bn254_fp2_conj(r, a);
    bn254_fp2_mul_fp(r, r, &norm);
}
