#include "backend.h"

#include "arena.h"

#include "msm.h"
#include "ntt.h"
#include "numa.h"
#include "qap.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct backend_key {
    const struct zkey *zkey;
    struct qap qap;
    void *table; /* the memory under twiddles */
    struct bn254_twiddles twiddles;
};

/* One arena a proof: h, and a rest that first holds b and c of the quotient and its scratch, then the scratch of the
 * MSMs. */
struct plan {
    size_t h_bytes, rest_bytes;
};

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

enum { WITNESS_SETS = 4, IN_G1 = 3 };

static void witness_sets(struct bn254_msm_set sets[WITNESS_SETS], struct backend_sums *out, const struct zkey *z)
{
    sets[0] = (struct bn254_msm_set){ .bases = z->a, .count = z->vars, .r1 = &out->a };
    sets[1] = (struct bn254_msm_set){ .bases = z->b1, .count = z->vars, .r1 = &out->b1 };
    sets[2] = (struct bn254_msm_set){ .bases = z->c, .first = z->publics + 1, .count = zkey_c_count(z), .r1 = &out->c };
    sets[3] = (struct bn254_msm_set){ .bases = z->b2, .count = z->vars, .r2 = &out->b2 };
}

static struct plan plan_for(const struct zkey *z, const struct bn254_run *run)
{
    struct backend_sums unused;
    struct bn254_msm_set sets[WITNESS_SETS];
    witness_sets(sets, &unused, z);
    size_t vector = (size_t)z->domain * sizeof(bn254_fr);
    size_t scratch = max(bn254_msm_shared_scratch_bytes(sets, WITNESS_SETS, z->vars, run),
                         bn254_msm_g1_scratch_bytes(z->domain, run));
    return (struct plan){ .h_bytes = max(vector, 64),
                          .rest_bytes = max(2 * vector + bn254_ntt_scratch_bytes(run), scratch) };
}

static pv_status cpu_usable(const struct backend_options *options, struct prove_error *err)
{
    (void)options;
    (void)err;
    return PV_OK;
}

static pv_status cpu_need(struct backend_need *need, const struct zkey *zkey, const struct backend_options *options,
                          struct prove_error *err)
{
    (void)err;
    struct plan plan = plan_for(zkey, &(struct bn254_run){ .threads = options->threads });
    *need = (struct backend_need){ .key_bytes = qap_bytes(zkey) + bn254_twiddles_bytes(zkey->log_domain),
                                   .proof_bytes = plan.h_bytes + plan.rest_bytes };
    return PV_OK;
}

static void cpu_key_close(struct backend_key **key)
{
    if (!*key) return;
    qap_clear(&(*key)->qap);
    free((*key)->table);
    free(*key);
    *key = NULL;
}

static pv_status check_limit(const struct zkey *zkey, const struct backend_options *options, struct prove_error *err)
{
    struct backend_need need;
    TRY(cpu_need(&need, zkey, options, err));
    size_t bytes = need.key_bytes + need.proof_bytes;
    if (options->memory_bytes_max && bytes > options->memory_bytes_max)
        return prove_error_set(err, PV_RESOURCES, "a proof with this key needs %zu MiB, but only %zu MiB are allowed",
                               bytes >> 20, options->memory_bytes_max >> 20);
    return PV_OK;
}

static pv_status cpu_key_open(struct backend_key **key, const struct zkey *zkey, const struct backend_options *options,
                              const struct prove_run *run, struct prove_error *err)
{
    TRY(check_limit(zkey, options, err));
    struct backend_key *k = calloc(1, sizeof *k);
    if (!k) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    k->zkey = zkey;
    pv_status status = qap_init(&k->qap, zkey, err);
    k->table = status == PV_OK ? malloc(max(bn254_twiddles_bytes(zkey->log_domain), 1)) : NULL;
    if (status == PV_OK && !k->table)
        status = prove_error_set(err, PV_NO_MEMORY, "out of memory for the roots of unity");
    if (status != PV_OK) {
        cpu_key_close(&k);
        return status;
    }
    bn254_twiddles_init(&k->twiddles, zkey->log_domain, k->table, &run->cpu);
    *key = k;
    return PV_OK;
}

