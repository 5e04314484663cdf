#include "state_commands.h"

#include "backup.h"
#include "restore.h"
#include "values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum state_command state_command_of(const char *word)
{
    return !strcmp(word, "backup") ? STATE_BACKUP : !strcmp(word, "restore") ? STATE_RESTORE : STATE_NONE;
}

static pv_status complain(pv_status st, const char *why)
{
    fprintf(stderr, "provost-broker: %s\n", why);
    return st;
}

static void lost_tell(uint64_t n, const char *what)
{
    if (n) fprintf(stderr, "provost-broker: warning: %" PRIu64 " payloads %s: their tasks will end DEAD\n", n, what);
}

static pv_status backup(const char *to, const char *state)
{
    struct backup_done done;
    char why[STORE_WHY_BYTES], size[VALUE_TEXT_BYTES];
    pv_status st = backup_take(state, to, &done, why);
    if (st != PV_OK) return complain(st, why);
    lost_tell(done.lost, "are not in the state folder, or damaged there");
    printf("%s: %" PRIu64 " tasks and %" PRIu64 " large payloads of %s as of start %" PRIu32 "; %" PRIu64
           " payloads new (%s)\n",
           to, done.tasks, done.payloads, state, done.epoch, done.added, value_size_text(size, done.added_bytes));
    return PV_OK;
}

static pv_status restore(const char *from, const char *state, uint32_t above)
{
    struct restore_done done;
    char why[STORE_WHY_BYTES];
    pv_status st = restore_make(from, state, above, &done, why);
    if (st != PV_OK) return complain(st, why);
    lost_tell(done.lost, "are not in the backup");
    lost_tell(done.damaged, "are damaged in the backup");
    printf("%s: %" PRIu64 " tasks and %" PRIu64 " large payloads from %s; the next start is above %" PRIu32 "\n", state,
           done.tasks, done.payloads, from, done.epoch);
    return PV_OK;
}

pv_status state_command_run(enum state_command command, const char *folder, const struct config *c, uint32_t above)
{
    return command == STATE_BACKUP ? backup(folder, c->state) : restore(folder, c->state, above);
}
