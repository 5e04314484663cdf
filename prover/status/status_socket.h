/** The socket STATE/status of a node that runs: whoever may open it (mode 0600: the node's user, and root) is sent the node's status
 *  and the end of the stream, without a question. A reader that reads nothing costs the node nothing: what its buffer does not
 *  take at once it does not get.
 */
#ifndef PV_STATUS_SOCKET_H
#define PV_STATUS_SOCKET_H

#include "status.h"

#include <stddef.h>

enum { STATUS_WHY_BYTES = 256 };

/** Listens in the folder, in place of a socket that a node before this one has left: the caller holds the folder's lock. Returns the
 *  descriptor, or -1 with errno; EEXIST: something else than a socket has that name, and stays. */
int status_socket_open(const char *state);

/** Answers those that wait, some at most, with the text. */
void status_socket_answer(int fd, const char *text);

void status_socket_close(int *fd, const char *state);

/** Reads the status of the node that runs with this folder, at most most - 1 bytes, within some seconds. PV_NOT_FOUND: none does;
 *  PV_UNAUTHORIZED; PV_IO; PV_EXPIRED: it does not answer; each with a sentence. */
pv_status status_socket_read(char *text, size_t most, const char *state, char why[STATUS_WHY_BYTES]);

#endif
