#include "status_text.h"

#include "json_text.h"

static void queue_text(struct json_text *j, const struct status_of *of, const struct status_queue *q)
{
    json_text_object(j, NULL);
    json_text_string(j, "queue", q->queue);
    json_text_string(j, "handler", q->handler->name);
    json_text_truth(j, "served", handlers_serves(of->handlers, q->handler));
    json_text_object_end(j);
}

static void left_out_text(struct json_text *j, const struct status_left_out *l)
{
    json_text_object(j, NULL);
    json_text_string(j, "queue", l->queue);
    json_text_string(j, "handler", l->handler);
    json_text_truth(j, "served", false);
    json_text_string(j, "why", l->why);
    json_text_object_end(j);
}

static void handler_text(struct json_text *j, const struct wire_handler *h)
{
    json_text_object(j, NULL);
    json_text_string(j, "handler", h->name);
    for (int f = 0; f < WIRE_HANDLER_FIGURES; f++)
        json_text_number(j, wire_handler_column((enum wire_handler_figure)f), h->figures[f]);
    json_text_number(j, "mean_ms", wire_handler_mean_ms(h));
    json_text_string(j, "why", *h->why ? h->why : NULL);
    json_text_object_end(j);
}

char *status_text(const struct status_of *of, uint64_t now_ms)
{
    struct json_text j = { .at = NULL };
    struct wire_handler figures;
    json_text_object(&j, NULL);
    json_text_string(&j, "schema", "provost.prover-status/1");
    json_text_string(&j, "state", of->state);
    json_text_string(&j, "software", of->software);
    json_text_number(&j, "uptime_ms", now_ms - of->started_ms);
    json_text_number(&j, "slots", of->slots);
    json_text_list(&j, "queues");
    for (size_t i = 0; i < of->queues_n; i++) queue_text(&j, of, &of->queues[i]);
    for (size_t i = 0; i < of->left_out_n; i++) left_out_text(&j, &of->left_out[i]);
    json_text_list_end(&j);
    json_text_list(&j, "handlers");
    for (size_t i = 0; handlers_figures(of->handlers, i, &figures); i++) handler_text(&j, &figures);
    json_text_list_end(&j);
    json_text_object_end(&j);
    return json_text_take(&j);
}
