/* Any bytes as a proof: refused with a sentence, or a proof that written and read again is the same. */
#include "fuzz_must.h"

#include "proof.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct groth16_proof p, again;
    struct groth16_text why = { "" };
    if (groth16_proof_from_json(&p, (const char *)data, bytes, &why) != GROTH16_OK) {
        MUST(why.text[0]);
        return 0;
    }
    char *text = groth16_proof_to_json(&p);
    MUST(text && groth16_proof_from_json(&again, text, strlen(text), &why) == GROTH16_OK);
    char *second = groth16_proof_to_json(&again);
    MUST(second && !strcmp(text, second));
    free(text);
    free(second);
    return 0;
}
