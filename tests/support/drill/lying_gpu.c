/* A GPU for drills: the CPU's sums under the name and the table of the real one, and what the file LYING_GPU says, looked at for each
 * proof:
 *      honest (or no file)   right
 *      wrong                 wrong sums
 *      once                  wrong sums; then the file says honest
 *      broken                the device fails */
#include "backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void mode_read(char mode[16])
{
    const char *path = getenv("LYING_GPU");
    FILE *in = path ? fopen(path, "re") : NULL;
    strcpy(mode, "honest");
    if (!in) return;
    if (fscanf(in, "%15s", mode) != 1) strcpy(mode, "honest");
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
    if (getenv("LYING_GPU_MISSING"))
        return prove_error_set(err, PV_NO_DEVICE, "driver 535.183 has CUDA 12.2, but 13.0 is needed");
    return PV_OK;
}

static size_t device_bytes(const struct backend_options *options)
{
    return (size_t)1 << 30;
}

static pv_status need(struct backend_need *to, const struct zkey *zkey, const struct backend_options *options,
                      struct prove_error *err)
{
    return backend_cpu.need(to, zkey, options, err);
}

static pv_status key_open(struct backend_key **key, const struct zkey *zkey, const struct backend_options *options,
                          const struct prove_run *run, struct prove_error *err)
{
    return backend_cpu.key_open(key, zkey, options, run, err);
}

static void key_close(struct backend_key **key)
{
    backend_cpu.key_close(key);
}

static pv_status sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                      const struct prove_run *run, struct prove_error *err)
{
    char mode[16];
    mode_read(mode);
    if (!strcmp(mode, "broken"))
        return prove_error_set(err, PV_DEVICE, "GPU: an illegal memory access was encountered");
    TRY(backend_cpu.sums(out, key, witness, run, err));
    if (!strcmp(mode, "once")) mode_write("honest");
    if (strcmp(mode, "honest") != 0) bn254_g1_from_affine(&out->c, &BN254_G1_GENERATOR);
    return PV_OK;
}

const struct backend backend_cuda = {
    .name = "cuda",
    .proofs_at_once = 1,
    .usable = usable,
    .device_bytes = device_bytes,
    .need = need,
    .key_open = key_open,
    .key_close = key_close,
    .sums = sums,
};
