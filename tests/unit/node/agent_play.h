/** The agent's loop on a stage: its clock, its connection and its runners are the test's, its spool is real. One thread, no socket, no chance:
 *  a script says what happens when, and all that the agent says, logs, starts and writes is told (support/golden).
 *
 *  A step is a line "MS VERB ...", MS on the stage's clock, which begins at 1000:
 *
 *      welcome [epoch=N] [inline=N] [chunk=N] [window=N] [beat=N] [lease=N] [more] [lost] [not-ready=TEXT] [unknown=QUEUE]
 *      heartbeat [epoch=N] [revoked=SEQ]      error STATUS [token=SEQ] [retry=MS] [text=TEXT]     bye [TEXT]
 *      offer SEQ INPUT [queue=NAME] [timeout=MS] [length=N] [bare] [digest] [wrong]      chunk SEQ OFFSET BYTES [of-result]
 *      credit SEQ OFFSET BYTES [of-input]     ok SEQ [other]     revoke SEQ     recall SEQ     odd     malformed
 *      progress RUNNER PHASE PERCENT          done RUNNER RESULT [ms=N]         failed RUNNER VERDICT STATUS [TEXT]
 *      gone  accepted  key-refused  other-mechanism  no-handshake                the connection's events
 *      busy | illegal N     the Nth message from now does not go (busy), or is not legal         dial-fails
 *      gpu STATE [wrong=N] [ended=N] [unused=TEXT]      circuits NAME,... | none      unserved FILE     names NAME,...
 *      drain | handback | reload | circuits-command | term      commands
 *      spool-fails N ERRNO    the Nth step on the disk from now fails
 *      nothing
 *
 *  The first step, "begin OPTIONS", and each "again OPTIONS", which begins another life with the folder that the last one left, has the agent's options:
 *      slots=N prefetch=N grace=MS memory (no folder) any (no circuits) needed two (endpoints) renames gpu, and those of options_spoilt
 */
#ifndef AGENT_PLAY_H
#define AGENT_PLAY_H

#include <stdbool.h>

/** Plays the steps of a script, lines that begin with "$ " (the first: its options), and tells them and what comes of each. The script's other
 *  lines are not read, except those that begin with '#', which are told. fail_after: as heap_fail_after, from the first step on. Returns
 *  whether that allocation came. */
bool agent_play(const char *script, long fail_after);

#endif
