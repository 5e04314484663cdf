/* Any bytes as the result a prover sends to a caller: refused, or two files that say the same again. */
#include "fuzz_must.h"

#include "provost.h"

#include <string.h>

/* The two files as one result, and the files of that. */
static void say_again(const struct pv_proof_files *f)
{
    char *whole = NULL;
    struct pv_proof_files again;
    MUST(asprintf(&whole, "{\"proof\": %s, \"public\": %s}", f->proof, f->publics) > 0);
    struct pv_result r = { .bytes = (uint8_t *)whole, .bytes_n = strlen(whole) };
    MUST(pv_proof_files_of(&again, &r) == PV_OK);
    MUST(!strcmp(f->proof, again.proof) && !strcmp(f->publics, again.publics));
    pv_proof_files_clear(&again);
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct pv_proof_files f;
    struct pv_result r = { .bytes = (uint8_t *)(uintptr_t)data, .bytes_n = bytes };
    if (pv_proof_files_of(&f, &r) != PV_OK) return 0;
    say_again(&f);
    pv_proof_files_clear(&f);
    return 0;
}
