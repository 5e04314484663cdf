#include "state_commands.h"

#include "backup.h"
#include "migrate.h"
#include "restore.h"
#include "values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum state_command state_command_of(const char *word)
{
    return !strcmp(word, "backup")    ? STATE_BACKUP
           : !strcmp(word, "restore") ? STATE_RESTORE
           : !strcmp(word, "migrate") ? STATE_MIGRATE
                                      : STATE_NONE;
}

const char *state_command_lacks(const struct state_arguments *a)
{
    if (a->command == STATE_MIGRATE) {
        if (a->folder) return "migrate: --from and --to say which; no other argument is wanted";
        return a->from && a->to ? NULL : "migrate: --from and --to, a state folder and a database";
    }
    if (a->from || a->to) return "--from and --to belong to migrate";
    return a->command && !a->folder ? "which folder?" : NULL;
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

/* The place of large payloads is the database's side. */
static struct store_place side(const char *where, const struct config *c)
{
    return (struct store_place){ .where = where,
                                 .payloads = c->payloads[0] ? c->payloads : NULL,
                                 .s3_endpoint = c->s3_endpoint,
                                 .s3_region = c->s3_region,
                                 .s3_key_file = c->s3_key_file,
                                 .s3_ca_file = c->s3_ca_file,
                                 .cache_bytes = c->payload_cache };
}

static void migrate_tell(const struct migrate_done *done)
{
    char size[VALUE_TEXT_BYTES], digest[WIRE_HASH_TEXT];
    const struct migrate_sum *s = &done->sum;
    printf("%s: %" PRIu64 " tasks, %" PRIu64 " payloads (%s, %" PRIu64 " of them large) and %" PRIu64
           " settings from %s%s, both with digest %.16s; the next start is above %" PRIu32 "\n",
           done->to, s->tasks, s->payloads, value_size_text(size, s->bytes), s->files, s->settings, done->from,
           done->resumed ? ", begun earlier" : "", wire_hash_text(digest, s->digest), done->epoch);
}

static pv_status migrate(const struct state_arguments *a, const struct config *c)
{
    struct migrate_done done;
    char why[STORE_WHY_BYTES];
    struct store_place from = side(a->from, c), to = side(a->to, c);
    pv_status st = migrate_run(&from, &to, a->above, &done, why);
    if (st != PV_OK) return complain(st, why);
    if (done.before) {
        printf("%s: what was in %s is there already\n", done.to, done.from);
        return PV_OK;
    }
    if (done.commits_lost)
        fprintf(stderr, "provost-broker: warning: %s has lost %" PRIu64 " commits that it had once\n", done.from,
                done.commits_lost);
    lost_tell(done.sum.lost, "are not in the store that was moved, or damaged there");
    migrate_tell(&done);
    return PV_OK;
}

/* A copy of the state folder would hold no task, and of two halves that are copied apart the one must not be older. */
static pv_status not_of_a_database(const char *command)
{
    fprintf(stderr,
            "provost-broker: %s: the tasks are in a database (store): take them with pg_dump and pg_restore, schema "
            "provost, and the "
            "payload folder (payloads) before and after the dump\n",
            command);
    return PV_BAD_CONFIG;
}

pv_status state_command_run(const struct state_arguments *a, const struct config *c)
{
    if (a->command == STATE_MIGRATE) return migrate(a, c);
    if (c->store[0]) return not_of_a_database(a->command == STATE_BACKUP ? "backup" : "restore");
    return a->command == STATE_BACKUP ? backup(a->folder, c->state) : restore(a->folder, c->state, a->above);
}
