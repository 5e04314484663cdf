/** The programs that stay among a node's handlers: their pools, and what has changed with them.
 */
#ifndef PV_RESIDENT_TABLE_H
#define PV_RESIDENT_TABLE_H

#include "handler_resident.h"

struct resident_entry {
    struct program_entry *entry;
    struct handler_resident handler;
    bool told; /* that it serves, by the last resident_table_changed */
};

struct resident_table {
    struct resident_entry *entries;
    size_t n;
};

/** Makes the programs that stay among the table's into handlers of their kind. The table must outlive this one. PV_NO_MEMORY. */
pv_status resident_table_read(struct resident_table *t, struct program_table *programs);

/** One instance of each is enough: for whoever only looks whether they can serve. */
void resident_table_single(struct resident_table *t);

/** Starts those that are wanted, all at once, and waits until each is ready; told, which may be NULL, ends the waiting (PV_CANCELLED). One
 *  that cannot be is ended, and its entry's why says the reason. */
pv_status resident_table_start(struct resident_table *t, bool (*wanted)(void *arg, const struct handler *h),
                               bool (*told)(void *arg), void *arg);

/** Instances of those that run. */
unsigned resident_table_instances(const struct resident_table *t);

/** Whether a handler is one of these and is left alone now; then *why is the sentence. */
bool resident_table_rests(const struct resident_table *t, const struct handler *h, char why[PROGRAM_WHY_BYTES]);

/** Whether that has changed for any of them since the last call. */
bool resident_table_changed(struct resident_table *t);

/** Starts the program of one entry, waits until it is ready, and ends it again: for provost-prover handlers. Harmless on entries of
 *  other kinds. False: its why says the reason. software: what it says of itself, if it does. */
bool resident_table_open(struct resident_table *t, struct program_entry *e, char software[128]);
void resident_table_close(struct resident_table *t, const struct program_entry *e);

/** Ends what runs. */
void resident_table_clear(struct resident_table *t);

#endif
