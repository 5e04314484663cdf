/** The modulus of Fp in 52-bit limbs, for vec.h. */
#ifndef BN254_IFMA_FP52_H
#define BN254_IFMA_FP52_H
#include <stdint.h>

/* k*p, limb by limb */
#define P52_TIMES(k)                                                                                                   \
    {                                                                                                                  \
        k * 0x08c16d87cfd47u, k * 0x916871ca8d3c2u, k * 0x181585d97816au, k * 0xa029b85045b68u, k * 0x030644e72e131u   \
    }
static const uint64_t P52[5] = P52_TIMES(1);
#define N52 0x20782e4866389ull /* -1/p mod 2^52 */
static const uint64_t M52[5] = { 0xc93a3dee22c55u, 0xe15f4ea250777u, 0x37f0b49e7cd63u, 0x2079e650a0895u,
                                 0x006234192d7a1u }; /* (N52*p + 1)/2^52, 0.127p */
static const uint64_t R52[5] = { 0x20880f6fce4b4u, 0x49baa989a8455u, 0x18f014a498908u, 0x724f85a9201d8u,
                                 0x01f16424e1bb7u }; /* one: 2^260 mod p */
static const uint64_t R268[5] = { 0xec2544cd27284u, 0x93c0a3e5cacd2u, 0x824ae547a2004u, 0xb4cb95b374969u,
                                  0x016000c8373a7u }; /* 2^268 mod p: brings a scalar inverse back, see invert.h */
#endif
