#!/usr/bin/env python3
"""Prints constants.h: every number of BN254 that the code needs, derived here from the curve's parameter x alone.

    python3 constants.py | clang-format --assume-filename=constants.h > constants.h

tests/unit/crypto/constants_test.py checks that constants.h is what this prints.
"""
x = 4965661367192848881
p = 36*x**4 + 36*x**3 + 24*x**2 + 6*x + 1
r = 36*x**4 + 36*x**3 + 18*x**2 + 6*x + 1
R = 1 << 256


def limbs(v, n=4):
    return ", ".join("0x%016xu" % ((v >> (64 * i)) & (2**64 - 1)) for i in range(n))


def table(name, v):
    print("static const uint64_t %s[4] = { %s };" % (name, limbs(v)))


def fp_init(v):
    return "{ { %s } }" % limbs(v * R % p)


def fp(name, v):
    print("static const bn254_fp %s = %s;" % (name, fp_init(v)))


def fr(name, v):
    print("static const bn254_fr %s = { { %s } };" % (name, limbs(v * R % r)))


def fp2_init(v):
    return "{ %s, %s }" % (fp_init(v[0]), fp_init(v[1]))


def fp2(name, v):
    print("static const bn254_fp2 %s = %s;" % (name, fp2_init(v)))


def mul2(a, b):
    return ((a[0]*b[0] - a[1]*b[1]) % p, (a[0]*b[1] + a[1]*b[0]) % p)


def pow2(a, e):
    y = (1, 0)
    while e:
        if e & 1:
            y = mul2(y, a)
        a = mul2(a, a)
        e >>= 1
    return y


def inv2(a):
    n = pow(a[0]*a[0] + a[1]*a[1], -1, p)
    return (a[0]*n % p, -a[1]*n % p)


def naf(k):
    d = []
    while k:
        z = 2 - k % 4 if k & 1 else 0
        d.append(z)
        k = (k - z) // 2
    return d


xi = (9, 1)
print("/** BN254's numbers, printed by constants.py: field elements in Montgomery form, R = 2^256. */")
print("#ifndef BN254_CONSTANTS_H\n#define BN254_CONSTANTS_H\n\n#include \"limbs.h\"\n#include \"types.h\"\n")
for name, m in (("FP", p), ("FR", r)):
    print("/* %s: modulus, R mod m, R^2 mod m, R^3 mod m, m - 2, -1/m mod 2^64, and what products need */" % name.lower())
    table("BN254_%s_MODULUS" % name, m)
    table("BN254_%s_R" % name, R % m)
    table("BN254_%s_R2" % name, R * R % m)
    table("BN254_%s_R3" % name, R * R * R % m)
    table("BN254_%s_MINUS_2" % name, m - 2)
    print("#define BN254_%s_INV 0x%016xu" % (name, -pow(m, -1, 2**64) % 2**64))
    print("static const struct limbs_modulus BN254_%s_MONTGOMERY = { { %s }, BN254_%s_INV, { %s }, { %s }, { %s }, { %s } };\n"
          % (name, limbs(m), name, limbs(pow(2, -64, m)), limbs(pow(2, -128, m)), limbs(2 * m), limbs(m << 62, 5)))

print("/* p and r as files hold them: little-endian bytes. */")
for name, m in (("FP", p), ("FR", r)):
    print("#define BN254_%s_MODULUS_BYTES { %s }" % (name, ", ".join("0x%02x" % b for b in m.to_bytes(32, "little"))))
print("\n/* The largest power of two in r - 1, and 5^((r - 1) / 2^28), the root snarkjs starts from. */")
print("#define BN254_FR_TWO_ADICITY 28")
fr("BN254_FR_ROOT", pow(5, (r - 1) >> 28, r))
print("\n/* y^2 = x^3 + 3, and its twist y^2 = x^3 + 3 / (9 + u). */")
b2 = mul2((3, 0), inv2(xi))
fp("BN254_G1_B", 3)
fp2("BN254_G2_B", b2)
fp2("BN254_G2_B3", mul2((3, 0), b2))
fp("BN254_FP_HALF", pow(2, -1, p))
g2 = ((10857046999023057135944570762232829481370756359578518086990519993285655852781,
       11559732032986387107991004021392285783925812861821192530917403151452391805634),
      (8495653923123431417604973247489272438418190587263600148770280649306958101930,
       4082367875863433681332203403145435568316851327593401208105741076214120093531))
print("\n/* The generators everyone uses. */")
print("static const bn254_g1_affine BN254_G1_GENERATOR = { %s, %s };" % (fp_init(1), fp_init(2)))
print("static const bn254_g2_affine BN254_G2_GENERATOR = { %s, %s };" % (fp2_init(g2[0]), fp2_init(g2[1])))
print("\n/* The curve parameter x, and 6x + 2 in signed digits, lowest first. */")
print("#define BN254_X 0x%016xu" % x)
d = naf(6 * x + 2)
print("#define BN254_ATE_DIGITS %d" % len(d))
print("static const int8_t BN254_ATE_DIGIT[BN254_ATE_DIGITS] = { %s };" % ", ".join(map(str, d)))
d = naf(x)
print("#define BN254_X_DIGITS %d" % len(d))
print("static const int8_t BN254_X_DIGIT[BN254_X_DIGITS] = { %s };" % ", ".join(map(str, d)))
print("\n/* Frobenius: [k - 1][i] = (9 + u)^(i * (p^k - 1) / 6), for k = 1, 2, 3. */")
print("static const bn254_fp2 BN254_FROBENIUS[3][6] = {")
for k in (1, 2, 3):
    print("    { %s }," % ",\n      ".join(fp2_init(pow2(xi, i * (p**k - 1) // 6)) for i in range(6)))
print("};\n\n#endif")
