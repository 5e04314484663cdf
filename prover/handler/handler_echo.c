#include "handler_echo.h"

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STEP_MS = 20, SLEEP_MOST_MS = 3600 * 1000, RESULT_MOST = 512 << 20, ORDER_MOST = 64 << 10 };

struct order {
    long long sleep_ms, bytes;
    char fail[16];
};

static long long member(const json_t *o, const char *key, long long most)
{
    long long v = json_integer_value(json_object_get(o, key));
    return v < 0 ? 0 : v > most ? most : v;
}

static struct order order_of(const struct handler_input *in)
{
    struct order o = { 0 };
    if (in->size > ORDER_MOST) return o; /* not an order, and parsing it would take eighty times its size */
    json_t *root = json_loadb((const char *)in->bytes, in->size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return o;
    }
    o.sleep_ms = member(root, "sleep_ms", SLEEP_MOST_MS);
    o.bytes = member(root, "bytes", RESULT_MOST);
    const char *fail = json_string_value(json_object_get(root, "fail"));
    if (fail) snprintf(o.fail, sizeof o.fail, "%s", fail);
    json_decref(root);
    return o;
}

static bool work(long long ms, const struct handler_watch *watch)
{
    for (long long done = 0; done < ms; done += STEP_MS) {
        if (watch->stop && atomic_load(watch->stop)) return false;
        if (watch->progress) watch->progress(watch->ctx, "echo", (unsigned)(done * 100 / ms));
        long long step = ms - done < STEP_MS ? ms - done : STEP_MS;
        nanosleep(&(struct timespec){ 0, (long)step * 1000000 }, NULL);
    }
    return true;
}

static pv_status refuse(struct handler_output *out, enum handler_verdict verdict, pv_status s, const char *what)
{
    out->verdict = verdict;
    snprintf(out->text, sizeof out->text, "echo was told to fail: %s", what);
    return s;
}

/* FNV-1a over the input seeds a xorshift fill: the receiver can recompute it, and no two inputs look alike. */
static void fill(uint8_t *to, size_t n, const struct handler_input *in)
{
    uint64_t x = 14695981039346656037u;
    for (size_t i = 0; i < in->size; i++) x = (x ^ in->bytes[i]) * 1099511628211u;
    x |= 1; /* xorshift stays at 0 */
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        to[i] = (uint8_t)x;
    }
}

static pv_status answer(const struct order *o, const struct handler_input *in, struct handler_output *out)
{
    size_t size = o->bytes ? (size_t)o->bytes : in->size;
    out->bytes = malloc(size ? size : 1);
    if (!out->bytes) return refuse(out, HANDLER_RESOURCE, PV_NO_MEMORY, "no memory for the answer");
    if (o->bytes)
        fill(out->bytes, size, in);
    else if (size)
        memcpy(out->bytes, in->bytes, size);
    out->size = size;
    return PV_OK;
}

static pv_status echo_run(void *self, const struct handler_input *in, const struct handler_watch *watch,
                          struct handler_output *out)
{
    struct order o = order_of(in);
    if (!work(o.sleep_ms, watch)) return PV_CANCELLED;
    if (!strcmp(o.fail, "crash")) kill(getpid(), SIGKILL);
    if (!strcmp(o.fail, "permanent")) return refuse(out, HANDLER_PERMANENT, PV_INVALID_INPUT, o.fail);
    if (!strcmp(o.fail, "retryable")) return refuse(out, HANDLER_RETRYABLE, PV_FAILED, o.fail);
    if (!strcmp(o.fail, "resource")) return refuse(out, HANDLER_RESOURCE, PV_RESOURCES, o.fail);
    return answer(&o, in, out);
}

struct handler handler_echo(void)
{
    return (struct handler){ .name = "echo", .run = echo_run };
}
