#include "nvml.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NVML_OK = 0, BOARDS_MAX = 32, EVENT_DOUBLE_BIT_ECC = 0x2, EVENT_XID = 0x8 };

typedef struct nvml_device *device;
typedef struct nvml_event_set *event_set;

struct event_data {
    device of;
    unsigned long long type, data;
    unsigned gpu_instance, compute_instance;
};

/* X(member, result, arguments, name) */
#define NVML_CALLS(X)                                                                                                  \
    X(init, (void), "nvmlInit_v2")                                                                                     \
    X(shutdown, (void), "nvmlShutdown")                                                                                \
    X(count, (unsigned *), "nvmlDeviceGetCount_v2")                                                                    \
    X(by_index, (unsigned, device *), "nvmlDeviceGetHandleByIndex_v2")                                                 \
    X(uuid, (device, char *, unsigned), "nvmlDeviceGetUUID")                                                           \
    X(mig_mode, (device, unsigned *, unsigned *), "nvmlDeviceGetMigMode")                                              \
    X(mig_most, (device, unsigned *), "nvmlDeviceGetMaxMigDeviceCount")                                                \
    X(mig_by_index, (device, unsigned, device *), "nvmlDeviceGetMigDeviceHandleByIndex")                               \
    X(set_new, (event_set *), "nvmlEventSetCreate")                                                                    \
    X(set_free, (event_set), "nvmlEventSetFree")                                                                       \
    X(watch, (device, unsigned long long, event_set), "nvmlDeviceRegisterEvents")                                      \
    X(wait, (event_set, struct event_data *, unsigned), "nvmlEventSetWait_v2")

struct memory {
    unsigned long long total, free, used;
};
struct use {
    unsigned gpu, memory; /* percent of the last sample */
};

/* For people alone: a library without one of them serves as well. */
#define NVML_FACTS(X)                                                                                                  \
    X(memory_of, (device, struct memory *), "nvmlDeviceGetMemoryInfo")                                                 \
    X(use_of, (device, struct use *), "nvmlDeviceGetUtilizationRates")                                                 \
    X(temperature_of, (device, int, unsigned *), "nvmlDeviceGetTemperature")                                           \
    X(power_of, (device, unsigned *), "nvmlDeviceGetPowerUsage")

struct nvml {
    void *library;
#define X(member, arguments, name) int(*member) arguments;
    NVML_CALLS(X)
    NVML_FACTS(X)
#undef X
    bool up;
    event_set events; /* NULL: no card tells any */
    device boards[BOARDS_MAX];
    unsigned boards_n;
    struct nvml_card cards[NVML_CARDS_MAX];
    unsigned cards_n;
};

/* True: all of them are there. (A function's address through an object pointer, as POSIX has it for dlsym.) */
static bool calls_find(struct nvml *n)
{
    bool all = true;
#define X(member, arguments, name)                                                                                     \
    *(void **)(&n->member) = dlsym(n->library, name);                                                                  \
    all = all && n->member;
    NVML_CALLS(X)
#undef X
#define X(member, arguments, name) *(void **)(&n->member) = dlsym(n->library, name);
    NVML_FACTS(X)
#undef X
    return all;
}

static void card_add(struct nvml *n, device d, unsigned board)
{
    struct nvml_card *c = &n->cards[n->cards_n];
    if (n->cards_n == NVML_CARDS_MAX || n->uuid(d, c->uuid, sizeof c->uuid) != NVML_OK) return;
    c->uuid[sizeof c->uuid - 1] = 0;
    c->board = board;
    n->cards_n++;
}

/* A card that is cut into parts, or could be and is not. */
static void parts_add(struct nvml *n, device d, unsigned board)
{
    unsigned now = 0, later = 0, most = 0;
    if (n->mig_mode(d, &now, &later) != NVML_OK || now != 1 || n->mig_most(d, &most) != NVML_OK) {
        card_add(n, d, board);
        return;
    }
    for (unsigned i = 0; i < most; i++) {
        device part;
        if (n->mig_by_index(d, i, &part) == NVML_OK) card_add(n, part, board);
    }
}

