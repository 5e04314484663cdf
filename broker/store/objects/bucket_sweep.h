/** Objects that no row names: of uploads whose broker ended before their row, of deletions that failed. The list of the bucket is read page
 *  by page, about one a second, beside the loop; the loop asks its store for the names of a page in one question.
 *
 *  One that is younger than orphan_s, by the server's clock, stays: it may be on its way to its row. A put makes an object young again.
 */
#ifndef PV_BUCKET_SWEEP_H
#define PV_BUCKET_SWEEP_H

#include "bucket.h"

enum { BUCKET_ORPHAN_S = 3600, BUCKET_SWEEP_AGAIN_S = 3600, BUCKET_SWEEP_FIRST_S = 60 };

struct bucket_sweep {
    int64_t orphan_s;
    uint64_t next_ms; /* when a page is due */
    bool asked;
    char after[S3_NAME_MAX + 1];
    uint64_t looked, removed;
};

/** orphan_s 0: BUCKET_ORPHAN_S. A test's takes the place of all three. */
void bucket_sweep_begin(struct bucket_sweep *w, uint32_t orphan_s, uint64_t now_ms);
/** Once a second. nameless: sets no[i] for those of the hashes that no row names, now or soon; PV_STORE: it could not be asked. */
void bucket_sweep_turn(struct bucket_sweep *w, struct bucket *b, uint64_t now_ms,
                       pv_status (*nameless)(void *context, const wire_hash *hashes, size_t n, bool *no),
                       void *context);

#endif
