#include "selftest.h"

#include "selftest_data.h"

static pv_status prove_once(struct prove_key *key, const struct prove_run *run, struct prove_error *err)
{
    struct groth16_proof proof;
    struct wtns w;
    TRY(wtns_of(&w, selftest_wtns, selftest_wtns_bytes, "self-test", err));
    pv_status s = prove_groth16(&proof, key, &w, NULL, run, err);
    wtns_close(&w);
    return s;
}

pv_status selftest_proof(const struct backend *backend, const struct backend_options *options,
                         const struct prove_run *run, struct prove_error *err)
{
    struct prove_key *key = NULL;
    TRY(prove_key_new_of(&key, selftest_zkey, selftest_zkey_bytes, "self-test", backend, options, run, err));
    pv_status s = prove_once(key, run, err);
    prove_key_destroy(&key);
    return s;
}
