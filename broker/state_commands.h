/** `provost-broker backup DIR`, `restore DIR` and `migrate --from A --to B`: what an operator does with what a broker keeps. */
#ifndef PV_STATE_COMMANDS_H
#define PV_STATE_COMMANDS_H

#include "config.h"
#include "status.h"

enum state_command { STATE_NONE, STATE_BACKUP, STATE_RESTORE, STATE_MIGRATE };

struct state_arguments {
    enum state_command command;
    const char *folder;    /* the backup */
    const char *from, *to; /* of migrate: a state folder and a database's URL, either way */
    uint32_t above;        /* of --raise-epoch, or 0 */
};

/** STATE_NONE: there is no such command. */
enum state_command state_command_of(const char *word);
/** What the command still lacks, for a complaint; NULL: nothing. */
const char *state_command_lacks(const struct state_arguments *a);

/** Runs it; backup and restore on the folder of the setting `state`. Says on stdout what was done, and on stderr what was not.
 *  Returns the status that the program ends with. */
pv_status state_command_run(const struct state_arguments *a, const struct config *c);

#endif
