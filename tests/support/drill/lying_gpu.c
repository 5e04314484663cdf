/* A GPU for drills: the CPU's sums under the name and the table of the real one, and what the file LYING_GPU says, looked at for each
 * proof:
 *      honest (or no file)   right
 *      wrong                 wrong sums
 *      broken                the device fails, with CUDA's words
 *      crash                 its process ends
 *      hang                  it computes for ever, whatever it is told
 *      slow                  right, a second later
 *      check-bad             right, but no key is good
 *      hang-start            its process never comes to serve
 *  With LYING_GPU_SLOW_PLAN keys other than the self-test's lack their best plan, by 40 percent, and would get it once three of their
 *  proofs are made.
 *  with "-tasks" behind it: the self-test is right (chain-7 is its circuit), with "-large": and every circuit of up to 8 rows; with "-once" behind that: then the
 *  file says honest. "once" is wrong-once. */
#include "backend.h"
#include "selftest_data.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MODE_BYTES = 32, SMALL_ROWS = 8 };

static void mode_read(char mode[MODE_BYTES])
{
    const char *path = getenv("LYING_GPU");
    FILE *in = path ? fopen(path, "re") : NULL;
    strcpy(mode, "honest");
    if (!in) return;
    if (fscanf(in, "%31s", mode) != 1) strcpy(mode, "honest");
    fclose(in);
}

static void mode_write(const char *mode)
{
    FILE *out = fopen(getenv("LYING_GPU"), "we");
    if (!out) abort();
    fputs(mode, out);
    fclose(out);
}

static pv_status usable(const struct backend_options *options, struct prove_error *err)
{
    char mode[MODE_BYTES];
    if (getenv("LYING_GPU_MISSING"))
        return prove_error_set(err, PV_NO_DEVICE, "driver 535.183 has CUDA 12.2, but 13.0 is needed");
    mode_read(mode);
    while (!strcmp(mode, "hang-start")) pause();
    return PV_OK;
}

static size_t device_bytes(const struct backend_options *options)
{
    return (size_t)1 << 30;
}

/* Of a large card: a proof takes more memory there than on an H100. */
static unsigned device_sm_count(const struct backend_options *options)
{
    return 256;
}

static pv_status need(struct backend_need *to, const struct zkey *zkey, const struct backend_options *options,
                      struct prove_error *err)
{
    return backend_cpu.need(to, zkey, options, err);
}

/* The CPU's key, and what it is of. */
struct key {
    struct backend_key *cpu;
    bool test, small;
    unsigned proofs;
};

static pv_status key_open(struct backend_key **key, const struct zkey *zkey, const struct backend_options *options,
                          const struct prove_run *run, struct prove_error *err)
{
    struct key *k = calloc(1, sizeof *k);
    if (!k) return PV_NO_MEMORY;
    k->test = zkey->size == selftest_zkey_bytes && !memcmp(zkey->bytes, selftest_zkey, zkey->size);
    k->small = k->test || zkey->domain <= SMALL_ROWS;
    pv_status s = backend_cpu.key_open(&k->cpu, zkey, options, run, err);
    if (s == PV_OK)
        *key = (struct backend_key *)(void *)k;
    else
        free(k);
    return s;
}

static void key_close(struct backend_key **key)
{
    struct key *k = (struct key *)(void *)*key;
    if (!k) return;
    backend_cpu.key_close(&k->cpu);
    free(k);
    *key = NULL;
}

/* Takes "-word" off the end of mode. */
static bool suffix_take(char *mode, const char *suffix)
{
    size_t n = strlen(mode), k = strlen(suffix);
    if (n < k || strcmp(mode + n - k, suffix) != 0) return false;
    mode[n - k] = 0;
    return true;
}

/* What this proof is to be. */
static void mode_of(char mode[MODE_BYTES], const struct key *k)
{
    mode_read(mode);
    if (!strcmp(mode, "once")) strcpy(mode, "wrong-once");
    bool once = suffix_take(mode, "-once"), tasks = suffix_take(mode, "-tasks"), large = suffix_take(mode, "-large");
    if ((tasks && k->test) || (large && k->small))
        strcpy(mode, "honest");
    else if (once)
        mode_write("honest");
}

static pv_status sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                      const struct prove_run *run, struct prove_error *err)
{
    struct key *k = (struct key *)(void *)key;
    char mode[MODE_BYTES];
    mode_of(mode, k);
    if (!strcmp(mode, "broken"))
        return prove_error_set(err, PV_DEVICE, "GPU: an illegal memory access was encountered");
    if (!strcmp(mode, "crash")) raise(SIGUSR1); /* no sanitizer catches it */
    while (!strcmp(mode, "hang")) pause();
    if (!strcmp(mode, "slow")) sleep(1);
    TRY(backend_cpu.sums(out, k->cpu, witness, run, err));
    k->proofs++;
    if (!strcmp(mode, "wrong")) bn254_g1_from_affine(&out->c, &BN254_G1_GENERATOR);
    return PV_OK;
}

static void key_need(struct backend_need *to, bool *better_now, struct backend_key *key)
{
    const struct key *k = (const struct key *)(const void *)key;
    bool slow = getenv("LYING_GPU_SLOW_PLAN") && !k->test;
    *to = (struct backend_need){ .key_bytes = 1000, .proof_bytes = 200, .places = 1, .slower = slow ? 40 : 0 };
    *better_now = slow && k->proofs >= 3;
}

/* Believes every key, or none. */
static pv_status key_check(struct backend_key *key, const struct zkey *zkey, const struct prove_run *run,
                           struct prove_error *err)
{
    char mode[MODE_BYTES];
    mode_of(mode, (const struct key *)(const void *)key);
    if (!strcmp(mode, "crash")) raise(SIGUSR1);
    if (!strcmp(mode, "check-bad")) return prove_error_set(err, PV_BAD_ZKEY, "a point of the key is damaged");
    return PV_OK;
}

const struct backend backend_cuda = {
    .name = "cuda",
    .proofs_at_once = 1,
    .usable = usable,
    .device_bytes = device_bytes,
    .device_sm_count = device_sm_count,
    .need = need,
    .key_open = key_open,
    .key_close = key_close,
    .key_need = key_need,
    .key_check = key_check,
    .sums = sums,
};
