#include "pg_lease.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct pg_lease {
    char *url;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool end;
    PGconn *c; /* NULL: lost, and made anew at the next renewal */

    _Atomic uint32_t epoch;
    _Atomic uint64_t until; /* on CLOCK_BOOTTIME, ms */
    atomic_bool gone;       /* another took it */
};

static uint64_t boot_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void held_from(struct pg_lease *l, uint64_t sent)
{
    atomic_store(&l->until, sent + PG_LEASE_MS - PG_LEASE_MARGIN_MS);
}

uint32_t pg_lease_epoch(const struct pg_lease *l)
{
    return atomic_load(&l->epoch);
}

bool pg_lease_holds(const struct pg_lease *l)
{
    return !atomic_load(&l->gone) && boot_ms() < atomic_load(&l->until);
}

/* --- renewing --- */

static void disconnect(struct pg_lease *l)
{
    PQfinish(l->c);
    l->c = NULL;
}

static bool connected(struct pg_lease *l)
{
    char why[STORE_WHY_BYTES];
    if (l->c) return true;
    if (pg_connect(&l->c, l->url, "provost-lease", why) != PV_OK) return false;
    if (pg_lease_row_make(l->c, why) == PV_OK) return true;
    disconnect(l);
    return false;
}

static void renew(struct pg_lease *l)
{
    if (!connected(l)) return;
    uint64_t sent = boot_ms();
    switch (pg_lease_row_renew(l->c, atomic_load(&l->epoch))) {
    case PV_OK: held_from(l, sent); return;
    case PV_NOT_FOUND: atomic_store(&l->gone, true); return;
    default: disconnect(l);
    }
}

static void moment_wait(struct pg_lease *l)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += PG_LEASE_RENEW_MS / 1000;
    while (!l->end && !pthread_cond_timedwait(&l->wake, &l->lock, &t)) {
    }
}

static void *renewing(void *context)
{
    struct pg_lease *l = context;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        moment_wait(l);
        if (l->end || atomic_load(&l->gone)) break;
        renew(l);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* --- taking --- */

static pv_status busy(const struct pg_lease_seen *other, char *why)
{
    /* No time in it: brokers that stand by write a line when the sentence changes. */
    snprintf(why, STORE_WHY_BYTES, "another broker has the store: %s%s%s",
             other->holder[0] ? other->holder : "one without a name", other->endpoint[0] ? " at " : "",
             other->endpoint);
    return PV_BUSY;
}

/* The server's clock went back, and a lease seems to last for longer than any does. One whose holder lives is renewed each
 * second and set right by that; one that does not move for three renewals has no holder. */
static pv_status take_late(PGconn *c, const char *holder, const char *endpoint, uint32_t *epoch, uint64_t *sent,
                           struct pg_lease_seen *other, char *why)
{
    char was[sizeof other->until];
    uint64_t until = boot_ms() + 3ull * PG_LEASE_RENEW_MS;
    memcpy(was, other->until, sizeof was);
    while (boot_ms() < until) nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    *sent = boot_ms();
    pv_status st = pg_lease_row_take(c, holder, endpoint, was, epoch, why);
    return st == PV_BUSY ? busy(other, why) : st;
}

static pv_status take(PGconn *c, const char *holder, const char *endpoint, uint32_t *epoch, uint64_t *sent,
                      struct pg_lease_seen *other, char *why)
{
    TRY(pg_lease_row_make(c, why));
    *sent = boot_ms();
    pv_status st = pg_lease_row_take(c, holder, endpoint, NULL, epoch, why);
    if (st != PV_BUSY) return st;
    TRY(pg_lease_row_see(c, other, why));
    if (!other->impossible) return busy(other, why);
    return take_late(c, holder, endpoint, epoch, sent, other, why);
}

static void destroy(struct pg_lease *l)
{
    PQfinish(l->c);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
    free(l->url);
    free(l);
}

static struct pg_lease *make(const char *url)
{
    struct pg_lease *l = calloc(1, sizeof *l);
    pthread_condattr_t a;
    if (!l) return NULL;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&l->wake, &a);
    pthread_condattr_destroy(&a);
    pthread_mutex_init(&l->lock, NULL);
    l->url = strdup(url);
    if (l->url) return l;
    destroy(l);
    return NULL;
}

static pv_status start(struct pg_lease *l, const char *holder, const char *endpoint, struct pg_lease_seen *other,
                       char *why)
{
    uint32_t epoch = 0;
    uint64_t sent = 0;
    TRY(pg_connect(&l->c, l->url, "provost-lease", why));
    TRY(take(l->c, holder, endpoint, &epoch, &sent, other, why));
    atomic_store(&l->epoch, epoch);
    held_from(l, sent);
    if (!pthread_create(&l->thread, NULL, renewing, l)) return PV_OK;
    pg_lease_row_end(l->c, epoch);
    snprintf(why, STORE_WHY_BYTES, "no thread for the lease");
    return PV_FAILED;
}

pv_status pg_lease_take(struct pg_lease **out, const char *url, const char *holder, const char *endpoint,
                        struct pg_lease_seen *other, char why[STORE_WHY_BYTES])
{
    *other = (struct pg_lease_seen){ 0 };
    struct pg_lease *l = make(url);
    if (!l) {
        snprintf(why, STORE_WHY_BYTES, "out of memory");
        return PV_NO_MEMORY;
    }
    pv_status st = start(l, holder, endpoint, other, why);
    if (st == PV_OK)
        *out = l;
    else
        destroy(l);
    return st;
}

void pg_lease_release(struct pg_lease **at)
{
    struct pg_lease *l = *at;
    *at = NULL;
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->end = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    if (!atomic_load(&l->gone) && connected(l)) pg_lease_row_end(l->c, atomic_load(&l->epoch));
    destroy(l);
}

pv_status pg_lease_raise(struct pg_lease *l, uint32_t above)
{
    uint32_t to = 0;
    pthread_mutex_lock(&l->lock);
    uint64_t sent = boot_ms();
    pv_status st = connected(l) ? pg_lease_row_raise(l->c, atomic_load(&l->epoch), above, &to) : PV_UNREACHABLE;
    if (st == PV_OK) {
        atomic_store(&l->epoch, to);
        held_from(l, sent);
    }
    if (st == PV_NOT_FOUND) atomic_store(&l->gone, true);
    pthread_mutex_unlock(&l->lock);
    return st == PV_NOT_FOUND ? PV_BUSY : st;
}
