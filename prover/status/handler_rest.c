#include "handler_rest.h"

static bool holds(const struct rest_row *row, wire_id task)
{
    for (unsigned i = 0; i < row->n; i++)
        if (wire_id_equal(row->tasks[i], task)) return true;
    return false;
}

/* Whether the task would be the last one of the row. */
static bool completes(const struct rest_row *row, wire_id task)
{
    return row->n + 1 >= REST_TASKS && !holds(row, task);
}

static void add(struct rest_row *row, wire_id task)
{
    if (!holds(row, task) && row->n < REST_TASKS) row->tasks[row->n++] = task;
}

static void rest(struct handler_rest *r, uint64_t now_ms)
{
    uint64_t ms = r->first_ms ? r->first_ms : REST_MS;
    for (unsigned i = 0; i < r->doubled && ms < REST_MOST_MS; i++) ms *= 2;
    r->rest_ms = ms < REST_MOST_MS ? ms : REST_MOST_MS;
    r->until_ms = now_ms + r->rest_ms;
    r->state = REST_RESTS;
    r->row.n = 0;
    r->doubled++;
}

/* The broker's rule fires with the last task of the row, and begins a new one. */
static void said(struct handler_rest *r, struct rest_row *node, wire_id task)
{
    add(&r->row, task);
    add(node, task);
    if (node->n == REST_TASKS) node->n = r->row.n = 0;
}

enum rest_answer handler_rest_failed(struct handler_rest *r, struct rest_row *node, wire_id task, bool others,
                                     uint64_t now_ms)
{
    bool last = r->state == REST_TRIAL || completes(&r->row, task) || completes(node, task);
    if (r->state == REST_RESTS) return REST_RELEASE; /* it was at work when the rest began */
    if (others && last) {
        rest(r, now_ms);
        return REST_RELEASE;
    }
    said(r, node, task);
    return REST_SAY;
}

void handler_rest_succeeded(struct handler_rest *r)
{
    *r = (struct handler_rest){ .state = REST_SERVES, .first_ms = r->first_ms };
}

bool handler_rest_over(struct handler_rest *r, uint64_t now_ms)
{
    if (r->state != REST_RESTS || now_ms < r->until_ms) return false;
    r->state = REST_TRIAL;
    r->rest_ms = 0;
    return true;
}
