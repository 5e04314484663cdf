#include "cmd_need.h"

#include "gpu_need.h"
#include "values.h"

#include <stdio.h>
#include <string.h>

#define ASSUMED_BYTES ((size_t)80 << 30)

size_t cmd_gpu_memory(const char *arg, struct argp_state *state)
{
    char text[32];
    uint64_t bytes = 0;
    size_t n = strlen(arg);
    if (n > 3 && n < sizeof text && !strcmp(arg + n - 2, "iB")) n -= 2;
    snprintf(text, sizeof text, "%.*s", (int)(n < sizeof text ? n : sizeof text - 1), arg);
    if (n >= sizeof text || !value_size(&bytes, text, "KMGT") || bytes < 1 << 20 || bytes > (uint64_t)1 << 50)
        argp_error(state, "--gpu-memory: not a size from 1M to 1024T: \"%s\"", arg);
    return (size_t)bytes;
}

/* PV_NO_DEVICE: there is none here to ask. */
static pv_status ask_the_card(struct backend_need *need, const struct zkey *z, const struct backend_options *options,
                              struct prove_error *err)
{
#ifdef PV_HAVE_CUDA
    TRY(backend_cuda.usable(options, err));
    return backend_cuda.need(need, z, options, err);
#else
    (void)need;
    (void)z;
    (void)options;
    return prove_error_set(err, PV_NO_DEVICE, "built without CUDA");
#endif
}

void cmd_need_of(struct cmd_need *n, const struct zkey *z, const struct backend_options *options, size_t memory)
{
    *n = (struct cmd_need){ .least = gpu_need_least(z, 0) };
    if (!memory && ask_the_card(&n->gpu, z, options, &n->none) != PV_NO_DEVICE) return;
    n->assumed = memory ? memory : ASSUMED_BYTES;
    n->none = (struct prove_error){ 0 };
    const struct gpu_need_card card = { .bytes = n->assumed, .places = options->places };
    (void)gpu_need(&n->gpu, z, &card, &n->none);
}

json_t *cmd_need_json(const struct cmd_need *n)
{
    if (n->none.status != PV_OK) return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "key_bytes", (json_int_t)n->gpu.key_bytes, "proof_bytes",
                     (json_int_t)n->gpu.proof_bytes, "proofs_at_once", (json_int_t)n->gpu.places, "slower_percent",
                     (json_int_t)n->gpu.slower, "best_bytes", (json_int_t)n->gpu.best_bytes);
}

json_t *cmd_need_assumed_json(const struct cmd_need *n)
{
    return n->assumed ? json_integer((json_int_t)n->assumed) : json_null();
}
