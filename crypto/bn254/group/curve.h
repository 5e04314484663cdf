/** The functions of a curve y^2 = x^3 + b of odd order. g1.h and g2.h include this file, each with its names:
 *      CURVE_T         bn254_g1 or bn254_g2: Jacobian.  CURVE_AFFINE_T, CURVE_XYZZ_T: the other two forms
 *      CURVE_F(name)   bn254_g1_##name or bn254_g2_##name
 *      CURVE_E_T       the coordinates' type;  CURVE_E(name)  bn254_fp_##name or bn254_fp2_##name
 *      CURVE_B         the constant b
 *
 *  Every sum is exact for every pair of points: equal, opposite, infinity on either side. A result may lie where an
 *  input lies. Points are assumed to be on the curve (codec.h checks). Variable time in the points.
 *  Source  Explicit-Formulas Database, short Weierstrass with a = 0: dbl-2009-l, add-2007-bl, madd-2007-bl, and for
 *          XYZZ madd-2008-s, add-2008-s, dbl-2008-s-1.
 */

static inline void CURVE_F(set_infinity)(CURVE_T *r)
{
    memset(r, 0, sizeof *r);
}

static inline void CURVE_F(affine_set_infinity)(CURVE_AFFINE_T *r)
{
    memset(r, 0, sizeof *r);
}

static inline void CURVE_F(xyzz_set_infinity)(CURVE_XYZZ_T *r)
{
    memset(r, 0, sizeof *r);
}

static inline bool CURVE_F(is_infinity)(const CURVE_T *a)
{
    return CURVE_E(is_zero)(&a->z);
}

/** (0, 0) is not on the curve, because b is not 0. */
static inline bool CURVE_F(affine_is_infinity)(const CURVE_AFFINE_T *a)
{
    return CURVE_E(is_zero)(&a->x) && CURVE_E(is_zero)(&a->y);
}

static inline bool CURVE_F(xyzz_is_infinity)(const CURVE_XYZZ_T *a)
{
    return CURVE_E(is_zero)(&a->zz);
}

static inline void CURVE_F(from_affine)(CURVE_T *r, const CURVE_AFFINE_T *a)
{
    if (CURVE_F(affine_is_infinity)(a)) {
        CURVE_F(set_infinity)(r);
        return;
    }
    r->x = a->x;
    r->y = a->y;
    CURVE_E(set_one)(&r->z);
}

static inline void CURVE_F(xyzz_from_affine)(CURVE_XYZZ_T *r, const CURVE_AFFINE_T *a)
{
    if (CURVE_F(affine_is_infinity)(a)) {
        CURVE_F(xyzz_set_infinity)(r);
        return;
    }
    r->x = a->x;
    r->y = a->y;
    CURVE_E(set_one)(&r->zz);
    r->zzz = r->zz;
}

/** The same point in Jacobian form, without an inversion: x zz, y zzz, zz. */
static inline void CURVE_F(from_xyzz)(CURVE_T *r, const CURVE_XYZZ_T *a)
{
    CURVE_E(mul)(&r->x, &a->x, &a->zz);
    CURVE_E(mul)(&r->y, &a->y, &a->zzz);
    r->z = a->zz;
}

static inline void CURVE_F(neg)(CURVE_T *r, const CURVE_T *a)
{
    r->x = a->x;
    CURVE_E(neg)(&r->y, &a->y);
    r->z = a->z;
}

static inline void CURVE_F(affine_neg)(CURVE_AFFINE_T *r, const CURVE_AFFINE_T *a)
{
    r->x = a->x;
    CURVE_E(neg)(&r->y, &a->y);
}

static inline bool CURVE_F(affine_eq)(const CURVE_AFFINE_T *a, const CURVE_AFFINE_T *b)
{
    return CURVE_E(eq)(&a->x, &b->x) && CURVE_E(eq)(&a->y, &b->y);
}

/** Whether a and b are the same point, whatever their z. */
static inline bool CURVE_F(eq)(const CURVE_T *a, const CURVE_T *b)
{
    CURVE_E_T za, zb, u, v;
    if (CURVE_F(is_infinity)(a) || CURVE_F(is_infinity)(b)) return CURVE_F(is_infinity)(a) == CURVE_F(is_infinity)(b);
    CURVE_E(sqr)(&za, &a->z);
    CURVE_E(sqr)(&zb, &b->z);
    CURVE_E(mul)(&u, &a->x, &zb);
    CURVE_E(mul)(&v, &b->x, &za);
    if (!CURVE_E(eq)(&u, &v)) return false;
    CURVE_E(mul)(&za, &za, &a->z);
    CURVE_E(mul)(&zb, &zb, &b->z);
    CURVE_E(mul)(&u, &a->y, &zb);
    CURVE_E(mul)(&v, &b->y, &za);
    return CURVE_E(eq)(&u, &v);
}

