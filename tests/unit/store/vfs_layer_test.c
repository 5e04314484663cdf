/* What becomes of every call that SQLite makes of its files: which calls of the layer below, in which order, and what is answered when
 * one of those fails, beside tests/vectors/broker/vfs.txt (`vfs_layer_test write` makes it anew). The layer below is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden.h"
#include "sqlite_vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 512 * 1024, PIECE = 64 * 1024 };

/* ---- the layer below ---- */

struct low_file {
    sqlite3_file base;
    const char *name;
};

static const char *failing = ""; /* the call that fails */
static int error;                /* errno then */

static int low(sqlite3_file *f, const char *call, int64_t a, int64_t b)
{
    bool fails = !strcmp(failing, call);
    golden_tell("    %s %s %lld %lld%s\n", call, ((struct low_file *)f)->name, (long long)a, (long long)b,
                fails ? " fails" : "");
    if (!fails) return SQLITE_OK;
    errno = error;
    return SQLITE_IOERR;
}

static int low_close(sqlite3_file *f)
{
    return low(f, "close", 0, 0);
}

static int low_read(sqlite3_file *f, void *to, int bytes, sqlite3_int64 at)
{
    return low(f, "read", bytes, at);
}

/* Bytes are numbered from 0 on in the test, so the first one tells whether they are the right ones. */
static int low_write(sqlite3_file *f, const void *from, int bytes, sqlite3_int64 at)
{
    const uint8_t *p = from;
    golden_tell("    first byte %u, last byte %u\n", p[0], p[bytes - 1]);
    return low(f, "write", bytes, at);
}

static int low_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return low(f, "truncate", size, 0);
}

static int low_sync(sqlite3_file *f, int flags)
{
    return low(f, "sync", flags, 0);
}

static int low_size(sqlite3_file *f, sqlite3_int64 *size)
{
    *size = 77;
    return low(f, "size", 0, 0);
}

static int low_lock(sqlite3_file *f, int level)
{
    return low(f, "lock", level, 0);
}

static int low_unlock(sqlite3_file *f, int level)
{
    return low(f, "unlock", level, 0);
}

static int low_check(sqlite3_file *f, int *held)
{
    *held = 1;
    return low(f, "check-lock", 0, 0);
}

static int low_control(sqlite3_file *f, int op, void *arg)
{
    return low(f, "control", op, *(int *)arg);
}

static int low_sector(sqlite3_file *f)
{
    low(f, "sector", 0, 0);
    return 4096;
}

static int low_traits(sqlite3_file *f)
{
    low(f, "traits", 0, 0);
    return 5;
}

static int low_shm_map(sqlite3_file *f, int region, int bytes, int extend, void volatile **p)
{
    *p = NULL;
    return low(f, "shm-map", region * 1000 + bytes, extend);
}

static int low_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return low(f, "shm-lock", offset * 1000 + n, flags);
}

static void low_shm_barrier(sqlite3_file *f)
{
    low(f, "shm-barrier", 0, 0);
}

static int low_shm_unmap(sqlite3_file *f, int remove)
{
    return low(f, "shm-unmap", remove, 0);
}

static const sqlite3_io_methods low_methods = { .iVersion = 3,
                                                .xClose = low_close,
                                                .xRead = low_read,
                                                .xWrite = low_write,
                                                .xTruncate = low_truncate,
                                                .xSync = low_sync,
                                                .xFileSize = low_size,
                                                .xLock = low_lock,
                                                .xUnlock = low_unlock,
                                                .xCheckReservedLock = low_check,
                                                .xFileControl = low_control,
                                                .xSectorSize = low_sector,
                                                .xDeviceCharacteristics = low_traits,
                                                .xShmMap = low_shm_map,
                                                .xShmLock = low_shm_lock,
                                                .xShmBarrier = low_shm_barrier,
                                                .xShmUnmap = low_shm_unmap };

