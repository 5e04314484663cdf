/* The base field of BN254: coordinates of points. */
#ifndef PV_CUDA_FP_CUH
#define PV_CUDA_FP_CUH
#include "limbs.cuh"

struct fp_modulus {
    GPU_MODULUS_TABLE(p, 0xd87cfd47u, 0x3c208c16u, 0x6871ca8du, 0x97816a91u, 0x8181585du, 0xb85045b6u, 0xe131a029u,
                      0x30644e72u)
    GPU_MODULUS_TABLE(p2, 0xb0f9fa8eu, 0x7841182du, 0xd0e3951au, 0x2f02d522u, 0x0302b0bbu, 0x70a08b6du, 0xc2634053u,
                      0x60c89ce5u)
    GPU_MODULUS_TABLE(one, 0xc58f0d9du, 0xd35d438du, 0xf5c70b3du, 0x0a78eb28u, 0x7879462cu, 0x666ea36fu, 0x9a07df2fu,
                      0x0e0a77c1u)
    GPU_MODULUS_TABLE(r2, 0x538afa89u, 0xf32cfc5bu, 0xd44501fbu, 0xb5e71911u, 0x0a417ff6u, 0x47ab1effu, 0xcab8351fu,
                      0x06d89f71u)
    static constexpr GPU_FN uint32_t kp(int k, int i) { return k == 1 ? p(i) : p2(i); }
    static constexpr GPU_FN uint64_t p64(int i) { return p(2 * i) | (uint64_t)p(2 * i + 1) << 32; }
    static constexpr uint32_t n0 = 0xe4866389u; /* -1/p mod 2^32 */
    static constexpr uint64_t n0_64 = 0x87d20782e4866389u;
};
typedef fe<fp_modulus> fp;
#endif
