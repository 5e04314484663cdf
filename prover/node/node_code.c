#include "node_code.h"

#include "log.h"
#include "node_plain.h"

#include <string.h>

bool node_code_is_allowed(const struct node *n)
{
    return n->config.allow_code && node_serves(n, &n->groth16);
}

/* --- for the handler (witness_source.h) --- */

static uint32_t kinds(void *self, const char *key_path, char file[PATH_MAX], char why[PROVE_ERROR_TEXT_BYTES])
{
    const struct node *n = self;
    struct generator g;
    char fault[PROGRAM_WHY_BYTES];
    *why = 0;
    if (!generator_beside(file, key_path)) return 0;
    bool good = generator_open(&g, file, fault) == PV_OK && witness_maker_can(&n->maker, &g, fault);
    if (good) return 1u << WIRE_INPUT_KIND_JSON;
    snprintf(why, PROVE_ERROR_TEXT_BYTES, "no input.json is taken for its circuit: %.270s", fault);
    return 0;
}

static pv_status make(void *self, uint8_t **bytes, size_t *n, const struct witness_wanted *wanted,
                      struct prove_error *err)
{
    const struct node *node = self;
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
    TRY(witness_make(&made, &node->maker, &order, err));
    *bytes = made.bytes;
    *n = made.n;
    return PV_OK;
}

pv_status node_code_open(struct node *n)
{
    const struct witness_maker_options o = { .run_as = n->config.run_as,
                                             .node_js = n->config.node_js,
                                             .limit_ms = 1000 * n->config.witness_limit_s };
    char why[PROGRAM_WHY_BYTES];
    if (!node_code_is_allowed(n)) return PV_OK;
    pv_status s = witness_maker_open(&n->maker, &n->place, &o, why);
    if (s != PV_OK) return node_refuse(n, s, "run_as: %.400s", why);
    if (*n->config.node_js && !n->maker.node_js)
        return node_refuse(n, PV_BAD_CONFIG, "node_js: %.400s", n->maker.no_wasm);
    if (!n->maker.node_js || !n->maker.script) LOG_INFO("witness.no_wasm", "text=%s", n->maker.no_wasm);
    n->proving.witnesses = (struct witness_source){ kinds, make, n };
    return PV_OK;
}
