/* check.h - what the kernel tests share: device arrays, seeded values, and an oracle in GMP that has nothing in common with
 * the code under test. */
#ifndef EMU_CHECK_H
#define EMU_CHECK_H
#include "device.cuh"
#include <gmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <vector>

static int failed;
#define CHECK(c)                                                                                                       \
    do {                                                                                                               \
        if (!(c)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #c);                                                         \
            failed++;                                                                                                  \
        }                                                                                                              \
    } while (0)
#define CU(x)                                                                                                          \
    do {                                                                                                               \
        cudaError_t e_ = (x);                                                                                          \
        if (e_ != cudaSuccess) {                                                                                       \
            printf("FAIL %s:%d %s: %s\n", __FILE__, __LINE__, #x, cudaGetErrorString(e_));                             \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static uint64_t rnd_state = 88172645463325252ull;
static inline uint64_t rnd()
{
    uint64_t z = (rnd_state += 0x9e3779b97f4a7c15ull);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
/* the seed comes from the environment and is printed, so a failure can be run again */
static inline void rnd_start(const char *what)
{
    const char *s = getenv("TEST_SEED");
    rnd_state = s ? strtoull(s, 0, 0) : 1;
    printf("%s: TEST_SEED=%llu EMU_SEED=%s EMU_PTX=%s\n", what, (unsigned long long)rnd_state,
           getenv("EMU_SEED") ? getenv("EMU_SEED") : "0", getenv("EMU_PTX") ? getenv("EMU_PTX") : "0");
}

template <class T> struct dev {
    T *p = nullptr;
    size_t n;
    explicit dev(size_t n_) : n(n_) { CU(cudaMalloc(&p, n * sizeof(T))); }
    explicit dev(const std::vector<T> &v) : n(v.size())
    {
        CU(cudaMalloc(&p, n * sizeof(T)));
        up(v);
    }
    ~dev() { cudaFree(p); }
    dev(const dev &) = delete;
    void up(const std::vector<T> &v) { CU(cudaMemcpy(p, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice)); }
    std::vector<T> down() const
    {
        std::vector<T> v(n);
        CU(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
        return v;
    }
};

/* ---- GMP: integers modulo m, and their pairs modulo u^2 + 1 ---- */
struct Z {
    mpz_t z;
    Z() { mpz_init(z); }
    Z(unsigned long x) { mpz_init_set_ui(z, x); }
    explicit Z(const char *s) { mpz_init_set_str(z, s, 0); }
    Z(const Z &o) { mpz_init_set(z, o.z); }
    Z &operator=(const Z &o) { return mpz_set(z, o.z), *this; }
    ~Z() { mpz_clear(z); }
    bool operator==(const Z &o) const { return mpz_cmp(z, o.z) == 0; }
    bool operator!=(const Z &o) const { return !(*this == o); }
};
struct Mod {
    Z p, r, rinv;
    explicit Mod(const char *s) : p(s)
    {
        mpz_setbit(r.z, 256);
        mpz_invert(rinv.z, r.z, p.z);
    }
    Z fix(Z a) const { return mpz_mod(a.z, a.z, p.z), a; }
    Z add(const Z &a, const Z &b) const
    {
        Z t;
        return mpz_add(t.z, a.z, b.z), fix(t);
    }
    Z sub(const Z &a, const Z &b) const
    {
        Z t;
        return mpz_sub(t.z, a.z, b.z), fix(t);
    }
    Z mul(const Z &a, const Z &b) const
    {
        Z t;
        return mpz_mul(t.z, a.z, b.z), fix(t);
    }
    Z inv(const Z &a) const
    {
        Z t;
        if (!mpz_invert(t.z, a.z, p.z)) mpz_set_ui(t.z, 0);
        return t;
    }
    Z pow(const Z &a, const Z &e) const
    {
        Z t;
        return mpz_powm(t.z, a.z, e.z, p.z), t;
    }
    Z mont(const Z &a) const { return mul(a, r); }
    Z unmont(const Z &a) const { return mul(a, rinv); }
};
static const Mod FP("21888242871839275222246405745257275088696311157297823662689037894645226208583");
static const Mod FR("21888242871839275222246405745257275088548364400416034343698204186575808495617");
static inline Z z_get(const void *words, size_t bytes = 32)
{
    Z t;
    return mpz_import(t.z, bytes, -1, 1, 0, 0, words), t;
}
static inline void z_put(void *words, const Z &a, size_t bytes = 32)
{
    memset(words, 0, bytes), mpz_export(words, 0, -1, 1, 0, 0, a.z);
}
static inline Z z_random(const Mod &m)
{
    uint64_t w[5];
    for (auto &x : w) x = rnd();
    return m.fix(z_get(w, 40));
}
/* a value in [0, 2p), half of them at the edges where carries and comparisons turn */
static inline Z z_lazy(const Mod &m)
{
    Z t = z_random(m), two;
    mpz_mul_ui(two.z, m.p.z, 2);
    switch (rnd() % 8) {
    case 0: mpz_set_ui(t.z, rnd() % 3); break;
    case 1: mpz_add_ui(t.z, m.p.z, rnd() % 3), mpz_sub_ui(t.z, t.z, 1); break;
    case 2: mpz_sub_ui(t.z, two.z, 1 + rnd() % 3); break;
    case 3: { /* runs of ones and zeros */
        uint32_t w[8];
        for (auto &x : w) x = rnd() % 3 == 0 ? 0 : rnd() % 2 ? 0xffffffffu : (uint32_t)rnd();
        t = z_get(w), mpz_mod(t.z, t.z, two.z);
        break;
    }
    case 4: mpz_add(t.z, t.z, m.p.z); break;
    }
    return t;
}
struct Z2 {
    Z a, b;
};
static inline Z2 z2_add(const Z2 &x, const Z2 &y)
{
    return { FP.add(x.a, y.a), FP.add(x.b, y.b) };
}
static inline Z2 z2_sub(const Z2 &x, const Z2 &y)
{
    return { FP.sub(x.a, y.a), FP.sub(x.b, y.b) };
}
static inline Z2 z2_mul(const Z2 &x, const Z2 &y)
{
    return { FP.sub(FP.mul(x.a, y.a), FP.mul(x.b, y.b)), FP.add(FP.mul(x.a, y.b), FP.mul(x.b, y.a)) };
}
static inline Z2 z2_inv(const Z2 &x)
{
    Z n = FP.inv(FP.add(FP.mul(x.a, x.a), FP.mul(x.b, x.b)));
    return { FP.mul(x.a, n), FP.mul(FP.sub(Z(), x.b), n) };
}
static inline bool z2_eq(const Z2 &x, const Z2 &y)
{
    return x.a == y.a && x.b == y.b;
}
static inline bool z2_zero(const Z2 &x)
{
    return z2_eq(x, Z2());
}

/* ---- points, affine, over pairs; G1 has second coordinates 0 ---- */
struct Pt {
    Z2 x, y;
    bool inf = true;
};
static inline bool pt_eq(const Pt &p, const Pt &q)
{
    return p.inf == q.inf && (p.inf || (z2_eq(p.x, q.x) && z2_eq(p.y, q.y)));
}
static inline Pt pt_neg(Pt p)
{
    return p.y = z2_sub(Z2(), p.y), p;
}
static inline Pt pt_add(const Pt &p, const Pt &q)
{
    if (p.inf) return q;
    if (q.inf) return p;
    Z2 l;
    if (z2_eq(p.x, q.x)) {
        if (!z2_eq(p.y, q.y)) return Pt();
        Z2 xx = z2_mul(p.x, p.x);
        l = z2_mul(z2_add(z2_add(xx, xx), xx), z2_inv(z2_add(p.y, p.y)));
    } else {
        l = z2_mul(z2_sub(q.y, p.y), z2_inv(z2_sub(q.x, p.x)));
    }
    Pt r;
    r.inf = false;
    r.x = z2_sub(z2_sub(z2_mul(l, l), p.x), q.x);
    r.y = z2_sub(z2_mul(l, z2_sub(p.x, r.x)), p.y);
    return r;
}
static inline Pt pt_mul(Pt p, const Z &k)
{
    Pt r;
    for (size_t i = mpz_sizeinbase(k.z, 2); i--;) {
        r = pt_add(r, r);
        if (mpz_tstbit(k.z, i)) r = pt_add(r, p);
    }
    return r;
}
/* group 1: (1, 2); group 2: the generator of EIP-197 */
static inline Pt pt_generator(unsigned group)
{
    Pt g;
    g.inf = false;
    if (group == 1) return g.x.a = Z(1), g.y.a = Z(2), g;
    g.x.a = Z("10857046999023057135944570762232829481370756359578518086990519993285655852781");
    g.x.b = Z("11559732032986387107991004021392285783925812861821192530917403151452391805634");
    g.y.a = Z("8495653923123431417604973247489272438418190587263600148770280649306958101930");
    g.y.b = Z("4082367875863433681332203403145435568316851327593401208105741076214120093531");
    return g;
}
/* coordinates in Montgomery form, 32 bytes each, group of them a coordinate; infinity all zero */
static inline void pt_put(void *out, const Pt &p, unsigned group)
{
    const Z *c[4] = { &p.x.a, group == 1 ? &p.y.a : &p.x.b, &p.y.a, &p.y.b };
    for (unsigned i = 0; i < 2 * group; i++) z_put((char *)out + 32 * i, p.inf ? Z() : FP.mont(*c[i]));
}
static inline Z2 z2_get(const void *at, unsigned group)
{
    Z2 r;
    r.a = FP.unmont(z_get(at));
    if (group == 2) r.b = FP.unmont(z_get((const char *)at + 32));
    return r;
}
/* X, Y, ZZ, ZZZ */
static inline Pt pt_get_xyzz(const void *at, unsigned group)
{
    const char *c = (const char *)at;
    const size_t s = 32 * group;
    Pt r;
    static const char zero[64] = { 0 };
    if (!memcmp(c + 2 * s, zero, s)) return r;
    Z2 zz = z2_get(c + 2 * s, group), zzz = z2_get(c + 3 * s, group);
    CHECK(z2_eq(z2_mul(zz, z2_mul(zz, zz)), z2_mul(zzz, zzz)));
    CHECK(!z2_zero(zz));
    r.inf = false;
    r.x = z2_mul(z2_get(c, group), z2_inv(zz));
    r.y = z2_mul(z2_get(c + s, group), z2_inv(zzz));
    return r;
}
static inline int check_done()
{
    printf("%s\n", failed ? "FAILED" : "ok");
    return failed != 0;
}
#endif
