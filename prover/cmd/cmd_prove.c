#include "cmd_prove.h"

#include "cpu_proof.h"
#include "keycheck.h"
#include "outputs.h"
#include "zkey_vkey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pv_status write_texts(struct outputs *out, char *const text[2], struct prove_error *err)
{
    struct file_why why;
    if (!text[0] || !text[1]) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    const struct output_bytes bytes[2] = { { text[0], strlen(text[0]) }, { text[1], strlen(text[1]) } };
    return cmd_file_failed(err, outputs_write(out, bytes, &why), &why);
}

static pv_status write_results(const struct groth16_proof *proof, const struct cmd_inputs *in,
                               const struct cmd_proving *a, struct prove_error *err)
{
    char *text[2] = { groth16_proof_to_json(proof),
                      groth16_publics_to_json(in->witness.values + 1, prove_key_zkey(in->key)->publics) };
    pv_status status = write_texts(a->out, text, err);
    free(text[0]);
    free(text[1]);
    return status;
}

/* The file is mapped: what another process writes to it is what is proved with. The proof itself has been verified with
 * the verification key that was read first, so only a failure has to be asked. */
static bool key_changed(const struct cmd_proving *a, const struct prove_key *key, struct prove_error *err)
{
    if (mapfile_is_current(&prove_key_zkey(key)->file, a->zkey)) return false;
    prove_error_set(err, PV_IO, "%s: the file was changed while the proof was made", a->zkey);
    return true;
}

/* A proof that fails has two explanations. Checking every point costs more than the proof, and comparing the halves of
 * the key a tenth of a small proof, so both happen only now. */
static pv_status explain(const struct prove_key *key, const struct prove_run *run, struct prove_error *err)
{
    const struct zkey *z = prove_key_zkey(key);
    struct prove_error damage;
    if (zkey_halves(z, prove_key_vkey(key), GROTH16_KEYS_DEVELOPMENT, &damage) != PV_BAD_ZKEY &&
        keycheck_points(z, &run->cpu, &damage) != PV_BAD_ZKEY)
        return err->status;
    *err = damage;
    return err->status;
}

/* Where a control group bounds this process, within that. */
static pv_status prove_on_cpu(struct groth16_proof *proof, const struct cmd_inputs *in, const struct cmd_proving *a,
                              const struct prove_run *run, struct prove_error *err)
{
    const struct limits *l = &a->machine.limits;
    TRY(cpu_proof(proof, in->key, &in->witness, l->memory_why ? l->memory : 0, run, err));
    fprintf(
        stderr,
        "provost-prover: %s, but the CPU's does, and that one is written: test the GPU with provost-prover selftest\n",
        err->text);
    return PV_OK;
}

static pv_status prove(const struct cmd_inputs *in, const struct cmd_proving *a, const struct prove_run *run,
                       struct prove_error *err)
{
    struct groth16_proof proof;
    pv_status status = prove_groth16(&proof, in->key, &in->witness, NULL, run, err);
    if (status == PV_BAD_PROOF) status = prove_on_cpu(&proof, in, a, run, err);
    if (status == PV_BAD_WITNESS && key_changed(a, in->key, err)) return err->status;
    if (status == PV_BAD_WITNESS && in->witness.count == prove_key_zkey(in->key)->vars)
        status = explain(in->key, run, err);
    return status == PV_OK ? write_results(&proof, in, a, err) : status;
}

static pv_status prove_files(const struct cmd_proving *a, struct prove_error *err)
{
    const struct prove_run run = { .cpu = a->machine.cpu, .key_pages = PROVE_KEY_PASSES_BY };
    struct cmd_inputs in = { 0 };
    pv_status status = cmd_open(&in, &a->machine, a->zkey, &a->witness, 1, &run, err);
    if (*in.note && a->machine.verbose) fprintf(stderr, "provost-prover: %s\n", in.note);
    if (status == PV_OK) status = prove(&in, a, &run, err);
    cmd_close(&in);
    return status;
}

pv_status cmd_prove_into(struct cmd_proving *a, struct prove_error *err)
{
    struct outputs out;
    struct file_why why;
    TRY(cmd_file_failed(err, outputs_open(&out, a->results, 2, a->inputs, CMD_PROVING_INPUTS, &why), &why));
    a->out = &out;
    pv_status status = prove_files(a, err);
    outputs_close(&out);
    return status;
}

/* --- the command --- */

struct arguments {
    struct cmd_proving proving;
    const char *file[4]; /* zkey, wtns, proof, public */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const names[] = { "ZKEY", "WTNS", "PROOF", "PUBLIC" };
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->proving.machine; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num >= 4) argp_error(state, "unexpected argument \"%s\"", arg);
        a->file[state->arg_num] = arg;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 4) argp_error(state, "missing argument: %s", names[state->arg_num]);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = { { &cmd_machine_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
    .parser = parse,
    .args_doc = "ZKEY WTNS PROOF PUBLIC",
    .doc = "Proves with a key file of snarkjs and a witness of circom, verifies the proof, and writes proof.json and "
           "public.json as snarkjs does. Nothing is written unless the proof verifies, and then both files or "
           "neither. The file - is stdout.",
    .children = children,
};

int cmd_prove(int argc, char **argv)
{
    struct arguments a = { .proving.machine.cpu.stop = &cmd_stop };
    struct cmd_proving *p = &a.proving;
    struct prove_error err = { 0 };
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    p->zkey = p->inputs[0] = a.file[0];
    p->witness.path = p->inputs[1] = a.file[1];
    memcpy(p->results, a.file + 2, sizeof p->results);
    (void)cmd_start_proving(&p->machine);
    return cmd_end_proving(cmd_prove_into(p, &err), &err);
}
