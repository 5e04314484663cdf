/** Sentences for people about refusals: which limit was reached, and what a status means for the message that was refused. */
#ifndef PV_REFUSAL_H
#define PV_REFUSAL_H

#include "msg.h"

/** The sentence of a limit as ERROR names it in `which`: "too little free disk at the broker". A limit that is not listed
 *  (a newer broker's) gets a general one. which may be NULL. */
const char *refusal_limit_text(const char *which);

/** True when text says no more than the status: it is the list's sentence, of this version or of an earlier one. */
bool refusal_is_general(pv_status status, const char *text);

/** The sentence for the refusal `error` of a message of type asked: the peer's own, or a plainer one where that only repeats
 *  the status; the limit that was reached stands behind it in brackets. queue: of a SUBMIT, or NULL. Returns to. */
const char *refusal_say(char *to, size_t bytes, const struct wire_msg *error, enum wire_type asked, const char *queue);

#endif
