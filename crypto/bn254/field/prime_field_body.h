/** The functions of prime_field.h that are not inline; fp.c and fr.c include this with the same three names. */

/* Four bits at a time: 256 squarings and 64 products. */
void PRIME_F(pow)(PRIME_T *r, const PRIME_T *a, const bn254_scalar *e)
{
    PRIME_T power[16];
    PRIME_F(set_one)(&power[0]);
    for (int i = 1; i < 16; i++) PRIME_F(mul)(&power[i], &power[i - 1], a);
    PRIME_T acc = power[0];
    for (unsigned k = (bn254_scalar_bit_length(e) + 3) / 4; k-- > 0;) {
        for (int i = 0; i < 4; i++) PRIME_F(sqr)(&acc, &acc);
        PRIME_F(mul)(&acc, &acc, &power[bn254_scalar_window(e, 4 * k, 4)]);
    }
    *r = acc;
}

/* The words hold aR; 1/(aR) times R^3 over R is R/a. */
void PRIME_F(inv)(PRIME_T *r, const PRIME_T *a)
{
    uint64_t plain[4];
    inverse_mod(plain, a->l, PRIME_K(MODULUS), PRIME_K(INV));
    limbs_mont_mul(r->l, plain, PRIME_K(R3), &PRIME_K(MONTGOMERY));
}
