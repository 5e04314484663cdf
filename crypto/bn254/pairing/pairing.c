#include "pairing.h"

#include "fp12.h"
#include "paths.h"
#include "run.h"

void bn254_miller_product(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n)
{
#if BN254_HAVE_ADX
    if (bn254_path_available(BN254_PATH_ADX)) {
        bn254_miller_product_adx(r, p, q, n);
        return;
    }
#endif
    bn254_miller_product_portable(r, p, q, n);
}

void bn254_pairing_value(bn254_fp12 *r, const bn254_fp12 *miller)
{
#if BN254_HAVE_ADX
    if (bn254_path_available(BN254_PATH_ADX)) {
        bn254_pairing_value_adx(r, miller);
        return;
    }
#endif
    bn254_pairing_value_portable(r, miller);
}

void bn254_pairing_product(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n)
{
    bn254_fp12 miller;
    bn254_miller_product(&miller, p, q, n);
    bn254_pairing_value(r, &miller);
}

void bn254_pairing(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q)
{
    bn254_pairing_product(r, p, q, 1);
}

bool bn254_pairing_product_is_one(const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n)
{
    bn254_fp12 r;
    bn254_pairing_product(&r, p, q, n);
    return bn254_fp12_is_one(&r);
}
