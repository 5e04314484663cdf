#include "handler_groth16.h"

#include "proof.h"
#include "keycheck.h"
#include "log.h"
#include "selftest.h"
#include "sha256.h"
#include "team.h"
#include "wtns.h"
#include "zkey_survey.h"
#include "zkey_vkey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- keys --- */

/* A key for which proofs can be forged, or whose halves differ, is never announced. */
static pv_status sound(const struct zkey *zkey, enum groth16_keys keys, struct prove_error *err)
{
    struct groth16_vkey vkey;
    TRY(zkey_vkey(&vkey, zkey, keys, err));
    pv_status s = zkey_halves(zkey, &vkey, keys, err);
    groth16_vkey_clear(&vkey);
    return s;
}

static void facts_of_need(struct keycache_facts *facts, const struct backend_need *need)
{
    facts->resident_bytes = need->key_bytes;
    facts->proof_bytes = need->proof_bytes;
    facts->places = need->places;
    facts->place_host_bytes = need->place_host_bytes;
    facts->slower = need->slower;
}

static pv_status key_facts(struct keycache_facts *facts, void *arg, const char *path,
                           const struct regular_interrupt *interrupt, struct prove_error *err)
{
    const struct handler_groth16_context *x = arg;
    struct zkey zkey;
    struct backend_need need;
    TRY(zkey_survey(&zkey, facts->digest.bytes, path, interrupt, err));
    pv_status s = sound(&zkey, x->options.keys, err);
    if (s == PV_OK) s = x->backend->need(&need, &zkey, &x->options, err);
    bool device = strcmp(x->backend->name, "cpu") != 0;
    if (s == PV_OK) {
        facts_of_need(facts, &need);
        facts->resident_bytes += device ? 0 : zkey.file.size;
        facts->host_bytes = device ? zkey.file.size + need.key_host_bytes : 0;
        facts->proofs_at_once = x->backend->proofs_at_once;
        facts->on_device = device;
    }
    zkey_close(&zkey);
    return s;
}

enum { PIECE_BYTES = 16 << 20 }; /* between two looks at the stop flag: 10 ms */

static pv_status feed(struct sha256 *sha, const struct mapfile *file, const atomic_int *stop)
{
    for (size_t at = 0; at < file->size; at += PIECE_BYTES) {
        if (stop && atomic_load(stop)) return PV_CANCELLED;
        TRY(sha256_feed(sha, file->bytes + at, file->size - at < PIECE_BYTES ? file->size - at : PIECE_BYTES));
    }
    return PV_OK;
}

/* Whether a key's bytes are those that were announced: PV_HASH_MISMATCH, PV_CANCELLED. */
static pv_status digest_check(const struct mapfile *file, wire_hash digest, const atomic_int *stop,
                              struct prove_error *err)
{
    struct sha256 sha = { 0 };
    wire_hash found;
    pv_status s = sha256_start(&sha);
    if (s == PV_OK) s = feed(&sha, file, stop);
    if (s == PV_OK) s = sha256_finish(&sha, &found);
    sha256_clear(&sha);
    if (s == PV_OK && !wire_hash_equal(found, digest)) s = PV_HASH_MISMATCH;
    return s == PV_OK ? s : prove_error_set(err, s, "the key's bytes: %s", pv_status_text(s));
}

/* The context's, on no more threads than this one's team has: a region of another size would have to start some. */
static struct bn254_run run_here(const struct handler_groth16_context *x, const atomic_int *stop)
{
    struct bn254_run run = x->cpu;
    run.threads = team_most(run.threads);
    run.stop = stop;
    return run;
}

static pv_status key_open(void **key, void *arg, const char *path, wire_hash digest, enum keycache_plan plan,
                          const atomic_int *stop, struct prove_error *err)
{
    const struct handler_groth16_context *x = arg;
    struct backend_options options = x->options;
    struct prove_run run = { .cpu = run_here(x, stop) };
    struct prove_key *made = NULL;
    struct zkey zkey;
    TRY(zkey_load_digest(&zkey, path, digest.bytes, options.gpus ? ZKEY_LENDABLE : ZKEY_PRIVATE, stop, err));
    options.best_plan_only = plan == KEYCACHE_BEST_PLAN;
    TRY(prove_key_take(&made, &zkey, path, x->backend, &options, &run, err));
    *key = made;
    return PV_OK;
}

static void key_opened(struct keycache_facts *facts, bool *better_now, void *key)
{
    struct backend_need need;
    if (prove_key_need(&need, better_now, key)) facts_of_need(facts, &need);
}

