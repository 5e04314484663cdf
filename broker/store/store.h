/** What survives a restart of the broker: tasks, settings, payloads, and the number of the start.
 *
 *  This header, store_rows.h and store_payloads.h are a contract that a database server can fulfil as well as the
 *  store behind it today (store.c says how that one does). One store belongs to one process and one thread: all calls
 *  come from the thread that opened it. Calls that may wait for the disk say so.
 *
 *  Writes gather in one transaction, which store_commit ends: afterwards all of it is there, or nothing. Reads see
 *  what was written, committed or not. What was written and not committed is gone after store_close or a crash.
 *
 *  Commits are numbered 1, 2, 3, ... in the order of the calls, from each opening on. Durability keeps that order:
 *  when commit n is durable, all before it are. A crash of this process alone loses no commit. A crash of the
 *  machine, or the loss of the server, may lose commits that are not durable, the newest ones first, and never one
 *  that was reported as durable.
 *
 *  A caller that must not wait goes round like this:
 *
 *      store_turn(s);                                   the durable number moves on, or the store has failed
 *      if (store_failure(s)) ...
 *      ... writes ...
 *      store_commit(s, STORE_SOON, &n);
 *      store_sync(s);                                   and promises nothing about n before store_durable(s) >= n
 *
 *  The first failure sticks: from then on every write and commit answers PV_STORE, until the process starts again and
 *  reads what is really there. A sync that failed once says nothing when it succeeds the next time. Only want of space
 *  ends without a restart (store_full).
 */
#ifndef PV_STORE_H
#define PV_STORE_H

#include "blobs.h"
#include "faults.h"
#include "status.h"
#include "store_gate.h"
#include "store_payloads.h"
#include "store_rows.h"

#include <stdbool.h>
#include <stdint.h>

enum { STORE_WHY_BYTES = 512, STORE_ENDPOINT_BYTES = 128 };
#define STORE_CACHE_BYTES (4ull << 30)

/** In a state folder that is being restored, or whose restore did not end: no store is opened there. */
#define STORE_RESTORING "RESTORING"

struct store;

/** Where a store is, and how this broker is known there. Texts are borrowed until the opening has ended. */
struct store_place {
    const char *where;  /* a state folder; or a database: libpq's URL, or "service=..." */
    const char *folder; /* of a database: this broker's own folder, which remembers the server; NULL: none */
    const char
        *payloads; /* of a database: the folder of large payloads, which all its brokers mount; or s3://BUCKET/PREFIX */
    const char *s3_endpoint, *s3_region, *s3_key_file, *s3_ca_file; /* of a bucket (objects/s3_place.h) */
    uint64_t
        cache_bytes; /* of a bucket: most that lies in folder/cache, or without a folder in one of its own under /var/tmp; 0: STORE_CACHE_BYTES */
    uint32_t orphan_s;    /* of a bucket: how old what no row names must be to be deleted; 0: an hour */
    const char *endpoint; /* of a database: where peers reach this broker, told to them by others; NULL: not told */
    char *
        active; /* gets where the broker is that has the store, STORE_ENDPOINT_BYTES, or "" (PV_BUSY); NULL: not asked */
    enum store_purpose purpose; /* zero: a broker serves */
};
/** A store in a folder. */
#define STORE_AT(path) (&(struct store_place){ .where = (path) })

/** What the opening did to a store of an earlier program (R20). */
struct store_migration {
    int from, to;  /* schema numbers; from 0: the store was new */
    char copy[64]; /* what it was before, kept beside it under this name; "" of a new one */
};
/** NULL: the store had this program's schema number. Borrowed until store_close. */
const struct store_migration *store_migration(const struct store *s);

/** What the opening found lost, or not belonging together (R20). Zero: nothing. */
struct store_found {
    bool database; /* the store is in a database server: what follows is said of that */
    uint64_t
        commits_lost; /* they were durable once, and the store does not have them: its log was lost or cut, or it is an older copy */
    uint32_t later_start; /* the large payloads have seen this later boot epoch: all but them is an older copy; 0: no */
    bool another;         /* the watermark is of another store: this one is new, or was put here */
    bool unmarked;        /* there was no watermark, or it was damaged: a loss could not be noticed */
    bool mark_failed;     /* it could not be written when that was tried last */
    char log[40];         /* a log that is not the store's was set aside under this name; "": none */
    const char *log_why;  /* why not; static */
    char payloads[16];    /* where the large payloads are */
    bool payloads_gone;   /* none were there, although rows name some */
    uint64_t payloads_moved, payloads_back; /* set aside, as no row names them and one may be lost; taken back */
    uint64_t payloads_aside;                /* lie aside now */
    bool payloads_stuck;                    /* some could not be moved */
    char strangers[16];                     /* where large payloads of another store are; they stay untouched */
    unsigned strangers_n;                   /* in so many places */
};
/** Borrowed until store_close. mark_failed changes while the store is open. */
const struct store_found *store_found(const struct store *s);

