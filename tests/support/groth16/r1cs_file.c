#include "r1cs_file.h"

#include "codec.h"
#include "fr.h"

#include <string.h>

enum { HEADER = 1, CONSTRAINTS = 2, CUSTOM_GATES = 5, HEADER_BYTES = 4 + 32 + 4 * 4 + 8 + 4 };

/* What is left to read; a read past the end makes it bad and gives zeroes. */
struct input {
    const uint8_t *at, *end;
    bool bad;
};

static const uint8_t *take(struct input *in, size_t n)
{
    if (in->bad || (size_t)(in->end - in->at) < n) {
        in->bad = true;
        return NULL;
    }
    in->at += n;
    return in->at - n;
}

static uint64_t take_number(struct input *in, size_t bytes)
{
    uint64_t v = 0; /* little-endian hosts only, as all of the prover */
    const uint8_t *from = take(in, bytes);
    if (from) memcpy(&v, from, bytes);
    return v;
}

static uint32_t take_u32(struct input *in)
{
    return (uint32_t)take_number(in, 4);
}

/* The only section of that type. */
static const char *find(struct input *found, struct input file, uint32_t type)
{
    bool seen = false;
    (void)take(&file, 8);
    for (uint32_t n = take_u32(&file); n > 0 && !file.bad; n--) {
        uint32_t this = take_u32(&file);
        uint64_t size = take_number(&file, 8);
        const uint8_t *from = size <= SIZE_MAX ? take(&file, (size_t)size) : NULL;
        if (!from) return "the file ends within a section";
        if (this != type) continue;
        if (seen) return "a section is there twice";
        seen = true;
        *found = (struct input){ .at = from, .end = from + size };
    }
    return seen ? NULL : "a section is missing";
}

static const char *read_header(struct toy_r1cs *s, struct input in)
{
    if ((size_t)(in.end - in.at) != HEADER_BYTES) return "the header has another length";
    if (take_u32(&in) != 32 || memcmp(take(&in, 32), BN254_FR_MODULUS, 32) != 0)
        return "the circuit is over another field than bn254's";
    s->wires = take_u32(&in);
    uint64_t outputs = take_u32(&in), publics = take_u32(&in);
    if (outputs + publics >= s->wires) return "more public signals than wires";
    s->publics = (uint32_t)(outputs + publics);
    (void)take(&in, 4 + 8); /* private inputs, labels */
    s->constraints = take_u32(&in);
    return (uint64_t)s->constraints + s->publics < 1u << 28 ? NULL : "more constraints than a domain of bn254 has rows";
}

static const char *read_terms(struct toy_r1cs *s, struct input *in, unsigned matrix, uint32_t row)
{
    bn254_scalar k;
    bn254_fr value;
    for (uint32_t n = take_u32(in); n > 0 && !in->bad; n--) {
        uint32_t wire = take_u32(in);
        const uint8_t *number = take(in, 32);
        if (!number) break;
        memcpy(&k, number, 32);
        if (wire >= s->wires) return "a constraint names a wire that is not there";
        if (!bn254_scalar_is_canonical(&k)) return "a coefficient is not reduced";
        bn254_fr_from_scalar(&value, &k);
        toy_add(s, matrix, row, wire, &value);
    }
    return in->bad ? "the constraints end within one of them" : NULL;
}

static const char *read_constraints(struct toy_r1cs *s, struct input in)
{
    for (uint32_t row = 0; row < s->constraints; row++)
        for (unsigned matrix = 0; matrix < 3; matrix++) {
            const char *wrong = read_terms(s, &in, matrix, row);
            if (wrong) return wrong;
        }
    return in.at == in.end ? NULL : "bytes follow the last constraint";
}

const char *r1cs_read(struct toy_r1cs *s, const uint8_t *bytes, size_t size)
{
    struct toy_r1cs found = { 0 };
    struct input file = { .at = bytes, .end = bytes + size }, section;
    if (size < 12 || memcmp(bytes, "r1cs\1\0\0\0", 8) != 0) return "not an r1cs file of version 1";
    if (!find(&section, file, CUSTOM_GATES) && section.at != section.end)
        return "the circuit uses custom gates, which Groth16 has not";
    const char *wrong = find(&section, file, HEADER);
    if (!wrong) wrong = read_header(&found, section);
    if (!wrong) wrong = find(&section, file, CONSTRAINTS);
    if (!wrong) wrong = read_constraints(&found, section);
    if (wrong)
        toy_clear(&found);
    else
        *s = found;
    return wrong;
}
