/** Which payload travels: an input or a result, of which task, and for or from which attempt ({0, 0}: none, a client's).
 *  Two principals may have tasks of one id: what a client sends or receives has the task's owner, too. */
#ifndef PV_TRANSFER_KEY_H
#define PV_TRANSFER_KEY_H

#include "fields.h"
#include "ids.h"

#include <stdbool.h>
#include <stddef.h>

struct transfer_key {
    enum wire_kind kind;
    const char *owner; /* outlives the transfer; NULL: an attempt's, known by its token; or not said: any */
    wire_id task;
    wire_token token;
};

enum { TRANSFER_BUCKETS = 4096 };

bool transfer_key_equal(const struct transfer_key *a, const struct transfer_key *b);
/** The key's place in a table of TRANSFER_BUCKETS lists. Peers choose task ids, so that an attacker can put all of its
 *  transfers into one list; the shares (share.h) bound their number, so even that list is short. */
size_t transfer_key_bucket(const struct transfer_key *key);

#endif
