/** Opening a store, whichever driver has it. */
#ifndef PV_STORE_OPEN_H
#define PV_STORE_OPEN_H

#include "store.h"

/** Opens the store, or makes a new one, and removes what a crash left half done. A store of an earlier program is
 *  brought to this one's schema first, in one transaction, and a copy of it is kept (store_migration).
 *  place   which store: a folder, made with mode 0700 when it is not there; or a database
 *  wake    an eventfd that is counted up when there is something for store_turn; borrowed until store_close; -1: none
 *  faults  where a test makes it fail; borrowed until store_close; NULL in production
 *  PV_BUSY: another process has it; of a database, place->active gets its endpoint. PV_STORE: not ours, written by a newer program, no copy
 *  could be kept, or damaged. PV_IO, PV_NO_MEMORY, PV_FAILED (no thread). Of a database also PV_UNREACHABLE: it may be had later;
 *  PV_UNAUTHORIZED: the role or its password is refused; PV_BAD_CONFIG. why gets the sentence. */
pv_status store_open(struct store **out, const struct store_place *place, int wake, struct faults *faults,
                     char why[STORE_WHY_BYTES]);

/** Whether where can name a store; nothing is opened. PV_BAD_CONFIG with a sentence. */
pv_status store_known(const char *where, char why[STORE_WHY_BYTES]);

/** Whether a broker could start with the store, for --check-config. Nothing is changed. Of a database the server is asked, and its
 *  payload folder looked at. Waits. Statuses of store_open, but PV_BUSY. */
pv_status store_check(const struct store_place *place, char why[STORE_WHY_BYTES]);

/** The same of the place of large payloads, where that is a bucket: the server is asked, with the key. Waits. Statuses of s3.h. */
pv_status store_payloads_check(const struct store_place *place, char why[STORE_WHY_BYTES]);

/** Whether where names a database, which brokers on several machines can reach; else it is a folder. */
bool store_in_database(const char *where);
/** What to call it in sentences: the folder's full path, or the database's URL without user and password. One line. */
void store_where_text(char text[STORE_GATE_TEXT], const char *where);

#endif
