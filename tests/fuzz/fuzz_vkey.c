/* Any bytes as a verification key: refused with a sentence, or a key that written and read again is the same. */
#include "fuzz_must.h"

#include "vkey.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct groth16_vkey v, again;
    struct groth16_text why = { "" };
    if (groth16_vkey_from_json(&v, (const char *)data, bytes, &why) != GROTH16_OK) {
        MUST(why.text[0]);
        return 0;
    }
    char *text = groth16_vkey_to_json(&v);
    MUST(text && groth16_vkey_from_json(&again, text, strlen(text), &why) == GROTH16_OK);
    MUST(again.publics == v.publics);
    char *second = groth16_vkey_to_json(&again);
    MUST(second && !strcmp(text, second));
    free(text);
    free(second);
    groth16_vkey_clear(&again);
    groth16_vkey_clear(&v);
    return 0;
}
