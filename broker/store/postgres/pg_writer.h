/** The threads that write: one sends batches, one at a time, on a connection of its own; the other makes durable what the server has
 *  by then, on another one, while the next batch is sent.
 *
 *  A batch is committed with synchronous_commit off: once it is answered all the world sees it, and it outlives this process, but not
 *  the server. A commit of the second connection that waits for the disk (and for a synchronous standby) covers every one before it,
 *  as the server's log has one order. It asks for the reign's row as the last batch left it, so that a server that does not have
 *  that batch, since it is another one by now, does not vouch for it. With the wait for the disk in each batch, 3.2 of the 5.2 ms of a
 *  batch were that wait (tests/bench/RESULTS.md). */
#ifndef PV_PG_WRITER_H
#define PV_PG_WRITER_H

#include "pg_batch.h"
#include "pg_send.h"

struct pg_writer;

/** Takes over both sessions, and commits for this reign. wake: an eventfd counted up when a batch is done, and when more is durable;
 *  -1: none. PV_NO_MEMORY, PV_FAILED, PV_STORE (the session's why): the sessions stay the caller's. */
pv_status pg_writer_start(struct pg_writer **out, struct pg_session *session, struct pg_session *syncer,
                          const struct pg_reign *reign, int wake);
/** What is under way ends now: in the database or not. For a server that does not answer, when nobody waits any more. */
void pg_writer_cut(struct pg_writer *w);
/** Waits for what is under way, closes the sessions. */
void pg_writer_stop(struct pg_writer **w);

/** Hands over what is in the batch, which is empty afterwards. None is under way. */
void pg_writer_do(struct pg_writer *w, struct pg_batch *batch);
bool pg_writer_running(const struct pg_writer *w);
/** True: the one under way has ended. *st and why say how; *done is the batch. */
bool pg_writer_collect(struct pg_writer *w, pv_status *st, struct pg_batch *done);
/** Waits until it has. */
void pg_writer_settle(struct pg_writer *w);

/** The last commit (pg_batch.last) that is durable; 0: none. *commits: how many of the reign that is. Unchanged after a failure. */
uint64_t pg_writer_durable(struct pg_writer *w, uint64_t *commits);
/** Payload files that no row named at a moment when the server had this commit (pg_batch.last), which is durable: of those that lost
 *  a name in it or before. What is put into *files is the caller's. False: there are none. */
bool pg_writer_unnamed(struct pg_writer *w, struct pg_batch *files);
/** Waits until all that the server has is durable, or that has failed. */
void pg_writer_settle_sync(struct pg_writer *w);

/** Why the writer failed, with *passes; NULL: it did not. */
const char *pg_writer_failure(struct pg_writer *w, bool *passes);
/** A reign began anew: the transactions after the one under way are its. */
void pg_writer_reign(struct pg_writer *w, const struct pg_reign *reign);

#endif
