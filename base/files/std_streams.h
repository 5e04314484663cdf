/** stdin, stdout and stderr of a program whose output counts. */
#ifndef PV_STD_STREAMS_H
#define PV_STD_STREAMS_H

/** The first call of main.
 *
 *  A closed stream is opened so that its use fails: no file of ours gets its number and then what was meant for the
 *  screen. A write to a closed pipe, or beyond a limit on file size, is an error and not the end of the process
 *  (SIGPIPE, SIGXFSZ). Whatever way the process exits, what it printed has arrived, or a sentence says on stderr that
 *  it has not, and the exit status is not 0: help and version too, which argp prints. name ("provost") begins the
 *  sentence; it stays borrowed. */
void std_streams_begin(const char *name);

#endif
