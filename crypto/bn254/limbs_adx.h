/** The x86-64 bodies of limbs.h, which includes this file: needs BMI2 (mulx) and ADX (adcx, adox) at run time.
 *
 *  adox carries in OF and adcx in CF, so the low words of a row of products and its high words go into the same
 *  accumulator in one pass without saving flags. xor clears both flags.
 */
#ifndef BN254_LIMBS_ADX_H
#define BN254_LIMBS_ADX_H

LIMBS_INLINE void limbs_mod_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t m[4])
{
    uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], s0, s1, s2, s3;
    __asm__("addq %[b0], %[t0]\n\t"
            "adcq %[b1], %[t1]\n\t"
            "adcq %[b2], %[t2]\n\t"
            "adcq %[b3], %[t3]\n\t"
            "movq %[t0], %[s0]\n\t"
            "movq %[t1], %[s1]\n\t"
            "movq %[t2], %[s2]\n\t"
            "movq %[t3], %[s3]\n\t"
            "subq %[m0], %[s0]\n\t"
            "sbbq %[m1], %[s1]\n\t"
            "sbbq %[m2], %[s2]\n\t"
            "sbbq %[m3], %[s3]\n\t"
            "cmovncq %[s0], %[t0]\n\t"
            "cmovncq %[s1], %[t1]\n\t"
            "cmovncq %[s2], %[t2]\n\t"
            "cmovncq %[s3], %[t3]\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [s0] "=&r"(s0), [s1] "=&r"(s1),
              [s2] "=&r"(s2), [s3] "=&r"(s3)
            : [b0] "m"(b[0]), [b1] "m"(b[1]), [b2] "m"(b[2]), [b3] "m"(b[3]), [m0] "m"(m[0]), [m1] "m"(m[1]),
              [m2] "m"(m[2]), [m3] "m"(m[3])
            : "cc");
    r[0] = t0, r[1] = t1, r[2] = t2, r[3] = t3;
}

LIMBS_INLINE void limbs_mod_sub(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t m[4])
{
    uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], s0 = m[0], s1 = m[1], s2 = m[2], s3 = m[3], zero = 0;
    __asm__("subq %[b0], %[t0]\n\t"
            "sbbq %[b1], %[t1]\n\t"
            "sbbq %[b2], %[t2]\n\t"
            "sbbq %[b3], %[t3]\n\t"
            "cmovncq %[zero], %[s0]\n\t"
            "cmovncq %[zero], %[s1]\n\t"
            "cmovncq %[zero], %[s2]\n\t"
            "cmovncq %[zero], %[s3]\n\t"
            "addq %[s0], %[t0]\n\t"
            "adcq %[s1], %[t1]\n\t"
            "adcq %[s2], %[t2]\n\t"
            "adcq %[s3], %[t3]\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [s0] "+&r"(s0), [s1] "+&r"(s1),
              [s2] "+&r"(s2), [s3] "+&r"(s3)
            : [b0] "m"(b[0]), [b1] "m"(b[1]), [b2] "m"(b[2]), [b3] "m"(b[3]), [zero] "rm"(zero)
            : "cc");
    r[0] = t0, r[1] = t1, r[2] = t2, r[3] = t3;
}

/* t0..t3, top += rdx * b: low words on OF, high words on CF. */
#define LIMBS_ADX_ROW                                                                                                  \
    "xorl %k[hi], %k[hi]\n\t"                                                                                          \
    "mulxq %[b0], %[lo], %[top]\n\t"                                                                                   \
    "adoxq %[lo], %[t0]\n\t"                                                                                           \
    "adcxq %[top], %[t1]\n\t"                                                                                          \
    "mulxq %[b1], %[lo], %[top]\n\t"                                                                                   \
    "adoxq %[lo], %[t1]\n\t"                                                                                           \
    "adcxq %[top], %[t2]\n\t"                                                                                          \
    "mulxq %[b2], %[lo], %[top]\n\t"                                                                                   \
    "adoxq %[lo], %[t2]\n\t"                                                                                           \
    "adcxq %[top], %[t3]\n\t"                                                                                          \
    "mulxq %[b3], %[lo], %[top]\n\t"                                                                                   \
    "adoxq %[lo], %[t3]\n\t"                                                                                           \
    "movl $0, %k[lo]\n\t"                                                                                              \
    "adcxq %[lo], %[top]\n\t"                                                                                          \
    "adoxq %[lo], %[top]\n\t"

