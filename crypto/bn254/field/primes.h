/** The two primes of BN254 as circom's files hold them: 32 bytes, little-endian. For readers of files, which need no
 *  arithmetic. The bytes come from constants.h. */
#ifndef BN254_PRIMES_H
#define BN254_PRIMES_H

#include <stdbool.h>
#include <stdint.h>

/** The base field's (the files call it q): coordinates of points. */
extern const uint8_t bn254_prime_q[32];
/** The scalar field's, r: witness values, coefficients, public signals. */
extern const uint8_t bn254_prime_r[32];

/** Whether the little-endian integer at value (any alignment) is below prime. */
bool bn254_below(const uint8_t value[32], const uint8_t prime[32]);

#endif
