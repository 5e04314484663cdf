/* Results of Groth16: verified, and written as snarkjs writes them. */
#include "verdict.h"

#include "json_limit.h"
#include "status.h"
#include "verify.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pv_vkey {
    struct groth16_vkey key; /* zero in a bound one */
    const pv_vkey *base;     /* of a bound one: borrowed */
    struct statement statement;
};

/* pv_result has an ABI. `checked` lies where there was padding, so that what was built with an older header still
 * gives and takes a struct of the same size. */
_Static_assert(offsetof(struct pv_result, checked) < offsetof(struct pv_result, bytes) &&
                   offsetof(struct pv_result, bytes) - offsetof(struct pv_result, text) - PV_TEXT_BYTES <
                       sizeof(void *),
               "pv_result keeps its size");

/* A proof with its signals, from the two halves of a result. */
struct checked {
    struct groth16_proof proof;
    bn254_scalar_packed *publics; /* owned */
    size_t publics_n;
};

void pv_result_clear(struct pv_result *r)
{
    free(r->bytes);
    *r = (struct pv_result){ 0 };
}

static pv_status say(pv_status s, char why[PV_TEXT_BYTES], const char *what, const char *text)
{
    if (why) snprintf(why, PV_TEXT_BYTES, "%s%s%s", what, what[0] && text[0] ? ": " : "", text);
    return s;
}

static pv_status say_error(enum groth16_error e, pv_status s, char why[PV_TEXT_BYTES], const char *what,
                           const char *text)
{
    return say(e == GROTH16_NO_MEMORY ? PV_NO_MEMORY : s, why, what, text[0] ? text : groth16_error_text(e));
}

/* The readers of crypto/ are strict and take text, so each half of the result is printed and read again. */
static pv_status read_proof(struct checked *p, const json_t *half, char why[PV_TEXT_BYTES])
{
    struct groth16_text text = { "" };
    char *json = half ? json_dumps(half, JSON_ENCODE_ANY) : NULL;
    if (!json) return say(half ? PV_NO_MEMORY : PV_BAD_PROOF, why, "the result has no proof", "");
    enum groth16_error e = groth16_proof_from_json(&p->proof, json, strlen(json), &text);
    free(json);
    return e == GROTH16_OK ? PV_OK : say_error(e, PV_BAD_PROOF, why, "proof", text.text);
}

static pv_status read_publics(struct checked *p, const json_t *half, char why[PV_TEXT_BYTES])
{
    struct groth16_text text = { "" };
    char *json = half ? json_dumps(half, JSON_ENCODE_ANY) : NULL;
    if (!json) return say(half ? PV_NO_MEMORY : PV_BAD_PROOF, why, "the result has no public signals", "");
    enum groth16_error e = groth16_publics_from_json(&p->publics, &p->publics_n, json, strlen(json), &text);
    free(json);
    return e == GROTH16_OK ? PV_OK : say_error(e, PV_BAD_PROOF, why, "public", text.text);
}

static pv_status read_result(struct checked *p, const struct pv_result *r, char why[PV_TEXT_BYTES])
{
    const char *text = (const char *)r->bytes;
    if (text && !groth16_json_fits(text, r->bytes_n))
        return say(PV_BAD_PROOF, why, "the result is larger than any proof, or nested deeper", "");
    json_t *whole = text ? json_loadb(text, r->bytes_n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(whole)) {
        json_decref(whole);
        return say(PV_BAD_PROOF, why, "the result is not the JSON of a proof", "");
    }
    pv_status s = read_proof(p, json_object_get(whole, "proof"), why);
    if (s == PV_OK) s = read_publics(p, json_object_get(whole, "public"), why);
    json_decref(whole);
    return s;
}

pv_status pv_proof_files_of(struct pv_proof_files *f, const struct pv_result *r)
{
    struct checked p = { .publics = NULL };
    pv_status s = read_result(&p, r, NULL);
    if (s != PV_OK) return s;
    struct pv_proof_files made = { .proof = groth16_proof_to_json(&p.proof),
                                   .publics = groth16_publics_to_json(p.publics, p.publics_n) };
    free(p.publics);
    if (!made.proof || !made.publics) {
        pv_proof_files_clear(&made);
        return PV_NO_MEMORY;
    }
    made.proof_bytes = strlen(made.proof);
    made.publics_bytes = strlen(made.publics);
    *f = made;
    return PV_OK;
}

void pv_proof_files_clear(struct pv_proof_files *f)
{
    free(f->proof);
    free(f->publics);
    *f = (struct pv_proof_files){ 0 };
}