/* The first row: nothing to add to yet. */
#define LIMBS_ADX_FIRST_ROW                                                                                            \
    "mulxq %[b0], %[t0], %[t1]\n\t"                                                                                    \
    "xorl %k[lo], %k[lo]\n\t"                                                                                          \
    "mulxq %[b1], %[lo], %[t2]\n\t"                                                                                    \
    "adcxq %[lo], %[t1]\n\t"                                                                                           \
    "mulxq %[b2], %[lo], %[t3]\n\t"                                                                                    \
    "adcxq %[lo], %[t2]\n\t"                                                                                           \
    "mulxq %[b3], %[lo], %[top]\n\t"                                                                                   \
    "adcxq %[lo], %[t3]\n\t"                                                                                           \
    "movl $0, %k[lo]\n\t"                                                                                              \
    "adcxq %[lo], %[top]\n\t"

/* t = (t + k m) / 2^64 with k = -t0 / m: the word that became zero is dropped by moving every word down one. */
#define LIMBS_ADX_REDUCE                                                                                               \
    "movq %[t0], %%rdx\n\t"                                                                                            \
    "imulq %[inv], %%rdx\n\t"                                                                                          \
    "xorl %k[lo], %k[lo]\n\t"                                                                                          \
    "mulxq %[m0], %[lo], %[hi]\n\t"                                                                                    \
    "adcxq %[t0], %[lo]\n\t"                                                                                           \
    "movq %[hi], %[t0]\n\t"                                                                                            \
    "adcxq %[t1], %[t0]\n\t"                                                                                           \
    "mulxq %[m1], %[lo], %[t1]\n\t"                                                                                    \
    "adoxq %[lo], %[t0]\n\t"                                                                                           \
    "adcxq %[t2], %[t1]\n\t"                                                                                           \
    "mulxq %[m2], %[lo], %[t2]\n\t"                                                                                    \
    "adoxq %[lo], %[t1]\n\t"                                                                                           \
    "adcxq %[t3], %[t2]\n\t"                                                                                           \
    "mulxq %[m3], %[lo], %[t3]\n\t"                                                                                    \
    "adoxq %[lo], %[t2]\n\t"                                                                                           \
    "movl $0, %k[lo]\n\t"                                                                                              \
    "adcxq %[lo], %[t3]\n\t"                                                                                           \
    "adoxq %[top], %[t3]\n\t"

/* Instrumented code keeps an address per operand and runs out of registers around the assembly: there it is a call. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
__attribute__((noinline, unused)) static
#else
LIMBS_INLINE
#endif
void limbs_mont_mul(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t m[4],
                                 uint64_t inv)
{
    uint64_t t0, t1, t2, t3, top, lo, hi;
    __asm__("movq %[a0], %%rdx\n\t" LIMBS_ADX_FIRST_ROW LIMBS_ADX_REDUCE
            "movq %[a1], %%rdx\n\t" LIMBS_ADX_ROW LIMBS_ADX_REDUCE
            "movq %[a2], %%rdx\n\t" LIMBS_ADX_ROW LIMBS_ADX_REDUCE
            "movq %[a3], %%rdx\n\t" LIMBS_ADX_ROW LIMBS_ADX_REDUCE
            /* t - m where that is not negative; rdx, top, lo, hi are free now */
            "movq %[t0], %%rdx\n\t"
            "subq %[m0], %[t0]\n\t"
            "movq %[t1], %[top]\n\t"
            "sbbq %[m1], %[t1]\n\t"
            "movq %[t2], %[lo]\n\t"
            "sbbq %[m2], %[t2]\n\t"
            "movq %[t3], %[hi]\n\t"
            "sbbq %[m3], %[t3]\n\t"
            "cmovcq %%rdx, %[t0]\n\t"
            "cmovcq %[top], %[t1]\n\t"
            "cmovcq %[lo], %[t2]\n\t"
            "cmovcq %[hi], %[t3]\n\t"
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [top] "=&r"(top), [lo] "=&r"(lo),
              [hi] "=&r"(hi)
            : [a0] "m"(a[0]), [a1] "m"(a[1]), [a2] "m"(a[2]), [a3] "m"(a[3]), [b0] "m"(b[0]), [b1] "m"(b[1]),
              [b2] "m"(b[2]), [b3] "m"(b[3]), [m0] "m"(m[0]), [m1] "m"(m[1]), [m2] "m"(m[2]), [m3] "m"(m[3]),
              [inv] "rm"(inv)
            : "rdx", "cc");
    r[0] = t0, r[1] = t1, r[2] = t2, r[3] = t3;
}

#endif
