#include "cmd.h"

#include "mapfile.h"

#include "groth16/proof.h"
#include "groth16/verify.h"
#include "groth16/vkey.h"

#include <stdio.h>

struct arguments {
    const char *file[3]; /* vkey, public, proof */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (state->arg_num >= 3) argp_error(state, "too many arguments");
        a->file[state->arg_num] = arg;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 3) argp_error(state, "three files are needed: VKEY PUBLIC PROOF");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .parser = parse,
    .args_doc = "VKEY PUBLIC PROOF",
    .doc = "Is the proof right for these public signals? Reads what snarkjs writes. Prints OK and ends with 0, or says why "
           "not: 9 when the proof does not verify, 8 when a file is not what it should be.",
};

/* A JSON file that the check has been handed, as text. */
static pv_status read_vkey(struct groth16_vkey *vkey, const char *path, struct prove_error *err)
{
    struct mapfile file;
    struct groth16_text why;
    TRY(mapfile_open(&file, path, err));
    enum groth16_error e = groth16_vkey_from_json(vkey, (const char *)file.bytes, file.size, &why);
    mapfile_close(&file);
    return e == GROTH16_OK ? PV_OK : prove_error_set(err, PV_BAD_VKEY, "%s: %s", path, why.text);
}