static int low_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct low_file *file = (struct low_file *)f;
    *file = (struct low_file){ .name = name };
    int rc = low(f, "open", flags, 0);
    if (rc == SQLITE_OK) file->base.pMethods = &low_methods;
    return rc;
}

static sqlite3_vfs low_vfs = {
    .iVersion = 1, .szOsFile = sizeof(struct low_file), .mxPathname = 100, .zName = "low", .xOpen = low_open
};

/* ---- registering ---- */

static int finds, registers, register_fails; /* the call that fails; 0: none */
static bool found = true;

sqlite3_vfs *__wrap_sqlite3_vfs_find(const char *name);
int __real_sqlite3_vfs_register(sqlite3_vfs *v, int is_default);
int __wrap_sqlite3_vfs_register(sqlite3_vfs *v, int is_default);
sqlite3_vfs *__real_sqlite3_vfs_find(const char *name);
int __wrap_sync_file_range(int fd, off_t from, off_t bytes, unsigned flags);

sqlite3_vfs *__wrap_sqlite3_vfs_find(const char *name)
{
    if (name) return __real_sqlite3_vfs_find(name);
    finds++;
    return found ? &low_vfs : NULL;
}

int __wrap_sqlite3_vfs_register(sqlite3_vfs *v, int is_default)
{
    golden_tell("    register %s%s, files of %d bytes more\n", v->zName, is_default ? " as the usual one" : "",
                v->szOsFile - low_vfs.szOsFile > 0);
    return ++registers == register_fails ? SQLITE_NOMEM : __real_sqlite3_vfs_register(v, is_default);
}

int __wrap_sync_file_range(int fd, off_t from, off_t bytes, unsigned flags)
{
    golden_tell("    sync-range %d %d %d %u\n", fd, (int)from, (int)bytes, flags);
    return 0;
}

static struct faults faults;
static struct sqlite_vfs options = { .faults = &faults, .database = 99 };

static void registers_once(void)
{
    found = false;
    golden_tell("nothing below: %d\n", sqlite_vfs_register(&options));
    found = true;
    for (register_fails = 1; register_fails <= 2; register_fails++) {
        registers = 0;
        golden_tell("one cannot be registered: %d\n", sqlite_vfs_register(&options));
    }
    finds = registers = register_fails = 0;
    golden_tell("both: %d\n", sqlite_vfs_register(&options));
    golden_tell("again: %d\n", sqlite_vfs_register(&options));
    golden_tell("looked %d times, registered %d\n", finds, registers);
}

/* ---- files ---- */

enum which { LOG, LOG2, DATABASE, TEMPORARY, FOLDED, FOLD_LOG, FILES };

static const struct {
    const char *vfs, *name;
    int flags;
} kinds[FILES] = {
    { STORE_VFS_WRITE, "log", SQLITE_OPEN_WAL },          { STORE_VFS_WRITE, "log2", SQLITE_OPEN_WAL },
    { STORE_VFS_WRITE, "database", SQLITE_OPEN_MAIN_DB }, { STORE_VFS_WRITE, "temporary", SQLITE_OPEN_TEMP_DB },
    { STORE_VFS_FOLD, "folded", SQLITE_OPEN_MAIN_DB },    { STORE_VFS_FOLD, "fold-log", SQLITE_OPEN_WAL }
};

static sqlite3_file *files[FILES];
static uint8_t data[2 * BUFFER];

static void opens(enum which w)
{
    sqlite3_vfs *v = __real_sqlite3_vfs_find(kinds[w].vfs);
    assert_non_null(v);
    if (!files[w]) files[w] = calloc(1, (size_t)v->szOsFile);
    golden_tell("open %s\n", kinds[w].name);
    int rc = v->xOpen(v, kinds[w].name, files[w], kinds[w].flags, NULL);
    golden_tell("  = %d, %s\n", rc, files[w]->pMethods ? "open" : "not open");
}

