/** What peers say of later starts of this broker: they name the highest boot epoch that they saw, and refuse a broker that
 *  is lower. The usual reason is an older backup that was restored. Nothing that a peer says raises the epoch, for one
 *  that lies could use the numbers up: an operator does (--raise-epoch).
 */
#ifndef PV_LATER_STARTS_H
#define PV_LATER_STARTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /* No broker was started so often since its last backup: who says so lies or is damaged, and no operator may follow. */
    LATER_STARTS_MOST = 1000000,
    /* So long it is told that such a peer came: one that goes on trying comes more often. */
    LATER_STARTS_TOLD_MS = 60000,
};

struct later_starts {
    uint64_t hellos;  /* that named a later start */
    uint32_t seen;    /* the latest one that is possible; 0: none was named */
    uint64_t last_ms; /* when one was */
    uint64_t line_ms; /* no line in the log before */
};

/** A HELLO names a later start than ours. True: a line in the log is due, once a minute and when a later one is named. */
bool later_starts_heard(struct later_starts *l, uint32_t ours, uint32_t named, uint64_t now_ms);
/** The latest start that peers named within the last minute, or 0. */
uint32_t later_starts_told(const struct later_starts *l, uint64_t now_ms);

#endif
