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

/** The same for commands about one task: as a client, who sees the own ones; or as an administrator, if the key is one's. */
pv_status cli_connect_to_task(pv_client **c, const struct cli *cli);

/** Prints "provost: what: sentence (status)" on stderr, with the sentence of pv_client_error. what and c may be NULL.
 *  Returns the exit status of s. */
int cli_fail(pv_client *c, pv_status s, const char *what);

/** The same with this sentence; NULL or "": that of s in the list of outcomes. */
int cli_fail_text(pv_status s, const char *what, const char *text);

/** Reads a task id from an argument. PV_INVALID_INPUT or PV_USAGE with the reason on stderr. */
pv_status cli_id(pv_task_id *id, const char *text);

/** From now on INT and TERM end the process at once with this exit status; one that the caller of the process ignores
 *  (nohup, a job in the background) stays ignored. */
void cli_signals_end(int status);

/** Holds INT and TERM back and returns a descriptor on which they become readable; -1 on failure. Only while the command
 *  looks at it: until cli_signals_free. (The library's threads take no signals.) */
int cli_signal_fd(void);

/** Ends that: closes the descriptor (-1: none), and what came meanwhile acts as cli_signals_end said. */
void cli_signals_free(int *fd);

/** Of commands that look again and again: waits. False: there were enough looks, or nobody reads stdout any more (a closed pipe, a full
 *  disk; main says which). */
bool cli_next_look(const struct cli *cli, uint64_t done, uint64_t wait_ms);

#endif
