/** The function of curve.h that is not inline; g1.c and g2.c include this with the same names. */

void CURVE_F(mul)(CURVE_T *r, const CURVE_T *a, const bn254_scalar *k)
{
    CURVE_T multiple[16], acc;
    CURVE_F(set_infinity)(&multiple[0]);
    for (int i = 1; i < 16; i++) CURVE_F(add)(&multiple[i], &multiple[i - 1], a);
    CURVE_F(set_infinity)(&acc);
    for (unsigned w = (bn254_scalar_bit_length(k) + 3) / 4; w-- > 0;) {
        for (int i = 0; i < 4; i++) CURVE_F(dbl)(&acc, &acc);
        CURVE_F(add)(&acc, &acc, &multiple[bn254_scalar_window(k, 4 * w, 4)]);
    }
    *r = acc;
    /* A secret k leaves partial sums behind; the multiples are public. */
    explicit_bzero(&acc, sizeof acc);
}
