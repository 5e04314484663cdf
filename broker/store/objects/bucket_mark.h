/** The object PREFIX/identity: which database's large payloads lie there, and the epoch in which the place was taken; the database keeps
 *  both too. A bucket that is empty, older, or of another fleet does not have them: it is refused before anything is swept. Pure.
 */
#ifndef PV_BUCKET_MARK_H
#define PV_BUCKET_MARK_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

enum { BUCKET_MARK_BYTES = 128, BUCKET_MARK_WHY = 320 };
#define BUCKET_MARK_NAME "identity"

struct bucket_mark {
    wire_id id; /* all zero: none, or none that can be read */
    uint32_t epoch;
};

/** The object's text. Returns its length. */
int bucket_mark_text(char to[BUCKET_MARK_BYTES], const struct bucket_mark *mark);
/** False: it is no mark. */
bool bucket_mark_of_text(struct bucket_mark *to, const char *text);

/** Whether the place is the one. is: what lies there; holds: objects lie there; wanted: what the database says, epoch 0: it has none yet;
 *  named: its rows name payloads. *take: it may become the one, and has to be marked then. PV_BAD_CONFIG: why gets the sentence. */
pv_status bucket_mark_judge(const struct bucket_mark *is, bool holds, const struct bucket_mark *wanted, bool named,
                            bool *take, char why[BUCKET_MARK_WHY]);

#endif
