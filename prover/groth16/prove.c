#include "prove.h"

#include "keycheck.h"
#include "zkey_vkey.h"

#include "codec.h"
#include "verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The header's points, unpacked and checked once. */
struct key_points {
    bn254_g1_affine alpha1, beta1, delta1;
    bn254_g2_affine beta2, delta2;
};

struct prove_key {
    struct zkey zkey;
    struct key_points points;
    struct groth16_vkey vkey;
    const struct backend *backend;
    struct backend_key *backend_key;
};

static const struct prove_run default_run;

static pv_status bad_header(const char *what, struct prove_error *err)
{
    return prove_error_set(err, PV_BAD_ZKEY,
                           "the key is damaged: section 2: %s is not a point of its group, or infinity", what);
}

static bool usable_g1(bn254_g1_affine *p, const bn254_g1_packed *bytes)
{
    return bn254_g1_decode(p, bytes) && !bn254_g1_affine_is_infinity(p);
}

static bool usable_g2(bn254_g2_affine *p, const bn254_g2_packed *bytes)
{
    return bn254_g2_decode(p, bytes, BN254_G2_IN_SUBGROUP) && !bn254_g2_affine_is_infinity(p);
}

static pv_status read_points(struct key_points *p, const struct zkey *z, struct prove_error *err)
{
    if (!usable_g1(&p->alpha1, z->alpha1)) return bad_header("alpha1", err);
    if (!usable_g1(&p->beta1, z->beta1)) return bad_header("beta1", err);
    if (!usable_g2(&p->beta2, z->beta2)) return bad_header("beta2", err);
    if (!usable_g1(&p->delta1, z->delta1)) return bad_header("delta1", err);
    if (!usable_g2(&p->delta2, z->delta2)) return bad_header("delta2", err);
    return PV_OK;
}

/* The key's points and coordinates, once k->zkey is open. */
static pv_status check_points(struct prove_key *k, enum groth16_keys keys, const struct prove_run *run,
                              struct prove_error *err)
{
    TRY(read_points(&k->points, &k->zkey, err));
    TRY(zkey_vkey(&k->vkey, &k->zkey, keys, err));
    return keycheck_range(&k->zkey, run, err);
}

static pv_status make_ready(struct prove_key *k, const char *name, const struct backend_options *options,
                            const struct prove_run *run, struct prove_error *err)
{
    pv_status status = check_points(k, options ? options->keys : GROTH16_KEYS_SOUND, run, err);
    if (status != PV_OK) return prove_error_in(err, status, name);
    return k->backend->key_open(&k->backend_key, &k->zkey, options, run, err);
}

pv_status prove_key_take(struct prove_key **key, struct zkey *zkey, const char *name, const struct backend *backend,
                         const struct backend_options *options, const struct prove_run *run, struct prove_error *err)
{
    struct prove_key *k = calloc(1, sizeof *k);
    if (!k) {
        zkey_close(zkey);
        return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    }
    k->backend = backend;
    k->zkey = *zkey;
    pv_status status = make_ready(k, name, options, run ? run : &default_run, err);
    if (status == PV_OK)
        *key = k;
    else
        prove_key_destroy(&k);
    return status;
}

pv_status prove_key_new(struct prove_key **key, const char *path, const struct backend *backend,
                        const struct backend_options *options, const struct prove_run *run, struct prove_error *err)
{
    struct zkey zkey;
    bool once = run && run->key_pages == PROVE_KEY_PASSES_BY && backend == &backend_cpu;
    prove_run_report(run, "key", 0);
    TRY(once ? zkey_open(&zkey, path, err) : zkey_load(&zkey, path, run ? run->cpu.stop : NULL, err));
    return prove_key_take(key, &zkey, path, backend, options, run, err);
}

