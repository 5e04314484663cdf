#include "store_try.h"

#include "store_open.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_MS = 500 };

struct store_try {
    pthread_t thread;
    struct store_place place;
    int wake;
    struct store *old;
    atomic_bool over;
    pv_status status;
    struct store *store;
    char why[STORE_WHY_BYTES], active[STORE_ENDPOINT_BYTES];
};

static void *open_it(void *arg)
{
    struct store_try *t = arg;
    uint64_t one = 1;
    int wake = t->wake;
    bool paused = t->old;
    store_close(&t->old);
    if (paused) nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
    t->status = store_open(&t->store, &t->place, wake, NULL, t->why);
    atomic_store(&t->over, true);
    if (write(wake, &one, sizeof one) < 0) return NULL; /* the loop looks anyway, a little later */
    return NULL;
}

pv_status store_try_begin(struct store_try **out, const struct store_place *place, int wake, struct store **old)
{
    struct store_try *t = calloc(1, sizeof *t);
    if (!t) return PV_NO_MEMORY;
    t->place = *place;
    t->place.active = t->active;
    t->wake = wake;
    t->old = *old;
    if (pthread_create(&t->thread, NULL, open_it, t)) {
        free(t);
        return PV_FAILED;
    }
    *old = NULL;
    *out = t;
    return PV_OK;
}

bool store_try_ended(struct store_try **at, pv_status *st, struct store **store, char why[STORE_WHY_BYTES],
                     char active[STORE_ENDPOINT_BYTES])
{
    struct store_try *t = *at;
    if (!atomic_load(&t->over)) return false;
    pthread_join(t->thread, NULL);
    *st = t->status;
    *store = t->store;
    snprintf(why, STORE_WHY_BYTES, "%s", t->why);
    snprintf(active, STORE_ENDPOINT_BYTES, "%s", t->active);
    free(t);
    *at = NULL;
    return true;
}

void store_try_drop(struct store_try **at)
{
    struct store_try *t = *at;
    if (!t) return;
    pthread_join(t->thread, NULL);
    store_close(&t->store);
    free(t);
    *at = NULL;
}
