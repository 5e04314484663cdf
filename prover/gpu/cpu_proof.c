#include "cpu_proof.h"

pv_status cpu_proof_need(size_t *bytes, const struct prove_key *key, const struct prove_run *run,
                         struct prove_error *err)
{
    const struct backend_options options = { .threads = run->cpu.threads };
    struct backend_need need;
    TRY(backend_cpu.need(&need, prove_key_zkey(key), &options, err));
    *bytes = need.key_bytes + need.proof_bytes;
    return PV_OK;
}

pv_status cpu_proof_undecided(struct prove_error *err, const char *because)
{
    struct prove_error was = *err;
    return prove_error_set(
        err, PV_BAD_PROOF,
        "%.90s, and it cannot be made on the CPU here to tell whether the witness is at fault: %.130s", was.text,
        because);
}

pv_status cpu_proof(struct groth16_proof *proof, const struct prove_key *key, const struct wtns *witness,
                    size_t memory_bytes_max, const struct prove_run *run, struct prove_error *err)
{
    struct prove_error found = { 0 };
    pv_status s = prove_groth16_on_cpu(proof, key, witness, memory_bytes_max, run, &found);
    if (s == PV_OK) return s;
    if (s != PV_BAD_WITNESS && s != PV_CANCELLED) return cpu_proof_undecided(err, found.text);
    *err = found;
    return s;
}
