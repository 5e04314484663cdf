/** What base/ asks of the system, call by call: key files, whole files, outputs of every kind, durable folders, what a start needs. Each call
 *  can be made to fail, and so can each allocation; what was said and what stands in the folder afterwards is beside
 *  tests/vectors/base/calls.txt (`base_calls_test FILE write` makes it anew).
 */
#include "golden_text.h"
#include "sanitized.h"

#include "file_io.h"
#include "keyfile.h"
#include "outputs.h"
#include "process.h"
#include "random.h"
#include "sha256.h"
#include "startable.h"
#include "whole_file.h"

#include "memory/heap_watch.h"
#include "temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

/* ---- the system, with a list of what it is asked ---- */

static bool on; /* while the product runs */
static int calls, fail_at, fail_with, temporaries;

static bool call(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool call(const char *format, ...)
{
    if (!on) return false;
    char text[300];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    bool fails = ++calls == fail_at;
    golden_add("  %s%s\n", text, fails ? " fails" : "");
    if (fails) errno = fail_with;
    return fails;
}

/* WRAP(return type, name, (parameters), (arguments), what a failure is, note): the real one, unless this call is to fail. */
#define WRAP(type, name, parameters, arguments, failure, ...)                                                          \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return call(__VA_ARGS__) ? failure : __real_##name arguments;                                                  \
    }

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    return call("open %s %#x", path, (unsigned)flags) ? -1 : __real_open(path, flags, 0600);
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool fails = call("close");
    int error = errno, n = __real_close(fd);
    if (fails) errno = error;
    return fails ? -1 : n;
}

int __real_mkostemp(char *path, int flags);
int __wrap_mkostemp(char *path, int flags);
int __wrap_mkostemp(char *path, int flags)
{
    snprintf(path + strlen(path) - 6, 7, "%06u", (unsigned)++temporaries % 1000000);
    return call("mkostemp %s %#x", path, (unsigned)flags) ? -1
                                                          : __real_open(path, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
}

int __real_posix_fallocate(int fd, off_t at, off_t n);
int __wrap_posix_fallocate(int fd, off_t at, off_t n);
int __wrap_posix_fallocate(int fd, off_t at, off_t n)
{
    return call("posix_fallocate %ld", (long)n) ? fail_with : __real_posix_fallocate(fd, at, n);
}

/* No test waits for a disk. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return call("fsync") ? -1 : 0;
}

/* Half of a write, or of a read, is done at a time. */
ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    return call("write %zu", n) ? -1 : __real_write(fd, bytes, on && n > 3 ? n / 2 : n);
}

ssize_t __real_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n)
{
    return call("read %zu", n) ? -1 : __real_read(fd, to, on && n > 200 ? 190 : n);
}

ssize_t __real_getrandom(void *to, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags)
{
    if (call("getrandom %zu %u", n, flags)) return -1;
    memset(to, 0xa5, n);
    return on && n > 8 ? 8 : (ssize_t)n;
}

WRAP(ssize_t, pwrite, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, on &&n > 5 ? n / 2 : n, at), -1,
     "pwrite %zu at %ld", n, (long)at)
WRAP(int, fstat, (int fd, struct stat *to), (fd, to), -1, "fstat")
WRAP(int, stat, (const char *path, struct stat *to), (path, to), -1, "stat %s", path)
WRAP(int, lstat, (const char *path, struct stat *to), (path, to), -1, "lstat %s", path)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, "fchmod %o", mode)
WRAP(int, rename, (const char *from, const char *to), (from, to), -1, "rename %s %s", from, to)
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), -1, "renameat %s %s", from, to)
WRAP(int, link, (const char *from, const char *to), (from, to), -1, "link %s %s", from, to)
WRAP(int, unlink, (const char *path), (path), -1, "unlink %s", path)
WRAP(int, unlinkat, (int at, const char *path, int flags), (at, path, flags), -1, "unlinkat %s %d", path, flags)
WRAP(int, ftruncate, (int fd, off_t n), (fd, n), -1, "ftruncate %ld", (long)n)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, "mkdir %s %o", path, mode)
WRAP(int, access, (const char *path, int how), (path, how), -1, "access %s %d",
     strncmp(path, "/proc/self/task", 15) ? path : "of a thread", how)
WRAP(int, faccessat, (int at, const char *path, int how, int flags), (at, path, how, flags), -1, "faccessat %s %d %d",
     path, how, flags)
WRAP(int, poll, (struct pollfd * fd, nfds_t n, int ms), (fd, n, ms), -1, "poll %d for %d ms", fd->events, ms)
WRAP(void *, mmap, (void *at, size_t n, int protection, int flags, int fd, off_t from),
     (at, n, protection, flags, fd, from), MAP_FAILED, "mmap %zu %d %#x", n, protection, (unsigned)flags)