/* The byte at each place of a file is a number of its own, so a wrong piece is seen. */
static void writes(enum which w, int bytes, int64_t at)
{
    for (int i = 0; i < bytes; i++) data[i] = (uint8_t)((at + i) % 251);
    golden_tell("write %s %d %lld\n", kinds[w].name, bytes, (long long)at);
    golden_tell("  = %d\n", files[w]->pMethods->xWrite(files[w], data, bytes, at));
}

static void syncs(enum which w)
{
    golden_tell("sync %s\n", kinds[w].name);
    int rc = files[w]->pMethods->xSync(files[w], 2);
    golden_tell("  = %d, %u counted\n", rc, (unsigned)options.log_syncs);
}

static void reads(enum which w)
{
    uint8_t to[8];
    golden_tell("read %s\n", kinds[w].name);
    golden_tell("  = %d\n", files[w]->pMethods->xRead(files[w], to, 8, 16));
}

static void sizes(enum which w)
{
    sqlite3_int64 size = 0;
    golden_tell("size %s\n", kinds[w].name);
    int rc = files[w]->pMethods->xFileSize(files[w], &size);
    golden_tell("  = %d, %d\n", rc, (int)size);
}

static void truncates(enum which w)
{
    golden_tell("truncate %s\n", kinds[w].name);
    golden_tell("  = %d\n", files[w]->pMethods->xTruncate(files[w], 40));
}

static void closes(enum which w)
{
    golden_tell("close %s\n", kinds[w].name);
    golden_tell("  = %d\n", files[w]->pMethods->xClose(files[w]));
    free(files[w]);
    files[w] = NULL;
}

static void the_log_is_gathered(void)
{
    golden_tell("\nthe log is gathered\n");
    writes(LOG, 32, 0);
    writes(LOG, 24, 32);
    writes(LOG, 4096, 56);
    options.log_sync_off = 1;
    syncs(LOG); /* the header is new: never left out */
    writes(LOG, 24, 4152);
    syncs(LOG);
    syncs(LOG);
    options.log_sync_off = 0;
    writes(LOG, 4096, 4176);
    syncs(LOG);
    writes(LOG, 10, 20000);
    writes(LOG, 10, 20011); /* a gap */
    writes(LOG2, 10, 20021);
    reads(LOG); /* nothing of it is gathered */
    reads(DATABASE);
    reads(LOG2);
    writes(LOG, 10, 100);
    sizes(LOG);
    writes(LOG, 10, 110);
    truncates(LOG);
    writes(LOG, PIECE, 0);
    syncs(LOG);
    writes(LOG, PIECE + 1, 1);
    syncs(LOG);
    writes(LOG, BUFFER - 1, 1000);
    writes(LOG, 1, 1000 + BUFFER - 1);
    writes(LOG, 1, 1000 + BUFFER);
    syncs(LOG);
    writes(LOG, BUFFER, 0);
    syncs(LOG);
    writes(LOG, BUFFER + 1, 5);
}

static void others_are_not(void)
{
    static const enum which all[] = { DATABASE, TEMPORARY, FOLD_LOG };
    golden_tell("\nother files\n");
    for (size_t i = 0; i < 3; i++) {
        writes(all[i], 8, 0);
        reads(all[i]);
        sizes(all[i]);
        truncates(all[i]);
        options.log_sync_off = 1;
        syncs(all[i]);
        options.log_sync_off = 0;
    }
    golden_tell("\nfolded in pieces\n");
    for (int i = 0; i < 4; i++) writes(FOLDED, 128 * 1024 - (i == 1), i);
    failing = "write", error = EIO;
    for (int i = 0; i < 3; i++) writes(FOLDED, 128 * 1024, i);
    failing = "";
    writes(FOLDED, 128 * 1024, 9);
    writes(FOLDED, 1, 9);
    syncs(FOLDED);
}

