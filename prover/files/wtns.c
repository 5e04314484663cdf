#include "wtns.h"

#include "primes.h"
#include "sections.h"

#include <inttypes.h>
#include <string.h>

static const struct sections_format wtns_format = {
    .magic = "wtns", .version_min = 1, .version_max = 2, .bad = PV_BAD_WTNS
};

enum { HEADER_BYTES = 4 + 32 + 4 };

static pv_status read_header(uint32_t *count, const struct sections *s, struct prove_error *err)
{
    struct section header;
    TRY(sections_need(&header, s, 1, "header", err));
    if (header.size < 4) return prove_error_set(err, PV_BAD_WTNS, "section 1 (header) is too short");
    uint32_t n8 = sections_u32(header.bytes);
    if (n8 != 32)
        return prove_error_set(err, PV_BAD_WTNS, "its values have %" PRIu32 " bytes, but BN254's have 32", n8);
    TRY(sections_need_exact(&header, s, 1, "header", HEADER_BYTES, err));
    if (memcmp(header.bytes + 4, bn254_prime_r, 32) != 0)
        return prove_error_set(err, PV_BAD_WTNS, "the prime is not BN254's: the witness is for another curve");
    *count = sections_u32(header.bytes + 36);
    if (*count == 0) return prove_error_set(err, PV_BAD_WTNS, "has no values");
    return PV_OK;
}

/* A value that is not reduced would give another public signal with the same proof, so it is refused and not repaired.
 * */
static pv_status check_values(const struct wtns *w, struct prove_error *err)
{
    static const uint8_t one[32] = { 1 };
    if (memcmp(w->values[0].bytes, one, sizeof one) != 0)
        return prove_error_set(err, PV_BAD_WITNESS, "value 0 is not 1");
    for (uint32_t i = 0; i < w->count; i++)
        if (!bn254_below(w->values[i].bytes, bn254_prime_r))
            return prove_error_set(err, PV_BAD_WITNESS, "value %" PRIu32 " is not reduced modulo r", i);
    return PV_OK;
}

static pv_status wtns_read(struct wtns *w, const uint8_t *bytes, size_t size, struct prove_error *err)
{
    struct sections s;
    struct section values;
    struct wtns found = { 0 };
    TRY(sections_of(&s, &wtns_format, bytes, size, err));
    TRY(read_header(&found.count, &s, err));
    TRY(sections_need_exact(&values, &s, 2, "values", (uint64_t)found.count * 32, err));
    found.values = (const bn254_scalar_packed *)values.bytes;
    TRY(check_values(&found, err));
    *w = found;
    return PV_OK;
}

pv_status wtns_of(struct wtns *w, const uint8_t *bytes, size_t size, const char *name, struct prove_error *err)
{
    pv_status status = wtns_read(w, bytes, size, err);
    return status == PV_OK ? PV_OK : prove_error_in(err, status, name);
}

pv_status wtns_open(struct wtns *w, const char *path, struct prove_error *err)
{
    struct mapfile file;
    TRY(mapfile_read(&file, path, NULL, err));
    pv_status status = wtns_of(w, file.bytes, file.size, path, err);
    if (status == PV_OK) {
        w->file = file;
        return PV_OK;
    }
    explicit_bzero(mapfile_own(&file), file.size);
    mapfile_close(&file);
    return status;
}

void wtns_close(struct wtns *w)
{
    if (w->file.bytes) explicit_bzero(mapfile_own(&w->file), w->file.size);
    mapfile_close(&w->file);
    *w = (struct wtns){ 0 };
}
