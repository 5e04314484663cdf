#include "zkey_vkey.h"

pv_status zkey_vkey(struct groth16_vkey *vkey, const struct zkey *z, struct prove_error *err)
{
    enum groth16_error e =
        groth16_vkey_from_points(vkey, z->alpha1, z->beta2, z->gamma2, z->delta2, z->ic, z->publics + 1);
    if (e == GROTH16_OK) return PV_OK;
    if (e == GROTH16_NO_MEMORY) return prove_error_set(err, PV_NO_MEMORY, "out of memory for the verification key");
    return prove_error_set(err, PV_BAD_ZKEY, "the key is damaged: sections 2 and 3: %s", groth16_error_text(e));
}
