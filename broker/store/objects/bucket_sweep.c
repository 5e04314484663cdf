#include "bucket_sweep.h"

#include "bucket_state.h"

#include <stdio.h>

void bucket_sweep_begin(struct bucket_sweep *w, uint32_t orphan_s, uint64_t now_ms)
{
    *w = (struct bucket_sweep){ .orphan_s = orphan_s ? orphan_s : BUCKET_ORPHAN_S };
    w->next_ms = now_ms + 1000 * (uint64_t)(orphan_s ? orphan_s : BUCKET_SWEEP_FIRST_S);
}

static uint64_t again_ms(const struct bucket_sweep *w)
{
    return 1000 * (uint64_t)(w->orphan_s == BUCKET_ORPHAN_S ? BUCKET_SWEEP_AGAIN_S : w->orphan_s);
}

struct orphans {
    wire_hash at[S3_PAGE_MOST];
    bool no[S3_PAGE_MOST];
    size_t n;
};

static void page_take(struct bucket_sweep *w, struct bucket *b, const struct s3_page *page, int64_t now_s,
                      pv_status (*nameless)(void *, const wire_hash *, size_t, bool *), void *context)
{
    static struct orphans o; /* one thread */
    o.n = 0;
    for (size_t i = 0; i < page->n; i++)
        if (now_s - page->at[i].changed_s >= w->orphan_s) o.at[o.n++] = page->at[i].hash;
    w->looked += page->n;
    if (!o.n || nameless(context, o.at, o.n, o.no) != PV_OK) return;
    for (size_t i = 0; i < o.n; i++) {
        if (!o.no[i]) continue;
        blobs_remove(b->blobs, o.at[i]); /* which spares what is being published */
        w->removed++;
    }
}

void bucket_sweep_turn(struct bucket_sweep *w, struct bucket *b, uint64_t now_ms,
                       pv_status (*nameless)(void *context, const wire_hash *hashes, size_t n, bool *no), void *context)
{
    int64_t now_s;
    bool failed;
    const struct s3_page *page = bucket_listed(b, &now_s, &failed);
    if (page) page_take(w, b, page, now_s, nameless, context);
    if (page || failed) w->asked = false;
    if (page && page->more)
        snprintf(w->after, sizeof w->after, "%s", page->last);
    else if (page || failed) {
        w->after[0] = 0;
        w->next_ms = now_ms + again_ms(w);
    }
    if (b->far.calls->ill(&b->far) && w->next_ms > now_ms) w->next_ms = now_ms; /* so that somebody asks */
    if (!w->asked && now_ms >= w->next_ms) w->asked = bucket_list(b, w->after);
}
