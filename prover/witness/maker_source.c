#include "maker_source.h"

#include <stdio.h>

static uint32_t kinds(void *self, const char *key_path, char file[PATH_MAX], char why[PROVE_ERROR_TEXT_BYTES])
{
    const struct witness_maker *m = self;
    struct generator g;
    char fault[PROGRAM_WHY_BYTES];
    *why = 0;
    if (!generator_beside(file, key_path)) return 0;
    bool good = generator_open(&g, file, fault) == PV_OK && witness_maker_can(m, &g, fault);
    if (good) return 1u << WIRE_INPUT_KIND_JSON;
    snprintf(why, PROVE_ERROR_TEXT_BYTES, "no input.json is taken for its circuit: %.270s", fault);
    return 0;
}

static pv_status make(void *self, uint8_t **bytes, size_t *n, const struct witness_wanted *wanted,
                      struct prove_error *err)
{
    const struct witness_maker *m = self;
    struct witness_made made;
    struct generator g;
    char file[PATH_MAX], why[PROGRAM_WHY_BYTES];
    if (!generator_beside(file, wanted->key_path))
        return prove_error_set(err, PV_NOT_FOUND, "the circuit's witness generator is gone");
    pv_status s = generator_open(&g, file, why);
    if (s != PV_OK) return prove_error_set(err, s, "%.300s", why);
    const struct witness_order order = { .generator = &g,
                                         .task = wanted->task,
                                         .input = wanted->input,
                                         .input_bytes = wanted->input_bytes,
                                         .values = wanted->values,
                                         .watch = wanted->watch };
    TRY(witness_make(&made, m, &order, err));
    *bytes = made.bytes;
    *n = made.n;
    return PV_OK;
}

struct witness_source maker_source(struct witness_maker *m)
{
    return (struct witness_source){ kinds, make, m };
}
