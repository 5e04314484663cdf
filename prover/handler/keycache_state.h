/** What the key cache's files share: its state, and no functions. keycache_folder reads the folder, keycache takes and gives
 *  what is in it.
 */
#ifndef PV_KEYCACHE_STATE_H
#define PV_KEYCACHE_STATE_H

#include "checked.h"
#include "keycache.h"
#include "keyfolder.h"

#include <pthread.h>

struct keycache_key {
    char name[WIRE_NAME_MAX + 1];
    char *path;
    struct file_stamp stamp;
    struct keycache_facts facts;
    bool there;     /* in the folder at the last scan */
    bool stale;     /* its file has changed since: not announced, and not proved with, until it is read again */
    bool reread;    /* the file is not what its stamp says it is */
    bool spoiled;   /* its bytes in memory have changed: to be closed before the next use */
    bool unproven;  /* it came while the node ran, and has made no proof yet */
    bool marked;    /* seen in the scan that goes on */
    unsigned users; /* takers that have not given it back; the first of them loads it */
    void *key;      /* NULL: cold, or being loaded */
    uint64_t used;  /* the number of the use that ended last */
    uint32_t load_ms;
};

struct keycache {
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct keycache_options o;
    struct keyfolder *folder;
    struct keycache_key **keys; /* pointers, because taken keys must not move */
    size_t n, room;
    uint64_t uses;
    struct checked checked;
    bool serving; /* the first scan is over */
    bool news;    /* what is announced has changed since the last look */
};

#endif