/* PV_OK: a GPU found all of them good. */
static pv_status key_check_on_gpu(const struct prove_key *key, const struct bn254_run *cpu, struct prove_error *err)
{
    const struct prove_run run = { .cpu = *cpu };
    pv_status s = prove_key_check(key, &run, err);
    if (s != PV_OK && s != PV_CANCELLED)
        LOG_WARN("gpu.key_check", "why=%s text=%s", err->text, "the CPU looks at the key's points");
    return s;
}

/* What a GPU says against a key is no verdict: the CPU names the point, or finds none. */
static pv_status key_check(void *arg, void *key, const atomic_int *stop, struct prove_error *err)
{
    const struct handler_groth16_context *x = arg;
    struct bn254_run run = run_here(x, stop);
    if (x->gpu_check && x->backend != &backend_cpu) {
        pv_status s = key_check_on_gpu(key, &run, err);
        if (s == PV_OK || s == PV_CANCELLED) return s;
    }
    return keycheck_points(prove_key_zkey(key), &run, err);
}

static pv_status key_intact(void *arg, void *key, wire_hash digest, const atomic_int *stop, struct prove_error *err)
{
    (void)arg;
    return digest_check(&prove_key_zkey(key)->file, digest, stop, err);
}

static void key_close(void **key)
{
    struct prove_key *k = *key;
    prove_key_destroy(&k);
    *key = NULL;
}

const struct keycache_ops handler_groth16_keys = { key_facts, key_open, key_opened, key_check, key_intact, key_close };

/* --- proofs --- */

/* Whose fault it is: the input's, which fails everywhere; this node's, which another may not have; or chance. The process of a
 * GPU that ended may have been ended by this very task: a loss. */
static enum handler_verdict verdict_of(const struct handler_groth16_context *x, pv_status s)
{
    switch (s) {
    case PV_BUSY: return HANDLER_UNSTARTED;
    case PV_DEVICE: return x->options.gpus ? HANDLER_LOST : HANDLER_RETRYABLE;
    case PV_BAD_WTNS:
    case PV_BAD_WITNESS:
    case PV_INVALID_INPUT: return HANDLER_PERMANENT;
    case PV_UNKNOWN_CIRCUIT:
    case PV_NO_MEMORY:
    case PV_RESOURCES:
    case PV_DISK_FULL:
    case PV_NOT_FOUND: /* of a witness generator that is gone, or is not to be trusted any more */
    case PV_BAD_CONFIG:
    case PV_BAD_ZKEY:
    case PV_BAD_PROOF: /* undecided (cpu_check.h) */
    case PV_NO_DEVICE: return HANDLER_RESOURCE;
    default: return HANDLER_RETRYABLE;
    }
}

/* {"proof": <as snarkjs writes proof.json>, "public": <as it writes public.json>} */
static pv_status result_write(struct handler_output *out, const struct groth16_proof *proof, const struct wtns *w,
                              const struct prove_key *key)
{
    char *text = NULL, *p = groth16_proof_to_json(proof);
    char *publics = groth16_publics_to_json(w->values + 1, prove_key_zkey(key)->publics);
    int n = p && publics ? asprintf(&text, "{\"proof\": %s, \"public\": %s}\n", p, publics) : -1;
    free(p);
    free(publics);
    if (n < 0) return PV_NO_MEMORY;
    out->bytes = (uint8_t *)text;
    out->size = (size_t)n;
    return PV_OK;
}

/* The CPU's proof goes out. What the GPU has of the key may be damaged, so that is made ready again. */
static void gpu_was_wrong(struct handler_groth16_context *x, unsigned gpu, struct keycache_key *key,
                          const struct handler_input *in)
{
    atomic_fetch_add(&x->tests.trust[gpu].wrong_proofs, 1);
    unsigned long n = gpu_tests_wrong_proofs(&x->tests);
    LOG_WARN("gpu.wrong_proof", "task=%s circuit=%s gpu_wrong_proofs=%lu text=%s", in->task, in->circuit, n,
             "the GPU's proof does not verify and the CPU's does: that one is sent, and the GPU is tested");
    keycache_spoil(x->cache, key);
    gpu_tests_doubt(&x->tests, gpu);
}

/* After a proof by a GPU that came to s. */
static pv_status second_look(struct groth16_proof *proof, struct handler_groth16_context *x, unsigned gpu,
                             struct keycache_key *key, const struct wtns *w, const struct handler_input *in,
                             const struct handler_watch *watch, pv_status s, struct prove_error *err)
{
    const struct cpu_check_of of = {
        .cache = x->cache, .key = key, .witness = w, .cpu = run_here(x, watch->stop), .watch = watch
    };
    if (s == PV_OK && x->options.gpus) gpus_good(x->options.gpus, gpu);
    if (s == PV_DEVICE) gpu_tests_doubt(&x->tests, gpu);
    if (s != PV_BAD_PROOF) return s;
    s = cpu_check(proof, &x->check, &of, err);
    if (s == PV_OK) gpu_was_wrong(x, gpu, key, in);
    if (s == PV_BAD_PROOF) gpu_tests_doubt(&x->tests, gpu);
    return s;
}

