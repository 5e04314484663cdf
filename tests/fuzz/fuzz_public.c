/* Any bytes as public signals: refused with a sentence, or values that written and read again are the same. */
#include "fuzz_must.h"

#include "proof.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bn254_scalar_packed *values = NULL, *again = NULL;
    size_t n = 0, again_n = 0;
    struct groth16_text why = { "" };
    if (groth16_publics_from_json(&values, &n, (const char *)data, bytes, &why) != GROTH16_OK) {
        MUST(why.text[0] && !values);
        return 0;
    }
    char *text = groth16_publics_to_json(values, n);
    MUST(text && groth16_publics_from_json(&again, &again_n, text, strlen(text), &why) == GROTH16_OK);
    MUST(again_n == n && (!n || !memcmp(values, again, n * sizeof *values)));
    free(text);
    free(values);
    free(again);
    return 0;
}