/** Infinity is on the curve. The coordinates are assumed to be reduced. */
static inline bool CURVE_F(is_on_curve)(const CURVE_AFFINE_T *a)
{
    CURVE_E_T l, r;
    if (CURVE_F(affine_is_infinity)(a)) return true;
    CURVE_E(sqr)(&l, &a->y);
    CURVE_E(sqr)(&r, &a->x);
    CURVE_E(mul)(&r, &r, &a->x);
    CURVE_E(add)(&r, &r, &CURVE_B);
    return CURVE_E(eq)(&l, &r);
}

/** r = 2a.  2 products, 5 squares. */
static inline void CURVE_F(dbl)(CURVE_T *r, const CURVE_T *p)
{
    CURVE_E_T a, b, c, d, e, z;
    CURVE_E(sqr)(&a, &p->x);
    CURVE_E(sqr)(&b, &p->y);
    CURVE_E(sqr)(&c, &b);
    CURVE_E(mul)(&z, &p->y, &p->z);
    CURVE_E(add)(&d, &p->x, &b);
    CURVE_E(sqr)(&d, &d);
    CURVE_E(sub)(&d, &d, &a);
    CURVE_E(sub)(&d, &d, &c);
    CURVE_E(dbl)(&d, &d);
    CURVE_E(dbl)(&e, &a);
    CURVE_E(add)(&e, &e, &a);
    CURVE_E(sqr)(&a, &e);
    CURVE_E(sub)(&a, &a, &d);
    CURVE_E(sub)(&r->x, &a, &d);
    CURVE_E(sub)(&d, &d, &r->x);
    CURVE_E(mul)(&d, &d, &e);
    CURVE_E(dbl)(&c, &c);
    CURVE_E(dbl)(&c, &c);
    CURVE_E(dbl)(&c, &c);
    CURVE_E(sub)(&r->y, &d, &c);
    CURVE_E(dbl)(&r->z, &z);
}

/* The second half of both Jacobian sums, from h = u2 - u1, s = s2 - s1, and u1, s1: x and y of the sum, and h^2 in hh.
 * */
static inline void CURVE_F(add_finish)(CURVE_T *r, CURVE_E_T *hh, const CURVE_E_T *h, const CURVE_E_T *s,
                                       const CURVE_E_T *u1, const CURVE_E_T *s1)
{
    CURVE_E_T i, j, v, t, rr;
    CURVE_E(sqr)(hh, h);
    CURVE_E(dbl)(&i, hh);
    CURVE_E(dbl)(&i, &i);
    CURVE_E(mul)(&j, &i, h);
    CURVE_E(mul)(&v, &i, u1);
    CURVE_E(mul)(&t, s1, &j);
    CURVE_E(dbl)(&t, &t);
    CURVE_E(dbl)(&rr, s);
    CURVE_E(sqr)(&i, &rr);
    CURVE_E(sub)(&i, &i, &j);
    CURVE_E(sub)(&i, &i, &v);
    CURVE_E(sub)(&r->x, &i, &v);
    CURVE_E(sub)(&v, &v, &r->x);
    CURVE_E(mul)(&v, &v, &rr);
    CURVE_E(sub)(&r->y, &v, &t);
}

/** r = a + b.  11 products, 5 squares. */
static inline void CURVE_F(add)(CURVE_T *r, const CURVE_T *a, const CURVE_T *b)
{
    CURVE_E_T za, zb, u1, u2, s1, s2, z, hh;
    if (CURVE_F(is_infinity)(a)) {
        *r = *b;
        return;
    }
    if (CURVE_F(is_infinity)(b)) {
        *r = *a;
        return;
    }
    CURVE_E(sqr)(&za, &a->z);
    CURVE_E(sqr)(&zb, &b->z);
    CURVE_E(mul)(&u1, &a->x, &zb);
    CURVE_E(mul)(&u2, &b->x, &za);
    CURVE_E(mul)(&s1, &b->z, &zb);
    CURVE_E(mul)(&s1, &s1, &a->y);
    CURVE_E(mul)(&s2, &a->z, &za);
    CURVE_E(mul)(&s2, &s2, &b->y);
    CURVE_E(sub)(&u2, &u2, &u1);
    CURVE_E(sub)(&s2, &s2, &s1);
    if (CURVE_E(is_zero)(&u2)) {
        if (CURVE_E(is_zero)(&s2))
            CURVE_F(dbl)(r, a);
        else
            CURVE_F(set_infinity)(r);
        return;
    }
    CURVE_E(add)(&z, &a->z, &b->z);
    CURVE_E(sqr)(&z, &z);
    CURVE_E(sub)(&z, &z, &za);
    CURVE_E(sub)(&z, &z, &zb);
    CURVE_F(add_finish)(r, &hh, &u2, &s2, &u1, &s1);
    CURVE_E(mul)(&r->z, &z, &u2);
}

