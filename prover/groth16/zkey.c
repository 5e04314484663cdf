#include "zkey.h"

#include "primes.h"
#include "sections.h"
#include "sha256.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

enum {
    G1 = 64,
    G2 = 128,
    PRIME_FIELD = 4 + 32,
    COUNTS = 12, /* vars, publics, domain */
    HEADER_BYTES = 2 * PRIME_FIELD + COUNTS + 3 * G1 + 3 * G2,
    PROTOCOL_GROTH16 = 1,
    PROTOCOL_PLONK = 2,
    PROTOCOL_FFLONK = 10,
};

/* snarkjs reads versions up to 2, but only 1 is written. */
static const struct sections_format zkey_format = {
    .magic = "zkey", .version_min = 1, .version_max = 1, .bad = PV_BAD_ZKEY
};

static pv_status check_protocol(const struct sections *s, struct prove_error *err)
{
    struct section header;
    TRY(sections_need_exact(&header, s, 1, "protocol", 4, err));
    uint32_t protocol = sections_u32(header.bytes);
    if (protocol == PROTOCOL_GROTH16) return PV_OK;
    const char *known = protocol == PROTOCOL_PLONK ? " (PLONK)" : protocol == PROTOCOL_FFLONK ? " (FFLONK)" : "";
    return prove_error_set(err, PV_BAD_ZKEY, "section 1 says protocol %" PRIu32 "%s, but only Groth16 (1) is supported",
                           protocol, known);
}

/* Checks u32 n8 = 32 and the prime at *at, and moves *at past them. */
static pv_status check_prime(const struct section *header, size_t *at, const uint8_t prime[32], const char *which,
                             struct prove_error *err)
{
    if (header->size < *at + 4) return prove_error_set(err, PV_BAD_ZKEY, "section 2 (header) is too short");
    uint32_t n8 = sections_u32(header->bytes + *at);
    if (n8 != 32)
        return prove_error_set(err, PV_BAD_ZKEY, "section 2: %s has %" PRIu32 " bytes, but BN254's has 32", which, n8);
    if (header->size < *at + PRIME_FIELD) return prove_error_set(err, PV_BAD_ZKEY, "section 2 (header) is too short");
    if (memcmp(header->bytes + *at + 4, prime, 32) != 0)
        return prove_error_set(err, PV_BAD_ZKEY, "section 2: %s is not BN254's: the key is for another curve", which);
    *at += PRIME_FIELD;
    return PV_OK;
}

static pv_status check_counts(struct zkey *z, struct prove_error *err)
{
    if (z->publics >= z->vars)
        return prove_error_set(err, PV_BAD_ZKEY,
                               "section 2: %" PRIu32 " public signals need more than %" PRIu32 " variables", z->publics,
                               z->vars);
    if (z->domain == 0 || (z->domain & (z->domain - 1)) != 0)
        return prove_error_set(err, PV_BAD_ZKEY, "section 2: the domain size %" PRIu32 " is not a power of two",
                               z->domain);
    z->log_domain = (unsigned)__builtin_ctz(z->domain);
    if (z->log_domain > ZKEY_MAX_LOG_DOMAIN)
        return prove_error_set(err, PV_BAD_ZKEY, "section 2: the domain size 2^%u is above 2^%d, the field's largest",
                               z->log_domain, ZKEY_MAX_LOG_DOMAIN);
    return PV_OK;
}

static pv_status read_header(struct zkey *z, const struct sections *s, struct prove_error *err)
{
    struct section header;
    size_t at = 0;
    TRY(sections_need(&header, s, 2, "header", err));
    TRY(check_prime(&header, &at, bn254_prime_q, "the base field's prime", err));
    TRY(check_prime(&header, &at, bn254_prime_r, "the scalar field's prime", err));
    TRY(sections_need_exact(&header, s, 2, "header", HEADER_BYTES, err));
    const uint8_t *p = header.bytes + at;
    z->vars = sections_u32(p);
    z->publics = sections_u32(p + 4);
    z->domain = sections_u32(p + 8);
    p += COUNTS;
    /* The files have this order; the comment in snarkjs's zkey_utils.js gives another. */
    z->alpha1 = (const bn254_g1_packed *)p;
    z->beta1 = (const bn254_g1_packed *)(p + G1);
    z->beta2 = (const bn254_g2_packed *)(p + 2 * G1);
    z->gamma2 = (const bn254_g2_packed *)(p + 2 * G1 + G2);
    z->delta1 = (const bn254_g1_packed *)(p + 2 * G1 + 2 * G2);
    z->delta2 = (const bn254_g2_packed *)(p + 3 * G1 + 2 * G2);
    return check_counts(z, err);
}

