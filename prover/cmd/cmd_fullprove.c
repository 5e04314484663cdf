#include "cmd_fullprove.h"

#include "cmd_prove.h"
#include "program_place.h"
#include "values.h"
#include "whole_file.h"
#include "witness_maker.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_RUN_AS = 0x200, KEY_LIMIT, KEY_NODE_JS };
enum { INPUT_MOST = 512 << 20 /* as a node's input_max */ };

struct arguments {
    struct cmd_proving proving;
    const char *file[5]; /* input, generator, zkey, proof, public */
    struct witness_maker_options maker;
    struct whole_file input;
    struct witness_made made;
};

/* --- the witness --- */

static pv_status refuse(struct prove_error *err, pv_status status, const char *why)
{
    return prove_error_set(err, status, "%.300s", why);
}

static pv_status run_generator(struct arguments *a, const struct witness_maker *m, uint32_t values,
                               struct prove_error *err)
{
    static const struct handler_watch watch = { .stop = &cmd_stop };
    struct generator g;
    char why[PROGRAM_WHY_BYTES];
    pv_status s = generator_open(&g, a->file[1], why);
    if (s != PV_OK) return refuse(err, s == PV_NOT_FOUND ? s : PV_INVALID_INPUT, why);
    if (!witness_maker_can(m, &g, why)) return refuse(err, PV_NOT_FOUND, why);
    const struct witness_order order = { .generator = &g,
                                         .task = "-",
                                         .input = a->input.bytes,
                                         .input_bytes = a->input.n,
                                         .values = values,
                                         .watch = &watch };
    return witness_make(&a->made, m, &order, err);
}

static pv_status in_a_place(struct arguments *a, struct program_place *place, uint32_t values, struct prove_error *err)
{
    struct witness_maker m;
    char why[PROGRAM_WHY_BYTES];
    pv_status s = witness_maker_open(&m, place, &a->maker, why);
    if (s != PV_OK) {
        witness_maker_clear(&m);
        return prove_error_set(err, PV_USAGE, "--run-as: %.300s", why);
    }
    s = program_place_launcher(place, err);
    if (s == PV_OK) s = program_place_open(place, "", err);
    if (s == PV_OK) s = run_generator(a, &m, values, err);
    witness_maker_clear(&m);
    return s;
}

static pv_status make(struct wtns *w, void *arg, uint32_t values, struct prove_error *err)
{
    struct arguments *a = arg;
    struct program_place place = { .work_fd = -1 };
    struct file_why why;
    TRY(cmd_file_failed(err, whole_file_read(&a->input, a->file[0], INPUT_MOST, &why), &why));
    pv_status s = in_a_place(a, &place, values, err);
    program_place_close(&place);
    whole_file_clear(&a->input);
    return s == PV_OK ? wtns_of(w, a->made.bytes, a->made.n, "the generator's witness", err) : s;
}

/* --- the command --- */

static void positional(struct arguments *a, char *arg, struct argp_state *state)
{
    if (state->arg_num >= 5) argp_error(state, "unexpected argument \"%s\"", arg);
    a->file[state->arg_num] = arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const names[] = { "INPUT", "WITNESS", "ZKEY", "PROOF", "PUBLIC" };
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->proving.machine; return 0;
    case KEY_RUN_AS: a->maker.run_as = arg; return 0;
    case KEY_NODE_JS: a->maker.node_js = arg; return 0;
    case KEY_LIMIT:
        if (!value_duration(&a->maker.limit_ms, arg)) argp_error(state, "--witness-limit: not a duration: \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG: positional(a, arg, state); return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 5) argp_error(state, "missing argument: %s", names[state->arg_num]);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    { "run-as", KEY_RUN_AS, "USER", 0, "Who computes the witness, when this process is root (default nobody)", 2 },
    { "witness-limit", KEY_LIMIT, "TIME", 0, "End a generator that takes longer (default: no limit)", 2 },
    { "node-js", KEY_NODE_JS, "FILE", 0, "Node.js, which runs .wasm (default /usr/bin/node or /usr/local/bin/node)",
      2 },
    { 0 },
};
static const struct argp_child children[] = { { &cmd_machine_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "INPUT WITNESS ZKEY PROOF PUBLIC",
    .doc = "Computes the witness of input.json, then does what prove does; the arguments are those of snarkjs groth16 "
           "fullprove. WITNESS is "
           "circom's circuit.wasm, or an executable that is called as circom's: WITNESS input.json out.wtns. It runs "
           "in a sandbox, "
           "without network, and is not run when others may write to it. The witness goes to no other place than a "
           "folder of its own "
           "in TMPDIR, which is removed.",
    .children = children,
};

int cmd_fullprove(int argc, char **argv)
{
    struct arguments a = { .proving.machine.cpu.stop = &cmd_stop,
                           .maker = { .run_as = geteuid() ? "" : "nobody", .node_js = "" } };
    struct cmd_proving *p = &a.proving;
    struct prove_error err = { 0 };
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    p->zkey = a.file[2];
    p->witness = (struct cmd_witness){ .make = make, .arg = &a };
    memcpy(p->inputs, a.file, sizeof p->inputs);
    memcpy(p->results, a.file + 3, sizeof p->results);
    (void)cmd_start_proving(&p->machine);
    pv_status s = cmd_prove_into(p, &err);
    witness_made_clear(&a.made);
    return cmd_end_proving(s, &err);
}
