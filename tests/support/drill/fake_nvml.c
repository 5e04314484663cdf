/* libnvidia-ml.so.1 for drills and tests: the cards that FAKE_NVML names, with commas between. One whose name ends in /N is cut into N
 * parts (MIG). What befalls them is read from the file FAKE_NVML_EVENT, which is removed: "BOARD XID", or "BOARD ecc". FAKE_NVML_REFUSES: nvmlInit
 * fails with that number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { BOARDS = 8, PARTS = 7, NOT_SUPPORTED = 3, NOT_FOUND = 6, TIMEOUT = 10 };

struct fake {
    char name[64];
    unsigned parts, part, board;
};

static struct fake boards[BOARDS], parts[BOARDS][PARTS];
static unsigned boards_n;

EXPORT int nvmlInit_v2(void);
EXPORT int nvmlShutdown(void);
EXPORT int nvmlDeviceGetCount_v2(unsigned *n);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned i, struct fake **d);
EXPORT int nvmlDeviceGetUUID(struct fake *d, char *to, unsigned room);
EXPORT int nvmlDeviceGetMigMode(struct fake *d, unsigned *now, unsigned *later);
EXPORT int nvmlDeviceGetMaxMigDeviceCount(struct fake *d, unsigned *n);
EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(struct fake *d, unsigned i, struct fake **part);
EXPORT int nvmlEventSetCreate(void **set);
EXPORT int nvmlEventSetFree(void *set);
EXPORT int nvmlDeviceRegisterEvents(struct fake *d, unsigned long long types, void *set);

EXPORT int nvmlDeviceGetMemoryInfo(struct fake *d, unsigned long long figures[3]);
EXPORT int nvmlDeviceGetUtilizationRates(struct fake *d, unsigned figures[2]);
EXPORT int nvmlDeviceGetTemperature(struct fake *d, int sensor, unsigned *celsius);
EXPORT int nvmlDeviceGetPowerUsage(struct fake *d, unsigned *milliwatts);

struct event {
    struct fake *of;
    unsigned long long type, data;
    unsigned instance[2];
};
EXPORT int nvmlEventSetWait_v2(void *set, struct event *e, unsigned ms);

static void board_read(struct fake *b, char *name)
{
    char *cut = strchr(name, '/');
    if (cut) b->parts = (unsigned)atoi(cut + 1), *cut = 0;
    snprintf(b->name, sizeof b->name, "%s", name);
    b->board = boards_n++;
    for (unsigned i = 0; i < b->parts; i++) {
        parts[b->board][i] = (struct fake){ .part = i + 1, .board = b->board };
        snprintf(parts[b->board][i].name, sizeof b->name, "MIG-%.40s-%u", name + strcspn(name, "-") + 1, i);
    }
}

int nvmlInit_v2(void)
{
    char list[512], *at = list, *name;
    if (getenv("FAKE_NVML_REFUSES")) return atoi(getenv("FAKE_NVML_REFUSES"));
    snprintf(list, sizeof list, "%s", getenv("FAKE_NVML") ? getenv("FAKE_NVML") : "");
    memset(boards, 0, sizeof boards);
    for (boards_n = 0; boards_n < BOARDS && (name = strsep(&at, ","));)
        if (*name) board_read(&boards[boards_n], name);
    return 0;
}

int nvmlShutdown(void)
{
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *n)
{
    *n = boards_n;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned i, struct fake **d)
{
    if (!strcmp(boards[i].name, "lost")) return 15; /* NVML_ERROR_GPU_IS_LOST */
    *d = &boards[i];
    return 0;
}

int nvmlDeviceGetUUID(struct fake *d, char *to, unsigned room)
{
    snprintf(to, room, "%s", d->name);
    return 0;
}

int nvmlDeviceGetMigMode(struct fake *d, unsigned *now, unsigned *later)
{
    *now = *later = d->parts > 0;
    return strstr(d->name, "old") ? NOT_SUPPORTED : 0;
}

int nvmlDeviceGetMaxMigDeviceCount(struct fake *d, unsigned *n)
{
    *n = PARTS;
    return d->parts ? 0 : NOT_SUPPORTED;
}

int nvmlDeviceGetMigDeviceHandleByIndex(struct fake *d, unsigned i, struct fake **part)
{
    *part = &parts[d->board][i];
    return i < d->parts ? 0 : NOT_FOUND;
}

int nvmlEventSetCreate(void **set)
{
    *set = boards;
    return 0;
}

int nvmlEventSetFree(void *set)
{
    return 0;
}

int nvmlDeviceRegisterEvents(struct fake *d, unsigned long long types, void *set)
{
    return types == (0x2 | 0x8) ? 0 : NOT_SUPPORTED;
}

int nvmlEventSetWait_v2(void *set, struct event *e, unsigned ms)
{
    char what[16];
    unsigned board;
    const char *path = getenv("FAKE_NVML_EVENT");
    FILE *in = path ? fopen(path, "re") : NULL;
    if (!in) return TIMEOUT;
    int n = fscanf(in, "%u %15s", &board, what);
    fclose(in);
    if (n == 2) unlink(path); /* else it is still being written */
    if (n != 2 || board >= boards_n) return TIMEOUT;
    int ecc = !strcmp(what, "ecc");
    *e = (struct event){ .of = &boards[board], .type = ecc ? 0x2 : 0x8, .data = ecc ? 0 : strtoull(what, NULL, 10) };
    return 0;
}

int nvmlDeviceGetMemoryInfo(struct fake *d, unsigned long long figures[3])
{
    figures[0] = 80ull << 30;
    figures[1] = 79ull << 30;
    figures[2] = (1ull << 30) + d->board;
    return 0;
}

int nvmlDeviceGetUtilizationRates(struct fake *d, unsigned figures[2])
{
    figures[0] = 42;
    return 0;
}

int nvmlDeviceGetTemperature(struct fake *d, int sensor, unsigned *celsius)
{
    *celsius = 61;
    return sensor ? NOT_FOUND : 0;
}

/* As of a card that does not tell it. */
int nvmlDeviceGetPowerUsage(struct fake *d, unsigned *milliwatts)
{
    return NOT_SUPPORTED;
}
