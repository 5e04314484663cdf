#include "log_owner.h"

#include "log_frames.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a database or a log says. */
struct progress {
    bool known;
    uint64_t commits;
};

struct log {
    const uint8_t *bytes; /* NULL: there is none, or it cannot be read */
    size_t size;
    bool valid; /* at least one transaction of it */
    struct progress first;
};

static off_t size_of(int root, const char *name)
{
    struct stat st;
    return fstatat(root, name, &st, 0) ? 0 : st.st_size;
}

/* --- the database without its log --- */

/* "immutable": the file is read as it lies there, the log is not looked at, and nothing appears beside it. False: it
 * could not be read, which a log may mend. */
static bool ask(int fd, const char *sql, wire_id *id, struct progress *p)
{
    char uri[64];
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    snprintf(uri, sizeof uri, "file:/proc/self/fd/%d?immutable=1", fd);
    int rc = sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(q);
    p->known = rc == SQLITE_ROW && (!id || sqlite3_column_bytes(q, 0) == sizeof *id);
    if (p->known && id) memcpy(id, sqlite3_column_blob(q, 0), sizeof *id);
    if (p->known) p->commits = (uint64_t)sqlite3_column_int64(q, 1);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* The id stays what it was when the database has none. False: nothing can be said. */
static bool database_read(int root, wire_id *id, struct progress *p)
{
    struct progress tables = { .known = false };
    int fd = openat(root, "provost.db", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool readable = ask(fd, "SELECT 0, count(*) FROM sqlite_master WHERE name = 'identity'", NULL, &tables);
    if (readable && tables.commits) readable = ask(fd, "SELECT id, commits FROM identity", id, p);
    close(fd);
    return readable;
}

/* --- the log --- */

static struct log log_map(int root)
{
    struct log log = { .bytes = NULL };
    struct stat st;
    int fd = openat(root, "provost.db-wal", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return log;
    void *at =
        fstat(fd, &st) || !st.st_size ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (at != MAP_FAILED) log = (struct log){ .bytes = at, .size = (size_t)st.st_size };
    return log;
}

static void log_unmap(struct log *log)
{
    if (log->bytes) munmap((void *)(uintptr_t)log->bytes, log->size);
}

/* A big-endian number as SQLite stores one of this serial type (https://sqlite.org/fileformat2.html#record_format). */
static struct progress number_of(const uint8_t *at, const uint8_t *end, uint8_t type)
{
    static const uint8_t bytes[] = { 0, 1, 2, 3, 4, 6, 8, 0, 0, 0 };
    struct progress p = { .commits = type == 9 };
    if (type == 0 || type == 7 || type > 9 || end - at < bytes[type]) return p;
    for (int i = 0; i < bytes[type]; i++) p.commits = p.commits << 8 | at[i];
    p.known = true;
    return p;
}

/* A row (id, commits) is stored as 3 (the bytes of this head), 12 + 2 * 16 (a blob of 16 bytes), the type of the number, the
 * id, the number. The id is random, so its bytes stand nowhere else. A row that was removed from its page lost its first
 * four bytes. */
static struct progress row_find(const uint8_t *from, const uint8_t *to, wire_id id)
{
    for (const uint8_t *at = from; (at = memmem(at, (size_t)(to - at), &id, sizeof id)); at++) {
        if (at - from < 3 || at[-3] != 3 || at[-2] != 12 + 2 * sizeof id) continue;
        struct progress p = number_of(at + sizeof id, to, at[-1]);
        if (p.known) return p;
    }
    return (struct progress){ .known = false };
}

static void log_read(struct log *log, wire_id id)
{
    struct log_frames frames;
    const uint8_t *from, *to;
    if (!log_frames_begin(&frames, log->bytes, log->size)) return;
    while (!log->first.known && log_frames_next(&frames, &from, &to)) {
        log->valid = true;
        log->first = row_find(from, to, id);
    }
}

/* --- both --- */

static enum log_owner judge(const struct log *log, const struct progress *database,
                            const struct watermark_values *marked, wire_id id)
{
    if (!log->valid) {
        bool held = database->known && wire_id_equal(id, marked->identity) && marked->commits > database->commits;
        return held ? LOG_DAMAGED : LOG_OWN;
    }
    if (!database->known)
        return log->first.known && log->first.commits > 1 ? LOG_OF_LATER : LOG_OWN; /* 1: it brings the id */
    if (!log->first.known) return LOG_OF_ANOTHER;
    return log->first.commits > database->commits + 1 ? LOG_OF_LATER : LOG_OWN;
}

enum log_owner log_owner(int root, const struct watermark_values *marked)
{
    static const wire_id none;
    struct progress database = { .known = false };
    wire_id id = marked->identity;
    struct log log = log_map(root);
    enum log_owner owner = LOG_OWN;
    if (log.bytes && !size_of(root, "provost.db")) {
        owner = LOG_NO_OWNER;
    } else if (log.bytes && database_read(root, &id, &database) && !wire_id_equal(id, none)) {
        log_read(&log, id);
        owner = judge(&log, &database, marked, id);
    }
    log_unmap(&log);
    return owner;
}