/* The bytes of a witness: the task's, or computed. */
struct witness_bytes {
    const uint8_t *bytes;
    size_t n;
    uint8_t *made; /* those, if they were computed: to be wiped and freed */
};

static void witness_bytes_clear(struct witness_bytes *w)
{
    if (w->made) explicit_bzero(w->made, w->n);
    free(w->made);
    *w = (struct witness_bytes){ 0 };
}

enum { KEY_BYTES_A_VALUE = 256 }; /* at least: its points in the sections A, B1 and B2 of a zkey */

/* Without the key: circom's programs take longer than a proof, and others may prove with it meanwhile. How many values a witness can have, its
 * file tells. */
static pv_status witness_compute(struct witness_bytes *to, struct handler_groth16_context *x,
                                 const struct handler_input *in, const struct handler_watch *watch,
                                 struct prove_error *err)
{
    char path[4096];
    struct file_stamp stamp;
    if (!x->witnesses.make) return prove_error_set(err, PV_NOT_FOUND, "this node computes no witnesses");
    if (!keycache_where(x->cache, in->circuit, path) || !file_stamp_of(&stamp, path))
        return prove_error_set(err, PV_UNKNOWN_CIRCUIT, "no such circuit here: %s", in->circuit);
    const uint64_t most = (uint64_t)stamp.size / KEY_BYTES_A_VALUE;
    const struct witness_wanted wanted = { .task = in->task,
                                           .key_path = path,
                                           .input = in->bytes,
                                           .input_bytes = in->size,
                                           .values = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX,
                                           .watch = watch };
    if (watch->progress) watch->progress(watch->ctx, "witness", 0);
    pv_status s = x->witnesses.make(x->witnesses.self, &to->made, &to->n, &wanted, err);
    to->bytes = to->made;
    return s;
}

static pv_status witness_of(struct witness_bytes *to, struct handler_groth16_context *x, const struct handler_input *in,
                            const struct handler_watch *watch, struct prove_error *err)
{
    if (in->kind == WIRE_INPUT_KIND_JSON) return witness_compute(to, x, in, watch, err);
    *to = (struct witness_bytes){ .bytes = in->bytes, .n = in->size };
    return PV_OK;
}

/* A witness that was computed here and is none, or none of this key, is not the task's fault: another node's generator may be the key's. */
static pv_status blame(const struct handler_input *in, pv_status s, struct prove_error *err)
{
    struct prove_error was = *err;
    if (in->kind == WIRE_INPUT_KIND_WTNS || (s != PV_BAD_WTNS && s != PV_BAD_WITNESS)) return s;
    return prove_error_set(err, PV_FAILED, "the witness generator is not of this key: %.250s", was.text);
}

static pv_status prove(struct handler_groth16_context *x, struct keycache_key *taken, const struct handler_input *in,
                       const struct witness_bytes *bytes, const struct handler_watch *watch, struct handler_output *out,
                       struct prove_error *err)
{
    int gpu = 0;
    struct prove_run run = {
        .cpu = run_here(x, watch->stop), .progress = watch->progress, .progress_arg = watch->ctx, .device = &gpu
    };
    struct prove_key *key = keycache_key(taken);
    struct groth16_proof proof;
    struct wtns w;
    TRY(wtns_of(&w, bytes->bytes, bytes->n, "witness", err));
    pv_status s;
    do s = prove_groth16(&proof, key, &w, NULL, &run, err); /* which opens the key on a GPU that has not had it yet */
    while (x->options.gpus && (s == PV_NO_MEMORY || s == PV_RESOURCES) && keycache_evict(x->cache));
    s = second_look(&proof, x, (unsigned)gpu, taken, &w, in, watch, s, err);
    if (s == PV_OK) s = result_write(out, &proof, &w, key);
    wtns_close(&w);
    return s;
}

/* A proof that does not verify, or a witness of another length, may be the fault of a key that has changed since it was
 * announced: in its file (the witness is for the new one) or in memory. Then nothing follows for the task, and another
 * attempt may succeed: PV_HASH_MISMATCH, which is retryable. */
