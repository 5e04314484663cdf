#include "status_show.h"

#include "status_text.h"
#include "visible.h"

#include <jansson.h>
#include <stdlib.h>

enum { SHOWN_BYTES = 1024 };

static const char *shown(char to[SHOWN_BYTES], const json_t *of, const char *key)
{
    const char *text = json_string_value(json_object_get(of, key));
    return visible_text(to, SHOWN_BYTES, text ? text : "");
}

static long long number(const json_t *of, const char *key)
{
    return (long long)json_integer_value(json_object_get(of, key));
}

static void handler_print(FILE *to, const json_t *h)
{
    char name[SHOWN_BYTES], why[SHOWN_BYTES];
    long long failed = number(h, "retryable") + number(h, "permanent") + number(h, "resource") + number(h, "lost");
    fprintf(to, "%-20s %8lld %8lld %8lld %9lld %8lld %8lld %8lld %10lld %8lld %12lld %12lld\n",
            shown(name, h, "handler"), number(h, "calls"), number(h, "succeeded"), failed, number(h, "permanent"),
            number(h, "resource"), number(h, "stopped"), number(h, "running"), number(h, "busy_ms"),
            number(h, "mean_ms"), number(h, "bytes_in"), number(h, "bytes_out"));
    if (number(h, "rest_ms"))
        fprintf(to, "  rests for %lld s (rest number %lld): %s\n", number(h, "rest_ms") / 1000, number(h, "rests"),
                shown(why, h, "why"));
}

static void queue_print(FILE *to, const json_t *q)
{
    char queue[SHOWN_BYTES], handler[SHOWN_BYTES], why[SHOWN_BYTES];
    bool served = json_is_true(json_object_get(q, "served"));
    fprintf(to, "%-20s %-20s %s%s%s\n", shown(queue, q, "queue"), shown(handler, q, "handler"),
            served ? "served" : "not served", json_object_get(q, "why") ? ": " : "", shown(why, q, "why"));
}

static void text_print(FILE *to, const json_t *o)
{
    char state[SHOWN_BYTES], software[SHOWN_BYTES];
    const json_t *one;
    size_t i;
    fprintf(to, "%s  %s  up %lld s  %lld slots\n\n%-20s %-20s\n", shown(state, o, "state"),
            shown(software, o, "software"), number(o, "uptime_ms") / 1000, number(o, "slots"), "QUEUE", "HANDLER");
    json_array_foreach(json_object_get(o, "queues"), i, one) queue_print(to, one);
    fprintf(to, "\n%-20s %8s %8s %8s %9s %8s %8s %8s %10s %8s %12s %12s\n", "HANDLER", "CALLS", "GOOD", "FAILED",
            "PERMANENT", "RESOURCE", "STOPPED", "RUNNING", "BUSY_MS", "MEAN_MS", "BYTES_IN", "BYTES_OUT");
    json_array_foreach(json_object_get(o, "handlers"), i, one) handler_print(to, one);
}

pv_status status_show(FILE *to, const char *state, bool json, char why[STATUS_WHY_BYTES])
{
    char *text = malloc(STATUS_BYTES_MAX);
    if (!text) return PV_NO_MEMORY;
    pv_status s = status_socket_read(text, STATUS_BYTES_MAX, state, why);
    json_t *o = s == PV_OK ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (s == PV_OK && !json_is_object(o)) {
        snprintf(why, STATUS_WHY_BYTES, "what the node says is no status");
        s = PV_BAD_JSON;
    }
    if (s == PV_OK && json) fprintf(to, "%s\n", text);
    if (s == PV_OK && !json) text_print(to, o);
    json_decref(o);
    free(text);
    return s;
}
