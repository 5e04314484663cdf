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

/** Flushes stdout, for who goes on printing: when that fails the process ends, as with std_streams_lost. */
void std_streams_check(void);

/** Says that stdout is of no use any more (error: an errno, 0: not known), and ends the process with PV_IO's status. */
_Noreturn void std_streams_lost(int error);

#endif
