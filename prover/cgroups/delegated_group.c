#include "delegated_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static FILE *proc_open(const char *root, const char *file)
{
    char path[GROUP_PATH_BYTES];
    snprintf(path, sizeof path, "%s/proc/self/%s", root, file);
    return fopen(path, "re");
}

static void line_end_cut(char *line)
{
    line[strcspn(line, "\n")] = 0;
}

/* "0::/system.slice/x.service" */
static bool own_read(char own[GROUP_PATH_BYTES], const char *root)
{
    char line[GROUP_PATH_BYTES];
    FILE *in = proc_open(root, "cgroup");
    bool found = false;
    while (in && !found && fgets(line, sizeof line, in)) {
        line_end_cut(line);
        found = !strncmp(line, "0::/", 4);
        if (found) snprintf(own, GROUP_PATH_BYTES, "%s", line + 3);
    }
    if (in) fclose(in);
    return found;
}

/* Where cgroup2 is mounted, and which group is there: "40 30 0:37 /GROUP /sys/fs/cgroup rw - cgroup2 cgroup2 rw". */
static bool mount_read(char at[GROUP_PATH_BYTES], char group[GROUP_PATH_BYTES], const char *root)
{
    char *line = NULL;
    size_t room = 0;
    FILE *in = proc_open(root, "mountinfo");
    bool found = false;
    while (in && !found && getline(&line, &room, in) > 0) {
        const char *type = strstr(line, " - ");
        if (!type || strncmp(type, " - cgroup2 ", 11) != 0) continue;
        found = sscanf(line, "%*s %*s %*s %2047s %2047s", group, at) == 2;
    }
    free(line);
    if (in) fclose(in);
    return found;
}

/* What of own is below the group that is mounted; NULL: it is not below. */
static const char *below(const char *own, const char *mounted)
{
    size_t n = strcmp(mounted, "/") ? strlen(mounted) : 0;
    if (strncmp(own, mounted, n) != 0 || (own[n] && own[n] != '/')) return NULL;
    return strcmp(own + n, "/") ? own + n : "";
}

static bool said(const char *path)
{
    char value[8];
    ssize_t n = getxattr(path, "user.delegate", value, sizeof value);
    if (n <= 0) n = getxattr(path, "trusted.delegate", value, sizeof value);
    return n >= 1 && value[0] == '1';
}

static bool owned(const char *path)
{
    static const char *const files[] = { "", "/cgroup.procs", "/cgroup.subtree_control" };
    char file[GROUP_PATH_BYTES + 32];
    struct stat st;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(file, sizeof file, "%s%s", path, files[i]);
        if (stat(file, &st) || st.st_uid != geteuid()) return false;
    }
    return geteuid() != 0;
}

bool delegated_group_find(char path[GROUP_PATH_BYTES], const char *root, char why[GROUP_WHY_BYTES])
{
    char own[GROUP_PATH_BYTES], at[GROUP_PATH_BYTES], mounted[GROUP_PATH_BYTES];
    const char *rest = own_read(own, root) && mount_read(at, mounted, root) ? below(own, mounted) : NULL;
    if (!rest) {
        snprintf(why, GROUP_WHY_BYTES, "there are no control groups of version 2 here");
        return false;
    }
    if (snprintf(path, GROUP_PATH_BYTES, "%s%s%s", root, at, rest) >= GROUP_PATH_BYTES) {
        snprintf(why, GROUP_WHY_BYTES, "the path of the control group is too long");
        return false;
    }
    if (said(path) || owned(path)) return true;
    snprintf(why, GROUP_WHY_BYTES, "the control group %.150s is not delegated (systemd: Delegate=yes)", path);
    return false;
}
