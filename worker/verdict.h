/** Results that are checked: the proof with its key, and the statement with what the caller expects. */
#ifndef PV_VERDICT_H
#define PV_VERDICT_H

#include "statement.h"

/** How many public values a proof for this key has. */
size_t verdict_publics(const pv_vkey *vk);

/** Verifies r's proof with vk, and compares its public values with vk's own, if it is bound to some, and with s. Sets
 *  r->status, r->text, r->verified and r->checked. */
void verdict_of(const pv_vkey *vk, const struct statement *s, struct pv_result *r);

#endif
