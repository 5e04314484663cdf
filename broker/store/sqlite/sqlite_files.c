#include "sqlite_files.h"

#include "sqlite_sql.h"
#include "sqlite_state.h"

#include <stdlib.h>
#include <string.h>

/* When the store cannot say, the file stays. */
static bool named(void *context, wire_hash file)
{
    struct sqlite_store *s = context;
    int64_t found = 0;
    sqlite3_bind_blob(s->sql[SQL_BLOB_FIND], 1, &file, sizeof file, SQLITE_TRANSIENT);
    return sqlite_sql_run(s, SQL_BLOB_FIND, NULL, &found) != PV_OK || found;
}

pv_status sqlite_files_name(struct sqlite_store *s, wire_hash file, uint64_t length)
{
    sqlite3_bind_blob(s->sql[SQL_BLOB_NAME], 1, &file, sizeof file, SQLITE_STATIC);
    sqlite3_bind_int64(s->sql[SQL_BLOB_NAME], 2, (int64_t)length);
    return sqlite_sql_run(s, SQL_BLOB_NAME, NULL, NULL);
}

pv_status sqlite_files_unname(struct sqlite_store *s, wire_hash file)
{
    int64_t left = 0;
    sqlite3_bind_blob(s->sql[SQL_BLOB_UNNAME], 1, &file, sizeof file, SQLITE_STATIC);
    TRY(sqlite_sql_run(s, SQL_BLOB_UNNAME, NULL, &left));
    if (left > 0) return PV_OK;
    sqlite_files_forget(s, file);
    sqlite3_bind_blob(s->sql[SQL_BLOB_DELETE], 1, &file, sizeof file, SQLITE_STATIC);
    return sqlite_sql_run(s, SQL_BLOB_DELETE, NULL, NULL);
}

void sqlite_files_forget(struct sqlite_store *s, wire_hash file)
{
    if (s->unnamed_n == s->unnamed_room) {
        size_t room = s->unnamed_room ? 2 * s->unnamed_room : 64;
        struct store_unnamed *more = realloc(s->unnamed, room * sizeof *more);
        if (!more) return;
        s->unnamed = more;
        s->unnamed_room = room;
    }
    s->unnamed[s->unnamed_n++] = (struct store_unnamed){ file, s->stats.commits + s->open_transaction };
}

/* Whether the file got a name and lost it again since: then it goes with the later commit. */
static bool listed_again(const struct sqlite_store *s, size_t from, wire_hash file)
{
    for (size_t i = from; i < s->unnamed_n; i++)
        if (wire_hash_equal(s->unnamed[i].file, file)) return true;
    return false;
}

void sqlite_files_remove(struct sqlite_store *s)
{
    size_t ready = 0;
    while (ready < s->unnamed_n && s->unnamed[ready].commit <= log_sync_durable(s->sync)) ready++;
    for (size_t i = 0; i < ready; i++) {
        wire_hash file = s->unnamed[i].file;
        if (!listed_again(s, ready, file) && !named(s, file)) blobs_remove(&s->blobs, file);
    }
    s->unnamed_n -= ready;
    if (ready) memmove(s->unnamed, s->unnamed + ready, s->unnamed_n * sizeof *s->unnamed);
}

bool sqlite_files_wait(const struct sqlite_store *s)
{
    return s->unnamed_n > 0;
}

void sqlite_files_sweep(struct sqlite_store *s, bool unsure)
{
    struct blobs_moved moved = { .failed = false };
    blobs_sweep_uploads(&s->blobs);
    if (unsure)
        blobs_set_aside(&s->blobs, named, s, &moved);
    else
        blobs_sweep(&s->blobs, named, s);
    blobs_take_back(&s->blobs, named, s, &moved);
    s->found.payloads_moved = moved.aside;
    s->found.payloads_back = moved.back;
    s->found.payloads_aside = moved.there;
    s->found.payloads_stuck = moved.failed;
}

void sqlite_files_clear(struct sqlite_store *s)
{
    free(s->unnamed);
    s->unnamed = NULL;
    s->unnamed_n = s->unnamed_room = 0;
}
