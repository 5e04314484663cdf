/** No network by a filter of system calls (seccomp), for where no network namespace can be had. */
#ifndef PV_NET_FILTER_H
#define PV_NET_FILTER_H

#include <stdbool.h>

/** From here on, and in every program that is executed, a socket of any family but AF_UNIX is refused (EACCES), and io_uring,
 *  which makes sockets past the filter, does not exist (ENOSYS); nor do the system calls of other instruction sets. Needs
 *  no_new_privs. False with errno. Source: seccomp(2). */
bool net_filter_set(void);

#endif
