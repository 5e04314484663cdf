/** What a broker process costs: processor, memory, descriptors, from /proc. */
#ifndef PV_BROKER_COST_H
#define PV_BROKER_COST_H

#include <dirent.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Of all its threads since its start. */
static inline uint64_t broker_cost_cpu_us(pid_t pid)
{
    char path[300];
    uint64_t ns = 0, one;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.32s/schedstat", (int)pid, e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%" SCNu64, &one) == 1) ns += one;
        if (f) fclose(f);
    }
    if (d) closedir(d);
    return ns / 1000;
}

/* what: a line of /proc/PID/status in KiB, with its colon: "VmHWM:", "VmRSS:". */
static inline uint64_t broker_cost_kib(pid_t pid, const char *what)
{
    char path[64], line[256], format[64];
    uint64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    snprintf(format, sizeof format, "%s %%" SCNu64, what);
    while (f && fgets(line, sizeof line, f)) sscanf(line, format, &kib);
    if (f) fclose(f);
    return kib;
}

static inline unsigned broker_cost_descriptors(pid_t pid)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static inline double machine_load(void)
{
    double load = 0;
    FILE *f = fopen("/proc/loadavg", "r");
    if (f && fscanf(f, "%lf", &load) != 1) load = 0;
    if (f) fclose(f);
    return load;
}

#endif
