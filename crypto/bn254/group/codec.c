#include "codec.h"

bool bn254_scalar_decode(bn254_scalar *r, const bn254_scalar_packed *a)
{
    bn254_scalar v;
    bn254_scalar_unpack(&v, a);
    if (!bn254_scalar_is_canonical(&v)) return false;
    *r = v;
    return true;
}

bool bn254_fr_decode(bn254_fr *r, const bn254_fr_packed *a)
{
    bn254_fr v;
    bn254_fr_unpack(&v, a);
    if (!bn254_fr_is_reduced(&v)) return false;
    *r = v;
    return true;
}

bool bn254_g1_decode(bn254_g1_affine *r, const bn254_g1_packed *a)
{
    bn254_g1_affine v;
    bn254_g1_unpack(&v, a);
    if (!bn254_fp_is_reduced(&v.x) || !bn254_fp_is_reduced(&v.y) || !bn254_g1_is_on_curve(&v)) return false;
    *r = v;
    return true;
}

bool bn254_g2_decode(bn254_g2_affine *r, const bn254_g2_packed *a, enum bn254_g2_check check)
{
    bn254_g2_affine v;
    bn254_g2_unpack(&v, a);
    if (!bn254_fp2_is_reduced(&v.x) || !bn254_fp2_is_reduced(&v.y) || !bn254_g2_is_on_curve(&v)) return false;
    if (check != BN254_G2_ON_CURVE && !bn254_g2_is_in_subgroup(&v)) return false;
    *r = v;
    return true;
}

enum { DECIMAL_CHUNK_DIGITS = 19 };
static const uint64_t decimal_chunk = 10000000000000000000u; /* 10^19, the largest power below 2^64 */

/* v <- v / 10^19; returns the remainder. */
static uint64_t divide_by_chunk(bn254_scalar *v)
{
    limbs_wide rest = 0;
    for (int i = 4; i-- > 0;) {
        limbs_wide part = rest << 64 | v->l[i];
        v->l[i] = (uint64_t)(part / decimal_chunk);
        rest = part % decimal_chunk;
    }
    return (uint64_t)rest;
}

void bn254_scalar_to_decimal(char text[BN254_DECIMAL_BYTES], const bn254_scalar *v)
{
    char digits[5 * DECIMAL_CHUNK_DIGITS];
    bn254_scalar rest = *v;
    size_t at = sizeof digits;
    while (at > 0) {
        uint64_t chunk = divide_by_chunk(&rest);
        for (int i = 0; i < DECIMAL_CHUNK_DIGITS; i++, chunk /= 10) digits[--at] = (char)('0' + chunk % 10);
    }
    while (at < sizeof digits - 1 && digits[at] == '0') at++;
    memcpy(text, digits + at, sizeof digits - at);
    text[sizeof digits - at] = '\0';
}

/* v <- 10 v + digit; false when that is 2^256 or more. */
static bool append_digit(bn254_scalar *v, unsigned digit)
{
    limbs_wide t = digit;
    for (int i = 0; i < 4; i++) {
        t += (limbs_wide)v->l[i] * 10;
        v->l[i] = (uint64_t)t;
        t >>= 64;
    }
    return t == 0;
}

bool bn254_scalar_from_decimal(bn254_scalar *v, const char *text)
{
    bn254_scalar t = { { 0, 0, 0, 0 } };
    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0')) return false;
    for (const char *c = text; *c; c++)
        if (*c < '0' || *c > '9' || !append_digit(&t, (unsigned)(*c - '0'))) return false;
    *v = t;
    return true;
}
