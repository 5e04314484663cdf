#include "cuda_places.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { WAIT_MS = 20 }; /* how often a waiter looks at its stop flag */

struct cuda_places {
    int device;
    unsigned keys; /* that have joined, or are about to */
    unsigned most, made;
    struct cuda_place *place[CUDA_PLACES_MOST];
    struct cuda_user *users;
    size_t short_of; /* a place of so many bytes could not be had; 0: none failed since a key came or went */
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct cuda_places *next;
};

/* One list for the process: a device is there once, whoever opens keys on it. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cuda_places *all;

/* ---- one place ---- */

static void place_free(struct cuda_place **place)
{
    struct cuda_place *p = *place;
    if (!p) return;
    for (unsigned i = 0; i < CUDA_STREAMS; i++) gpu_stream_destroy(&p->stream[i]); /* waits for what is queued */
    if (p->gpu) {
        gpu_buf_free(p->gpu, &p->memory);
        gpu_pinned_free(p->gpu, &p->pinned);
    }
    gpu_close(&p->gpu);
    free(p);
    *place = NULL;
}

static pv_status failed(const struct cuda_place *p, pv_status status, struct prove_error *err)
{
    return prove_error_set(err, status, "GPU: %s", p->gpu ? gpu_why(p->gpu) : "out of memory");
}

static pv_status place_open(struct cuda_place *p, int device, struct prove_error *err)
{
    char why[160] = "out of memory";
    pv_status status = gpu_open(&p->gpu, device, why, sizeof why);
    if (status != PV_OK) return prove_error_set(err, status, "%s", why);
    for (unsigned i = 0; status == PV_OK && i < CUDA_STREAMS; i++)
        status = gpu_stream_new(p->gpu, &p->stream[i], i == CUDA_STREAM_G2);
    return status == PV_OK ? PV_OK : failed(p, status, err);
}

static pv_status memory_new(struct cuda_place *p, size_t bytes, size_t pinned_bytes)
{
    TRY(gpu_buf_new(p->gpu, &p->memory, bytes));
    return gpu_pinned_new(p->gpu, &p->pinned, pinned_bytes);
}

static void memory_free(struct cuda_place *p)
{
    gpu_buf_free(p->gpu, &p->memory);
    gpu_pinned_free(p->gpu, &p->pinned);
}

/* Its old memory goes first, so that the device need not hold both; on failure it has none. */
static pv_status resize(struct cuda_place *p, size_t bytes, size_t pinned_bytes, struct prove_error *err)
{
    for (unsigned i = 0; i < CUDA_STREAMS; i++) (void)gpu_stream_wait(p->stream[i]); /* its last wipe */
    memory_free(p);
    pv_status status = memory_new(p, bytes, pinned_bytes);
    if (status == PV_OK) return PV_OK;
    failed(p, status, err);
    memory_free(p);
    return status;
}

static bool holds(const struct cuda_place *p, const struct cuda_user *u)
{
    return p->bytes >= u->bytes && p->pinned_bytes >= u->pinned_bytes;
}

/* ---- which place, under the lock ---- */

static unsigned places_for(const struct cuda_places *s, const struct cuda_user *u)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->made; i++) n += holds(s->place[i], u);
    return n;
}

static struct cuda_place *idle(const struct cuda_places *s, const struct cuda_user *u, bool large)
{
    struct cuda_place *found = NULL;
    for (unsigned i = 0; i < s->made; i++) { /* the smallest that will do: the large ones are few */
        struct cuda_place *p = s->place[i];
        if (p->taken || holds(p, u) != large) continue;
        if (!found || (p->bytes < found->bytes) == large) found = p;
    }
    return found;
}

static bool may_grow(const struct cuda_places *s, const struct cuda_user *u)
{
    unsigned most = u->places < s->most ? u->places : s->most;
    return places_for(s, u) < (most ? most : 1) && (!s->short_of || u->bytes < s->short_of || !places_for(s, u));
}

static struct cuda_place *add_place(struct cuda_places *s)
{
    struct cuda_place *p = s->made < s->most ? calloc(1, sizeof *p) : NULL;
    if (!p) return NULL;
    p->number = s->made;
    s->place[s->made++] = p;
    return p;
}

