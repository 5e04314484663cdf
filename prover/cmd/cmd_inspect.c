#include "cmd_inspect.h"

#include "cmd.h"
#include "cmd_need.h"

#include "keycheck.h"
#include "outputs.h"
#include "soundness.h"
#include "zkey_vkey.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    const char *zkey, *vkey_path;
    bool json, check;
    struct outputs *out; /* of --vkey; NULL without it */
    enum groth16_keys keys;
    size_t gpu_memory;          /* cmd_need_of */
    struct cmd_machine machine; /* its threads and its stop flag */
};

enum { KEY_VKEY = 0x200, KEY_CHECK, KEY_DEVELOPMENT };

static const struct argp_option options[] = {
    { "vkey", KEY_VKEY, "FILE", 0,
      "Write the verification key as snarkjs would export it; - is stdout, and what is shown goes to stderr", 0 },
    { "gpu-memory", CMD_GPU_MEMORY, "SIZE", 0, CMD_GPU_MEMORY_HELP, 0 },
    { "check", KEY_CHECK, 0, 0, "Check every point of the key: curve and group (slow)", 0 },
    { "allow-development-key", KEY_DEVELOPMENT, 0, 0, CMD_DEVELOPMENT_KEY, 0 },
    { "output", 'o', "text|json", 0, "Output format (default text)", 0 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case KEY_VKEY: a->vkey_path = arg; return 0;
    case KEY_CHECK: a->check = true; return 0;
    case CMD_GPU_MEMORY: a->gpu_memory = cmd_gpu_memory(arg, state); return 0;
    case KEY_DEVELOPMENT: a->keys = GROTH16_KEYS_DEVELOPMENT; return 0;
    case 'o':
        if (strcmp(arg, "text") && strcmp(arg, "json")) argp_error(state, "--output: not text or json: \"%s\"", arg);
        a->json = !strcmp(arg, "json");
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num >= 1) argp_error(state, "unexpected argument \"%s\"", arg);
        a->zkey = arg;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 1) argp_error(state, "missing argument: ZKEY");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "ZKEY",
    .doc = "Shows what a proving key is for and what it needs. The key's structure and header are always checked, "
           "and a key for which anyone can forge proofs is refused.",
};

/* What is known of a key, gathered before any of it is printed. */
struct facts {
    char sha256[65];
    struct backend_need cpu;
    struct cmd_need gpu;
    struct groth16_text forgeable; /* how proofs can be forged for the key; "" for a sound one */
};

static pv_status gather(struct facts *f, const struct zkey *z, const struct arguments *a, struct prove_error *err)
{
    uint8_t digest[32];
    TRY(zkey_digest_of(digest, z->file.bytes, z->file.size, err));
    for (int i = 0; i < 32; i++) snprintf(f->sha256 + 2 * i, 3, "%02x", digest[i]);
    TRY(backend_cpu.need(&f->cpu, z, &a->machine.options, err));
    cmd_need_of(&f->gpu, z, &a->machine.options, a->gpu_memory);
    return PV_OK;
}

static void print_need(FILE *to, const char *name, const struct backend_need *n)
{
    fprintf(to, "%-14s%.1f MiB for the key, %.1f MiB for a proof\n", name, (double)n->key_bytes / 1048576,
            (double)n->proof_bytes / 1048576);
}

static double mib(size_t bytes)
{
    return (double)bytes / 1048576;
}

static void print_plan(FILE *to, const struct backend_need *n)
{
    print_need(to, "GPU memory", n);
    fprintf(to, "%-14s%u proof%s at a time, %.1f MiB in all", "", n->places, n->places == 1 ? "" : "s",
            mib(n->key_bytes + n->places * n->proof_bytes));
    if (n->slower)
        fprintf(to, "; sums take %u %% more work than by the best plan, which takes %.1f MiB", n->slower,
                mib(n->best_bytes));
    fputc('\n', to);
}

static void print_gpu(FILE *to, const struct cmd_need *n)
{
    if (n->none.status == PV_OK)
        print_plan(to, &n->gpu);
    else
        fprintf(to, "%-14s%s\n", "GPU memory", n->none.text);
    if (n->assumed)
        fprintf(to, "%-14sof a card with %zu MiB; it fits from %zu MiB on\n", "", n->assumed >> 20, n->least >> 20);
}

static void print_text(FILE *to, const struct arguments *a, const struct zkey *z, const struct facts *f)
{
    fprintf(to, "%-14s%s\n%-14s%s\n%-14s%zu bytes\n", "file", a->zkey, "sha256", f->sha256, "size", z->file.size);
    fprintf(to, "%-14s%s\n%-14s%s\n", "protocol", "groth16", "curve", "bn254 (snarkjs: bn128)");
    if (z->public_rows)
        fprintf(to, "%-14s%" PRIu32 "\n", "constraints", z->rows - z->publics - 1);
    else
        fprintf(to, "%-14s%s\n", "constraints", "unknown (the coefficients are not in the order of snarkjs)");
    fprintf(to, "%-14s%" PRIu32 " (2^%u)\n", "domain", z->domain, z->log_domain);
    fprintf(to, "%-14s%" PRIu32 ", %" PRIu32 " of them public\n", "variables", z->vars, z->publics);
    fprintf(to, "%-14s%" PRIu32 "\n", "coefficients", z->coef_count);
    print_need(to, "CPU memory", &f->cpu);
    print_gpu(to, &f->gpu);
    if (*f->forgeable.text) fprintf(to, "%-14s%s\n", "FORGEABLE", f->forgeable.text);
}