/** r = a + b.  7 products, 4 squares. */
static inline void CURVE_F(add_affine)(CURVE_T *r, const CURVE_T *a, const CURVE_AFFINE_T *b)
{
    CURVE_E_T za, u, s, z, hh, x1 = a->x, y1 = a->y;
    if (CURVE_F(affine_is_infinity)(b)) {
        *r = *a;
        return;
    }
    if (CURVE_F(is_infinity)(a)) {
        CURVE_F(from_affine)(r, b);
        return;
    }
    CURVE_E(sqr)(&za, &a->z);
    CURVE_E(mul)(&u, &b->x, &za);
    CURVE_E(mul)(&s, &a->z, &za);
    CURVE_E(mul)(&s, &s, &b->y);
    CURVE_E(sub)(&u, &u, &x1);
    CURVE_E(sub)(&s, &s, &y1);
    if (CURVE_E(is_zero)(&u)) {
        if (CURVE_E(is_zero)(&s))
            CURVE_F(dbl)(r, a);
        else
            CURVE_F(set_infinity)(r);
        return;
    }
    CURVE_E(add)(&z, &a->z, &u);
    CURVE_E(sqr)(&z, &z);
    CURVE_F(add_finish)(r, &hh, &u, &s, &x1, &y1);
    CURVE_E(sub)(&z, &z, &za);
    CURVE_E(sub)(&r->z, &z, &hh);
}

/* x and y of 2a in XYZZ, and the factors v and w for zz and zzz. */
static inline void CURVE_F(xyzz_dbl_core)(CURVE_XYZZ_T *r, CURVE_E_T *v, CURVE_E_T *w, const CURVE_E_T *px,
                                          const CURVE_E_T *py)
{
    CURVE_E_T u, s, m, x, y = *py;
    CURVE_E(dbl)(&u, &y);
    CURVE_E(sqr)(v, &u);
    CURVE_E(mul)(w, &u, v);
    CURVE_E(mul)(&s, px, v);
    CURVE_E(sqr)(&u, px);
    CURVE_E(dbl)(&m, &u);
    CURVE_E(add)(&m, &m, &u);
    CURVE_E(sqr)(&x, &m);
    CURVE_E(sub)(&x, &x, &s);
    CURVE_E(sub)(&r->x, &x, &s);
    CURVE_E(sub)(&s, &s, &r->x);
    CURVE_E(mul)(&s, &s, &m);
    CURVE_E(mul)(&u, w, &y);
    CURVE_E(sub)(&r->y, &s, &u);
}

/** r = 2a */
static inline void CURVE_F(xyzz_dbl)(CURVE_XYZZ_T *r, const CURVE_XYZZ_T *a)
{
    CURVE_E_T v, w, zz = a->zz, zzz = a->zzz;
    CURVE_F(xyzz_dbl_core)(r, &v, &w, &a->x, &a->y);
    CURVE_E(mul)(&r->zz, &zz, &v);
    CURVE_E(mul)(&r->zzz, &zzz, &w);
}

/* x and y of a sum in XYZZ from p = u2 - u1, d = s2 - s1, u1, s1; and pp = p^2, ppp = p^3. */
static inline void CURVE_F(xyzz_add_core)(CURVE_XYZZ_T *r, CURVE_E_T *pp, CURVE_E_T *ppp, const CURVE_E_T *p,
                                          const CURVE_E_T *d, const CURVE_E_T *u1, const CURVE_E_T *s1)
{
    CURVE_E_T q, x, t;
    CURVE_E(sqr)(pp, p);
    CURVE_E(mul)(ppp, p, pp);
    CURVE_E(mul)(&q, u1, pp);
    CURVE_E(mul)(&t, s1, ppp);
    CURVE_E(sqr)(&x, d);
    CURVE_E(sub)(&x, &x, ppp);
    CURVE_E(sub)(&x, &x, &q);
    CURVE_E(sub)(&r->x, &x, &q);
    CURVE_E(sub)(&q, &q, &r->x);
    CURVE_E(mul)(&q, &q, d);
    CURVE_E(sub)(&r->y, &q, &t);
}