WRAP(int, munmap, (void *at, size_t n), (at, n), -1, "munmap %zu", n)
WRAP(int, eventfd, (unsigned n, int flags), (n, flags), -1, "eventfd %u %#x", n, (unsigned)flags)
WRAP(int, EVP_DigestInit_ex, (EVP_MD_CTX * c, const EVP_MD *type, ENGINE *e), (c, type, e), 0, "digest begins")
WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *bytes, size_t n), (c, bytes, n), 0, "digest of %zu", n)
WRAP(int, EVP_DigestFinal_ex, (EVP_MD_CTX * c, unsigned char *to, unsigned *n), (c, to, n), 0, "digest ends")
WRAP(int, EVP_Digest, (const void *bytes, size_t n, unsigned char *to, unsigned *to_n, const EVP_MD *type, ENGINE *e),
     (bytes, n, to, to_n, type, e), 0, "digest of %zu at once", n)

/* ---- what stands in the folder ---- */

static void put_file(const char *name, const char *text, mode_t mode)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(name, mode), 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void list_folder(void)
{
    struct dirent **entries;
    int n = scandir(".", &entries, NULL, by_name);
    for (int i = 0; i < n; i++) {
        struct stat st;
        char text[64] = "";
        const char *name = entries[i]->d_name;
        if (name[0] != '.' && !lstat(name, &st)) {
            FILE *f = S_ISREG(st.st_mode) ? fopen(name, "r") : NULL;
            if (f) text[fread(text, 1, 40, f)] = 0;
            if (f) fclose(f);
            golden_add("    %s %o, %ld names, %ld bytes: %.20s\n", name, st.st_mode,
                       S_ISREG(st.st_mode) ? (long)st.st_nlink : 0, S_ISREG(st.st_mode) ? (long)st.st_size : 0, text);
        }
        free(entries[i]);
    }
    free(entries);
}

