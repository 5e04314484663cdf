#include "verify.h"

#include "codec.h"
#include "fp12.h"
#include "pairing.h"

static bool g1_is_right(const bn254_g1_affine *p)
{
    bn254_g1_packed bytes;
    bn254_g1_affine same;
    bn254_g1_pack(&bytes, p);
    return bn254_g1_decode(&same, &bytes);
}

static bool proof_is_right(const struct groth16_proof *proof)
{
    bn254_g2_packed bytes;
    bn254_g2_affine same;
    bn254_g2_pack(&bytes, &proof->b);
    return g1_is_right(&proof->a) && g1_is_right(&proof->c) && bn254_g2_decode(&same, &bytes, BN254_G2_IN_SUBGROUP);
}

static bool publics_are_right(const bn254_scalar_packed *publics, size_t n)
{
    bn254_scalar x;
    for (size_t i = 0; i < n; i++)
        if (!bn254_scalar_decode(&x, &publics[i])) return false;
    return true;
}

/* IC_0 + sum x_i IC_i. All signals share the doublings. */
static void sum_of_publics(bn254_g1_affine *r, const struct groth16_vkey *vkey, const bn254_scalar_packed *publics)
{
    bn254_g1 sum;
    bn254_scalar x;
    bn254_g1_set_infinity(&sum);
    for (unsigned bit = 254; bit-- > 0;) {
        bn254_g1_dbl(&sum, &sum);
        for (size_t i = 0; i < vkey->publics; i++) {
            bn254_scalar_unpack(&x, &publics[i]);
            if (bn254_scalar_bit(&x, bit)) bn254_g1_add_affine(&sum, &sum, &vkey->ic[i + 1]);
        }
    }
    bn254_g1_add_affine(&sum, &sum, &vkey->ic[0]);
    bn254_g1_to_affine(r, &sum);
}

static enum groth16_error publics_fit(const struct groth16_vkey *vkey, const bn254_scalar_packed *publics, size_t n)
{
    if (n != vkey->publics) return GROTH16_PUBLIC_COUNT;
    return publics_are_right(publics, n) ? GROTH16_OK : GROTH16_BAD_PUBLIC;
}

/* One loop over all three pairs shares its squarings. */
enum groth16_error groth16_verify(const struct groth16_vkey *vkey, const struct groth16_proof *proof,
                                  const bn254_scalar_packed *publics, size_t n)
{
    enum groth16_error e = publics_fit(vkey, publics, n);
    if (e != GROTH16_OK) return e;
    if (!proof_is_right(proof)) return GROTH16_BAD_POINT;
    bn254_g1_affine p[3] = { proof->a, vkey->ic[0], proof->c };
    const bn254_g2_affine q[3] = { proof->b, vkey->gamma2, vkey->delta2 };
    bn254_fp12 product;
    bn254_g1_affine_neg(&p[0], &p[0]);
    sum_of_publics(&p[1], vkey, publics);
    bn254_pairing_product(&product, p, q, 3);
    bn254_fp12_mul(&product, &product, &vkey->alphabeta);
    return bn254_fp12_is_one(&product) ? GROTH16_OK : GROTH16_NOT_VERIFIED;
}

enum groth16_error groth16_verify_begin(struct groth16_begun *begun, const struct groth16_vkey *vkey,
                                        const bn254_scalar_packed *publics, size_t n)
{
    enum groth16_error e = publics_fit(vkey, publics, n);
    bn254_g1_affine sum;
    if (e != GROTH16_OK) return e;
    sum_of_publics(&sum, vkey, publics);
    bn254_miller_product(&begun->statement, &sum, &vkey->gamma2, 1);
    begun->vkey = vkey;
    return GROTH16_OK;
}

enum groth16_error groth16_verify_end(const struct groth16_begun *begun, const struct groth16_proof *proof)
{
    if (!proof_is_right(proof)) return GROTH16_BAD_POINT;
    bn254_g1_affine p[2] = { proof->a, proof->c };
    const bn254_g2_affine q[2] = { proof->b, begun->vkey->delta2 };
    bn254_fp12 product;
    bn254_g1_affine_neg(&p[0], &p[0]);
    bn254_miller_product(&product, p, q, 2);
    bn254_fp12_mul(&product, &product, &begun->statement);
    bn254_pairing_value(&product, &product);
    bn254_fp12_mul(&product, &product, &begun->vkey->alphabeta);
    return bn254_fp12_is_one(&product) ? GROTH16_OK : GROTH16_NOT_VERIFIED;
}
