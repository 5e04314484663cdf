/* One call of mount_setattr (Linux 5.12) makes every mount read-only, those below too; then the folder alone is writable again. */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static unsigned failed(struct confine_fault *f, const char *what, const char *of)
{
    f->error = errno;
    snprintf(f->text, sizeof f->text, "%s %.120s", what, of);
    return 0;
}

/* A folder becomes an empty one, a file reads as /dev/null. What is not there needs no hiding. */
static bool hide(const char *path)
{
    struct stat st;
    if (stat(path, &st)) return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    if (!S_ISDIR(st.st_mode)) return !mount("/dev/null", path, NULL, MS_BIND, NULL);
    return !mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=0755");
}

/* The folders above path that a hidden one has swallowed, and path itself. */
static void folders_make(const char *path)
{
    char part[PATH_BYTES];
    if (strlen(path) >= sizeof part) return;
    for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        size_t n = slash ? (size_t)(slash - path) : strlen(path);
        memcpy(part, path, n);
        part[n] = 0;
        (void)mkdir(part, 0755);
        if (!slash) return;
    }
}

static bool bound(int folder, const char *path)
{
    char from[64];
    snprintf(from, sizeof from, "/proc/self/fd/%d", folder);
    folders_make(path);
    return !mount(from, path, NULL, MS_BIND, NULL);
}

static bool is_set_read_only(const char *path, bool read_only, unsigned flags)
{
    struct mount_attr attr = { 0 };
    if (read_only)
        attr.attr_set = MOUNT_ATTR_RDONLY;
    else
        attr.attr_clr = MOUNT_ATTR_RDONLY;
    return !mount_setattr(AT_FDCWD, path, flags, &attr, sizeof attr);
}

/* /proc of the new namespace of processes. Where the kernel refuses it (a container that covers parts of its own /proc),
 * the program must not see the other processes either: it gets an empty folder. */
static bool proc_mount(void)
{
    return !mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) ||
           !mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0555");
}

unsigned confine_files(const struct launch_plan *p, struct confine_fault *f)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) return failed(f, "mounts", "");
    int folder = open(p->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return failed(f, "open", p->folder);
    for (size_t i = 0; p->hide[i]; i++)
        if (!hide(p->hide[i])) return failed(f, "hide", p->hide[i]);
    if (!bound(folder, p->folder)) return failed(f, "bind", p->folder);
    close(folder);
    if (!proc_mount()) return failed(f, "mount", "/proc");
    if (!is_set_read_only("/", true, AT_RECURSIVE)) return failed(f, "read-only", "/");
    (void)is_set_read_only("/proc", false, 0); /* its own: what a user may set there of its processes, it may here */
    if (!is_set_read_only(p->folder, false, 0)) return failed(f, "writable", p->folder);
    return LAUNCH_GOT_FILES;
}