static void empty_folder(void)
{
    struct dirent **entries;
    int n = scandir(".", &entries, NULL, by_name);
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') temp_dir_remove(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/* ---- scenes ---- */

#define ASK(what, format, ...)                                                                                         \
    do {                                                                                                               \
        on = true;                                                                                                     \
        what;                                                                                                          \
        on = false;                                                                                                    \
        golden_add(format "\n", __VA_ARGS__);                                                                          \
    } while (0)

#define Z85 "0123456789abcdefghijklmnopqrstuvwxyzABCD"

static void key_files(void)
{
    struct keyfile_pair pair = { "", "" };
    char key[KEYFILE_TEXT] = "";
    pv_status s;
    put_file("k", "metadata\ncurve\n    public-key = \"" Z85 "\"\n    secret-key = '" Z85 "'\n", 0600);
    ASK(s = keyfile_pair_read(&pair, "k"), "pair %d %s %s", s, pair.public_key, pair.secret_key);
    ASK(s = keyfile_public_read(key, "k"), "public %d %s", s, key);
    keyfile_pair_clear(&pair);
    golden_add("cleared %d %d\n", pair.public_key[0], pair.secret_key[39]);
    put_file("o", "public-key = \"" Z85 "\"\n", 0644);
    put_file("o_secret", "\r\n\t public-key\t=\t\"" Z85 "\"\n secret-key = \"" Z85 "\"\n", 0600);
    ASK(s = keyfile_pair_read(&pair, "o"), "pair of two files %d %s %s", s, pair.public_key, pair.secret_key);
    ASK(s = keyfile_pair_read(&pair, "not there"), "pair %d", s);
    for (int i = 0; i < 6; i++) {
        static const char *const bad[] = {
            "secret-key = \"" Z85 "\"\n", "public-key \"" Z85 "\"\n",
            "public-key = " Z85 "\n",     "public-key = \"" Z85 "x\"\n",
            "public-key = \"" Z85 "'\n",  "public-key = \"0123456789abcdefghijklmnopqrstuvwxyzAB~D\"\n"
        };
        put_file("bad", bad[i], 0644);
        ASK(s = keyfile_public_read(key, "bad"), "bad %d: %d", i, s);
        ASK(s = keyfile_pair_read(&pair, "bad"), "bad %d: %d", i, s);
    }
}

static void whole_files(void)
{
    static const size_t most[] = { 0, 299, 300, 301, 1000 };
    char text[301];
    struct file_why why = { "" };
    struct whole_file f = { 0 };
    memset(text, 'w', 300);
    text[300] = 0;
    put_file("w", text, 0644);
    put_file("none", "", 0644);
    for (int i = 0; i < 5; i++) {
        pv_status s;
        why.text[0] = 0;
        ASK(s = whole_file_read(&f, "w", most[i], &why), "%d, %zu bytes: %s", s, f.n, why.text);
        whole_file_clear(&f);
        ASK(s = whole_file_read(&f, "none", most[i], &why), "%d, %zu bytes", s, f.n);
        whole_file_clear(&f);
        whole_file_clear(&f);
    }
    pv_status s;
    ASK(s = whole_file_read(&f, ".", 10, &why), "%d %s", s, why.text);
    ASK(s = whole_file_read(&f, "w/x", 10, &why), "%d %s", s, why.text);
    ASK(s = whole_file_read(&f, "x", 10, &why), "%d %s", s, why.text);
}

/* The first two are written, and the inputs are as they say. */
static void outputs_to(const char *a, const char *b, const char *input)
{
    const char *const paths[] = { a, b }, *const inputs[] = { NULL, input };
    const struct output_bytes bytes[] = { { "a new text", 10 }, { "the other new text, a longer one", 32 } };
    struct outputs o;
    struct file_why why = { "" };
    pv_status s;
    golden_add("outputs to %s and %s\n", a, b ? b : "no other");
    ASK(s = outputs_open(&o, paths, b ? 2 : 1, inputs, 2, &why), "open: %d %s", s, why.text);
    if (s == PV_OK) {
        for (size_t i = 0; i < o.n; i++) golden_add("way %d\n", o.file[i].way);
        ASK(s = outputs_write(&o, bytes, &why), "write: %d %s", s, why.text);
        outputs_close(&o);
        golden_add("closed: %zu\n", o.n);
    }
    list_folder();
}

static void outputs_anew(void)
{
    outputs_to("new", NULL, NULL);
    put_file("two", "old", 0600);
    outputs_to("two", NULL, "two");
    outputs_to("two", "./two", NULL);
}

static void outputs_in_pairs(void)
{
    put_file("one", "an old text", 0640);
    put_file("two", "old", 0600);
    outputs_to("one", "two", "new");
}

static void outputs_over_what_stays(void)
{
    put_file("hard", "an old text with more names than one", 0644);
    assert_int_equal(link("hard", "harder"), 0);
    outputs_to("hard", NULL, NULL);
    put_file("short", "s", 0644);
    assert_int_equal(link("short", "shorter"), 0);
    outputs_to("two", "short", NULL);
}

static void outputs_elsewhere(void)
{
    put_file("one", "an old text", 0640);
    assert_int_equal(symlink("one", "link"), 0);
    outputs_to("link", "/dev/null", NULL);
    outputs_to("one", "three", "one/x");
    outputs_to("no/such", NULL, NULL);
    outputs_to("new", ".", NULL);
    outputs_to("/dev/fd/499", NULL, NULL);
}

static void folders(void)
{
    int e;
    ASK(e = file_folder_make("d"), "make: %d", e);
    ASK(e = file_folder_make("d/e//"), "make: %d", e);
    ASK(e = file_folder_make("d"), "make again: %d", e);
    ASK(e = file_folder_make("no/e"), "make: %d", e);
    put_file("f", "x", 0600);
    static const char *const paths[] = { "d", "d/new", "f", "f/x", "no/such", "d/e/", "/", "//", "x" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ASK(e = file_folder_usable(paths[i]), "a folder at %s: %d", paths[i], e);
        ASK(e = file_place_usable(paths[i]), "a file at %s: %d", paths[i], e);
    }
    static const int errors[] = { ENOSPC, EDQUOT, EFBIG, EIO, 0 };
    for (int i = 0; i < 5; i++) golden_add("write status %d\n", file_write_status(errors[i]));
    list_folder();
}

static void bytes(void)
{
    char text[33] = "", to[33] = "";
    memset(text, 'b', 32);
    int e, fd = __real_open("b", O_RDWR | O_CREAT | O_TRUNC, 0600), folder = __real_open(".", O_RDONLY | O_DIRECTORY);
    ASK(e = file_write_all(fd, text, 32), "write: %d", e);
    ASK(e = file_write_all_at(fd, "0123456789abcdef", 16, 24), "write at 24: %d", e);
    lseek(fd, 10, SEEK_SET);
    ASK(e = file_read_all(fd, to, 30), "read: %d %s", e, to);
    ASK(e = file_read_all(fd, to, 1), "read beyond the end: %d", e);
    ASK(e = file_publish(folder, fd, "b", "published"), "publish: %d", e);
    fd = __real_open("c", O_RDWR | O_CREAT | O_TRUNC, 0600);
    ASK(e = file_publish(folder, fd, "c", "no/c"), "publish: %d", e);
    __real_close(folder);
    list_folder();
}

static void what_a_start_needs(void)
{
    struct startable need = { .who = "a test", .descriptors = 3, .memory = 5 << 20, .threads = 0 };
    char why[300] = "";
    pv_status s;
    ASK(s = startable_check(&need, why, sizeof why), "start: %d %.60s", s, why);
    unsigned n;
    ASK(n = startable_descriptors(5), "descriptors: %u", n);
    ASK(n = startable_threads(0, 1 << 20), "threads: %u", n);
    uint8_t random[20] = { 0 };
    ASK(s = pv_random(random, sizeof random), "random: %d %02x %02x", s, random[0], random[19]);
    ASK(n = pv_random_below(100), "below 100: %u", n);
    wire_hash h = { { 0 } };
    struct sha256 d = { NULL };
    ASK(s = sha256_of(&h, "text", 4), "digest: %d %02x", s, h.bytes[31]);
    for (int i = 0; i < 2; i++) {
        ASK(s = sha256_start(&d), "start: %d", s);
        if (s == PV_OK) ASK(s = sha256_feed(&d, "te", 2), "feed: %d", s);
        if (s == PV_OK) ASK(s = sha256_feed(&d, "xt", 2), "feed: %d", s);
        h.bytes[31] = 0;
        if (s == PV_OK) ASK(s = sha256_finish(&d, &h), "finish: %d %02x", s, h.bytes[31]);
    }
    sha256_clear(&d);
    sha256_clear(&d);
    golden_add("cleared: %d\n", d.context == NULL);
}

static void (*const scenes[])(void) = {
    key_files,         whole_files, outputs_anew, outputs_in_pairs,  outputs_over_what_stays,
    outputs_elsewhere, folders,     bytes,        what_a_start_needs
};
enum { SCENES = sizeof scenes / sizeof *scenes };

/* ---- tests ---- */

static void play(int scene)
{
    calls = temporaries = 0;
    empty_folder();
    scenes[scene]();
}

static void each_scene(void **state)
{
    for (int i = 0; i < SCENES; i++) play(i);
}

/* Each call of each scene fails, in two ways; a number for five of them. */
static void each_call_fails(void **state)
{
    static const int errors[] = { EINTR, ENOSPC };
    for (int i = 0; i < 2 * SCENES; i++) {
        uint64_t sum = 0;
        int scene = i % SCENES;
        fail_with = errors[i / SCENES];
        for (fail_at = 1;; fail_at++) {
            size_t from = golden_n;
            play(scene);
            sum = sum * 31 + golden_fold(from);
            if (calls < fail_at) break;
            if (fail_at % 5 == 0)
                golden_add("scene %d, up to call %d fails with %d: %016" PRIx64 "\n", scene, fail_at, fail_with, sum);
        }
        fail_at = 0;
        assert_true(calls > 5);
    }
}

static void each_allocation_fails(void **state)
{
    for (int scene = 0; scene < SCENES; scene++) {
        uint64_t sum = 0;
        size_t before = heap_blocks();
        for (long k = 0;; k++) {
            size_t from = golden_n;
            heap_fail_after(k);
            play(scene);
            bool failed = heap_failed();
            heap_fail_after(-1);
            if (heap_blocks() != before)
                fail_msg("scene %d, allocation %ld: %zu blocks are left", scene, k, heap_blocks() - before);
            sum = sum * 31 + golden_fold(from);
            golden_add("scene %d, allocation %ld: %016" PRIx64 "\n", scene, k, sum);
            if (!failed) break;
        }
    }
}

static void it_is_as_it_was(void **state)
{
    const char *const *args = *state;
    if (PV_SANITIZED) skip(); /* a sanitizer's own calls come by here too */
    golden_compare(args[0], args[1] != NULL);
}

int main(int argc, char **argv)
{
    char folder[64], golden[4096], from[2048];
    if (!getcwd(from, sizeof from)) return 1;
    snprintf(golden, sizeof golden, "%s/%s", argc > 1 && argv[1][0] == '/' ? "" : from,
             argc > 1 ? argv[1] : "vectors/base/calls.txt");
    const char *args[2] = { golden, argc > 2 && !strcmp(argv[2], "write") ? argv[2] : NULL };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_scene),
        cmocka_unit_test(each_call_fails),
        cmocka_unit_test(each_allocation_fails),
        cmocka_unit_test_prestate(it_is_as_it_was, args),
    };
    umask(022);
    if (!access("/dev/shm", W_OK | X_OK)) setenv("TMPDIR", "/dev/shm", 1); /* memory: thousands of files are made */
    temp_dir_make(folder);
    if (chdir(folder)) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_remove(folder);
    return failed;
}
