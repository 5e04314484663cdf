/** The functions of a prime field in Montgomery form. fp.h and fr.h include this file, each with its names:
 *      PRIME_T           the element type
 *      PRIME_F(name)     bn254_fp_##name or bn254_fr_##name
 *      PRIME_K(name)     BN254_FP_##name or BN254_FR_##name
 *  Elements go in and come out fully reduced; a result may lie where an input lies. No branch and no address depends on
 *  a value in set, is_zero, eq, add, sub, neg, dbl, mul, sqr, select and the conversions; inv, pow and batch_inv are
 *  variable time.
 */

/** r = 0 */
static inline void PRIME_F(set_zero)(PRIME_T *r)
{
    *r = (PRIME_T){ { 0, 0, 0, 0 } };
}

/** r = 1 */
static inline void PRIME_F(set_one)(PRIME_T *r)
{
    memcpy(r->l, PRIME_K(R), sizeof r->l);
}

static inline bool PRIME_F(is_zero)(const PRIME_T *a)
{
    return limbs_is_zero(a->l);
}

static inline bool PRIME_F(is_one)(const PRIME_T *a)
{
    return limbs_eq(a->l, PRIME_K(R));
}

static inline bool PRIME_F(eq)(const PRIME_T *a, const PRIME_T *b)
{
    return limbs_eq(a->l, b->l);
}

/** Whether the limbs are below the modulus: true of every element; ask it of bytes from outside. */
static inline bool PRIME_F(is_reduced)(const PRIME_T *a)
{
    return limbs_less(a->l, PRIME_K(MODULUS));
}

/** r = a + b */
LIMBS_INLINE void PRIME_F(add)(PRIME_T *r, const PRIME_T *a, const PRIME_T *b)
{
    limbs_mod_add(r->l, a->l, b->l, PRIME_K(MODULUS));
}

/** r = a - b */
LIMBS_INLINE void PRIME_F(sub)(PRIME_T *r, const PRIME_T *a, const PRIME_T *b)
{
    limbs_mod_sub(r->l, a->l, b->l, PRIME_K(MODULUS));
}

/** r = 2 a */
LIMBS_INLINE void PRIME_F(dbl)(PRIME_T *r, const PRIME_T *a)
{
    limbs_mod_add(r->l, a->l, a->l, PRIME_K(MODULUS));
}

/** r = -a */
LIMBS_INLINE void PRIME_F(neg)(PRIME_T *r, const PRIME_T *a)
{
    static const uint64_t zero[4] = { 0, 0, 0, 0 };
    limbs_mod_sub(r->l, zero, a->l, PRIME_K(MODULUS));
}

/** a = negate ? -a : a, without a branch */
LIMBS_INLINE void PRIME_F(neg_if)(PRIME_T *a, uint64_t negate)
{
    limbs_mod_neg_if(a->l, negate, PRIME_K(MODULUS));
}

/** r = a b; also for loose a and b */
LIMBS_INLINE void PRIME_F(mul)(PRIME_T *r, const PRIME_T *a, const PRIME_T *b)
{
    limbs_mont_mul(r->l, a->l, b->l, &PRIME_K(MONTGOMERY));
}

/** r = a b, loose, for loose a and b (limbs.h): for a product that is reduced later or never. */
LIMBS_INLINE void PRIME_F(mul_loose)(PRIME_T *r, const PRIME_T *a, const PRIME_T *b)
{
    limbs_mont_mul_loose(r->l, a->l, b->l, &PRIME_K(MONTGOMERY));
}

/** r = a - b, loose */
LIMBS_INLINE void PRIME_F(sub_loose)(PRIME_T *r, const PRIME_T *a, const PRIME_T *b)
{
    limbs_mod_sub_loose(r->l, a->l, b->l, PRIME_K(MODULUS));
}

/** r = a - b, for loose a */
LIMBS_INLINE void PRIME_F(sub_one)(PRIME_T *r, const PRIME_T *a, const PRIME_T *b)
{
    limbs_mod_sub_one(r->l, a->l, b->l, &PRIME_K(MONTGOMERY));
}

/** r = a - b - c, for loose a */
LIMBS_INLINE void PRIME_F(sub_two)(PRIME_T *r, const PRIME_T *a, const PRIME_T *b, const PRIME_T *c)
{
    limbs_mod_sub_two(r->l, a->l, b->l, c->l, &PRIME_K(MONTGOMERY));
}

/** r = a^2, loose, for loose a */
LIMBS_INLINE void PRIME_F(sqr_loose)(PRIME_T *r, const PRIME_T *a)
{
    limbs_mont_sqr_loose(r->l, a->l, &PRIME_K(MONTGOMERY));
}

/** r = a, reduced, for loose a */
LIMBS_INLINE void PRIME_F(reduce)(PRIME_T *r, const PRIME_T *a)
{
    limbs_reduce_once(r->l, a->l, PRIME_K(MODULUS));
}

/** r = a^2 */
LIMBS_INLINE void PRIME_F(sqr)(PRIME_T *r, const PRIME_T *a)
{
    limbs_mont_sqr(r->l, a->l, &PRIME_K(MONTGOMERY));
}

/** r = s mod the modulus, for any 256-bit s */
static inline void PRIME_F(from_scalar)(PRIME_T *r, const bn254_scalar *s)
{
    limbs_mont_mul(r->l, s->l, PRIME_K(R2), &PRIME_K(MONTGOMERY));
}

/** r = the integer in [0, modulus) that a stands for */
static inline void PRIME_F(to_scalar)(bn254_scalar *r, const PRIME_T *a)
{
    static const uint64_t one[4] = { 1, 0, 0, 0 };
    limbs_mont_mul(r->l, a->l, one, &PRIME_K(MONTGOMERY));
}

/** r = v */
static inline void PRIME_F(from_u64)(PRIME_T *r, uint64_t v)
{
    bn254_scalar s = { { v, 0, 0, 0 } };
    PRIME_F(from_scalar)(r, &s);
}

/** r = bit ? b : a, without a branch; bit is 0 or 1 */
static inline void PRIME_F(select)(PRIME_T *r, const PRIME_T *a, const PRIME_T *b, unsigned bit)
{
    uint64_t mask = -(uint64_t)bit;
    for (int i = 0; i < 4; i++) r->l[i] = (a->l[i] & ~mask) | (b->l[i] & mask);
}

/** r = a^e; 0^0 = 1 */
void PRIME_F(pow)(PRIME_T *r, const PRIME_T *a, const bn254_scalar *e);

/** r = 1/a, and 0 for a = 0 */
void PRIME_F(inv)(PRIME_T *r, const PRIME_T *a);

/** v[i] = 1/v[i], zeros stay zero.  scratch: n elements.  Cost: one inversion and 3n products. */
static inline void PRIME_F(batch_inv)(PRIME_T *v, size_t n, PRIME_T *scratch)
{
    PRIME_T acc;
    PRIME_F(set_one)(&acc);
    for (size_t i = 0; i < n; i++) {
        scratch[i] = acc;
        if (!PRIME_F(is_zero)(&v[i])) PRIME_F(mul)(&acc, &acc, &v[i]);
    }
    PRIME_F(inv)(&acc, &acc);
    for (size_t i = n; i-- > 0;) {
        if (PRIME_F(is_zero)(&v[i])) continue;
        PRIME_T next;
        PRIME_F(mul)(&next, &acc, &v[i]);
        PRIME_F(mul)(&v[i], &acc, &scratch[i]);
        acc = next;
    }
}
