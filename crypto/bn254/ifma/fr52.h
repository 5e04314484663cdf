/** The modulus of Fr in 52-bit limbs, for vec.h. */
#ifndef BN254_IFMA_FR52_H
#define BN254_IFMA_FR52_H
#include <stdint.h>

static const uint64_t P52[5] = { 0x1f593f0000001u, 0x4879b9709143eu, 0x181585d2833e8u, 0xa029b85045b68u,
                                 0x030644e72e131u };
#define N52 0x1f593efffffffull /* -1/r mod 2^52 */
static const uint64_t M52[5] = { 0x82e644ee4c3d2u, 0xf93893c98b1deu, 0xd46fe04d0a4c7u, 0x8f0aad55e2a1fu,
                                 0x005ed0447de83u }; /* (N52*r + 1)/2^52, 0.123r */
static const uint64_t R52[5] = { 0xb6b753fffffacu, 0x380f271055b9du, 0x18f016ecef7c8u, 0x724f85a9201d8u,
                                 0x01f16424e1bb7u }; /* one: 2^260 mod r */
#endif
