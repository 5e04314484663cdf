/** What the key cache's files share: its state, and no functions. keycache_folder reads the folder, keycache takes and gives
 *  what is in it.
 */
#ifndef PV_KEYCACHE_STATE_H
#define PV_KEYCACHE_STATE_H

#include "checked.h"
#include "keycache.h"
#include "keyfolder.h"
#include "unserved.h"

#include <pthread.h>

/** The key with one digest, whatever circuits of the folder it is the key of: it is resident once. */
struct keycache_body {
    struct keycache_facts facts;
    struct keycache_facts open; /* the same of the open key: a slower plan holds less */
    uint64_t replan_ms;         /* not before then is it opened again for a better plan */
    unsigned circuits;          /* that have it */
    unsigned users;             /* takers that have not given it back; the first of them loads it */
    unsigned aside;             /* of the users: those that do not prove with it now */
    bool spoiled;               /* its bytes in memory have changed: to be closed before the next use */
    void *key;                  /* NULL: cold, or being loaded */
    uint64_t used;              /* the number of the use that ended last */
    uint32_t load_ms;
};

/** A circuit: a name, a file, and the key that was in it. */
struct keycache_key {
    char name[WIRE_NAME_MAX + 1];
    char *path;
    struct file_stamp stamp;
    struct keycache_body *body;
    bool there;     /* in the folder at the last scan */
    bool stale;     /* its file has changed since: not announced, and not proved with, until it is read again */
    bool reread;    /* the file is not what its stamp says it is */
    bool unproven;  /* it came while the node ran, and has made no proof yet */
    bool marked;    /* seen in the scan that goes on */
    uint32_t kinds; /* of input besides a witness, at the last look */
    unsigned users; /* takers that have not given it back */
};

struct keycache {
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct keycache_options o;
    struct keyfolder *folder;
    size_t folder_bytes;        /* of its path and the slash after it */
    struct keycache_key **keys; /* by name; pointers, because taken keys must not move */
    size_t n, room;
    struct keycache_body **bodies;
    size_t bodies_n, bodies_room;
    uint64_t uses;
    struct keycache_figures figures; /* its counters */
    struct checked checked;
    struct unserved seen;     /* in the scan that goes on: the looking thread's */
    struct unserved unserved; /* in the last one */
    uint64_t lent;            /* RAM that was taken besides (keycache_lend) */
    bool serving;             /* the first scan is over */
    bool interrupted;         /* the scan was told to stop before it had read everything */
    bool news;                /* what is announced has changed since the last look */
};

#endif