/* An idle place that is large enough, or one to be made so, which is taken then; NULL: wait. */
static struct cuda_place *pick(struct cuda_places *s, const struct cuda_user *u)
{
    struct cuda_place *p = idle(s, u, true);
    if (!p && may_grow(s, u)) {
        p = idle(s, u, false);
        if (!p) p = add_place(s);
    }
    if (p) p->taken = true;
    return p;
}

/* What a place should have: the most that a key needs, if that key may have one more. At least what u needs. */
static struct cuda_user wanted(const struct cuda_places *s, const struct cuda_user *u)
{
    struct cuda_user w = *u;
    for (const struct cuda_user *o = s->users; o; o = o->next) {
        if (o != u && !may_grow(s, o)) continue;
        if (o->bytes > w.bytes) w.bytes = o->bytes;
        if (o->pinned_bytes > w.pinned_bytes) w.pinned_bytes = o->pinned_bytes;
    }
    return w;
}

static bool is_stopped(const atomic_int *stop)
{
    return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

static void wait_given(struct cuda_places *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_nsec -= 1000000000L, until.tv_sec++;
    pthread_cond_timedwait(&s->given, &s->lock, &until);
}

/* ---- memory of a place that is taken ---- */

static pv_status make_fit(struct cuda_place *p, int device, const struct cuda_user *u, const struct cuda_user *w,
                          struct prove_error *err)
{
    if (!p->stream[CUDA_STREAMS - 1]) {
        for (unsigned i = 0; i < CUDA_STREAMS; i++) gpu_stream_destroy(&p->stream[i]); /* half of it was opened */
        gpu_close(&p->gpu);
        TRY(place_open(p, device, err));
    }
    pv_status status = resize(p, w->bytes, w->pinned_bytes, err);
    if (status != PV_NO_MEMORY || (w->bytes == u->bytes && w->pinned_bytes == u->pinned_bytes)) return status;
    return resize(p, u->bytes, u->pinned_bytes, err);
}

static void give(struct cuda_places *s, struct cuda_place *p)
{
    p->taken = false;
    pthread_cond_broadcast(&s->given);
}

static void settle(struct cuda_place *p, pv_status status, size_t pinned_bytes)
{
    p->bytes = status == PV_OK ? p->memory.bytes : 0;
    p->pinned_bytes = status == PV_OK ? pinned_bytes : 0;
}

/* Without the lock meanwhile: others count it as it will be. A device that is short leaves the places that are there to be waited
 * for. */
static pv_status grow(struct cuda_places *s, struct cuda_place *p, const struct cuda_user *u, struct prove_error *err)
{
    const struct cuda_user w = wanted(s, u);
    p->bytes = w.bytes, p->pinned_bytes = w.pinned_bytes;
    pthread_mutex_unlock(&s->lock);
    pv_status status = make_fit(p, s->device, u, &w, err);
    pthread_mutex_lock(&s->lock);
    settle(p, status, p->memory.bytes == w.bytes ? w.pinned_bytes : u->pinned_bytes);
    if (status == PV_OK) return PV_OK;
    if (status == PV_NO_MEMORY) s->short_of = u->bytes;
    give(s, p);
    return status == PV_NO_MEMORY && places_for(s, u) ? PV_BUSY : status;
}

static pv_status take(struct cuda_place **place, struct cuda_places *s, const struct cuda_user *u,
                      const atomic_int *stop, struct prove_error *err)
{
    for (;;) {
        struct cuda_place *p = pick(s, u);
        pv_status status = !p ? PV_BUSY : holds(p, u) ? PV_OK : grow(s, p, u, err);
        if (status == PV_OK) *place = p;
        if (status != PV_BUSY) return status;
        if (is_stopped(stop)) return prove_error_set(err, PV_CANCELLED, "stopped");
        wait_given(s);
    }
}

pv_status cuda_place_take(struct cuda_place **place, struct cuda_places *places, const struct cuda_user *user,
                          const atomic_int *stop, struct prove_error *err)
{
    pthread_mutex_lock(&places->lock);
    pv_status status = take(place, places, user, stop, err);
    pthread_mutex_unlock(&places->lock);
    return status;
}

/* What the keys need at most; larger places are from keys that went. */
static struct cuda_user most_needed(const struct cuda_places *s)
{
    struct cuda_user most = { 0 };
    for (const struct cuda_user *u = s->users; u; u = u->next) {
        if (u->bytes > most.bytes) most.bytes = u->bytes;
        if (u->pinned_bytes > most.pinned_bytes) most.pinned_bytes = u->pinned_bytes;
    }
    return most;
}

/* Under the lock, which it lets go of while the device works. The place is taken. */
static void trim(struct cuda_places *s, struct cuda_place *p)
{
    const struct cuda_user most = most_needed(s);
    if (!s->users || (p->bytes <= most.bytes && p->pinned_bytes <= most.pinned_bytes)) return;
    p->bytes = most.bytes, p->pinned_bytes = most.pinned_bytes;
    pthread_mutex_unlock(&s->lock);
    pv_status status = resize(p, most.bytes, most.pinned_bytes, NULL);
    pthread_mutex_lock(&s->lock);
    settle(p, status, most.pinned_bytes);
}

void cuda_place_give(struct cuda_places *places, struct cuda_place **place)
{
    pthread_mutex_lock(&places->lock);
    trim(places, *place);
    give(places, *place);
    pthread_mutex_unlock(&places->lock);
    *place = NULL;
}

/* ---- keys that come and go ---- */

static void places_free(struct cuda_places *s)
{
    for (unsigned i = 0; i < s->made; i++) place_free(&s->place[i]);
    pthread_cond_destroy(&s->given);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct cuda_places *places_new(int device)
{
    struct cuda_places *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    if (!s) return NULL;
    s->device = device;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->given, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return s;
}

static struct cuda_places *of_device(int device)
{
    struct cuda_places *s = all;
    while (s && s->device != device) s = s->next;
    return s;
}

/* The device's, with one key more. NULL: no memory. */
static struct cuda_places *attach(int device)
{
    pthread_mutex_lock(&all_lock);
    struct cuda_places *s = of_device(device);
    if (!s && (s = places_new(device))) s->next = all, all = s;
    if (s) s->keys++;
    pthread_mutex_unlock(&all_lock);
    return s;
}

static void detach(struct cuda_places *s)
{
    pthread_mutex_lock(&all_lock);
    bool last = --s->keys == 0;
    if (last) {
        struct cuda_places **at = &all;
        while (*at != s) at = &(*at)->next;
        *at = s->next;
    }
    pthread_mutex_unlock(&all_lock);
    if (last) places_free(s);
}

static void user_remove(struct cuda_places *s, const struct cuda_user *user)
{
    struct cuda_user **at = &s->users;
    while (*at && *at != user) at = &(*at)->next;
    if (*at) *at = user->next;
}

static void trim_idle(struct cuda_places *s)
{
    for (unsigned i = 0; i < s->made; i++) {
        struct cuda_place *p = s->place[i];
        if (p->taken || !p->bytes) continue;
        p->taken = true;
        trim(s, p);
        give(s, p);
    }
}

pv_status cuda_places_join(struct cuda_places **places, int device, unsigned most, struct cuda_user *user,
                           const atomic_int *stop, struct prove_error *err)
{
    struct cuda_places *s = attach(device);
    struct cuda_place *place;
    if (!s) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    pthread_mutex_lock(&s->lock);
    if (most > CUDA_PLACES_MOST) most = CUDA_PLACES_MOST;
    if (most > s->most) s->most = most;
    s->short_of = 0;
    user->next = s->users;
    s->users = user;
    pv_status status = take(&place, s, user, stop, err);
    if (status == PV_OK) give(s, place);
    pthread_mutex_unlock(&s->lock);
    if (status == PV_OK)
        *places = s;
    else
        cuda_places_leave(&s, user);
    return status;
}

void cuda_places_leave(struct cuda_places **places, struct cuda_user *user)
{
    struct cuda_places *s = *places;
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    user_remove(s, user);
    s->short_of = 0;
    trim_idle(s);
    pthread_mutex_unlock(&s->lock);
    detach(s);
    *places = NULL;
}

size_t cuda_places_bytes(int device)
{
    size_t bytes = 0;
    pthread_mutex_lock(&all_lock);
    struct cuda_places *s = of_device(device);
    if (s) pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; s && i < s->made; i++) bytes += s->place[i]->bytes;
    if (s) pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&all_lock);
    return bytes;
}