pv_status prove_key_new_of(struct prove_key **key, const uint8_t *bytes, size_t size, const char *name,
                           const struct backend *backend, const struct backend_options *options,
                           const struct prove_run *run, struct prove_error *err)
{
    struct zkey zkey;
    prove_run_report(run, "key", 0);
    TRY(zkey_of(&zkey, bytes, size, name, err));
    return prove_key_take(key, &zkey, name, backend, options, run, err);
}

void prove_key_destroy(struct prove_key **key)
{
    struct prove_key *k = *key;
    if (!k) return;
    if (k->backend_key) k->backend->key_close(&k->backend_key);
    groth16_vkey_clear(&k->vkey);
    zkey_close(&k->zkey);
    free(k);
    *key = NULL;
}

bool prove_key_need(struct backend_need *need, bool *better_now, const struct prove_key *key)
{
    if (!key->backend->key_need) return false;
    key->backend->key_need(need, better_now, key->backend_key);
    return true;
}

pv_status prove_key_check(const struct prove_key *key, const struct prove_run *run, struct prove_error *err)
{
    if (!key->backend->key_check) return prove_error_set(err, PV_NO_DEVICE, "no device looks at keys");
    return key->backend->key_check(key->backend_key, &key->zkey, run ? run : &default_run, err);
}

const struct zkey *prove_key_zkey(const struct prove_key *key)
{
    return &key->zkey;
}

const struct groth16_vkey *prove_key_vkey(const struct prove_key *key)
{
    return &key->vkey;
}

/* A proof under way. All of it is secret but key and witness, and wiped together. */
struct proof_work {
    const struct prove_key *key;
    const struct wtns *w;
    bn254_scalar r, s;
    bool prepared;
    bn254_g1 r_delta1, s_delta1;
    bn254_g2 s_delta2;
    struct groth16_begun begun;
    enum groth16_error begin;
    struct backend_sums sums;
    bn254_g1 a, b1, part;
    bn254_g2 b2;
};

static void product_g1(bn254_g1 *to, const bn254_scalar *k, const bn254_g1_affine *p)
{
    bn254_g1_from_affine(to, p);
    bn254_g1_mul(to, to, k);
}

static void product_g2(bn254_g2 *to, const bn254_scalar *k, const bn254_g2_affine *p)
{
    bn254_g2_from_affine(to, p);
    bn254_g2_mul(to, to, k);
}

/* What needs no sum: the blinding's products, and the part of the check that is about the public signals. On a GPU it is done
 * while the sums are made. */
static void prepare(void *work)
{
    struct proof_work *x = work;
    const struct key_points *p = &x->key->points;
    if (x->prepared) return;
    x->prepared = true;
    product_g1(&x->r_delta1, &x->r, &p->delta1);
    product_g1(&x->s_delta1, &x->s, &p->delta1);
    product_g2(&x->s_delta2, &x->s, &p->delta2);
    x->begin = groth16_verify_begin(&x->begun, &x->key->vkey, (const bn254_scalar_packed *)x->w->values + 1,
                                    x->key->zkey.publics);
}

/* to <- sum + p + product */
static void blind_g1(bn254_g1 *to, const bn254_g1 *sum, const bn254_g1_affine *p, const bn254_g1 *product)
{
    bn254_g1_add(to, sum, product);
    bn254_g1_add_affine(to, to, p);
}

static void blind_g2(bn254_g2 *to, const bn254_g2 *sum, const bn254_g2_affine *p, const bn254_g2 *product)
{
    bn254_g2_add(to, sum, product);
    bn254_g2_add_affine(to, to, p);
}

/* pi_c = sum C + sum H + s pi_a + r pi_b1 - r s delta1, where s pi_a - r s delta1 = s (alpha1 + sum A): no product r s.
 * */
