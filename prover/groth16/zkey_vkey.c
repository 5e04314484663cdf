#include "zkey_vkey.h"

#include "codec.h"
#include "soundness.h"

static pv_status say(enum groth16_error e, const struct groth16_text *why, struct prove_error *err)
{
    if (e == GROTH16_NO_MEMORY) return prove_error_set(err, PV_NO_MEMORY, "out of memory for the verification key");
    if (e == GROTH16_TOO_LARGE) return prove_error_set(err, PV_BAD_ZKEY, "%s", why->text);
    if (e == GROTH16_WEAK_KEY)
        return prove_error_set(err, PV_BAD_ZKEY, "%s (--allow-development-key accepts it)", why->text);
    return prove_error_set(err, PV_BAD_ZKEY, "the key is damaged: sections 2 and 3: %s",
                           *why->text ? why->text : groth16_error_text(e));
}

pv_status zkey_vkey(struct groth16_vkey *vkey, const struct zkey *z, enum groth16_keys keys, struct prove_error *err)
{
    struct groth16_text why = { "" };
    enum groth16_error e = groth16_vkey_from_points_of(vkey, z->alpha1, z->beta2, z->gamma2, z->delta2, z->ic,
                                                       (size_t)z->publics + 1, keys, &why);
    return e == GROTH16_OK ? PV_OK : say(e, &why, err);
}

pv_status zkey_halves(const struct zkey *z, const struct groth16_vkey *vkey, enum groth16_keys keys,
                      struct prove_error *err)
{
    struct groth16_text why = { "" };
    bn254_g1_affine beta1, delta1;
    enum groth16_error e = GROTH16_BAD_POINT;
    if (bn254_g1_decode(&beta1, z->beta1) && bn254_g1_decode(&delta1, z->delta1))
        e = groth16_halves(vkey, &beta1, &delta1, &why);
    if (e == GROTH16_WEAK_KEY && keys == GROTH16_KEYS_DEVELOPMENT) e = GROTH16_OK;
    return e == GROTH16_OK ? PV_OK : say(e, &why, err);
}
