/** The broker of the transcripts: what it hears is noted, and what it answers is always the same, but for what lines of the transcript that begin with
 *  "< " say of the command behind them:
 *
 *    < ROWS queues queue="a" paused=yes queued=3 oldest_queued_ms=-   one row more of a table that is told instead of the usual one
 *    < EMPTY queues                        a table without rows
 *    < NEXT tasks "77"                     its first page has another behind it
 *    < ERROR LIST:provers unauthorized "no"   a refusal, of one kind of message, of one table, or of a role
 *    < ONCE                                errors are answered once
 *    < MUTE SHOW                           no answer
 *    < WELCOME                             the broker offers what a new one offers
 *    < TASK state=queued unservable=yes    what SHOW, KICK and ATTACH answer
 *    < SUBMITTED state=queued              what SUBMIT answers
 *    < NEWS percent=40 phase="msm"         a PROGRESS behind that; up to 8 of them
 *    < STATE state=running                 a TASK behind that
 *    < DELIVER state=dead status=failed text="why"   how the task ends; DELIVER alone: it never does
 *    < RESULT "bytes"                      its result; RESULT alone: its input
 *    < COUNTS queued=1                     what PURGE answers
 *    < CANCELLED state=succeeded           what CANCEL answers
 */
#ifndef SESSION_BROKER_H
#define SESSION_BROKER_H

#include "fake_broker.h"

extern struct fake session_fake;

/** proof: the result that tasks have. */
void session_broker_start(const char *result);
void session_broker_stop(void);

/** From here on answers are the usual ones, and nothing was heard. */
void session_broker_begin(void);
/** Notes what was told so far; again: as when it was noted, and nothing was heard. */
void session_broker_keep(void);
void session_broker_again(void);
/** Takes a line "< ..."; false: it is none of the broker's. */
bool session_broker_told(const char *line);
/** Of this command's task: news and its end are not sent by themselves, but one at each step. */
void session_broker_steps(void);
void session_broker_step(void);
/** Waits until those that were welcomed have said that they leave. rude: they do not say it. */
void session_broker_end(bool rude);
/** What it heard since session_broker_begin. With fake_lock held; it may be changed in place. */
char *session_broker_heard(void);

/* The words of a line: key=value, or "text", or a word alone. */
enum { SESSION_KEY_BYTES = 33 };
struct session_word {
    char key[SESSION_KEY_BYTES]; /* "" for a text alone */
    const char
        *text; /* what was quoted, with \n, \e, \xHH and \" read; else the bare word; kept until session_broker_begin */
    size_t bytes;
    bool quoted;
};
/** The next word of *line; false: there is none. Fails the test where it makes no sense. */
bool session_word_next(struct session_word *w, const char **line);

#endif
