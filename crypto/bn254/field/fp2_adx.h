/** Products in Fp2 with mulx, adcx and adox; fp2.h includes this file. Karatsuba on 512-bit products: three of those
 *  and two divisions by 2^256 (limbs_adx.h), where three products of Fp have three divisions; 32 ns instead of 39 (Zen
 *  5). */
#ifndef BN254_FP2_ADX_H
#define BN254_FP2_ADX_H
/* The formatter splits assembly inside macros in the middle of an operand's name. */
/* clang-format off */

struct fp2_adx_parts {
    uint64_t v0[8], v1[8], sa[4], sb[4]; /* a0 b0, a1 b1, a0 + a1, b0 + b1; the assembly knows their offsets */
};

/* The product of two values of 256 bits in t0..t7. */
#define FP2_ADX_WIDE                                                                                                   \
    "movq 0(%[a]), %%rdx\n\t" LIMBS_ADX_FIRST_ROW(LIMBS_ADX_B, t0, t1, t2, t3, t4)                                     \
    "movq 8(%[a]), %%rdx\n\t" LIMBS_ADX_ROW_ON_TOP(LIMBS_ADX_B, t1, t2, t3, t4, t5)                                    \
    "movq 16(%[a]), %%rdx\n\t" LIMBS_ADX_ROW_ON_TOP(LIMBS_ADX_B, t2, t3, t4, t5, t6)                                   \
    "movq 24(%[a]), %%rdx\n\t" LIMBS_ADX_ROW_ON_TOP(LIMBS_ADX_B, t3, t4, t5, t6, t7)

#define FP2_ADX_SUB_EIGHT(at)                                                                                          \
    "subq " at "+0(%[parts]), %[t0]\n\t"                                                                               \
    "sbbq " at "+8(%[parts]), %[t1]\n\t"                                                                               \
    "sbbq " at "+16(%[parts]), %[t2]\n\t"                                                                              \
    "sbbq " at "+24(%[parts]), %[t3]\n\t"                                                                              \
    "sbbq " at "+32(%[parts]), %[t4]\n\t"                                                                              \
    "sbbq " at "+40(%[parts]), %[t5]\n\t"                                                                              \
    "sbbq " at "+48(%[parts]), %[t6]\n\t"                                                                              \
    "sbbq " at "+56(%[parts]), %[t7]\n\t"

LIMBS_ADX_INLINE void fp2_adx_wide(uint64_t r[8], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, t7, lo, hi, zero;
    __asm__(FP2_ADX_WIDE
            : LIMBS_ADX_EIGHT
            : [a] "r"(a), [b] "r"(b), LIMBS_ADX_READS_FOUR(a), LIMBS_ADX_READS_FOUR(b)
            : LIMBS_ADX_CLOBBERS);
    r[0] = t0, r[1] = t1, r[2] = t2, r[3] = t3, r[4] = t4, r[5] = t5, r[6] = t6, r[7] = t7;
}

/* r = (v0 - v1) / 2^256, reduced. For reduced factors v1 < m^2 < 2^254 m, which is added: below (0.19 + 0.25) 2^256 m
 * then. */
LIMBS_ADX_INLINE void fp2_adx_real(uint64_t r[4], const struct fp2_adx_parts *parts, const struct limbs_modulus *mod)
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, t7, lo, hi, zero;
    __asm__("movq 0(%[parts]), %[t0]\n\t"
            "movq 8(%[parts]), %[t1]\n\t"
            "movq 16(%[parts]), %[t2]\n\t"
            "movq 24(%[parts]), %[t3]\n\t"
            "movq 32(%[parts]), %[t4]\n\t"
            "movq 40(%[parts]), %[t5]\n\t"
            "movq 48(%[parts]), %[t6]\n\t"
            "movq 56(%[parts]), %[t7]\n\t" FP2_ADX_SUB_EIGHT("64")
            "addq " LIMBS_ADX_HIGH(0) ", %[t3]\n\t"
            "adcq " LIMBS_ADX_HIGH(1) ", %[t4]\n\t"
            "adcq " LIMBS_ADX_HIGH(2) ", %[t5]\n\t"
            "adcq " LIMBS_ADX_HIGH(3) ", %[t6]\n\t"
            "adcq " LIMBS_ADX_HIGH(4) ", %[t7]\n\t" LIMBS_ADX_DIVIDE
            LIMBS_ADX_REDUCE(t4, t5, t6, t7, %[t0], %[t1], %[t2], %[t3])
            : LIMBS_ADX_EIGHT
            : [parts] "r"(parts), [mod] "r"(mod), LIMBS_ADX_READS(*parts), LIMBS_ADX_READS(*mod)
            : LIMBS_ADX_CLOBBERS);
    r[0] = t4, r[1] = t5, r[2] = t6, r[3] = t7;
}

