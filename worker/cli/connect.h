/** What the commands share: the connection, error messages, signals. */
#ifndef PV_CLI_CONNECT_H
#define PV_CLI_CONNECT_H

#include "options.h"

/** Opens a client as the options say and waits for its broker. On failure the reason is on stderr.
 *  role: the one that the command needs. */
pv_status cli_connect(pv_client **c, const struct cli *cli, enum pv_role role);

/** The same for commands that show tables: as an administrator, who sees the tasks of all principals; or as a client,
 *  if the key may not be an administrator's. */
pv_status cli_connect_to_look(pv_client **c, const struct cli *cli);

/** Prints "provost: what: sentence (status)" on stderr, with the sentence of pv_client_error. what and c may be NULL.
 *  Returns the exit status of s. */
int cli_fail(pv_client *c, pv_status s, const char *what);

/** The same with this sentence; NULL or "": that of s in the list of outcomes. */
int cli_fail_text(pv_status s, const char *what, const char *text);

/** Reads a task id from an argument. PV_INVALID_INPUT or PV_USAGE with the reason on stderr. */
pv_status cli_id(pv_task_id *id, const char *text);

/** Blocks SIGINT and SIGTERM and returns a descriptor on which they become readable; -1 on failure. One that the parent
 *  switched off (nohup, background jobs) stays off. Call it before any thread starts. */
int cli_signal_fd(void);

#endif
