/** Keeps finished results on disk until the broker has acknowledged them, so that no proof is lost to a broken link,
 *  a dead broker or a restart of the node.
 *
 *  The folder belongs to one node and has one file per attempt, `<epoch>-<seq>.result`, mode 0600: a fixed header
 *  (magic with the version, token, task, digest of the input, digest and length of the result, time measured), then
 *  the result. A file is written under a temporary name, synced and renamed, and the folder is synced: a file that is
 *  there is whole, and spool_open checks each one against its digest. The headers of all spooled results are in
 *  memory; the results are read when they are sent.
 *
 *  Not thread-safe: the node's protocol loop owns it.
 */
#ifndef PV_SPOOL_H
#define PV_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "ids.h"
#include "status.h"

struct spool;

/** What is known about one spooled result. */
struct spool_entry {
    wire_token token;
    wire_id task;
    wire_hash input;  /* digest of the input it belongs to */
    wire_hash sha256; /* digest of the result */
    uint64_t length;  /* bytes of the result */
    uint64_t measured_ms;
};

enum { SPOOL_WHY_BYTES = 256 };

/** Opens the folder (creates it with mode 0700 if it is missing) and reads what an earlier run left. Temporary files
 *  are removed. A damaged file is renamed to `<name>.damaged`, counted in *damaged, and never sent.
 *  PV_IO, PV_NO_MEMORY with a sentence in why. */
pv_status spool_open(struct spool **spool_p, const char *folder, size_t *damaged, char why[SPOOL_WHY_BYTES]);

/** Frees the handle; the files stay. Sets *spool_p to NULL. */
void spool_close(struct spool **spool_p);

/** Writes result (e->length bytes) durably. When this returns PV_OK the result survives a crash of the machine.
 *  PV_DISK_FULL, PV_IO: nothing is left behind and the caller still has the result in memory.
 *  An entry of the same token is replaced. */
pv_status spool_put(struct spool *s, const struct spool_entry *e, const uint8_t *result, char why[SPOOL_WHY_BYTES]);

/** Reads the result of this token: *result_p is malloc'ed, has the entry's length, and was checked against its digest.
 *  PV_NOT_FOUND, PV_IO, PV_NO_MEMORY, PV_HASH_MISMATCH. */
pv_status spool_read(const struct spool *s, wire_token token, uint8_t **result_p, char why[SPOOL_WHY_BYTES]);

/** Removes a result that the broker has, or does not want. Unknown tokens are ignored. */
void spool_drop(struct spool *s, wire_token token);

/** The entries, in order of their tokens; borrowed until the next put or drop. */
const struct spool_entry *spool_entries(const struct spool *s, size_t *count);

#endif
