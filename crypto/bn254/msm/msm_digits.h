/** Scalars to signed window digits, and one task's counting sort by bucket. */
#ifndef BN254_MSM_DIGITS_H
#define BN254_MSM_DIGITS_H
#include <stddef.h>
#include <stdint.h>
#include "msm_plan.h"
#include "scalar.h"

/** The kind of a scalar; k > r/2 is taken as -(r - k). */
enum msm_kind { MSM_ZERO, MSM_ONE, MSM_SMALL, MSM_FULL };

/** Live scalars first (full ones before small ones), then the ones; an index carries MSM_NEGATE for a negated scalar.
 *  Digit of position p in window w, plus 2^(c-1): digit[msm_digits_at(shape, w) + p]. */
struct msm_digits {
    uint32_t *index; /* n entries */
    uint16_t *digit;
};

static inline size_t msm_digits_at(const struct msm_shape *s, unsigned w)
{
    return w < s->small_windows ? w * s->n_live : s->small_windows * s->n_live + (w - s->small_windows) * s->n_full;
}

struct msm_kind_counts {
    size_t n[4];
};
/** Scalars [lo, hi) by kind. */
void msm_count_kinds(struct msm_kind_counts *c, const bn254_scalar_packed *k, size_t lo, size_t hi);

/** Writes indices and digits of scalars [lo, hi). at->n[kind] is the next position of that kind, and moves on. */
void msm_write_digits(struct msm_digits *d, struct msm_kind_counts *at, const struct msm_shape *s,
                      const bn254_scalar_packed *k, size_t lo, size_t hi);

/** Sorts the task's digits by bucket: afterwards order[end[b-1] .. end[b]) (from 0 for b = 0) are the indices of bucket
 *  b = window in the task * s->buckets + |digit| - 1, with MSM_NEGATE where the product of the signs is negative. */
void msm_sort(uint32_t *order, uint32_t *end, const struct msm_digits *d, const struct msm_shape *s,
              const struct msm_task *task);
#endif
