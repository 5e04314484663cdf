#include "fr.h"
#include "inverse.h"

#include <assert.h>

#define PRIME_T bn254_fr
#define PRIME_F(name) bn254_fr_##name
#define PRIME_K(name) BN254_FR_##name
#include "prime_field_body.h"

void bn254_fr_root_of_unity(bn254_fr *w, unsigned log_n)
{
    assert(log_n <= BN254_FR_TWO_ADICITY); /* zkey_of refuses a larger domain; only tests call this otherwise */
    bn254_fr root = BN254_FR_ROOT;
    for (unsigned i = log_n; i < BN254_FR_TWO_ADICITY; i++) bn254_fr_sqr(&root, &root);
    *w = root;
}
