/** Between bytes and elements: the only place where range, curve and subgroup are checked.
 *
 *  unpack copies without a check, for bytes that were checked before or whose errors show later.
 *  decode checks, and leaves its output untouched when it returns false.
 *  pack is exact: unpack and decode give back the same element.
 */
#ifndef BN254_CODEC_H
#define BN254_CODEC_H

#include "fr.h"
#include "g1.h"
#include "g2.h"

static inline void bn254_g1_unpack(bn254_g1_affine *r, const bn254_g1_packed *a)
{
    memcpy(r, a->bytes, sizeof *r);
}

static inline void bn254_g2_unpack(bn254_g2_affine *r, const bn254_g2_packed *a)
{
    memcpy(r, a->bytes, sizeof *r);
}

static inline void bn254_scalar_unpack(bn254_scalar *r, const bn254_scalar_packed *a)
{
    memcpy(r->l, a->bytes, sizeof r->l);
}

static inline void bn254_fr_unpack(bn254_fr *r, const bn254_fr_packed *a)
{
    memcpy(r->l, a->bytes, sizeof r->l);
}

static inline void bn254_g1_pack(bn254_g1_packed *r, const bn254_g1_affine *a)
{
    memcpy(r->bytes, a, sizeof r->bytes);
}

static inline void bn254_g2_pack(bn254_g2_packed *r, const bn254_g2_affine *a)
{
    memcpy(r->bytes, a, sizeof r->bytes);
}

static inline void bn254_scalar_pack(bn254_scalar_packed *r, const bn254_scalar *a)
{
    memcpy(r->bytes, a->l, sizeof r->bytes);
}

static inline void bn254_fr_pack(bn254_fr_packed *r, const bn254_fr *a)
{
    memcpy(r->bytes, a->l, sizeof r->bytes);
}

/** True for values below r. */
bool bn254_scalar_decode(bn254_scalar *r, const bn254_scalar_packed *a);

/** True for a Montgomery form below r. */
bool bn254_fr_decode(bn254_fr *r, const bn254_fr_packed *a);

/** True for infinity and for a point of the curve with coordinates below p; such a point is in the group. */
bool bn254_g1_decode(bn254_g1_affine *r, const bn254_g1_packed *a);

/** How far a point of G2 is checked: the subgroup check costs far more than the others. */
enum bn254_g2_check {
    BN254_G2_IN_SUBGROUP = 0, /* for points from outside */
    BN254_G2_ON_CURVE,        /* coordinates and curve only: finds damage, not malice */
};

bool bn254_g2_decode(bn254_g2_affine *r, const bn254_g2_packed *a, enum bn254_g2_check check);

/* Decimal numbers, as snarkjs's JSON has them. */

enum { BN254_DECIMAL_BYTES = 79 }; /* 78 digits of 2^256 - 1 and a zero */

/** v in decimal, zero-terminated, without leading zeros. */
void bn254_scalar_to_decimal(char text[BN254_DECIMAL_BYTES], const bn254_scalar *v);

/** Digits only, at least one, no leading zero except "0" itself, below 2^256; false, *v untouched, for anything else.
 *  */
bool bn254_scalar_from_decimal(bn254_scalar *v, const char *text);

#endif
