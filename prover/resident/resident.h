/** One program that stays: started, spoken to, ended. Belongs to one thread at a time; nothing here waits longer than it is told to.
 *
 *  What it says is believed in nothing but its form: whoever asked looks at it. Its memory here is bounded by the longest result and
 *  4 KiB of what it wrote on stderr.
 */
#ifndef PV_RESIDENT_H
#define PV_RESIDENT_H

#include "attempt_folder.h"
#include "error_tail.h"
#include "handler_program.h"
#include "program_spawn.h"
#include "talk_message.h"
#include "talk_stream.h"

#include <stdbool.h>

enum { RESIDENT_WHY_BYTES = 400 };

struct resident {
    const struct handler_program *x;
    struct program_process process; /* launcher 0: it does not run */
    int input;                      /* our end of its stdin: non-blocking; -1: none */
    struct attempt_folder folder;   /* its working folder, for as long as it runs */
    struct talk_stream stream;
    struct error_tail errors;
    struct launch_report report;
    size_t report_n;
    bool ended; /* it has, or closed its stdout: nothing more comes */
    uint64_t jobs, started_ms;
    uint64_t second_ms, messages;        /* of the second that began then: more than 50,000 are a flood */
    char (*circuits)[TALK_NAME_MAX + 1]; /* of its READY; none: any */
    uint64_t *needs;
    size_t circuits_n;
    char software[128];
};

/** Starts it in a folder of its own, and says HELLO. A sentence in err: PV_FAILED, PV_IO, PV_NO_MEMORY; then nothing is left to end. */
pv_status resident_start(struct resident *r, const struct handler_program *x, unsigned instance,
                         struct prove_error *err);

/** Kills it with all that it has started, waits until nothing of it is left, and removes its folder. how gets how it ended, in words, with
 *  the end of what it wrote. because: why it is killed; NULL: it ended by itself. Harmless on one that does not run. */
void resident_end(struct resident *r, const char *because, char how[RESIDENT_WHY_BYTES]);

/** Says END, and nothing more after it. */
void resident_bid(struct resident *r);

/** Gives one that was bid to end patience_ms for it; then as resident_end. */
void resident_leave(struct resident *r, uint64_t patience_ms);

/** Bytes on their way to it: a head, and an input that is borrowed. */
struct resident_saying {
    const uint8_t *head, *bytes;
    size_t head_n, bytes_n, done;
};

/** Writes what fits. PV_OK: all is written; PV_BUSY: not yet; PV_GONE. */
pv_status resident_say(struct resident *r, struct resident_saying *s);

/** Forgets what it has written on stderr so far: what comes from here on is of the next task. */
void resident_errors_forget(struct resident *r);

/** Waits until something comes or can be written (writing), at most ms, and reads what is there of stderr and of its launcher. */
void resident_wait(struct resident *r, bool writing, int ms);

/** The next message, which is borrowed until resident_heard. PV_OK; PV_BUSY: none yet; PV_GONE: it has ended, or closed its stdout;
 *  PV_BAD_MESSAGE with a sentence: what it says is none; PV_NO_MEMORY. */
pv_status resident_hear(struct resident *r, struct talk_message *m, char why[RESIDENT_WHY_BYTES]);
void resident_heard(struct resident *r);

/** Whether more bytes lie there than the message that was heard. */
bool resident_said_more(struct resident *r);

/** Takes READY's circuits. False with a sentence: another version, or no circuits. */
bool resident_ready(struct resident *r, const struct talk_message *m, char why[RESIDENT_WHY_BYTES]);

#endif