static pv_status vkey_of(pv_vkey **out, const char *json, size_t bytes, enum groth16_keys keys, char why[PV_TEXT_BYTES])
{
    struct groth16_text text = { "" };
    pv_vkey *vk = calloc(1, sizeof *vk);
    if (!vk) return say(PV_NO_MEMORY, why, pv_status_text(PV_NO_MEMORY), "");
    enum groth16_error e = groth16_vkey_from_json_of(&vk->key, json, bytes, keys, &text);
    if (e != GROTH16_OK) {
        free(vk);
        const char *what = e == GROTH16_WEAK_KEY ? "verification key for development only" : "verification key";
        return say_error(e, PV_BAD_VKEY, why, what, text.text);
    }
    *out = vk;
    return PV_OK;
}

static pv_status bound(pv_vkey **out, const pv_vkey *key, struct statement *s, char why[PV_TEXT_BYTES])
{
    const pv_vkey *base = key->base ? key->base : key;
    pv_status failed = PV_OK;
    if (s->lost || !s->known)
        failed = say(PV_BAD_WTNS, why, "not a witness over BN254, or one with fewer values than the key wants", "");
    else if (s->n != base->key.publics)
        failed = say(PV_INVALID_INPUT, why, "the key has another number of public values", "");
    pv_vkey *vk = failed == PV_OK ? calloc(1, sizeof *vk) : NULL;
    if (!vk) {
        statement_clear(s);
        return failed != PV_OK ? failed : say(PV_NO_MEMORY, why, pv_status_text(PV_NO_MEMORY), "");
    }
    vk->base = base;
    vk->statement = *s;
    *out = vk;
    return PV_OK;
}

pv_status pv_vkey_for_publics(pv_vkey **out, const pv_vkey *key, const char *publics, size_t bytes,
                              char why[PV_TEXT_BYTES])
{
    struct statement s = { 0 };
    TRY(statement_of_json(&s, publics, bytes, why));
    return bound(out, key, &s, why);
}

pv_status pv_vkey_for_witness(pv_vkey **out, const pv_vkey *key, const void *witness, size_t bytes,
                              char why[PV_TEXT_BYTES])
{
    struct statement s = { 0 };
    pv_status made = statement_of_input(&s, witness, bytes, verdict_publics(key));
    if (made != PV_OK) return say(made, why, pv_status_text(made), "");
    return bound(out, key, &s, why);
}

pv_status pv_vkey_of_json(pv_vkey **out, const char *json, size_t bytes, char why[PV_TEXT_BYTES])
{
    return vkey_of(out, json, bytes, GROTH16_KEYS_SOUND, why);
}

pv_status pv_vkey_of_development_json(pv_vkey **out, const char *json, size_t bytes, char why[PV_TEXT_BYTES])
{
    return vkey_of(out, json, bytes, GROTH16_KEYS_DEVELOPMENT, why);
}

void pv_vkey_free(pv_vkey **vk)
{
    if (!*vk) return;
    groth16_vkey_clear(&(*vk)->key);
    statement_clear(&(*vk)->statement);
    free(*vk);
    *vk = NULL;
}

size_t verdict_publics(const pv_vkey *vk)
{
    return vk->base ? vk->base->key.publics : vk->key.publics;
}

static pv_status check(const pv_vkey *vk, const struct statement *s, const struct pv_result *r, char why[PV_TEXT_BYTES])
{
    struct checked p = { .publics = NULL };
    TRY(read_result(&p, r, why));
    const struct groth16_vkey *key = vk->base ? &vk->base->key : &vk->key;
    enum groth16_error e = groth16_verify(key, &p.proof, p.publics, p.publics_n);
    pv_status found = e == GROTH16_OK ? PV_OK : say_error(e, PV_BAD_PROOF, why, "", "");
    if (found == PV_OK) found = statement_check(&vk->statement, p.publics, p.publics_n, why);
    if (found == PV_OK && s) found = statement_check(s, p.publics, p.publics_n, why);
    free(p.publics);
    return found;
}

void verdict_of(const pv_vkey *vk, const struct statement *s, struct pv_result *r)
{
    r->status = check(vk, s, r, r->text);
    r->verified = r->status == PV_OK;
    bool compared = vk->statement.known || (s && s->known);
    r->checked = !r->verified ? PV_CHECKED_NOTHING : compared ? PV_CHECKED_STATEMENT : PV_CHECKED_PROOF;
}

pv_status pv_verify(const pv_vkey *vk, const struct pv_result *r, char why[PV_TEXT_BYTES])
{
    return check(vk, NULL, r, why);
}