static pv_status read_points(struct zkey *z, const struct sections *s, struct prove_error *err)
{
    struct section ic, a, b1, b2, c, h;
    TRY(sections_need_exact(&ic, s, 3, "IC", ((uint64_t)z->publics + 1) * G1, err));
    TRY(sections_need_exact(&a, s, 5, "A", (uint64_t)z->vars * G1, err));
    TRY(sections_need_exact(&b1, s, 6, "B1", (uint64_t)z->vars * G1, err));
    TRY(sections_need_exact(&b2, s, 7, "B2", (uint64_t)z->vars * G2, err));
    TRY(sections_need_exact(&c, s, 8, "C", (uint64_t)zkey_c_count(z) * G1, err));
    TRY(sections_need_exact(&h, s, 9, "H", (uint64_t)z->domain * G1, err));
    z->ic = (const bn254_g1_packed *)ic.bytes;
    z->a = (const bn254_g1_packed *)a.bytes;
    z->b1 = (const bn254_g1_packed *)b1.bytes;
    z->b2 = (const bn254_g2_packed *)b2.bytes;
    z->c = (const bn254_g1_packed *)c.bytes;
    z->h = (const bn254_g1_packed *)h.bytes;
    return PV_OK;
}

/* The sentence for record i, or PV_OK when nothing is wrong with it. */
static pv_status check_coef(const struct zkey *z, const struct zkey_coef *c, uint32_t i, struct prove_error *err)
{
    uint32_t matrix = sections_u32(c->matrix), row = sections_u32(c->row), signal = sections_u32(c->signal);
    if (matrix > 1)
        return prove_error_set(
            err, PV_BAD_ZKEY,
            "section 4: coefficient %" PRIu32 " belongs to matrix %" PRIu32 ", but there are only 0 and 1", i, matrix);
    if (row >= z->domain)
        return prove_error_set(err, PV_BAD_ZKEY,
                               "section 4: coefficient %" PRIu32 " is in row %" PRIu32 ", but the domain has %" PRIu32,
                               i, row, z->domain);
    if (signal >= z->vars)
        return prove_error_set(err, PV_BAD_ZKEY,
                               "section 4: coefficient %" PRIu32 " belongs to signal %" PRIu32
                               ", but there are %" PRIu32,
                               i, signal, z->vars);
    if (!bn254_below(c->value, bn254_prime_r))
        return prove_error_set(err, PV_BAD_ZKEY, "section 4: coefficient %" PRIu32 " is not reduced modulo r", i);
    return PV_OK;
}

/* The list ends as snarkjs ends it, with A[row][s] alone for s = 0 .. publics in consecutive rows, or it does not. Then
 * the rows before these are the circuit's constraints. */
static void see_tail(struct zkey_coefs_seen *seen, const struct zkey *z, const struct zkey_coef *coefs, uint32_t n)
{
    uint32_t tail_n = z->publics + 1, first = z->coef_count - tail_n;
    if (z->coef_count < tail_n || seen->count + n <= first) return;
    for (uint32_t i = seen->count < first ? first - seen->count : 0; i < n; i++) {
        const struct zkey_coef *c = &coefs[i];
        uint32_t s = seen->count + i - first, row = sections_u32(c->row);
        if (!s) seen->tail = row;
        seen->tail_differs |= sections_u32(c->matrix) != 0 || sections_u32(c->signal) != s || row != seen->tail + s;
    }
}

/* One pass, on all cores: whether all are sound, whether rows never decrease, and the highest row. It does not tell which
 * record is bad; the rare bad file is walked again for its sentence. The calling thread's team is as large as it was
 * started (team.h); a number here would be another size, for which libgomp would end threads and start some. */
pv_status zkey_coefs_see(struct zkey_coefs_seen *seen, const struct zkey *z, const struct zkey_coef *coefs, uint32_t n,
                         struct prove_error *err)
{
    int64_t bad = 0, backward = 0;
    uint32_t top = seen->top, before = seen->last;
#pragma omp parallel for reduction(+ : bad, backward) reduction(max : top) if (n > 100000)
    for (int64_t i = 0; i < (int64_t)n; i++) {
        const struct zkey_coef *c = &coefs[i];
        uint32_t row = sections_u32(c->row);
        bad += sections_u32(c->matrix) > 1 || row >= z->domain || sections_u32(c->signal) >= z->vars ||
               !bn254_below(c->value, bn254_prime_r);
        backward += row < (i > 0 ? sections_u32(c[-1].row) : before);
        if (row >= top) top = row;
    }
    for (uint32_t i = 0; bad && i < n; i++) TRY(check_coef(z, &coefs[i], seen->count + i, err));
    see_tail(seen, z, coefs, n);
    seen->top = top;
    seen->backward |= backward != 0;
    if (n) seen->last = sections_u32(coefs[n - 1].row);
    seen->count += n;
    return PV_OK;
}

void zkey_coefs_end(struct zkey *z, const struct zkey_coefs_seen *seen)
{
    uint32_t tail_n = z->publics + 1;
    z->coefs_in_order = !seen->backward;
    z->rows = seen->count ? seen->top + 1 : 0;
    z->public_rows =
        z->coefs_in_order && seen->count >= tail_n && !seen->tail_differs && z->rows == seen->tail + tail_n;
}

