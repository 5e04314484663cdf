#include "qap.h"

#include "qap_rows.h"
#include "sections.h"

#include <stdlib.h>
#include <string.h>

size_t qap_bytes(const struct zkey *zkey)
{
    return zkey->coefs_in_order ? 0 : (size_t)zkey->coef_count * sizeof(uint32_t);
}

static uint32_t min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Counting sort by row (stable, though sums do not need that). Two passes over a mapped file, which may have changed
 * between them: then the order is wrong, but nothing is written beyond it. */
static void sort_by_row(uint32_t *order, uint32_t *start, const struct zkey *z)
{
    for (uint32_t i = 0; i < z->coef_count; i++) start[min(sections_u32(z->coefs[i].row), z->rows - 1) + 1]++;
    for (uint32_t row = 0; row < z->rows; row++) start[row + 1] += start[row];
    for (uint32_t i = 0; i < z->coef_count; i++) {
        uint32_t *place = &start[min(sections_u32(z->coefs[i].row), z->rows - 1)];
        if (*place < z->coef_count) order[(*place)++] = i;
    }
}

pv_status qap_init(struct qap *q, const struct zkey *zkey, struct prove_error *err)
{
    if (zkey->coefs_in_order) {
        *q = (struct qap){ .zkey = zkey };
        return PV_OK;
    }
    uint32_t *order = calloc(zkey->coef_count, sizeof *order);
    uint32_t *start = calloc((size_t)zkey->rows + 1, sizeof *start);
    if (order && start) {
        sort_by_row(order, start, zkey);
        *q = (struct qap){ .zkey = zkey, .order = order };
    } else {
        free(order);
    }
    free(start);
    return order && start ? PV_OK : prove_error_set(err, PV_NO_MEMORY, "out of memory for the order of coefficients");
}

void qap_clear(struct qap *q)
{
    free(q->order);
    *q = (struct qap){ 0 };
}

static const struct zkey_coef *record(const struct qap *q, uint32_t i)
{
    return &q->zkey->coefs[q->order ? q->order[i] : i];
}

static uint32_t row_of(const struct qap *q, uint32_t i)
{
    return sections_u32(record(q, i)->row);
}

/* Where piece k of n begins: at its share of the records, moved forward to the first record of a row. */
static uint32_t piece_start(const struct qap *q, unsigned k, unsigned n)
{
    uint32_t count = q->zkey->coef_count;
    uint32_t i = (uint32_t)((uint64_t)count * k / n);
    while (i > 0 && i < count && row_of(q, i) == row_of(q, i - 1)) i++;
    return i;
}

enum { BLOCK = 4096 }; /* records between two looks at the stop flag: about 0.1 ms */

static void add_piece(bn254_fr *a, bn254_fr *b, const struct qap *q, const bn254_scalar_packed *witness,
                      const struct bn254_run *run, const struct qap_rows *rows, unsigned piece, unsigned pieces)
{
    uint32_t end = piece_start(q, piece + 1, pieces);
    for (uint32_t i = piece_start(q, piece, pieces); i < end && !bn254_run_stopped(run); i += min(BLOCK, end - i))
        rows->add(a, b, q->zkey, q->order, i, i + min(BLOCK, end - i), witness);
}

bool qap_evaluate(bn254_fr *a, bn254_fr *b, const struct qap *q, const bn254_scalar_packed *witness,
                  const struct bn254_run *run)
{
    const struct qap_rows *rows = bn254_run_path(run) == BN254_PATH_PORTABLE ? &qap_rows_portable : &qap_rows_adx;
    uint32_t domain = q->zkey->domain;
    unsigned threads = bn254_run_threads(run);
    memset(a, 0, domain * sizeof *a);
    memset(b, 0, domain * sizeof *b);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (unsigned piece = 0; piece < threads; piece++) add_piece(a, b, q, witness, run, rows, piece, threads);
    return !bn254_run_stopped(run);
}
