#include "statement.h"

#include "codec.h"
#include "primes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 12, SECTION_HEAD = 12, VALUE = 32, SECTION_1 = 4 + VALUE + 4 };

/* --- circom's .wtns: "wtns", version, sections of {id u32, bytes u64}; all little-endian --- */

struct section {
    const uint8_t *at; /* NULL: not there */
    uint64_t bytes;
};

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Sections 1 and 2, each of which occurs once. The same order of checks as the prover's reader, so that both read the
 * same values of a file or none. */
static bool find_sections(struct section found[3], const uint8_t *p, size_t n)
{
    uint32_t version = n < HEAD ? 0 : u32(p + 4), count = n < HEAD ? 0 : u32(p + 8);
    if (version < 1 || version > 2) return false;
    size_t at = HEAD;
    for (uint32_t i = 0; i < count; i++) {
        if (n - at < SECTION_HEAD) return false;
        uint32_t id = u32(p + at);
        uint64_t bytes = (uint64_t)u32(p + at + 4) | (uint64_t)u32(p + at + 8) << 32;
        at += SECTION_HEAD;
        if (bytes > n - at) return false;
        if (id == 1 || id == 2) {
            if (found[id].at) return false;
            found[id] = (struct section){ p + at, bytes };
        }
        at += (size_t)bytes;
    }
    return found[1].at && found[2].at;
}

/* The values of a witness over BN254, and how many there are; NULL when it is none. */
static const uint8_t *values_of(const uint8_t *p, size_t n, size_t *count)
{
    struct section s[3] = { { NULL, 0 } };
    if (!find_sections(s, p, n) || s[1].bytes != SECTION_1) return NULL;
    if (u32(s[1].at) != VALUE || memcmp(s[1].at + 4, bn254_prime_r, VALUE) != 0) return NULL;
    *count = u32(s[1].at + 4 + VALUE);
    return s[2].bytes == (uint64_t)*count * VALUE ? s[2].at : NULL;
}

static bool is_witness(const uint8_t *input, size_t bytes)
{
    return bytes >= 4 && memcmp(input, "wtns", 4) == 0;
}

pv_status statement_of_input(struct statement *s, const uint8_t *input, size_t bytes, size_t n)
{
    size_t count = 0;
    if (!is_witness(input, bytes)) return PV_OK;
    const uint8_t *values = values_of(input, bytes, &count);
    if (!values || count < n + 1) {
        s->lost = true;
        return PV_OK;
    }
    s->values = malloc((n > 0 ? n : 1) * sizeof *s->values);
    if (!s->values) return PV_NO_MEMORY;
    memcpy(s->values, values + VALUE, n * sizeof *s->values);
    s->n = n;
    s->known = true;
    return PV_OK;
}

pv_status statement_of_json(struct statement *s, const char *json, size_t bytes, char why[PV_TEXT_BYTES])
{
    struct groth16_text text = { "" };
    enum groth16_error e = groth16_publics_from_json(&s->values, &s->n, json, bytes, &text);
    s->known = e == GROTH16_OK;
    if (s->known) return PV_OK;
    if (why) snprintf(why, PV_TEXT_BYTES, "public values: %s", text.text[0] ? text.text : groth16_error_text(e));
    return e == GROTH16_NO_MEMORY ? PV_NO_MEMORY : PV_BAD_JSON;
}

static pv_status other(char why[PV_TEXT_BYTES], const struct statement *s, const bn254_scalar_packed *publics, size_t i)
{
    char is[BN254_DECIMAL_BYTES], expected[BN254_DECIMAL_BYTES];
    bn254_scalar v;
    bn254_scalar_unpack(&v, &publics[i]);
    bn254_scalar_to_decimal(is, &v);
    bn254_scalar_unpack(&v, &s->values[i]);
    bn254_scalar_to_decimal(expected, &v);
    if (why)
        snprintf(why, PV_TEXT_BYTES, "it is a proof of another statement: public value %zu is %s, expected was %s", i,
                 is, expected);
    return PV_BAD_PROOF;
}

pv_status statement_check(const struct statement *s, const bn254_scalar_packed *publics, size_t n,
                          char why[PV_TEXT_BYTES])
{
    if (s->lost) {
        if (why) snprintf(why, PV_TEXT_BYTES, "the witness cannot be read, or has fewer values than the key wants");
        return PV_BAD_PROOF;
    }
    if (!s->known) return PV_OK;
    if (n != s->n) {
        if (why) snprintf(why, PV_TEXT_BYTES, "it has %zu public values, expected were %zu", n, s->n);
        return PV_BAD_PROOF;
    }
    for (size_t i = 0; i < n; i++) /* both are below r or differ: a proof's values were read as such */
        if (memcmp(&publics[i], &s->values[i], sizeof publics[i]) != 0) return other(why, s, publics, i);
    return PV_OK;
}

void statement_clear(struct statement *s)
{
    free(s->values);
    *s = (struct statement){ 0 };
}