static pv_status doubt(struct handler_groth16_context *x, struct keycache_key *key, pv_status s, const atomic_int *stop,
                       struct prove_error *err)
{
    struct prove_error changed = { 0 };
    if (s == PV_OK) keycache_proved(x->cache, key);
    if (s != PV_BAD_WITNESS && s != PV_BAD_PROOF) return s;
    if (keycache_doubt(x->cache, key, stop, &changed) == PV_OK) return s;
    *err = changed;
    return changed.status;
}

/* --- the GPU's self-test --- */

static pv_status test_run(void *context, unsigned gpu, const atomic_int *stop, struct prove_error *err)
{
    struct handler_groth16_context *x = context;
    const struct prove_run run = { .cpu = run_here(x, stop) };
    const struct backend_options options = { .device = x->options.gpus ? (int)gpu : x->options.device,
                                             .gpus = x->options.gpus };
    return selftest_proof(x->backend, &options, &run, err);
}

static bool test_room(void *context)
{
    const struct handler_groth16_context *x = context;
    return x->cache && keycache_evict(x->cache);
}

static struct gpu_tests_how how_of(struct handler_groth16_context *x)
{
    return (struct gpu_tests_how){ test_run, test_room, x };
}

pv_status handler_groth16_test(struct handler_groth16_context *x, const atomic_int *stop, struct prove_error *err)
{
    const struct gpu_tests_how how = how_of(x);
    if (x->backend == &backend_cpu) return PV_OK;
    for (unsigned i = 0; i < gpu_tests_count(&x->tests); i++) gpu_tests_doubt(&x->tests, i);
    return gpu_tests_pass(&x->tests, &how, stop, err);
}

void handler_groth16_look(struct handler_groth16_context *x, const atomic_int *stop)
{
    const struct gpu_tests_how how = how_of(x);
    if (x->backend != &backend_cpu) gpu_tests_try(&x->tests, &how, stop);
}

/* Before a key is taken, so that the test finds room: what others hold they give back. */
static pv_status trusted(struct handler_groth16_context *x, const struct handler_watch *watch, struct prove_error *err)
{
    const struct gpu_tests_how how = how_of(x);
    char why[CHILD_TEXT_BYTES];
    if (x->backend == &backend_cpu) return PV_OK;
    if (gpu_tests_now(&x->tests, why, sizeof why) == GPU_SUSPECT && watch->progress)
        watch->progress(watch->ctx, "self-test", 0);
    return gpu_tests_pass(&x->tests, &how, watch->stop, err);
}

static void groth16_after(void *self)
{
    handler_groth16_look(self, NULL);
}

/* --- a task --- */

static pv_status attempt(struct handler_groth16_context *x, const struct handler_input *in,
                         const struct witness_bytes *witness, const struct handler_watch *watch,
                         struct handler_output *out, struct prove_error *err)
{
    const struct keycache_watch waiting = { .stop = watch->stop, .phase = watch->progress, .ctx = watch->ctx };
    struct keycache_key *key;
    TRY(trusted(x, watch, err));
    TRY(keycache_take(&key, x->cache, in->circuit, &waiting, err));
    pv_status s = prove(x, key, in, witness, watch, out, err);
    s = doubt(x, key, s, watch->stop, err);
    keycache_give(x->cache, &key);
    return blame(in, s, err);
}

/* A GPU whose process ended before it was given this task has done nothing to it: another's turn, or its next process's. */
static pv_status attempts(struct handler_groth16_context *x, const struct handler_input *in,
                          const struct witness_bytes *witness, const struct handler_watch *watch,
                          struct handler_output *out, struct prove_error *err)
{
    pv_status s;
    do s = attempt(x, in, witness, watch, out, err);
    while (s == PV_BAD_STATE && x->options.gpus);
    return s;
}

static pv_status groth16_run(void *self, const struct handler_input *in, const struct handler_watch *watch,
                             struct handler_output *out)
{
    struct handler_groth16_context *x = self;
    struct prove_error err = { 0 };
    struct witness_bytes witness = { 0 };
    pv_status s = witness_of(&witness, x, in, watch, &err);
    if (s == PV_OK) s = attempts(x, in, &witness, watch, out, &err);
    witness_bytes_clear(&witness);
    out->verdict = verdict_of(x, s);
    if (s != PV_OK) snprintf(out->text, sizeof out->text, "%.*s", (int)sizeof out->text - 1, err.text);
    return s;
}

struct handler handler_groth16(struct handler_groth16_context *context)
{
    return (struct handler){ .name = "groth16",
                             .run = groth16_run,
                             .after = groth16_after,
                             .self = context,
                             .kinds = 1u << WIRE_INPUT_KIND_JSON };
}
