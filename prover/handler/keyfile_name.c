#include "keyfile_name.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const char suffix[] = ".zkey", own_name[] = "circuit.zkey";
enum { SUFFIX_BYTES = sizeof suffix - 1, ENTRIES_MOST = 1000 /* of a folder that is searched for keys */ };

static enum keyfile_kind fault(struct keyfile_name *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static enum keyfile_kind fault(struct keyfile_name *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(f->why, sizeof f->why, format, args);
    va_end(args);
    return KEYFILE_FAULT;
}

static bool has_suffix(const char *entry, int compare(const char *, const char *))
{
    size_t n = strlen(entry);
    return n >= SUFFIX_BYTES && !compare(entry + n - SUFFIX_BYTES, suffix);
}

static enum keyfile_kind name_take(struct keyfile_name *f, const char *from, size_t n)
{
    if (n > WIRE_NAME_MAX)
        return fault(f, "a circuit's name has at most %d characters, but this one has %zu", WIRE_NAME_MAX, n);
    if (!wire_name_valid(from, n)) return fault(f, "a circuit's name has only A-Z a-z 0-9 . _ -");
    snprintf(f->name, sizeof f->name, "%.*s", (int)n, from);
    return KEYFILE_KEY;
}

/* Why there is no regular file at f->path. One that went away or came just now is nothing to speak of. */
static enum keyfile_kind not_regular(struct keyfile_name *f)
{
    struct stat st;
    if (lstat(f->path, &st) != 0) return errno == ENOENT ? KEYFILE_NONE : fault(f, "%s", strerror(errno));
    if (stat(f->path, &st) != 0)
        return errno == ENOENT ? fault(f, "is a link to a file that is not there") : fault(f, "%s", strerror(errno));
    if (S_ISREG(st.st_mode)) return KEYFILE_NONE;
    return S_ISDIR(st.st_mode) ? fault(f, "is a folder, not a file") : fault(f, "is not a regular file");
}

/* NAME.zkey */
static enum keyfile_kind plain(struct keyfile_name *f, const char *entry)
{
    if (*entry == '.') return fault(f, "a circuit's name does not begin with a dot");
    if (!has_suffix(entry, strcmp)) return fault(f, "a key's name ends in .zkey, in small letters");
    enum keyfile_kind kind = name_take(f, entry, strlen(entry) - SUFFIX_BYTES);
    if (kind != KEYFILE_KEY || file_stamp_of(&f->stamp, f->path)) return kind;
    return not_regular(f);
}

/* A folder without circuit.zkey may be somebody's folder of keys, which the node does not serve. */
static enum keyfile_kind other_keys(struct keyfile_name *f, const char *folder, const char *entry)
{
    char path[4096];
    int used = snprintf(path, sizeof path, "%s/%s", folder, entry), seen = 0;
    bool keys = false;
    DIR *below = used > 0 && (size_t)used < sizeof path ? opendir(path) : NULL;
    for (struct dirent *e; below && !keys && seen < ENTRIES_MOST && (e = readdir(below)); seen++)
        keys = has_suffix(e->d_name, strcasecmp);
    if (below) closedir(below);
    if (!keys) return KEYFILE_NONE;
    snprintf(f->file, sizeof f->file, "%s/", entry);
    return fault(f, "the key in a folder below this one is called %s, and there is none: its other keys are not read",
                 own_name);
}

/* Of NAME.zkey and NAME/circuit.zkey the first counts. */
static bool has_twin(const struct keyfile_name *f, const char *folder)
{
    char path[4096];
    struct file_stamp stamp;
    int used = snprintf(path, sizeof path, "%s/%s%s", folder, f->name, suffix);
    return used > 0 && (size_t)used < sizeof path && file_stamp_of(&stamp, path);
}

/* NAME/circuit.zkey */
static enum keyfile_kind of_its_own(struct keyfile_name *f, const char *folder, const char *entry)
{
    if (!file_stamp_of(&f->stamp, f->path)) {
        struct stat st;
        if (lstat(f->path, &st) != 0 && errno == ENOENT) return other_keys(f, folder, entry);
        return not_regular(f);
    }
    enum keyfile_kind kind = name_take(f, entry, strlen(entry));
    if (kind == KEYFILE_KEY && has_twin(f, folder))
        return fault(f, "circuit %s is served from %s%s, which counts where both are there", f->name, f->name, suffix);
    return kind;
}

static bool is_folder(const char *folder, const struct dirent *entry)
{
    char path[4096];
    struct stat st;
    if (entry->d_type != DT_DIR && entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) return false;
    int used = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    return used > 0 && (size_t)used < sizeof path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum keyfile_kind keyfile_name_of(struct keyfile_name *f, const char *folder, const struct dirent *entry)
{
    const char *name = entry->d_name;
    bool file = has_suffix(name, strcasecmp);
    if (!file && (*name == '.' || !is_folder(folder, entry))) return KEYFILE_NONE;
    int used = snprintf(f->file, sizeof f->file, "%s%s%s", name, file ? "" : "/", file ? "" : own_name);
    if (used < 0 || (size_t)used >= sizeof f->file) return KEYFILE_NONE; /* no file system has such names */
    used = snprintf(f->path, sizeof f->path, "%s/%s", folder, f->file);
    if (used < 0 || (size_t)used >= sizeof f->path) return fault(f, "its path is too long");
    return file ? plain(f, name) : of_its_own(f, folder, name);
}