static void boards_read(struct nvml *n)
{
    unsigned count = 0;
    if (n->count(&count) != NVML_OK) return;
    if (n->set_new(&n->events) != NVML_OK) n->events = NULL;
    for (unsigned i = 0; i < count && n->boards_n < BOARDS_MAX; i++) {
        device d;
        if (n->by_index(i, &d) != NVML_OK) continue;                                   /* lost, or not ours to see */
        if (n->events) (void)n->watch(d, EVENT_DOUBLE_BIT_ECC | EVENT_XID, n->events); /* small cards tell none */
        n->boards[n->boards_n] = d;
        parts_add(n, d, n->boards_n++);
    }
}

pv_status nvml_open(struct nvml **n_p, const char *library, struct prove_error *err)
{
    struct nvml *n = calloc(1, sizeof *n);
    if (!n) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    n->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    bool there = n->library && calls_find(n);
    int refused = there ? n->init() : 0;
    n->up = there && refused == NVML_OK;
    if (n->up) {
        boards_read(n);
        *n_p = n;
        return PV_OK;
    }
    if (!n->library)
        prove_error_set(err, PV_NO_DEVICE, "no NVIDIA driver here, or one without NVML (%s)", library);
    else if (!there)
        prove_error_set(err, PV_NO_DEVICE, "%s is too old", library);
    else
        prove_error_set(err, PV_NO_DEVICE, "NVML refuses (%d): is the driver loaded?", refused);
    nvml_close(&n);
    return PV_NO_DEVICE;
}

void nvml_close(struct nvml **n_p)
{
    struct nvml *n = *n_p;
    if (!n) return;
    if (n->events) (void)n->set_free(n->events);
    if (n->up) (void)n->shutdown();
    if (n->library) dlclose(n->library);
    free(n);
    *n_p = NULL;
}

const struct nvml_card *nvml_cards(const struct nvml *n, unsigned *count)
{
    *count = n->cards_n;
    return n->cards;
}

bool nvml_facts(const struct nvml *n, unsigned board, struct nvml_facts *to)
{
    struct memory m = { 0 };
    struct use u = { 0 };
    if (board >= n->boards_n) return false;
    device d = n->boards[board];
    *to = (struct nvml_facts){ .has_memory = n->memory_of && n->memory_of(d, &m) == NVML_OK,
                               .has_use = n->use_of && n->use_of(d, &u) == NVML_OK };
    to->memory_used = m.used;
    to->memory_total = m.total;
    to->use_percent = u.gpu;
    to->has_temperature = n->temperature_of && n->temperature_of(d, 0, &to->temperature_c) == NVML_OK;
    to->has_power = n->power_of && n->power_of(d, &to->power_mw) == NVML_OK;
    return to->has_memory || to->has_use || to->has_temperature || to->has_power;
}

/* What a program did to itself: if it is ours, CUDA tells it. Source: NVIDIA's list of Xids. */
static bool is_of_a_program(unsigned long long xid)
{
    static const unsigned char of_programs[] = { 13, 31, 43, 45, 68, 69, 80 };
    return xid < 256 && memchr(of_programs, (int)xid, sizeof of_programs) != NULL;
}

bool nvml_event(struct nvml *n, unsigned wait_ms, unsigned *board, char why[64])
{
    struct event_data e = { 0 };
    if (!n->events || n->wait(n->events, &e, wait_ms) != NVML_OK) return false;
    if (e.type == EVENT_XID && is_of_a_program(e.data)) return false;
    for (*board = 0; *board < n->boards_n && n->boards[*board] != e.of;) ++*board;
    if (e.type == EVENT_XID)
        snprintf(why, 64, "NVML: Xid %llu", e.data);
    else
        snprintf(why, 64, "NVML: an ECC error that was not corrected");
    return *board < n->boards_n;
}
