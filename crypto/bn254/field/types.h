/** The types of BN254, no code: one type for each kind of number.
 *
 *  Field elements are in Montgomery form with R = 2^256, limbs little-endian, and always fully reduced in memory:
 *  two equal elements have equal bytes.
 */
#ifndef BN254_TYPES_H
#define BN254_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** An element of the base field, Montgomery. */
typedef struct bn254_fp {
    uint64_t l[4];
} bn254_fp;

/** An element of the scalar field, Montgomery. */
typedef struct bn254_fr {
    uint64_t l[4];
} bn254_fr;

/** A plain 256-bit integer: exponents, window digits. */
typedef struct bn254_scalar {
    uint64_t l[4];
} bn254_scalar;

/** c0 + c1 u, u^2 = -1 */
typedef struct bn254_fp2 {
    bn254_fp c0, c1;
} bn254_fp2;

/** c0 + c1 v + c2 v^2, v^3 = 9 + u */
typedef struct bn254_fp6 {
    bn254_fp2 c0, c1, c2;
} bn254_fp6;

/** c0 + c1 w, w^2 = v */
typedef struct bn254_fp12 {
    bn254_fp6 c0, c1;
} bn254_fp12;

/* Points of G1, and below them those of G2, which lie on the twist. Affine: (0, 0) is infinity. */
typedef struct bn254_g1_affine {
    bn254_fp x, y;
} bn254_g1_affine;

/** Jacobian: x/z^2, y/z^3; z = 0 is infinity. */
typedef struct bn254_g1 {
    bn254_fp x, y, z;
} bn254_g1;

/** x/zz, y/zzz, zz^3 = zzz^2; zz = 0 is infinity. */
typedef struct bn254_g1_xyzz {
    bn254_fp x, y, zz, zzz;
} bn254_g1_xyzz;

typedef struct bn254_g2_affine {
    bn254_fp2 x, y;
} bn254_g2_affine;

typedef struct bn254_g2 {
    bn254_fp2 x, y, z;
} bn254_g2;

typedef struct bn254_g2_xyzz {
    bn254_fp2 x, y, zz, zzz;
} bn254_g2_xyzz;

/* What the files hold: alignment 1, little-endian, Montgomery (a scalar: plain). All zero is infinity. */

/** x, y */
typedef struct bn254_g1_packed {
    uint8_t bytes[64];
} bn254_g1_packed;

/** x.c0, x.c1, y.c0, y.c1 */
typedef struct bn254_g2_packed {
    uint8_t bytes[128];
} bn254_g2_packed;

typedef struct bn254_scalar_packed {
    uint8_t bytes[32];
} bn254_scalar_packed;

typedef struct bn254_fr_packed {
    uint8_t bytes[32];
} bn254_fr_packed;

#endif
