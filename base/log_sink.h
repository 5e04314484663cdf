/** Where log lines go: stderr, which may be a pipe whose reader stands still or has gone. The program does not stand still
 *  with it: a line that finds no room is left out.
 */
#ifndef PV_LOG_SINK_H
#define PV_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

enum { LOG_SINK_MOST = 4096 /* bytes of a line: PIPE_BUF, up to which a pipe takes all or nothing */ };

/** Writes a line to stderr. False: it was left out. Never waits for a reader, never raises SIGPIPE. Thread-safe. */
bool log_sink_put(const char *line, size_t bytes);

#endif
