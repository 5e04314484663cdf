/** What a process holds: descriptors, deleted files, memory; and what lies in a folder. */
#ifndef PV_HELD_H
#define PV_HELD_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct held {
    uint64_t descriptors, payloads; /* open; of them files of payloads */
    uint64_t deleted;               /* of them deleted ones */
    uint64_t memory_kib;
};

static inline uint64_t held_memory_kib(pid_t pid)
{
    char path[64], line[256];
    unsigned long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f) && sscanf(line, "VmRSS: %lu", &kib) != 1) continue;
    if (f) fclose(f);
    return kib;
}

static inline struct held held_by(pid_t pid)
{
    char path[64], name[600], target[512];
    struct held h = { .memory_kib = held_memory_kib(pid) };
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        ssize_t n = readlink(name, target, sizeof target - 1);
        if (n < 0) continue;
        target[n] = 0;
        h.descriptors++;
        bool payload = strstr(target, "/blobs/") || strstr(target, "/incoming/");
        h.payloads += payload;
        h.deleted += payload && strstr(target, "(deleted)");
    }
    if (d) closedir(d);
    return h;
}

/* Files in state/name. */
static inline uint64_t held_files(const char *state, const char *name)
{
    char path[512];
    uint64_t n = 0;
    snprintf(path, sizeof path, "%s/%s", state, name);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

#endif
