/** The key cache's part that reads the folder. The first two are for one thread of the node, and take the lock; the others
 *  are for keycache.c, under the lock.
 */
#ifndef PV_KEYCACHE_FOLDER_H
#define PV_KEYCACHE_FOLDER_H

#include "keycache_state.h"

/** Reads the folder again: adds new and changed files, and drops those that are gone. PV_CANCELLED: interrupted. */
pv_status keycache_scan(struct keycache *c, struct prove_error *err);

/** The same for every half second: a file that changes is left alone until two looks found it the same. True: what
 *  keycache_list says has changed since the last look. */
bool keycache_look(struct keycache *c);

/** The circuit of that name that is in the folder, or NULL. */
struct keycache_key *keycache_entry_of(const struct keycache *c, const char *name);

/** Where in c->keys the names begin that follow name. */
size_t keycache_entries_after(const struct keycache *c, const char *name);

/** Whether this node has the memory for such a key and one proof. False: PV_RESOURCES, with a sentence. */
bool keycache_fits(const struct keycache *c, const struct keycache_facts *facts, struct prove_error *err);

/** The key's file has changed. Its proofs go on with what they have; nobody is offered it until it has been read again. */
void keycache_entry_stale(struct keycache *c, struct keycache_key *k);

/** Forgets keys whose file is gone or was replaced, once nobody uses them. */
void keycache_entries_sweep(struct keycache *c);

/** Frees it, and closes its key if no other circuit has it. */
void keycache_entry_free(struct keycache *c, struct keycache_key *k);

#endif
