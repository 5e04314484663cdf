#include "waiting.h"

#include "clock.h"
#include "show.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_ASK_MS = 1000, ASK_EVERY_MS = 5000, ANSWER_MS = 2000, LAST_ANSWER_MS = 700 };

/* In its queue, or on the way back to it. */
static bool in_line(enum pv_task_state state)
{
    return state == PV_TASK_QUEUED || state == PV_TASK_DELAYED;
}

pv_status waiting_reason(char text[PV_TEXT_BYTES], pv_client *c, const struct pv_progress *news)
{
    pv_status s = pv_client_ready(c, 0);
    text[0] = '\0';
    if (s != PV_OK) {
        pv_client_error(c, text, PV_TEXT_BYTES);
        return s;
    }
    if (news->accepted || news->held == PV_OK) return PV_OK;
    snprintf(text, PV_TEXT_BYTES, "%s", news->why);
    return news->held;
}

static pv_status queue_reason(char text[PV_TEXT_BYTES], const struct pv_row *row, const char *queue)
{
    if (cell_number(row, "provers") == 0) {
        snprintf(text, PV_TEXT_BYTES, "no live prover serves queue \"%s\"", queue);
        return PV_UNSERVABLE;
    }
    if (pv_row_cell(row, "serving") && cell_number(row, "serving") == 0) {
        snprintf(text, PV_TEXT_BYTES, "no prover of queue \"%s\" takes tasks: all drain or are in quarantine", queue);
        return PV_UNSERVABLE;
    }
    if (!cell_number(row, "paused")) return PV_OK;
    snprintf(text, PV_TEXT_BYTES, "queue \"%s\" is paused", queue);
    return PV_PAUSED;
}

static pv_status ask_queue(char text[PV_TEXT_BYTES], pv_client *c, const char *queue, int64_t timeout_ms)
{
    pv_table *t = NULL;
    pv_status s = pv_list(c, &t, &(struct pv_list_options){ .what = PV_LIST_QUEUES, .queue = queue }, timeout_ms);
    text[0] = '\0';
    if (s != PV_OK || pv_table_rows(t) == 0) {
        if (s == PV_OK) pv_table_free(&t);
        return PV_OK; /* not known: then nothing is said */
    }
    struct pv_row row = pv_table_row(t, 0);
    s = queue_reason(text, &row, queue);
    pv_table_free(&t);
    return s;
}

pv_status waiting_queue(char text[PV_TEXT_BYTES], pv_client *c, const char *queue)
{
    return ask_queue(text, c, queue, ANSWER_MS);
}

/* The task itself tells whether a live prover can take it; its queue, why not. */
static pv_status ask(char text[PV_TEXT_BYTES], pv_client *c, const struct cli *cli, const pv_task_id *id,
                     int64_t timeout_ms)
{
    struct pv_task_info info;
    if (pv_show(c, &info, id, timeout_ms) != PV_OK || !in_line(info.state)) return PV_OK;
    pv_status s = ask_queue(text, c, info.queue, timeout_ms);
    if (s == PV_UNSERVABLE || !info.unservable) return s;
    bool needs = cli->need_vram || cli->need_ram;
    snprintf(text, PV_TEXT_BYTES, "no live prover of queue \"%s\" has circuit \"%s\"%s%s", info.queue, info.circuit,
             cli->input ? " with a program that computes witnesses (--input)" : "",
             needs ? " and the memory that the task needs" : "");
    return needs ? PV_UNSERVABLE : PV_UNKNOWN_CIRCUIT;
}

bool waiting_look(struct waiting *w, pv_client *c, const struct cli *cli, const struct pv_progress *news)
{
    uint64_t now = pv_clock_ms();
    char text[PV_TEXT_BYTES];
    pv_status s = waiting_reason(text, c, news);
    if (s == PV_OK && news->accepted && in_line(news->state)) {
        if (w->ask_ms == 0) w->ask_ms = now + (news->unservable ? 0 : FIRST_ASK_MS);
        if (now < w->ask_ms) return false; /* what was known still holds */
        s = ask(text, c, cli, &news->id, ANSWER_MS);
        w->ask_ms = pv_clock_ms() + ASK_EVERY_MS;
    }
    bool new = s != PV_OK && (s != w->reason || strcmp(text, w->text) != 0);
    w->reason = s;
    snprintf(w->text, sizeof w->text, "%s", text);
    return new;
}

bool waiting_look_last(struct waiting *w, pv_client *c, const struct cli *cli, const struct pv_progress *news)
{
    if (w->reason != PV_OK || !news->accepted || !in_line(news->state)) return false;
    w->reason = ask(w->text, c, cli, &news->id, LAST_ANSWER_MS);
    return w->reason != PV_OK;
}

void waiting_say(const struct waiting *w, const struct cli *cli)
{
    if (cli->progress != PROGRESS_JSON) {
        fprintf(stderr, "provost: waiting: %s\n", w->text);
        return;
    }
    json_t *o = json_pack("{s:s, s:s, s:s}", "schema", "provost.waiting/1", "status", pv_status_word(w->reason), "text",
                          w->text);
    show_json_to(stderr, o, JSON_COMPACT);
    json_decref(o);
}