static json_t *need_json(const struct backend_need *n)
{
    return json_pack("{s:I, s:I}", "key_bytes", (json_int_t)n->key_bytes, "proof_bytes", (json_int_t)n->proof_bytes);
}

static pv_status print_json(FILE *to, const struct arguments *a, const struct zkey *z, const struct facts *f,
                            struct prove_error *err)
{
    json_t *constraints = z->public_rows ? json_integer(z->rows - z->publics - 1) : json_null();
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:I, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:s?, s:o, s:I}", "schema", "provost.zkey/1",
        "file", a->zkey, "sha256", f->sha256, "bytes", (json_int_t)z->file.size, "protocol", "groth16", "curve",
        "bn128", "constraints", constraints, "domain", (json_int_t)z->domain, "variables", (json_int_t)z->vars,
        "publics", (json_int_t)z->publics, "coefficients", (json_int_t)z->coef_count, "cpu", need_json(&f->cpu), "gpu",
        cmd_need_json(&f->gpu), "forgeable", *f->forgeable.text ? f->forgeable.text : NULL, "gpu_assumed_bytes",
        cmd_need_assumed_json(&f->gpu), "gpu_least_bytes", (json_int_t)f->gpu.least);
    if (!o) return prove_error_set(err, PV_FAILED, "%s: the name is not UTF-8, as JSON wants it", a->zkey);
    json_dumpf(o, to, JSON_INDENT(2));
    fputc('\n', to);
    json_decref(o);
    return PV_OK;
}

static pv_status write_vkey(const struct arguments *a, const struct groth16_vkey *vkey, struct prove_error *err)
{
    struct file_why why;
    char *text = groth16_vkey_to_json(vkey);
    if (!text) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    pv_status status = outputs_write(a->out, &(struct output_bytes){ text, strlen(text) }, &why);
    free(text);
    return cmd_file_failed(err, status, &why);
}

/* The verification key, and whether the proving key is whole and sound. */
static pv_status check_vkey(struct groth16_vkey *vkey, struct facts *f, const struct zkey *z, enum groth16_keys keys,
                            struct prove_error *err)
{
    TRY(zkey_vkey(vkey, z, keys, err));
    if (keys == GROTH16_KEYS_DEVELOPMENT) (void)groth16_soundness(vkey, &f->forgeable);
    pv_status status = zkey_halves(z, vkey, keys, err);
    if (status != PV_OK) groth16_vkey_clear(vkey);
    return status;
}

static pv_status check_and_print(const struct arguments *a, const struct zkey *z, struct prove_error *err)
{
    struct facts f = { 0 };
    struct groth16_vkey vkey;
    TRY(gather(&f, z, a, err));
    if (a->check) TRY(keycheck_points(z, &a->machine.cpu, err));
    pv_status status = check_vkey(&vkey, &f, z, a->keys, err);
    if (status != PV_OK) return prove_error_in(err, status, a->zkey);
    if (a->out) status = write_vkey(a, &vkey, err);
    groth16_vkey_clear(&vkey);
    if (status != PV_OK) return status;
    if (!mapfile_is_current(&z->file, a->zkey))
        return prove_error_set(err, PV_IO, "%s: the file was changed while it was read", a->zkey);
    FILE *to = a->out && outputs_use_stdout(a->out) ? stderr : stdout;
    if (a->json) return print_json(to, a, z, &f, err);
    print_text(to, a, z, &f);
    return PV_OK;
}

static pv_status inspect(const struct arguments *a, struct prove_error *err)
{
    struct zkey z;
    TRY(zkey_open(&z, a->zkey, err));
    pv_status status = check_and_print(a, &z, err);
    zkey_close(&z);
    return status;
}

static pv_status inspect_into(struct arguments *a, struct prove_error *err)
{
    struct outputs out;
    struct file_why why;
    if (!a->vkey_path) return inspect(a, err);
    TRY(cmd_file_failed(err, outputs_open(&out, &a->vkey_path, 1, &a->zkey, 1, &why), &why));
    a->out = &out;
    pv_status status = inspect(a, err);
    outputs_close(&out);
    return status;
}

int cmd_inspect(int argc, char **argv)
{
    struct arguments a = { .machine.cpu.stop = &cmd_stop };
    struct prove_error err = { 0 };
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    cmd_catch_signals();
    cmd_start_team(&a.machine);
    return inspect_into(&a, &err) == PV_OK ? 0 : cmd_failed(&err);
}
