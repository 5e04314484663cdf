/* Any bytes as the file of authorised keys: refused with a sentence, or a table that finds each of its keys and no other. */
#include "fuzz_must.h"

#include "auth_keys.h"
#include "ids.h"
#include "fuzz_file.h"

#include <string.h>

static void look(const struct auth_keys *keys)
{
    static const char absent[] = "0000000000000000000000000000000000000000";
    bool there = false;
    for (size_t i = 0; i < auth_keys_count(keys); i++) {
        const struct auth_key *k = auth_keys_at(keys, i);
        MUST(auth_keys_find(keys, k->text) == k);
        MUST(wire_name_valid(k->name, strlen(k->name)) && k->roles && k->weight);
        for (size_t q = 0; q < k->queues_n; q++) MUST(auth_key_serves(k, k->queues[q]));
        MUST(auth_key_serves(k, "no queue of this name") == !k->queues_n || k->queues_n);
        there = there || !strcmp(k->text, absent);
    }
    MUST((auth_keys_find(keys, absent) != NULL) == there);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct auth_keys *keys = NULL;
    char why[AUTH_WHY_BYTES];
    if (auth_keys_read(&keys, fuzz_file(0, data, bytes), why) != PV_OK) {
        MUST(why[0] && !keys);
        return 0;
    }
    look(keys);
    auth_keys_destroy(&keys);
    return 0;
}
