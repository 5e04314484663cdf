/** An event into the core, and what its actions mean at once for the store and the uploads. What they say is for after the commit
 *  (say.h).
 */
#ifndef PV_STEP_H
#define PV_STEP_H

#include "broker.h"

/** What an event brings that the core does not see. */
struct broker_payload {
    bool complete; /* stored is here: SAVE_INPUT and SAVE_RESULT mean it */
    bool saved;    /* out: the core asked for it */
    struct store_payload stored;
    struct upload_note note; /* of a RESULT: kept with its upload until that ends */
};

/** Steps the core with ev (its clocks are set here) and does at once what the actions of this event say about store and uploads.
 *  payload: what the event brings, or NULL. An upload that cannot start is an event too, so this may call itself. */
void broker_step(struct broker *b, struct sched_event *ev, struct broker_payload *payload);

enum { STEP_WANTED_MS = 1000 /* after so long a result that finds no room is looked at, or to be said, again */ };

/** Starts an upload that the core admitted with a (GO, WANT_RESULT) and grants its first credit. If it cannot start, the core
 *  hears so at once (an input), or its prover is asked for it when there is room (a result). */
void step_upload(struct broker *b, const struct sched_action *a, enum wire_kind kind, struct upload_note note);
/** Asks for a result again when there is room for it (uploads_retry): its prover keeps it meanwhile. False: BROKER_WANTED others
 *  wait already, so the prover has to be told to say it again. */
bool step_want_again(struct broker *b, const struct sched_action *a, struct upload_note note);

#endif
