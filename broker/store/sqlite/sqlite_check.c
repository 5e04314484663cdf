#include "sqlite_check.h"

#include "sqlite_gate.h"
#include "sqlite_schema.h"
#include "sqlite_state.h"

#include "file_io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pv_status refuse(char *why, pv_status st, const char *what, const char *detail)
{
    snprintf(why, STORE_WHY_BYTES, "%.180s: %.320s", what, detail);
    return st;
}

/* A reader makes the log's files where there are none, so a database that is closed is read as one that nobody changes. */
static pv_status schema_look(struct sqlite_store *s, const char *path, char *why)
{
    char log[4200], uri[4200];
    struct stat st;
    int64_t number;
    snprintf(log, sizeof log, "%s-wal", path);
    snprintf(uri, sizeof uri, "file:%s%s", path, stat(log, &st) ? "?immutable=1" : "");
    bool plain = !strpbrk(path, "?#%"); /* of an URI, not of a path */
    int rc = sqlite3_open_v2(plain ? uri : path, &s->db, SQLITE_OPEN_READONLY | (plain ? SQLITE_OPEN_URI : 0), NULL);
    if (rc != SQLITE_OK) return refuse(why, PV_STORE, path, sqlite3_errmsg(s->db));
    pv_status read = sqlite_schema_read(s, &number);
    return read == PV_OK ? PV_OK : refuse(why, read, path, s->failure);
}

static pv_status gate_look(const char *where, char *why)
{
    char gate[STORE_WHY_BYTES];
    int root = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return PV_OK; /* it will be made */
    pv_status st = sqlite_gate_look(root, STORE_SERVE, gate);
    close(root);
    return st == PV_OK ? st : refuse(why, st, where, gate);
}

pv_status sqlite_check(const char *where, char why[STORE_WHY_BYTES])
{
    char path[4100];
    struct stat st;
    int error = file_folder_usable(where);
    if (error) return refuse(why, PV_IO, where, strerror(error));
    snprintf(path, sizeof path, "%.4000s/" STORE_RESTORING, where);
    if (!stat(path, &st)) return refuse(why, PV_STORE, where, "a restore has not ended: run it again");
    TRY(gate_look(where, why));
    snprintf(path, sizeof path, "%.4000s/provost.db", where);
    if (stat(path, &st)) return PV_OK; /* it will be made */
    struct sqlite_store *s = calloc(1, sizeof *s);
    if (!s) return PV_NO_MEMORY;
    pv_status read = schema_look(s, path, why);
    sqlite3_close(s->db);
    free(s);
    return read;
}
