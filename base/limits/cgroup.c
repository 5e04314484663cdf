#include "cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096 + 64 };

/* --- one folder of a group --- */

static bool read_line(char *line, size_t bytes, const char *folder, const char *file)
{
    char path[PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *in = fopen(path, "re");
    bool ok = in && fgets(line, (int)bytes, in);
    if (in) fclose(in);
    return ok;
}

/* False for "max", for -1 and for what is no number: no limit. */
static bool read_number(uint64_t *value, const char *text)
{
    char *end;
    if (*text < '0' || *text > '9') return false;
    *value = strtoull(text, &end, 10);
    return end != text;
}

static void quota_take(struct cgroup *c, uint64_t quota, uint64_t period)
{
    if (!period) return;
    uint64_t cpus = quota / period + (quota % period != 0);
    if (!cpus) cpus = 1;
    if (cpus < c->cpus) c->cpus = (unsigned)cpus;
}

static void cpu_take(struct cgroup *c, const char *folder)
{
    char line[64], *rest;
    uint64_t quota, period = 100000;
    if (read_line(line, sizeof line, folder, "cpu.max")) { /* "50000 100000", "max 100000" */
        if (!read_number(&quota, line)) return;
        rest = strchr(line, ' ');
        if (rest) read_number(&period, rest + 1);
        quota_take(c, quota, period);
        return;
    }
    if (!read_line(line, sizeof line, folder, "cpu.cfs_quota_us") || !read_number(&quota, line)) return;
    if (read_line(line, sizeof line, folder, "cpu.cfs_period_us")) read_number(&period, line);
    quota_take(c, quota, period);
}

static void least_take(uint64_t *least, char name[32], const char *folder, const char *file)
{
    char line[64];
    uint64_t value;
    if (!read_line(line, sizeof line, folder, file) || !read_number(&value, line) || value >= *least) return;
    *least = value;
    snprintf(name, 32, "%s", file);
}

/* Version 1 tells what groups above allow, also those that a container does not see. */
static void hierarchical_take(struct cgroup *c, const char *folder)
{
    char path[PATH_BYTES + 64], line[256];
    uint64_t value;
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    FILE *in = fopen(path, "re");
    while (in && fgets(line, sizeof line, in)) {
        static const char name[] = "hierarchical_memory_limit ";
        if (strncmp(line, name, sizeof name - 1) || !read_number(&value, line + sizeof name - 1)) continue;
        if (value >= c->memory) continue;
        c->memory = value;
        snprintf(c->memory_file, sizeof c->memory_file, "memory.limit_in_bytes");
    }
    if (in) fclose(in);
}

static void folder_take(struct cgroup *c, const char *folder)
{
    cpu_take(c, folder);
    least_take(&c->memory, c->memory_file, folder, "memory.max");
    least_take(&c->memory, c->memory_file, folder, "memory.high");
    least_take(&c->memory, c->memory_file, folder, "memory.limit_in_bytes");
    hierarchical_take(c, folder);
    least_take(&c->tasks, c->tasks_file, folder, "pids.max");
}

/* --- where the groups are --- */

/* Whether a list such as "rw,cpu,cpuacct" has the word. */
static bool has_word(const char *list, const char *word)
{
    size_t bytes = strlen(word);
    for (size_t n; *list; list += n + (list[n] == ',')) {
        n = strcspn(list, ",\n");
        if (n == bytes && !strncmp(list, word, n)) return true;
        if (list[n] == '\n') break;
    }
    return false;
}

/* The path behind "NUMBER:CONTROLLERS:" if the line is the one of that controller (of version 2: ""); else NULL. */
static char *path_in(char *line, const char *controller)
{
    char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
    if (!path) return NULL;
    *path++ = 0;
    path[strcspn(path, "\n")] = 0;
    bool mine = *controller ? has_word(list + 1, controller) : !list[1];
    return mine ? path : NULL;
}

/* The process's group in the hierarchy of that controller. False: it is in none. */
static bool group_path(char to[PATH_BYTES], const char *root, const char *controller)
{
    char file[PATH_BYTES], *line = NULL;
    size_t room = 0;
    bool found = false;
    snprintf(file, sizeof file, "%s/proc/self/cgroup", root);
    FILE *in = fopen(file, "re");
    while (in && !found && getline(&line, &room, in) > 0) {
        const char *path = path_in(line, controller);
        if (path && strlen(path) < PATH_BYTES) found = strcpy(to, path);
    }
    free(line);
    if (in) fclose(in);
    return found;
}

/* A line of mountinfo: "30 22 0:27 ROOT POINT rw - TYPE SOURCE OPTIONS". Borrowed from the line. */
struct mount {
    char *root, *point, *type, *options;
};

/* "\040" stands for a space, and so on. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        unsigned code;
        bool escaped = at[0] == '\\' && strspn(at + 1, "01234567") >= 3 && sscanf(at + 1, "%3o", &code) == 1;
        *to++ = escaped ? (char)code : *at;
        if (escaped) at += 3;
    }
    *to = 0;
}

static bool mount_read(struct mount *m, char *line)
{
    char *rest, *word[6] = { NULL };
    char *behind = strstr(line, " - ");
    if (!behind) return false;
    *behind = 0;
    int n = 0;
    for (char *w = strtok_r(line, " ", &rest); w && n < 5; w = strtok_r(NULL, " ", &rest)) word[n++] = w;
    m->type = strtok_r(behind + 3, " ", &rest);
    if (n < 5 || !m->type || !strtok_r(NULL, " ", &rest)) return false;
    m->options = strtok_r(NULL, " ", &rest);
    m->root = word[3];
    m->point = word[4];
    unescape(m->root);
    unescape(m->point);
    return true;
}

/* Of the path what lies below the mount's root. A path that is not below it is another view of the same group (a
 * container whose names begin at the host, or the reverse): then the mount point is the best that there is. */
static const char *path_below(const struct mount *m, const char *path)
{
    size_t n = strcmp(m->root, "/") ? strlen(m->root) : 0;
    if (strstr(path, "/..") || strncmp(path, m->root, n) || (path[n] && path[n] != '/')) return "";
    return strcmp(path + n, "/") ? path + n : "";
}

/* The process's group, its parent, and so on up to the mount point. */
static void groups_take(struct cgroup *c, const struct mount *m, const char *root, const char *path)
{
    char folder[PATH_BYTES];
    int top = snprintf(folder, sizeof folder, "%s%s", root, m->point);
    if (top < 0 || (size_t)top + strlen(path) >= sizeof folder) return;
    strcat(folder, path_below(m, path));
    folder_take(c, folder);
    for (char *cut; (cut = strrchr(folder + top, '/'));) {
        *cut = 0;
        folder_take(c, folder);
    }
}

/* Version 1 has a mount for each controller, version 2 one for all of them. */
static void mount_take(struct cgroup *c, const struct mount *m, const char *root)
{
    static const char *const controllers[] = { "cpu", "memory", "pids" };
    char path[PATH_BYTES];
    if (strstr(m->root, "/..")) return; /* a group that is not ours, seen from a namespace */
    if (!strcmp(m->type, "cgroup2") && group_path(path, root, "")) groups_take(c, m, root, path);
    if (strcmp(m->type, "cgroup") || !m->options) return;
    for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
        if (has_word(m->options, controllers[i]) && group_path(path, root, controllers[i]))
            groups_take(c, m, root, path);
}

void cgroup_read(struct cgroup *c, const char *root)
{
    char file[PATH_BYTES], *line = NULL;
    size_t room = 0;
    *c = (struct cgroup){ .cpus = UINT_MAX, .memory = UINT64_MAX, .tasks = UINT64_MAX };
    snprintf(file, sizeof file, "%s/proc/self/mountinfo", root);
    FILE *in = fopen(file, "re");
    while (in && getline(&line, &room, in) > 0) {
        struct mount m;
        if (mount_read(&m, line)) mount_take(c, &m, root);
    }
    free(line);
    if (in) fclose(in);
}
