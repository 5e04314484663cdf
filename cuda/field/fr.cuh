/* The scalar field of BN254: witness values, coefficients, what an NTT transforms. */
#ifndef PV_CUDA_FR_CUH
#define PV_CUDA_FR_CUH
#include "limbs.cuh"

struct fr_modulus {
    GPU_MODULUS_TABLE(p, 0xf0000001u, 0x43e1f593u, 0x79b97091u, 0x2833e848u, 0x8181585du, 0xb85045b6u, 0xe131a029u,
                      0x30644e72u)
    GPU_MODULUS_TABLE(p2, 0xe0000002u, 0x87c3eb27u, 0xf372e122u, 0x5067d090u, 0x0302b0bau, 0x70a08b6du, 0xc2634053u,
                      0x60c89ce5u)
    GPU_MODULUS_TABLE(one, 0x4ffffffbu, 0xac96341cu, 0x9f60cd29u, 0x36fc7695u, 0x7879462eu, 0x666ea36fu, 0x9a07df2fu,
                      0x0e0a77c1u)
    GPU_MODULUS_TABLE(r2, 0xae216da7u, 0x1bb8e645u, 0xe35c59e3u, 0x53fe3ab1u, 0x53bb8085u, 0x8c49833du, 0x7f4e44a5u,
                      0x0216d0b1u)
    GPU_MODULUS_TABLE(half, 0xf8000000u, 0xa1f0fac9u, 0x3cdcb848u, 0x9419f424u, 0x40c0ac2eu, 0xdc2822dbu, 0x7098d014u,
                      0x18322739u) /* (r - 1) / 2 */
    static constexpr GPU_FN uint32_t kp(int k, int i) { return k == 1 ? p(i) : p2(i); }
    static constexpr GPU_FN uint64_t p64(int i) { return p(2 * i) | (uint64_t)p(2 * i + 1) << 32; }
    static constexpr uint32_t n0 = 0xefffffffu; /* -1/r mod 2^32 */
    static constexpr uint64_t n0_64 = 0xc2e1f593efffffffu;
};
typedef fe<fr_modulus> fr;
#endif
