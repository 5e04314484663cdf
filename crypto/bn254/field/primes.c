#include "primes.h"

#include <string.h>

#include "constants.h"

const uint8_t bn254_prime_q[32] = BN254_FP_MODULUS_BYTES;
const uint8_t bn254_prime_r[32] = BN254_FR_MODULUS_BYTES;

bool bn254_below(const uint8_t value[32], const uint8_t prime[32])
{
    uint64_t v[4], p[4];
    memcpy(v, value, sizeof v);
    memcpy(p, prime, sizeof p);
    for (int i = 3; i > 0; i--)
        if (v[i] != p[i]) return v[i] < p[i];
    return v[0] < p[0];
}
