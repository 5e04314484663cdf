#include "g2.h"

#define CURVE_T bn254_g2
#define CURVE_F(name) bn254_g2_##name
#include "curve_body.h"

bool bn254_g2_is_in_subgroup(const bn254_g2_affine *a)
{
    const bn254_scalar x = { { BN254_X, 0, 0, 0 } };
    bn254_g2 point, xa, left, right, image;
    bn254_g2_from_affine(&point, a);
    bn254_g2_mul(&xa, &point, &x);
    bn254_g2_add(&left, &xa, &point);
    bn254_g2_psi(&image, &xa);
    bn254_g2_add(&left, &left, &image);
    bn254_g2_psi(&image, &image);
    bn254_g2_add(&left, &left, &image);
    bn254_g2_psi(&image, &image);
    bn254_g2_dbl(&right, &image);
    return bn254_g2_eq(&left, &right);
}