/* r = (sa sb - v0 - v1) / 2^256 = (a0 b1 + a1 b0) / 2^256, reduced: below 2 m^2 = 0.38 * 2^256 m before it is divided.
 * */
LIMBS_ADX_INLINE void fp2_adx_imaginary(uint64_t r[4], const struct fp2_adx_parts *parts, const struct limbs_modulus *mod)
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, t7, lo, hi, zero;
#define FP2_ADX_SB(i) "160+" #i "*8(%[parts])"
    __asm__("movq 128(%[parts]), %%rdx\n\t" LIMBS_ADX_FIRST_ROW(FP2_ADX_SB, t0, t1, t2, t3, t4)
            "movq 136(%[parts]), %%rdx\n\t" LIMBS_ADX_ROW_ON_TOP(FP2_ADX_SB, t1, t2, t3, t4, t5)
            "movq 144(%[parts]), %%rdx\n\t" LIMBS_ADX_ROW_ON_TOP(FP2_ADX_SB, t2, t3, t4, t5, t6)
            "movq 152(%[parts]), %%rdx\n\t" LIMBS_ADX_ROW_ON_TOP(FP2_ADX_SB, t3, t4, t5, t6, t7)
            FP2_ADX_SUB_EIGHT("0") FP2_ADX_SUB_EIGHT("64") LIMBS_ADX_DIVIDE
            LIMBS_ADX_REDUCE(t4, t5, t6, t7, %[t0], %[t1], %[t2], %[t3])
            : LIMBS_ADX_EIGHT
            : [parts] "r"(parts), [mod] "r"(mod), LIMBS_ADX_READS(*parts), LIMBS_ADX_READS(*mod)
            : LIMBS_ADX_CLOBBERS);
#undef FP2_ADX_SB
    r[0] = t4, r[1] = t5, r[2] = t6, r[3] = t7;
}

/* r = a + b mod 2^256. Not limbs_add: gcc would move its words through vector registers and memory. */
LIMBS_INLINE void fp2_adx_sum(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3];
    __asm__("addq 0(%[b]), %[t0]\n\t"
            "adcq 8(%[b]), %[t1]\n\t"
            "adcq 16(%[b]), %[t2]\n\t"
            "adcq 24(%[b]), %[t3]\n\t"
            "movq %[t0], 0(%[r])\n\t"
            "movq %[t1], 8(%[r])\n\t"
            "movq %[t2], 16(%[r])\n\t"
            "movq %[t3], 24(%[r])\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), "=m"(*(uint64_t(*)[4])r)
            : [b] "r"(b), [r] "r"(r), LIMBS_ADX_READS_FOUR(b)
            : LIMBS_ADX_CLOBBERS);
}

LIMBS_INLINE void bn254_fp2_mul_inline(bn254_fp2 *r, const bn254_fp2 *a, const bn254_fp2 *b)
{
    struct fp2_adx_parts parts;
    fp2_adx_wide(parts.v0, a->c0.l, b->c0.l);
    fp2_adx_wide(parts.v1, a->c1.l, b->c1.l);
    fp2_adx_sum(parts.sa, a->c0.l, a->c1.l);
    fp2_adx_sum(parts.sb, b->c0.l, b->c1.l);
    fp2_adx_imaginary(r->c1.l, &parts, &BN254_FP_MONTGOMERY);
    fp2_adx_real(r->c0.l, &parts, &BN254_FP_MONTGOMERY);
}

#endif
