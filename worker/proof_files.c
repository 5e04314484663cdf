#include "provost.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void pv_result_clear(struct pv_result *r)
{
    free(r->bytes);
    *r = (struct pv_result){ 0 };
}

/* JSON.stringify(x, null, 1) and jansson's one-space indent are the same bytes. */
static char *text_of(const json_t *part, size_t *bytes)
{
    char *text = json_dumps(part, JSON_INDENT(1));
    *bytes = text ? strlen(text) : 0;
    return text;
}

static pv_status split(struct pv_proof_files *f, const json_t *whole)
{
    const json_t *proof = json_object_get(whole, "proof");
    const json_t *publics = json_object_get(whole, "public");
    if (!json_is_object(proof) || !json_is_array(publics)) return PV_BAD_PROOF;
    struct pv_proof_files made = { 0 };
    made.proof = text_of(proof, &made.proof_bytes);
    made.publics = text_of(publics, &made.publics_bytes);
    if (!made.proof || !made.publics) {
        pv_proof_files_clear(&made);
        return PV_NO_MEMORY;
    }
    *f = made;
    return PV_OK;
}

pv_status pv_proof_files_of(struct pv_proof_files *f, const struct pv_result *r)
{
    if (!r->bytes) return PV_BAD_PROOF;
    json_t *whole = json_loadb((const char *)r->bytes, r->bytes_n, JSON_REJECT_DUPLICATES, NULL);
    pv_status s = json_is_object(whole) ? split(f, whole) : PV_BAD_PROOF;
    json_decref(whole);
    return s;
}

void pv_proof_files_clear(struct pv_proof_files *f)
{
    free(f->proof);
    free(f->publics);
    *f = (struct pv_proof_files){ 0 };
}
