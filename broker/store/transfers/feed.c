#include "feed.h"

#include <stdlib.h>
#include <string.h>

void feed_init(struct feed *f)
{
    pthread_mutex_init(&f->lock, NULL);
}

static void frames_release(struct feed *f)
{
    for (size_t i = 0; i < f->n; i++) frame_release(&f->frames[i]);
    f->n = f->done = 0;
}

void feed_clear(struct feed *f)
{
    if (f->kept) kept_drop(f->keeper, f->kept);
    frames_release(f);
    free(f->frames);
    free(f->gathered);
    pthread_mutex_destroy(&f->lock);
}

void feed_keep(struct feed *f, struct kept *keeper, uint64_t now_ms)
{
    f->keeper = keeper;
    f->kept = keeper ? kept_begin(keeper, &f->kept, f->writer.expected, f->writer.length, now_ms) : NULL;
}

/* frame is taken. */
static pv_status hand_in(struct feed *f, struct frame *frame)
{
    pv_status st = frame ? PV_OK : PV_NO_MEMORY;
    if (frame && f->kept) kept_add(f->keeper, f->kept, frame); /* before a thread may let it go */
    pthread_mutex_lock(&f->lock);
    if (f->done == f->n) f->done = f->n = 0;
    if (st == PV_OK && f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 8;
        struct frame **more = realloc(f->frames, cap * sizeof(struct frame *));
        if (more) f->frames = more, f->cap = cap;
        if (!more) st = PV_NO_MEMORY;
    }
    if (st == PV_OK) f->frames[f->n++] = frame;
    pthread_mutex_unlock(&f->lock);
    if (st != PV_OK) frame_release(&frame);
    return st;
}

static pv_status gathered_hand_in(struct feed *f)
{
    if (!f->gathered) return PV_OK;
    struct frame *frame = frame_copy(f->gathered, f->gathered_n);
    if (frame) frame->at = f->came - f->gathered_n;
    free(f->gathered);
    f->gathered = NULL;
    f->gathered_n = 0;
    return hand_in(f, frame);
}

static pv_status gather(struct feed *f, const uint8_t *bytes, size_t n)
{
    if (f->gathered_n + n > FEED_GATHER_BYTES) TRY(gathered_hand_in(f));
    if (!f->gathered && !(f->gathered = malloc(FEED_GATHER_BYTES))) return PV_NO_MEMORY;
    memcpy(f->gathered + f->gathered_n, bytes, n);
    f->gathered_n += n;
    f->came += n;
    return PV_OK;
}

pv_status feed_put(struct feed *f, const void *bytes, size_t n, struct frame *frame)
{
    pv_status st = n > f->writer.length - f->came ? PV_TOO_LARGE : PV_OK;
    bool small = n < FEED_SMALL_BYTES;
    if (st == PV_OK) st = small ? gather(f, bytes, n) : gathered_hand_in(f);
    if (st != PV_OK || small) {
        frame_release(&frame);
        return st;
    }
    if (!frame) frame = frame_copy(bytes, n);
    if (frame) frame->at = f->came;
    TRY(hand_in(f, frame));
    f->came += n;
    return PV_OK;
}

pv_status feed_close(struct feed *f)
{
    TRY(gathered_hand_in(f));
    blob_writer_spare(&f->writer);
    pthread_mutex_lock(&f->lock);
    f->marks = f->kept;
    f->closed = true;
    pthread_mutex_unlock(&f->lock);
    return PV_OK;
}

void feed_stop(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->stopped = true;
    pthread_mutex_unlock(&f->lock);
}

bool feed_has_work(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    bool has = f->done < f->n || (f->closed && !f->published);
    pthread_mutex_unlock(&f->lock);
    return has;
}

/* What a thread does next. */
enum next { NEXT_NOTHING, NEXT_FRAME, NEXT_PUBLISH, NEXT_STOP };

static enum next next_of(struct feed *f, struct frame **frame)
{
    pthread_mutex_lock(&f->lock);
    enum next next = f->stopped ? NEXT_STOP : f->done < f->n ? NEXT_FRAME : f->closed ? NEXT_PUBLISH : NEXT_NOTHING;
    if (next == NEXT_FRAME) *frame = f->frames[f->done];
    pthread_mutex_unlock(&f->lock);
    return next;
}

/* It stays where it is until it is written: feed_clear finds it. */
static pv_status write_frame(struct feed *f, struct frame *frame)
{
    TRY(blob_writer_feed(&f->writer, frame->bytes, frame->n));
    pthread_mutex_lock(&f->lock);
    f->written += frame->n;
    f->frames[f->done++] = NULL;
    pthread_mutex_unlock(&f->lock);
    frame_release(&frame);
    return PV_OK;
}

bool feed_publishes(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    bool publishes = f->apart && f->done == f->n && f->closed && !f->published && !f->stopped;
    pthread_mutex_unlock(&f->lock);
    return publishes;
}

pv_status feed_publish(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    bool stopped = f->stopped;
    pthread_mutex_unlock(&f->lock);
    if (stopped) return PV_GONE;
    if (!f->finished) TRY(blob_writer_finish(&f->writer));
    f->finished = true;
    bool marked = f->marks && blob_mark_set(&f->mark, f->writer.fd);
    TRY(blob_writer_publish(&f->writer));
    pthread_mutex_lock(&f->lock);
    f->published = true;
    f->marked = marked;
    pthread_mutex_unlock(&f->lock);
    return PV_OK;
}

pv_status feed_work(struct feed *f)
{
    struct frame *frame;
    for (size_t run = 0; run < FEED_RUN_BYTES;) switch (next_of(f, &frame)) {
        case NEXT_FRAME:
            run += frame->n;
            TRY(write_frame(f, frame));
            break;
        case NEXT_PUBLISH: return f->apart ? PV_OK : feed_publish(f);
        case NEXT_STOP: return PV_GONE;
        default: return PV_OK;
        }
    return PV_OK;
}

void feed_back(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->back = f->written;
    pthread_mutex_unlock(&f->lock);
}

uint64_t feed_waiting(const struct feed *f)
{
    return f->came - f->gathered_n - f->back;
}

bool feed_whole(const struct feed *f)
{
    return f->published;
}

void feed_kept(struct feed *f)
{
    if (f->kept && f->marked) kept_whole(f->keeper, f->kept, &f->mark);
}
