/** The two primes of BN254 as the files hold them: 32 bytes, little-endian. */
#ifndef PV_BN254_PRIMES_H
#define PV_BN254_PRIMES_H

#include <stdbool.h>
#include <stdint.h>

/** q: coordinates of points. */
extern const uint8_t bn254_prime_q[32];
/** r: witness values, coefficients, public signals. */
extern const uint8_t bn254_prime_r[32];

/** Is the little-endian integer at value (any alignment) below the prime? */
bool bn254_below(const uint8_t value[32], const uint8_t prime[32]);

#endif