static void below_fails(void)
{
    static const int errors[] = { ENOSPC, EDQUOT, EIO };
    static void (*const calls[])(enum which) = { reads, sizes, truncates, syncs };
    golden_tell("\nthe layer below fails\n");
    for (size_t i = 0; i < 3; i++) {
        error = errors[i];
        golden_tell("errno of kind %zu\n", i);
        failing = "write";
        writes(DATABASE, 8, 0);
        writes(FOLDED, 8, 0);
        for (size_t k = 0; k < 4; k++) {
            writes(LOG, 8, 1000);
            calls[k](LOG);
            calls[k](LOG); /* it is not tried again */
        }
        writes(LOG, 3 * PIECE, 1000);
        writes(LOG, 8, 5); /* the first piece fails, and no other is tried */
        failing = "shm-map";
        void volatile *p;
        golden_tell("  = %d\n", files[DATABASE]->pMethods->xShmMap(files[DATABASE], 1, 32, 1, &p));
        failing = "sync";
        syncs(DATABASE);
        failing = "";
    }
    errno = ENOSPC; /* of before */
    writes(DATABASE, 8, 0);
    failing = "open";
    opens(TEMPORARY);
    failing = "";
    opens(TEMPORARY);
}

static void as_asked(enum fault_kind kind, int how)
{
    faults = (struct faults){ .seen = { 0 } };
    faults.fail_at[kind] = 1;
    faults.error[kind] = how;
}

static void a_test_makes_it_fail(void)
{
    static const enum which all[] = { LOG, DATABASE, TEMPORARY, FOLDED, FOLD_LOG };
    static const int errors[] = { EIO, ENOSPC, EDQUOT };
    golden_tell("\nas a test asks\n");
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 3; k++) {
            as_asked(FAULT_WRITE, errors[k]);
            writes(all[i], 8, 3000 + (int64_t)k);
        }
        as_asked(FAULT_SYNC, EIO);
        syncs(all[i]);
        golden_tell("asked %u writes, %u syncs\n", (unsigned)faults.seen[FAULT_WRITE],
                    (unsigned)faults.seen[FAULT_SYNC]);
    }
    options.log_sync_off = 1;
    as_asked(FAULT_SYNC, EIO);
    syncs(LOG);
    writes(LOG, 8, 0); /* a header whose sync failed is still not synced */
    syncs(LOG);
    syncs(LOG);
    options.log_sync_off = 0;
    faults = (struct faults){ .seen = { 0 } };
}

static void the_rest_is_handed_on(void)
{
    sqlite3_file *f = files[DATABASE];
    int held = 0, arg = 6;
    void volatile *p;
    golden_tell("\nhanded on\n");
    for (int i = 0; i < 2; i++) {
        golden_tell("= %d\n", f->pMethods->xLock(f, 1));
        golden_tell("= %d\n", f->pMethods->xUnlock(f, 2));
        int rc = f->pMethods->xCheckReservedLock(f, &held);
        golden_tell("= %d, %d\n", rc, held);
        golden_tell("= %d\n", f->pMethods->xFileControl(f, 5, &arg));
        golden_tell("= %d\n", f->pMethods->xSectorSize(f));
        golden_tell("= %d\n", f->pMethods->xDeviceCharacteristics(f));
        golden_tell("= %d\n", f->pMethods->xShmMap(f, 1, 32, 1, &p));
        golden_tell("= %d\n", f->pMethods->xShmLock(f, 1, 2, 3));
        f->pMethods->xShmBarrier(f);
        golden_tell("= %d\n", f->pMethods->xShmUnmap(f, 1));
        failing = i ? "" : "shm-lock";
    }
}

static void each_call_of_sqlite(void **state)
{
    registers_once();
    for (int w = 0; w < FILES; w++) opens((enum which)w);
    the_log_is_gathered();
    others_are_not();
    below_fails();
    a_test_makes_it_fail();
    the_rest_is_handed_on();
    writes(LOG, 10, 5000);
    for (int w = 0; w < FILES; w++) closes((enum which)w);
    golden_is("vectors/broker/vfs.txt");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_call_of_sqlite) };
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
