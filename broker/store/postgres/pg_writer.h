/** The thread that writes: one batch at a time, on a connection of its own. */
#ifndef PV_PG_WRITER_H
#define PV_PG_WRITER_H

#include "pg_batch.h"
#include "pg_send.h"

struct pg_writer;

/** Takes over the session, and commits for this reign. wake: an eventfd counted up when a batch is
 *  done; -1: none. PV_NO_MEMORY, PV_FAILED, PV_STORE (session->why): the session stays the caller's. */
pv_status pg_writer_start(struct pg_writer **out, struct pg_session *session, const struct pg_reign *reign, int wake);
/** The batch under way ends now: in the database or not. For a server that does not answer, when nobody waits any more. */
void pg_writer_cut(struct pg_writer *w);
/** Waits for the batch under way, closes the session. */
void pg_writer_stop(struct pg_writer **w);

/** Hands over what is in the batch, which is empty afterwards. None is under way. */
void pg_writer_do(struct pg_writer *w, struct pg_batch *batch);
bool pg_writer_running(const struct pg_writer *w);
/** True: the one under way has ended. *st and why say how; *done is the batch, *files what its rows named. */
bool pg_writer_collect(struct pg_writer *w, pv_status *st, struct pg_batch *done, struct pg_batch *files);
/** Waits until it has. */
void pg_writer_settle(struct pg_writer *w);
/** Why the writer failed, with *passes; NULL: it did not. */
const char *pg_writer_failure(struct pg_writer *w, bool *passes);
/** A reign began anew: the transactions after the one under way are its. */
void pg_writer_reign(struct pg_writer *w, const struct pg_reign *reign);
/** How many commits of its reign the server has answered. */
uint64_t pg_writer_commits(struct pg_writer *w);

#endif