/* h: domain scalars at the start of the arena; a lies under h, b and c in the rest. */
static bool quotient(uint8_t *arena, struct backend_key *k, const bn254_scalar_packed *witness,
                     const struct prove_run *run)
{
    size_t n = k->zkey->domain;
    bn254_fr *a = (bn254_fr *)arena, *b = (bn254_fr *)(arena + max(n * sizeof *a, 64)), *c = b + n;
    return qap_evaluate(a, b, &k->qap, witness, &run->cpu) &&
           bn254_quotient((bn254_scalar_packed *)arena, a, b, c, k->zkey->log_domain, &k->twiddles, &run->cpu, c + n);
}

static void pass_by(const struct zkey *z, const void *from, size_t bytes, const struct prove_run *run)
{
    if (run->key_pages == PROVE_KEY_PASSES_BY) zkey_pass_by(z, from, bytes);
}

/* The quotient and its sum come first and release what they used, because the other sums read most of the key at once.
 * */
static bool quotient_sum(struct backend_sums *out, uint8_t *arena, uint8_t *scratch, struct backend_key *k,
                         const bn254_scalar_packed *witness, const struct prove_run *run)
{
    const struct zkey *z = k->zkey;
    if (!quotient(arena, k, witness, run)) return false;
    pass_by(z, z->coefs, z->coef_count * sizeof *z->coefs, run);
    prove_run_report(run, "msm", 20);
    if (!bn254_msm_g1(&out->h, z->h, (const bn254_scalar_packed *)arena, z->domain, &run->cpu, scratch)) return false;
    pass_by(z, z->h, z->domain * sizeof *z->h, run);
    arena_give_back(arena, (size_t)(scratch - arena));
    return true;
}

/* All sets in one pass over the witness. When the key passes by, two passes: the G1 sections are released before the G2
 * section, two fifths of the four, is read. */
static bool witness_sums(struct bn254_msm_set sets[WITNESS_SETS], const struct zkey *z,
                         const bn254_scalar_packed *witness, const struct prove_run *run, uint8_t *scratch)
{
    if (run->key_pages != PROVE_KEY_PASSES_BY)
        return bn254_msm_shared(sets, WITNESS_SETS, witness, z->vars, &run->cpu, scratch);
    if (!bn254_msm_shared(sets, IN_G1, witness, z->vars, &run->cpu, scratch)) return false;
    for (size_t i = 0; i < IN_G1; i++) pass_by(z, sets[i].bases, sets[i].count * sizeof(bn254_g1_packed), run);
    return bn254_msm_shared(sets + IN_G1, WITNESS_SETS - IN_G1, witness, z->vars, &run->cpu, scratch);
}

static bool all_sums(struct backend_sums *out, uint8_t *arena, struct backend_key *k,
                     const bn254_scalar_packed *witness, const struct prove_run *run)
{
    const struct zkey *z = k->zkey;
    struct bn254_msm_set sets[WITNESS_SETS];
    uint8_t *scratch = arena + plan_for(z, &run->cpu).h_bytes;
    witness_sets(sets, out, z);
    prove_run_report(run, "quotient", 5);
    if (!quotient_sum(out, arena, scratch, k, witness, run)) return false;
    prove_run_report(run, "msm", 45);
    if (!witness_sums(sets, z, witness, run, scratch)) return false;
    prove_run_report(run, "msm", 95);
    return true;
}

/* A proof's memory, on the node where its slot has settled, if it has. */
static uint8_t *arena_near(size_t bytes)
{
    struct numa numa;
    uint8_t *arena = arena_new(bytes);
    numa_read(&numa, NUMA_ROOT);
    if (arena) numa_keep(&numa, arena, bytes);
    return arena;
}

static pv_status cpu_sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                          const struct prove_run *run, struct prove_error *err)
{
    struct backend_sums found;
    struct plan plan = plan_for(key->zkey, &run->cpu);
    size_t bytes = plan.h_bytes + plan.rest_bytes;
    uint8_t *arena = arena_near(bytes);
    if (!arena) return prove_error_set(err, PV_NO_MEMORY, "out of memory: a proof needs %zu MiB", bytes >> 20);
    bool done = all_sums(&found, arena, key, witness, run);
    arena_destroy(arena, bytes);
    if (!done) return prove_error_set(err, PV_CANCELLED, "stopped");
    *out = found;
    return PV_OK;
}

const struct backend backend_cpu = {
    .name = "cpu",
    .proofs_at_once = UINT_MAX,
    .usable = cpu_usable,
    .need = cpu_need,
    .key_open = cpu_key_open,
    .key_close = cpu_key_close,
    .sums = cpu_sums,
};
