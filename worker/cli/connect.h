/** What the commands share: the connection, messages of failure, signals. */
#ifndef PV_CLI_CONNECT_H
#define PV_CLI_CONNECT_H

#include "options.h"

/** Opens a client as the options say and waits for its broker. On failure the reason is on stderr.
 *  role: what the command needs. */
pv_status cli_connect(pv_client **c, const struct cli *cli, enum pv_role role);

/** The same to look at tables: as an administrator, who sees everybody's, or where the key may not be one, as a client. */
pv_status cli_connect_to_look(pv_client **c, const struct cli *cli);

/** "provost: what: sentence" on stderr; returns the exit status. c may be NULL. */
int cli_fail(pv_client *c, pv_status s, const char *what);

/** Says it with a sentence of one's own. */
int cli_fail_text(pv_status s, const char *what, const char *text);

/** From an argument; on failure the reason is on stderr. */
pv_status cli_id(pv_task_id *id, const char *text);

/** SIGINT and SIGTERM become readable on a descriptor, from here on; before any thread starts. -1: could not. */
int cli_signal_fd(void);

#endif
