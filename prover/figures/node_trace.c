#include "node_trace.h"

#include "clock.h"
#include "file_io.h"
#include "json_text.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node_trace {
    char *path;
    int fd; /* -1: it could not be written, which was told */
};

void node_phases_note(struct node_phases *p, const char *phase, uint64_t now_ms)
{
    if (p->n == NODE_TRACE_PHASES || (p->n && !strcmp(p->at[p->n - 1].name, phase))) return;
    snprintf(p->at[p->n].name, sizeof p->at[0].name, "%s", phase);
    p->at[p->n++].from_ms = now_ms;
}

static int file_open(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

pv_status node_trace_open(struct node_trace **out, const char *path, char why[NODE_TRACE_WHY_BYTES])
{
    struct node_trace *t = calloc(1, sizeof *t);
    char *copy = t ? strdup(path) : NULL;
    if (!copy) {
        free(t);
        return PV_NO_MEMORY;
    }
    *t = (struct node_trace){ .path = copy, .fd = file_open(path) };
    if (t->fd >= 0) {
        *out = t;
        return PV_OK;
    }
    snprintf(why, NODE_TRACE_WHY_BYTES, "trace: %.150s: %s", path, strerror(errno));
    node_trace_close(&t);
    return PV_IO;
}

void node_trace_close(struct node_trace **t_p)
{
    struct node_trace *t = *t_p;
    if (!t) return;
    if (t->fd >= 0) close(t->fd);
    free(t->path);
    free(t);
    *t_p = NULL;
}

void node_trace_reopen(struct node_trace *t)
{
    if (!t) return;
    if (t->fd >= 0) close(t->fd);
    t->fd = file_open(t->path);
    if (t->fd < 0) LOG_ERROR("trace.file", "path=%s text=%s", t->path, strerror(errno));
}

static void phases_put(struct json_text *j, const struct node_traced *a)
{
    const struct node_phases *p = a->phases;
    json_text_list(j, "phases");
    for (size_t i = 0; i < p->n; i++) {
        uint64_t end = i + 1 < p->n ? p->at[i + 1].from_ms : a->ended_ms;
        json_text_object(j, NULL);
        json_text_string(j, "phase", p->at[i].name);
        json_text_number(j, "at_ms", p->at[i].from_ms - a->started_ms);
        json_text_number(j, "ms", end - p->at[i].from_ms);
        json_text_object_end(j);
    }
    json_text_list_end(j);
}

static char *line_of(const struct node_traced *a)
{
    struct json_text j = { .at = NULL };
    uint64_t ms = a->ended_ms - a->started_ms;
    json_text_object(&j, NULL);
    json_text_string(&j, "schema", "provost.trace/1");
    json_text_string(&j, "traceparent", *a->traceparent ? a->traceparent : NULL);
    json_text_string(&j, "task", a->task);
    json_text_string(&j, "token", a->token);
    json_text_string(&j, "handler", a->handler);
    json_text_number(&j, "start", pv_wall_ms() - ms);
    json_text_number(&j, "ms", ms);
    json_text_string(&j, "outcome", pv_status_word(a->outcome));
    phases_put(&j, a);
    json_text_object_end(&j);
    return json_text_take(&j);
}

void node_trace_say(struct node_trace *t, const struct node_traced *a)
{
    if (!t || t->fd < 0) return;
    char *line = line_of(a);
    size_t n = line ? strlen(line) : 0;
    if (!line) return;
    line[n] = '\n'; /* in place of its NUL: one write, so that no other process's line comes between */
    int error = file_write_all(t->fd, line, n + 1);
    if (error) {
        LOG_ERROR("trace.file", "path=%s text=%s", t->path, strerror(error));
        close(t->fd);
        t->fd = -1;
    }
    free(line);
}
