/* qap_portable.c and qap_adx.c include this, each after it has chosen its arithmetic. QAP_ROWS is the table's name. */
#include "fr.h"
#include "qap_rows.h"
#include "sections.h"

#include <string.h>

/* The stored coefficient is c R^2 and the witness value is plain: one Montgomery product gives c w R, that is c w in
 * Montgomery form. Zeros are common and cost nothing. */
static void add_record(bn254_fr *a, bn254_fr *b, const struct zkey *z, const struct zkey_coef *c,
                       const bn254_scalar_packed *witness)
{
    bn254_fr coef, value, product;
    uint32_t signal = sections_u32(c->signal), row = sections_u32(c->row);
    if (signal >= z->vars || row >= z->domain) return;
    memcpy(&value, witness[signal].bytes, sizeof value);
    if (bn254_fr_is_zero(&value)) return;
    memcpy(&coef, c->value, sizeof coef);
    bn254_fr *to = (sections_u32(c->matrix) ? b : a) + row;
    bn254_fr_mul(&product, &coef, &value);
    bn254_fr_add(to, to, &product);
}

static void add(bn254_fr *a, bn254_fr *b, const struct zkey *zkey, const uint32_t *order, uint32_t first, uint32_t last,
                const bn254_scalar_packed *witness)
{
    for (uint32_t i = first; i < last; i++) add_record(a, b, zkey, &zkey->coefs[order ? order[i] : i], witness);
}

const struct qap_rows QAP_ROWS = { .add = add };
