#include "cmd_verify.h"

#include "cmd.h"

#include "json_limit.h"
#include "proof.h"
#include "verify.h"
#include "vkey.h"
#include "whole_file.h"

#include <stdio.h>
#include <stdlib.h>

struct arguments {
    const char *file[3]; /* vkey, public, proof */
    enum groth16_keys keys;
};

enum { KEY_DEVELOPMENT = 0x200 };

static const struct argp_option options[] = {
    { "allow-development-key", KEY_DEVELOPMENT, 0, 0, CMD_DEVELOPMENT_KEY, 0 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const names[] = { "VKEY", "PUBLIC", "PROOF" };
    struct arguments *a = state->input;
    switch (key) {
    case KEY_DEVELOPMENT: a->keys = GROTH16_KEYS_DEVELOPMENT; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num >= 3) argp_error(state, "unexpected argument \"%s\"", arg);
        a->file[state->arg_num] = arg;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 3) argp_error(state, "missing argument: %s", names[state->arg_num]);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "VKEY PUBLIC PROOF",
    .doc =
        "Verifies a proof for its public signals. Reads the files that snarkjs writes, from pipes too; the file - is "
        "stdin. Prints OK and exits with 0, or says why not and exits with 9 when the proof does not verify, 8 when a "
        "file is not what it should be.\v"
        "What other programs write is understood where it says the same: the curve as bn128, bn254 or alt_bn128 in any "
        "case, points of two coordinates, and whole numbers of any length without quotes. All else is refused by the "
        "name of its field.",
};

/* JSON comes whole: it is small, and pipes and process substitution are read as snarkjs reads them. */
static pv_status read_json(struct whole_file *file, const char *path, struct prove_error *err)
{
    struct file_why why;
    TRY(cmd_file_failed(err, whole_file_read(file, path, GROTH16_JSON_BYTES_MAX, &why), &why));
    if (file->n > 0) return PV_OK;
    whole_file_clear(file);
    return prove_error_set(err, PV_INVALID_INPUT, "%s: the file is empty", file_called(path, "stdin"));
}

/* A failed read, said with the file's name. */
static pv_status bad_file(const char *path, enum groth16_error e, pv_status bad, const struct groth16_text *why,
                          struct prove_error *err)
{
    if (e == GROTH16_OK) return PV_OK;
    path = file_called(path, "stdin");
    if (e == GROTH16_TOO_LARGE) bad = PV_TOO_LARGE;
    if (e == GROTH16_WEAK_KEY)
        return prove_error_set(err, bad, "%s: %s (--allow-development-key accepts it)", path, why->text);
    if (e == GROTH16_NO_MEMORY) return prove_error_set(err, PV_NO_MEMORY, "%s: out of memory", path);
    return prove_error_set(err, bad, "%s: %s", path, why->text);
}

static pv_status read_vkey(struct groth16_vkey *vkey, const char *path, enum groth16_keys keys, struct prove_error *err)
{
    struct whole_file file;
    struct groth16_text why = { "" };
    TRY(read_json(&file, path, err));
    enum groth16_error e = groth16_vkey_from_json_of(vkey, (const char *)file.bytes, file.n, keys, &why);
    whole_file_clear(&file);
    return bad_file(path, e, PV_BAD_VKEY, &why, err);
}

static pv_status read_publics(bn254_scalar_packed **publics, size_t *n, const char *path, struct prove_error *err)
{
    struct whole_file file;
    struct groth16_text why = { "" };
    TRY(read_json(&file, path, err));
    enum groth16_error e = groth16_publics_from_json(publics, n, (const char *)file.bytes, file.n, &why);
    whole_file_clear(&file);
    return bad_file(path, e, PV_BAD_JSON, &why, err);
}

static pv_status read_proof(struct groth16_proof *proof, const char *path, struct prove_error *err)
{
    struct whole_file file;
    struct groth16_text why = { "" };
    TRY(read_json(&file, path, err));
    enum groth16_error e = groth16_proof_from_json(proof, (const char *)file.bytes, file.n, &why);
    whole_file_clear(&file);
    return bad_file(path, e, PV_BAD_JSON, &why, err);
}

static pv_status verdict(const struct groth16_vkey *vkey, const struct groth16_proof *proof,
                         const bn254_scalar_packed *publics, size_t n, struct prove_error *err)
{
    enum groth16_error e = groth16_verify(vkey, proof, publics, n);
    if (e == GROTH16_OK) return PV_OK;
    if (e == GROTH16_PUBLIC_COUNT)
        return prove_error_set(err, PV_INVALID_INPUT, "there are %zu public signals, but the key is for %zu", n,
                               vkey->publics);
    return prove_error_set(err, PV_BAD_PROOF, "the proof does not verify");
}

static pv_status verify_with(const struct groth16_vkey *vkey, const struct arguments *a, struct prove_error *err)
{
    bn254_scalar_packed *publics;
    size_t n;
    struct groth16_proof proof;
    TRY(read_publics(&publics, &n, a->file[1], err));
    pv_status status = read_proof(&proof, a->file[2], err);
    if (status == PV_OK) status = verdict(vkey, &proof, publics, n, err);
    free(publics);
    return status;
}

static pv_status verify_files(const struct arguments *a, struct prove_error *err)
{
    struct groth16_vkey vkey;
    TRY(read_vkey(&vkey, a->file[0], a->keys, err));
    pv_status status = verify_with(&vkey, a, err);
    groth16_vkey_clear(&vkey);
    return status;
}

int cmd_verify(int argc, char **argv)
{
    struct arguments a = { .keys = GROTH16_KEYS_SOUND };
    struct prove_error err = { 0 };
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    cmd_catch_signals();
    if (verify_files(&a, &err) != PV_OK) return cmd_failed(&err);
    puts("OK");
    return 0;
}