/** Waits for what goes on in the background; drops what was not committed. */
void store_close(struct store **s);

/** The highest boot epoch so far, of this store and of whatever was in its place before. */
uint32_t store_epoch(const struct store *s);
/** The next boot epoch: greater than every one before it and than above, and durable when this returns. Once per start,
 *  before anybody can connect. Waits. */
pv_status store_boot(struct store *s, uint32_t above, uint32_t *epoch);

enum store_when {
    STORE_NOW,  /* durable, with every commit before it, when store_commit returns; waits */
    STORE_SOON, /* asks for store_sync to make it durable in the background */
    STORE_LAZY, /* durable together with some later commit; asks for nothing */
};

/** Whether this process may still speak for the store: false once another may have taken it over. A clock is read, no disk. */
bool store_ours(const struct store *s);

/** Whether a commit with STORE_LAZY outlives this process from the moment that store_commit returns. Where it does not, nobody
 *  must be told of a commit before it is durable. */
bool store_lazy(const struct store *s);

/** Ends the transaction. *number: the commit that holds all that was written so far. When nothing was written since
 *  the last commit, that is the last one, and NOW and SOON count for it. On failure nothing of the transaction is
 *  promised: it may be there after a restart or not. */
pv_status store_commit(struct store *s, enum store_when when, uint64_t *number);
/** Whether something was written since the last commit. */
bool store_writing(const struct store *s);

/** Starts to make durable, in the background, what SOON asked for, together with every commit so far. Does nothing
 *  while that goes on for earlier commits: later ones gather, and the next call takes them all. Never waits. */
void store_sync(struct store *s);
/** Whether commits are being made durable in the background. */
bool store_syncing(const struct store *s);
/** Whether a commit with SOON made now would wait for a later store_sync: the caller may as well put more into it. False whenever
 *  nothing is under way. */
bool store_gathers(const struct store *s);
/** Once a turn of the caller's loop: takes note of what has ended in the background. Then store_durable has moved on,
 *  or store_failure says why not. Starts nothing and never waits. */
void store_turn(struct store *s);
/** store_turn after waiting for what goes on in the background; returns at once when nothing does. */
void store_settle(struct store *s);
/** The last commit known to be durable, as of the last store_turn, store_settle or store_commit; 0: none of this
 *  opening. Never goes back. */
uint64_t store_durable(const struct store *s);

/** The last commit that outlives this process, as of the same calls: never before the last durable one. Where store_lazy, that is the
 *  last one of all. */
uint64_t store_kept(const struct store *s);

/** Why the store failed, or NULL while it works. Borrowed until store_close. */
const char *store_failure(const struct store *s);
/** Marks the store failed, for a failure found beside it (a payload file whose sync failed). The first reason stays. */
void store_fail(struct store *s, const char *why);

/** Whether it failed only because a write found no space (or no quota). Then nothing that was reported as durable is in doubt,
 *  and store_reopen may end the failure. False while it works, and when anything else failed since. */
bool store_full(const struct store *s);
/** Whether the failure is of a kind that store_reopen may end: no space, or a server that was away, or another holder of the store. */
bool store_heals(const struct store *s);
/** Ends such a failure when its cause is gone: closes what is open and opens it anew, with what is really there. What was
 *  not committed is gone; commits are numbered on. The lock is kept. store_boot comes next. Waits. PV_DISK_FULL: there is
 *  none yet. PV_STORE: it was not store_full, or something else is wrong now. */
pv_status store_reopen(struct store *s);

/** Where payloads too large for a row lie. Borrowed until store_close. */
struct blobs *store_blobs(struct store *s);

/** Where a durable commit is, and so what it survives (R1). */
enum store_keeps {
    STORE_KEEPS_DISK,    /* this machine's disk */
    STORE_KEEPS_SERVER,  /* the disk of one database server: a failover to one that was behind loses it */
    STORE_KEEPS_STANDBY, /* a synchronous standby's too, or its operator's word that it is replicated in another way */
    STORE_KEEPS_MEMORY,  /* the server's memory: it does not sync */
};

struct store_stats {
    enum store_keeps keeps;
    uint64_t commits, syncs, rows_written;
    uint64_t database_bytes; /* in use, without the large payloads */
};
void store_read_stats(struct store *s, struct store_stats *to);

/** Housekeeping, about once a second: gives a little unused space back, and asks for a sync (which store_sync starts)
 *  when large payloads wait for one to be removed and nothing else has asked. */
void store_tidy(struct store *s);

#endif
