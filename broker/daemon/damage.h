/** Payloads that turned out damaged when they were to be sent (R20): with the next batch they are told to the core, said
 *  in the log and counted.
 */
#ifndef PV_DAMAGE_H
#define PV_DAMAGE_H

#include "broker.h"

/** What a failure to read a payload means: true for bytes that are missing, cut, changed or unreadable; false where the
 *  disk or the memory may do better next time. */
bool damage_is(pv_status why);
/** key.owner says whose task it is, also of an input; key.token: of the offer that the input was for. Out of memory: the
 *  damage is found again when the payload is asked for again. */
void damage_note(struct broker *b, struct broker_damage damage);
/** At the beginning of a batch. */
void damage_tell(struct broker *b);

/** After the core's start: begins to look at every payload. When that cannot begin the log says so, and each is looked at when it
 *  is wanted. */
void damage_look(struct broker *b);
/** Once a turn: tells what the look at the payloads has found since. */
void damage_looked(struct broker *b);

#endif