static void finish(struct groth16_proof *proof, struct proof_work *x)
{
    const struct key_points *p = &x->key->points;
    blind_g1(&x->a, &x->sums.a, &p->alpha1, &x->r_delta1);
    blind_g2(&x->b2, &x->sums.b2, &p->beta2, &x->s_delta2);
    blind_g1(&x->b1, &x->sums.b1, &p->beta1, &x->s_delta1);
    bn254_g1_to_affine(&proof->a, &x->a);
    bn254_g2_to_affine(&proof->b, &x->b2);
    bn254_g1_add_affine(&x->sums.a, &x->sums.a, &p->alpha1);
    bn254_g1_mul(&x->sums.a, &x->sums.a, &x->s);
    bn254_g1_mul(&x->b1, &x->b1, &x->r);
    bn254_g1_add(&x->part, &x->sums.c, &x->sums.h);
    bn254_g1_add(&x->part, &x->part, &x->sums.a);
    bn254_g1_add(&x->part, &x->part, &x->b1);
    bn254_g1_to_affine(&proof->c, &x->part);
}

static pv_status draw(struct proof_work *x, const struct prove_options *options, struct prove_error *err)
{
    TRY(blinding_draw(&x->r, options->random, options->random_arg, err));
    return blinding_draw(&x->s, options->random, options->random_arg, err);
}

/* A wrong proof made by a GPU may be the GPU's fault; one made by the CPU is the fault of the witness or the key. */
static pv_status check_proof(const struct groth16_proof *proof, const struct proof_work *x, struct prove_error *err)
{
    if (x->begin == GROTH16_OK && groth16_verify_end(&x->begun, proof) == GROTH16_OK) return PV_OK;
    if (x->key->backend != &backend_cpu)
        return prove_error_set(err, PV_BAD_PROOF, "the proof made by %s does not verify", x->key->backend->name);
    return prove_error_set(err, PV_BAD_WITNESS,
                           "the finished proof does not verify: the witness does not satisfy the circuit, "
                           "or a coefficient of the key is damaged");
}

static pv_status make(struct groth16_proof *proof, struct proof_work *x, const struct prove_options *options,
                      const struct prove_run *run, struct prove_error *err)
{
    const struct prove_key *key = x->key;
    struct prove_run with = *run;
    with.meanwhile = prepare;
    with.meanwhile_arg = x;
    TRY(draw(x, options, err));
    TRY(key->backend->sums(&x->sums, key->backend_key, x->w->values, &with, err));
    prepare(x); /* if nobody else did */
    finish(proof, x);
    prove_run_report(run, "verify", 97);
    TRY(check_proof(proof, x, err));
    prove_run_report(run, "verify", 100);
    return PV_OK;
}

pv_status prove_groth16(struct groth16_proof *proof, struct prove_key *key, const struct wtns *witness,
                        const struct prove_options *options, const struct prove_run *run, struct prove_error *err)
{
    static const struct prove_options default_options;
    struct groth16_proof found;
    struct proof_work x = { .key = key, .w = witness };
    if (witness->count != key->zkey.vars)
        return prove_error_set(err, PV_BAD_WITNESS,
                               "the witness has %" PRIu32 " values, but the circuit has %" PRIu32
                               ": it belongs to another circuit",
                               witness->count, key->zkey.vars);
    pv_status status = make(&found, &x, options ? options : &default_options, run ? run : &default_run, err);
    explicit_bzero(&x, sizeof x);
    if (status == PV_OK) *proof = found;
    return status;
}

/* A key that borrows everything of the other but the backend's part. */
pv_status prove_groth16_on_cpu(struct groth16_proof *proof, const struct prove_key *key, const struct wtns *witness,
                               size_t memory_bytes_max, const struct prove_run *run, struct prove_error *err)
{
    const struct backend_options options = { .memory_bytes_max = memory_bytes_max,
                                             .threads = run ? run->cpu.threads : 0 };
    struct prove_key cpu = *key;
    cpu.backend = &backend_cpu;
    cpu.backend_key = NULL;
    TRY(backend_cpu.key_open(&cpu.backend_key, &cpu.zkey, &options, run ? run : &default_run, err));
    pv_status status = prove_groth16(proof, &cpu, witness, NULL, run, err);
    backend_cpu.key_close(&cpu.backend_key);
    return status;
}
