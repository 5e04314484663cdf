/** `provost-broker backup DIR` and `provost-broker restore DIR`: what an operator does with a state folder. */
#ifndef PV_STATE_COMMANDS_H
#define PV_STATE_COMMANDS_H

#include "config.h"
#include "status.h"

enum state_command { STATE_NONE, STATE_BACKUP, STATE_RESTORE };

/** STATE_NONE: there is no such command. */
enum state_command state_command_of(const char *word);

/** Runs it on the folder of the setting `state`, says on stdout what was done, and on stderr what was not. Returns the
 *  status that the program ends with. folder: the backup. above: of --raise-epoch, or 0. */
pv_status state_command_run(enum state_command command, const char *folder, const struct config *c, uint32_t above);

#endif
