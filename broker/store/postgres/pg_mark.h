/** What a broker last knew of its server, kept in the broker's own folder: the file "server-mark". A server that was replaced by
 *  a standby cannot tell that commits were lost on the way; this can.
 *
 *  Two slots, written in turn, each with a sum, as in the watermark of a state folder: one that was torn leaves the other. It
 *  never knows more than what the server had answered, so losing the newest slot is no false alarm.
 *
 *  It is locked while it is open: one process at a time has the folder. So a reign that it names, and that was not given back, is of
 *  a process that has died; unless the file is a copy, whose original may be in use elsewhere.
 */
#ifndef PV_PG_MARK_H
#define PV_PG_MARK_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct pg_position {
    uint64_t system;  /* identifier of the cluster, which its standbys share; 0: the server does not say */
    uint64_t lsn;     /* where its log was */
    wire_id reign;    /* of the taking of the lease that wrote last; zero: none did */
    uint64_t commits; /* of that reign that the server has answered */
    uint32_t timeline, epoch;
};

struct pg_mark {
    int fd;      /* -1: not open, and writes answer EBADF */
    bool known;  /* a whole slot was read or written */
    bool fresh;  /* the file was not there, or is empty: this folder has served nobody yet */
    bool copied; /* the file that was read was written elsewhere */
    uint64_t serial, inode;
    struct pg_position at;
};

/** Opens the file in the folder root, or makes it, and reads it. One that is damaged counts as empty. PV_BUSY: another process has
 *  it. PV_IO, PV_DISK_FULL. m can be closed all the same. */
pv_status pg_mark_open(struct pg_mark *m, int root);
void pg_mark_close(struct pg_mark *m);
/** Writes, and syncs if told to (once a start; what follows a commit needs none, it outlives this process). 0 or the errno, and
 *  m->at stays. */
int pg_mark_write(struct pg_mark *m, const struct pg_position *to, bool sync);

#endif