static pv_status read_coefs(struct zkey *z, const struct sections *s, struct prove_error *err)
{
    struct section coefs;
    TRY(sections_need(&coefs, s, 4, "coefficients", err));
    if (coefs.size < 4) return prove_error_set(err, PV_BAD_ZKEY, "section 4 (coefficients) is too short");
    z->coef_count = sections_u32(coefs.bytes);
    if (coefs.size != 4 + (uint64_t)z->coef_count * sizeof(struct zkey_coef))
        return prove_error_set(err, PV_BAD_ZKEY,
                               "section 4 declares %" PRIu32 " coefficients of 44 bytes, but has %" PRIu64 " bytes",
                               z->coef_count, coefs.size);
    z->coefs = (const struct zkey_coef *)(coefs.bytes + 4);
    return PV_OK;
}

static pv_status check_coefs(struct zkey *z, struct prove_error *err)
{
    struct zkey_coefs_seen seen = { 0 };
    TRY(zkey_coefs_see(&seen, z, z->coefs, z->coef_count, err));
    zkey_coefs_end(z, &seen);
    return PV_OK;
}

enum coefs { COEFS_CHECKED, COEFS_LEFT };

static pv_status zkey_read(struct zkey *z, const uint8_t *bytes, size_t size, enum coefs coefs, struct prove_error *err)
{
    struct sections s;
    struct zkey found = { .bytes = bytes, .size = size };
    TRY(sections_of(&s, &zkey_format, bytes, size, err));
    TRY(check_protocol(&s, err));
    TRY(read_header(&found, &s, err));
    TRY(read_points(&found, &s, err));
    TRY(read_coefs(&found, &s, err));
    if (coefs == COEFS_CHECKED) TRY(check_coefs(&found, err));
    *z = found;
    return PV_OK;
}

pv_status zkey_of(struct zkey *z, const uint8_t *bytes, size_t size, const char *name, struct prove_error *err)
{
    pv_status status = zkey_read(z, bytes, size, COEFS_CHECKED, err);
    return status == PV_OK ? PV_OK : prove_error_in(err, status, name);
}

pv_status zkey_of_head(struct zkey *z, const uint8_t *bytes, size_t size, const char *name, struct prove_error *err)
{
    pv_status status = zkey_read(z, bytes, size, COEFS_LEFT, err);
    return status == PV_OK ? PV_OK : prove_error_in(err, status, name);
}

pv_status zkey_take(struct zkey *z, struct mapfile *file, const char *name, struct prove_error *err)
{
    pv_status status = zkey_of(z, file->bytes, file->size, name, err);
    if (status == PV_OK)
        z->file = *file;
    else
        mapfile_close(file);
    return status;
}

pv_status zkey_open(struct zkey *z, const char *path, struct prove_error *err)
{
    struct mapfile file;
    TRY(mapfile_open(&file, path, err));
    return zkey_take(z, &file, path, err);
}

pv_status zkey_load(struct zkey *z, const char *path, const atomic_int *stop, struct prove_error *err)
{
    struct mapfile file;
    TRY(mapfile_read(&file, path, &(struct mapfile_limits){ .stop = stop }, err));
    return zkey_take(z, &file, path, err);
}

static pv_status other_bytes(const char *path, struct prove_error *err)
{
    return prove_error_set(err, PV_HASH_MISMATCH, "%s: %s", path, pv_status_text(PV_HASH_MISMATCH));
}

pv_status zkey_load_digest(struct zkey *z, const char *path, const uint8_t digest[32], enum zkey_memory memory,
                           const atomic_int *stop, struct prove_error *err)
{
    struct sha256 sha = { 0 };
    const struct mapfile_limits limits = { .stop = stop, .digest = &sha, .lendable = memory == ZKEY_LENDABLE };
    struct mapfile file = { 0 };
    wire_hash found;
    pv_status status = sha256_start(&sha);
    if (status != PV_OK) prove_error_set(err, status, "%s: no digest: %s", path, pv_status_text(status));
    if (status == PV_OK) status = mapfile_read(&file, path, &limits, err);
    if (status == PV_OK && (sha256_finish(&sha, &found) != PV_OK || memcmp(found.bytes, digest, sizeof found.bytes)))
        status = other_bytes(path, err);
    sha256_clear(&sha);
    if (status == PV_OK) return zkey_take(z, &file, path, err);
    mapfile_close(&file);
    return status;
}

void zkey_pass_by(const struct zkey *z, const void *from, size_t bytes)
{
    if (z->file.bytes) mapfile_pass_by(&z->file, from, bytes);
}

void zkey_close(struct zkey *z)
{
    mapfile_close(&z->file);
    *z = (struct zkey){ 0 };
}

pv_status zkey_digest_of(uint8_t digest[32], const uint8_t *bytes, size_t size, struct prove_error *err)
{
    if (EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) != 1)
        return prove_error_set(err, PV_INTERNAL, "libcrypto refuses SHA-256");
    return PV_OK;
}
