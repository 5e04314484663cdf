/** A Groth16 proving key over BN254 as snarkjs writes it (.zkey, version 1), read in place: nothing is copied.
 *
 *  An open zkey is structurally sound: every length agrees with the header, every coefficient's matrix, row and signal
 *  is in range and its value reduced. Faults that only arithmetic shows (a point off its curve, a wrong but
 *  well-formed coefficient) are left to keycheck.h and to the pairing check that every proof must pass in prove.h.
 *
 *  Source: snarkjs 0.7 src/zkey_utils.js (writeHeader, readHeaderGroth16) and src/zkey_new.js. Section 10
 *  (contributions) is not needed to prove and is not read.
 */
#ifndef PV_ZKEY_H
#define PV_ZKEY_H

#include "types.h"
#include "mapfile.h"
#include "prove_error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One entry of section 4. value holds coefficient * R^2 mod r (R = 2^256, little-endian): its Montgomery product with
 *  a plain witness value is the Montgomery form of coefficient * value. */
struct zkey_coef {
    uint8_t matrix[4]; /* u32 little-endian: 0 A, 1 B */
    uint8_t row[4];
    uint8_t signal[4];
    uint8_t value[32];
};
_Static_assert(sizeof(struct zkey_coef) == 44, "section 4 holds 44-byte records");

enum { ZKEY_MAX_LOG_DOMAIN = 28 }; /* r - 1 = 2^28 * odd */

struct zkey {
    struct mapfile file;  /* the file's bytes after zkey_open and zkey_load, empty after zkey_of */
    const uint8_t *bytes; /* all of the key, whoever's they are */
    size_t size;

    uint32_t vars;    /* signals, the constant 1 included */
    uint32_t publics; /* public signals, the constant not included; < vars */
    uint32_t domain;  /* 2^log_domain */
    unsigned log_domain;
    uint32_t coef_count;
    bool coefs_in_order; /* rows never decrease, as snarkjs writes them */
    bool public_rows;    /* the last publics + 1 rows are A[row][s] = 1 alone, as snarkjs appends them */
    uint32_t rows;       /* highest row used + 1; the constraints plus publics + 1 when public_rows */
    bool points_absent;  /* a surveyed key's: its points were not kept and read as infinity */

    /* Everything below points into the file's bytes. Points are affine, Montgomery, all zero = infinity. */
    const struct zkey_coef *coefs;
    const bn254_g1_packed *alpha1, *beta1, *delta1;
    const bn254_g2_packed *beta2, *gamma2, *delta2;
    const bn254_g1_packed *ic; /* publics + 1 */
    const bn254_g1_packed *a;  /* vars */
    const bn254_g1_packed *b1; /* vars */
    const bn254_g2_packed *b2; /* vars */
    const bn254_g1_packed *c;  /* zkey_c_count: for signals publics + 1 onward */
    const bn254_g1_packed *h;  /* domain */
};

/** Points of section 8. May be 0. */
static inline uint32_t zkey_c_count(const struct zkey *z)
{
    return z->vars - z->publics - 1;
}

/** Maps path and checks it. PV_BAD_ZKEY with a sentence that names file, section and reason; mapfile_open's statuses.
 *  On failure nothing stays open and *z is untouched. */
pv_status zkey_open(struct zkey *z, const char *path, struct prove_error *err);

/** The same over a copy in this process's memory: nobody else can change or cut it. mapfile_read's statuses; stop may be
 *  NULL. */
pv_status zkey_load(struct zkey *z, const char *path, const atomic_int *stop, struct prove_error *err);

/** Whether a key's copy can be lent to a child (mapfile.h), which then needs none of its own. */
enum zkey_memory { ZKEY_PRIVATE, ZKEY_LENDABLE };

/** zkey_load of a key that has to have that digest, which is taken while the file is read: PV_HASH_MISMATCH for any other
 *  bytes, whatever they are. */
pv_status zkey_load_digest(struct zkey *z, const char *path, const uint8_t digest[32], enum zkey_memory memory,
                           const atomic_int *stop, struct prove_error *err);

/** Takes over *file, whose bytes are a zkey's as far as its checks read them; on failure too. Errors call it name. */
pv_status zkey_take(struct zkey *z, struct mapfile *file, const char *name, struct prove_error *err);

/** The same over size bytes that stay the caller's and must outlive *z. Errors call them name. */
pv_status zkey_of(struct zkey *z, const uint8_t *bytes, size_t size, const char *name, struct prove_error *err);

/** zkey_of for who reads the coefficients himself: they are not looked at, and are given to zkey_coefs_see in their order
 *  and to zkey_coefs_end. */
pv_status zkey_of_head(struct zkey *z, const uint8_t *bytes, size_t size, const char *name, struct prove_error *err);

/** What was seen of the coefficients so far. Zero: nothing. */
struct zkey_coefs_seen {
    uint32_t count, top, last; /* how many, the highest row, the last row */
    bool backward;             /* a row was lower than the one before */
    uint32_t tail;             /* the row of the first of the last publics + 1 */
    bool tail_differs;         /* these are not A[tail + s][s] alone */
};

/** Checks n coefficients that follow those seen before, on all cores. PV_BAD_ZKEY with a sentence about the first bad one. */
pv_status zkey_coefs_see(struct zkey_coefs_seen *seen, const struct zkey *z, const struct zkey_coef *coefs, uint32_t n,
                         struct prove_error *err);

/** Says in *z what their order was. */
void zkey_coefs_end(struct zkey *z, const struct zkey_coefs_seen *seen);

/** Releases the pages in [from, from + bytes) of an open key's file from this process; does nothing after zkey_of. */
void zkey_pass_by(const struct zkey *z, const void *from, size_t bytes);

/** Unmaps what zkey_open mapped; harmless on a zeroed z. */
void zkey_close(struct zkey *z);

/** SHA-256 of a whole file's bytes: the digest by which brokers and provers name a circuit's key. */
pv_status zkey_digest_of(uint8_t digest[32], const uint8_t *bytes, size_t size, struct prove_error *err);

#endif