/** r = a + b: the sum of an MSM's bucket.  8 products, 2 squares. */
static inline void CURVE_F(xyzz_add_affine)(CURVE_XYZZ_T *r, const CURVE_XYZZ_T *a, const CURVE_AFFINE_T *b)
{
    CURVE_E_T p, d, pp, ppp, zz = a->zz, zzz = a->zzz;
    if (CURVE_F(affine_is_infinity)(b)) {
        *r = *a;
        return;
    }
    if (CURVE_F(xyzz_is_infinity)(a)) {
        CURVE_F(xyzz_from_affine)(r, b);
        return;
    }
    CURVE_E(mul)(&p, &b->x, &zz);
    CURVE_E(mul)(&d, &b->y, &zzz);
    CURVE_E(sub)(&p, &p, &a->x);
    CURVE_E(sub)(&d, &d, &a->y);
    if (CURVE_E(is_zero)(&p)) {
        if (CURVE_E(is_zero)(&d))
            CURVE_F(xyzz_dbl)(r, a);
        else
            CURVE_F(xyzz_set_infinity)(r);
        return;
    }
    CURVE_F(xyzz_add_core)(r, &pp, &ppp, &p, &d, &a->x, &a->y);
    CURVE_E(mul)(&r->zz, &zz, &pp);
    CURVE_E(mul)(&r->zzz, &zzz, &ppp);
}

/** r = a + b.  12 products, 2 squares. */
static inline void CURVE_F(xyzz_add)(CURVE_XYZZ_T *r, const CURVE_XYZZ_T *a, const CURVE_XYZZ_T *b)
{
    CURVE_E_T u1, s1, p, d, pp, ppp, zz, zzz;
    if (CURVE_F(xyzz_is_infinity)(a)) {
        *r = *b;
        return;
    }
    if (CURVE_F(xyzz_is_infinity)(b)) {
        *r = *a;
        return;
    }
    CURVE_E(mul)(&u1, &a->x, &b->zz);
    CURVE_E(mul)(&p, &b->x, &a->zz);
    CURVE_E(mul)(&s1, &a->y, &b->zzz);
    CURVE_E(mul)(&d, &b->y, &a->zzz);
    CURVE_E(sub)(&p, &p, &u1);
    CURVE_E(sub)(&d, &d, &s1);
    if (CURVE_E(is_zero)(&p)) {
        if (CURVE_E(is_zero)(&d))
            CURVE_F(xyzz_dbl)(r, a);
        else
            CURVE_F(xyzz_set_infinity)(r);
        return;
    }
    CURVE_E(mul)(&zz, &a->zz, &b->zz);
    CURVE_E(mul)(&zzz, &a->zzz, &b->zzz);
    CURVE_F(xyzz_add_core)(r, &pp, &ppp, &p, &d, &u1, &s1);
    CURVE_E(mul)(&r->zz, &zz, &pp);
    CURVE_E(mul)(&r->zzz, &zzz, &ppp);
}

/** The affine form; one inversion. */
static inline void CURVE_F(to_affine)(CURVE_AFFINE_T *r, const CURVE_T *a)
{
    CURVE_E_T zi, zi2;
    CURVE_E(inv)(&zi, &a->z); /* 0 for infinity, and so (0, 0) */
    CURVE_E(sqr)(&zi2, &zi);
    CURVE_E(mul)(&r->x, &a->x, &zi2);
    CURVE_E(mul)(&zi2, &zi2, &zi);
    CURVE_E(mul)(&r->y, &a->y, &zi2);
}

/** r[i] = a[i] in affine form.  scratch: 2n coordinates.  Cost: one inversion, 6n products, n squares. */
static inline void CURVE_F(batch_to_affine)(CURVE_AFFINE_T *r, const CURVE_T *a, size_t n, CURVE_E_T *scratch)
{
    CURVE_E_T zi2;
    for (size_t i = 0; i < n; i++) scratch[i] = a[i].z;
    CURVE_E(batch_inv)(scratch, n, scratch + n);
    for (size_t i = 0; i < n; i++) {
        CURVE_E(sqr)(&zi2, &scratch[i]);
        CURVE_E(mul)(&r[i].x, &a[i].x, &zi2);
        CURVE_E(mul)(&zi2, &zi2, &scratch[i]);
        CURVE_E(mul)(&r[i].y, &a[i].y, &zi2);
    }
}

/** r = k a, for any 256-bit k. Four bits at a time; time and addresses depend on k. */
void CURVE_F(mul)(CURVE_T *r, const CURVE_T *a, const bn254_scalar *k);
