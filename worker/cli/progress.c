#include "progress.h"
#include "show.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR = 30 };

void progress_begin(struct progress_view *v, enum progress form)
{
    const char *term = getenv("TERM");
    bool screen = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    *v = (struct progress_view){ .form = form };
    if (form == PROGRESS_AUTO) v->form = screen ? PROGRESS_BAR : PROGRESS_NONE;
}

static void bar(struct progress_view *v, const struct pv_progress *p)
{
    const char *color = getenv("NO_COLOR") && *getenv("NO_COLOR") ? "" : "\033[32m", *plain = *color ? "\033[0m" : "";
    bool sending = !p->accepted && p->total > 0;
    unsigned percent = sending ? (unsigned)(p->sent * 100 / p->total) : p->percent;
    if (percent > 100) percent = 100;
    char full[BAR + 1] = "", empty[BAR + 1] = "";
    memset(full, '#', percent * BAR / 100);
    memset(empty, '.', BAR - percent * BAR / 100);
    fprintf(stderr, "\r\033[K%s [%s%s%s%s] %3u %%", sending ? "sending" : pv_task_state_word(p->state), color, full,
            plain, empty, percent);
    if (p->phase[0]) fprintf(stderr, " %s", p->phase);
    if (p->state == PV_TASK_QUEUED && p->position >= 0)
        fprintf(stderr, " %lld tasks before it", (long long)p->position);
    if (p->eta_ms >= 0) fprintf(stderr, " eta %lld s", (long long)p->eta_ms / 1000 + (p->eta_ms % 1000 > 0));
    if (p->unservable) fprintf(stderr, " (no live prover can take it)");
    fflush(stderr);
    v->drawn = true;
}

static void line(const struct pv_progress *p)
{
    char id[PV_ID_TEXT];
    json_t *o = json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:i, s:b}", "schema", "provost.progress/1", "task",
                          pv_task_id_text(id, &p->id), "state", pv_task_state_word(p->state), "accepted",
                          (int)p->accepted, "sent", (json_int_t)p->sent, "total", (json_int_t)p->total, "percent",
                          (int)p->percent, "unservable", (int)p->unservable);
    if (p->phase[0]) json_object_set_new(o, "phase", json_string(p->phase));
    if (p->note[0]) json_object_set_new(o, "note", json_string(p->note));
    if (p->position >= 0) json_object_set_new(o, "position", json_integer(p->position));
    if (p->eta_ms >= 0) json_object_set_new(o, "eta_ms", json_integer(p->eta_ms));
    show_json_to(stderr, o, JSON_COMPACT);
    json_decref(o);
}

void progress_show(struct progress_view *v, const struct pv_progress *p)
{
    if (v->form == PROGRESS_BAR)
        bar(v, p);
    else if (v->form == PROGRESS_JSON)
        line(p);
}

void progress_end(struct progress_view *v)
{
    if (v->drawn) fprintf(stderr, "\r\033[K");
    v->drawn = false;
}
