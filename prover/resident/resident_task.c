#include "resident_task.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOK_MS = 20, /* how often the stop flag is looked at */
    HEAD_BYTES = 512,
    MESSAGES_TURN = 256 /* so that a flood does not keep the stop flag waiting */
};

struct task {
    struct resident *r;
    const struct handler_input *in;
    const struct handler_watch *watch;
    struct handler_output *out;
    struct resident_saying run, stop;
    uint8_t head[HEAD_BYTES], stop_bytes[16];
    char file[32];
    uint64_t stop_ms; /* when it has to be killed; 0: not told to stop */
    pv_status status;
    char *broken;
};

static enum resident_outcome breaks(struct task *t, const char *why)
{
    snprintf(t->broken, RESIDENT_WHY_BYTES, "%s", why);
    return RESIDENT_BROKEN;
}

static enum resident_outcome here(struct task *t, pv_status s, const char *text)
{
    bool poor = s == PV_NO_MEMORY || s == PV_DISK_FULL;
    t->out->verdict = poor ? HANDLER_RESOURCE : HANDLER_RETRYABLE;
    t->status = s == PV_NO_MEMORY ? PV_RESOURCES : s;
    snprintf(t->out->text, sizeof t->out->text, "%s", text);
    return RESIDENT_HERE;
}

/* --- before --- */

/* The input as a file in its folder, under a name that no earlier task had. */
static pv_status file_put(struct task *t, struct prove_error *err)
{
    const struct program *p = &t->r->x->program;
    const struct attempt_owner owner = { p->uid, p->gid };
    if (p->input != PROGRAM_INPUT_FILE) return PV_OK;
    snprintf(t->file, sizeof t->file, "input-%llu", (unsigned long long)t->r->jobs);
    return attempt_folder_put(t->r->folder.fd, t->file, t->in->bytes, t->in->size, owner, err);
}

static void file_remove(const struct task *t)
{
    if (*t->file) (void)unlinkat(t->r->folder.fd, t->file, 0);
}

static bool run_make(struct task *t)
{
    struct talk_writer w = { .bytes = t->head, .room = sizeof t->head };
    size_t follow = *t->file ? 0 : t->in->size;
    talk_begin(&w, TALK_RUN, 6);
    talk_put_uint(&w, t->r->jobs);
    talk_put_text(&w, t->in->task, strlen(t->in->task));
    talk_put_text(&w, t->in->circuit, strlen(t->in->circuit));
    if (*t->file) {
        talk_put_text(&w, t->file, strlen(t->file));
        talk_put_nil(&w);
    } else {
        talk_put_nil(&w);
        talk_put_bin(&w, (uint32_t)follow);
    }
    t->run = (struct resident_saying){ .head = t->head, .head_n = 0, .bytes = t->in->bytes, .bytes_n = follow };
    if (!talk_end(&w, follow)) return false;
    t->run.head_n = w.n;
    return true;
}

/* --- what it says --- */

static enum resident_outcome result_take(struct task *t, const struct talk_message *m)
{
    struct handler_output *out = t->out;
    if (m->bytes_n > t->r->x->program.result_max) return breaks(t, "its result is longer than result_max allows");
    if (!m->bytes_n) {
        snprintf(out->text, sizeof out->text, "%.64s: its result is empty", t->r->x->program.name);
        out->verdict = HANDLER_RETRYABLE;
        t->status = PV_FAILED;
        return RESIDENT_FAILED;
    }
    out->bytes = malloc(m->bytes_n);
    if (!out->bytes) return here(t, PV_NO_MEMORY, "no memory for the result");
    memcpy(out->bytes, m->bytes, m->bytes_n);
    out->size = m->bytes_n;
    t->status = PV_OK;
    return RESIDENT_DONE;
}

static enum resident_outcome failure_take(struct task *t, const struct talk_message *m)
{
    static const struct {
        enum handler_verdict verdict;
        pv_status status;
    } kinds[TALK_FAILURES] = { [TALK_RETRYABLE] = { HANDLER_RETRYABLE, PV_FAILED },
                               [TALK_PERMANENT] = { HANDLER_PERMANENT, PV_INVALID_INPUT },
                               [TALK_RESOURCES] = { HANDLER_RESOURCE, PV_RESOURCES } };
    struct error_tail text = { .n = 0 };
    struct handler_output *out = t->out;
    if (t->stop_ms) {
        t->status = PV_CANCELLED;
        return RESIDENT_STOPPED;
    }
    int used = snprintf(out->text, sizeof out->text, "%.64s: ", t->r->x->program.name);
    error_tail_add(&text, m->text, m->text_n);
    error_tail_text(&text, out->text + used, sizeof out->text - (size_t)used);
    out->verdict = kinds[m->failure].verdict;
    t->status = kinds[m->failure].status;
    return RESIDENT_FAILED;
}

static void progress_pass(const struct task *t, const struct talk_message *m)
{
    char phase[TALK_NAME_MAX + 1];
    memcpy(phase, m->name, m->name_n);
    phase[m->name_n] = 0;
    if (t->watch->progress) t->watch->progress(t->watch->ctx, phase, m->percent);
}

/* False: the task goes on. */
static bool message_take(struct task *t, const struct talk_message *m, enum resident_outcome *o)
{
    bool last = m->word == TALK_RESULT || m->word == TALK_FAILURE;
    if (!last && m->word != TALK_PROGRESS) {
        *o = breaks(t, "it said something that it may not say while a task runs");
    } else if (m->job != t->r->jobs) {
        *o = breaks(t, m->word == TALK_RESULT ? "it gave a result for another task" : "it spoke of another task");
    } else if (!last) {
        progress_pass(t, m);
        return false;
    } else if (t->run.done < t->run.head_n + t->run.bytes_n) {
        *o = breaks(t, "it answered before it had read its task");
    } else if (resident_said_more(t->r)) {
        *o = breaks(t, "it said more after its task was over (two results?)");
    } else {
        *o = m->word == TALK_RESULT ? result_take(t, m) : failure_take(t, m);
    }
    return true;
}

/* False: the task goes on. */
static bool listen(struct task *t, enum resident_outcome *o)
{
    for (unsigned i = 0; i < MESSAGES_TURN; i++) {
        struct talk_message m;
        pv_status s = resident_hear(t->r, &m, t->broken);
        if (s == PV_BUSY) return false;
        if (s == PV_OK) {
            bool over = message_take(t, &m, o);
            resident_heard(t->r);
            if (over) return true;
        } else {
            *o = RESIDENT_BROKEN;
            if (s == PV_NO_MEMORY) breaks(t, "there is no memory for what it says");
            return true;
        }
    }
    return false;
}

/* --- in between --- */

static void stop_say(struct task *t)
{
    struct talk_writer w = { .bytes = t->stop_bytes, .room = sizeof t->stop_bytes };
    talk_begin(&w, TALK_STOP, 2);
    talk_put_uint(&w, t->r->jobs);
    if (talk_end(&w, 0)) t->stop = (struct resident_saying){ .head = t->stop_bytes, .head_n = w.n };
    t->stop_ms = pv_clock_ms() + t->r->x->program.grace;
}

/* Writes what is to be written. True: some of it is left. */
static bool speak(struct task *t)
{
    pv_status s = resident_say(t->r, &t->run);
    if (s == PV_OK) s = resident_say(t->r, &t->stop);
    return s == PV_BUSY; /* what it closed, it does not want: what it says next, or its end, tells */
}

static enum resident_outcome follow(struct task *t)
{
    enum resident_outcome o = RESIDENT_DONE;
    for (;;) {
        bool stopped = t->watch->stop && atomic_load(t->watch->stop);
        if (stopped && !t->stop_ms) stop_say(t);
        bool more = speak(t);
        if (listen(t, &o)) return o;
        if (t->stop_ms && pv_clock_ms() >= t->stop_ms) return RESIDENT_KILL;
        resident_wait(t->r, more, LOOK_MS);
    }
}

enum resident_outcome resident_task(struct resident *r, const struct handler_input *in,
                                    const struct handler_watch *watch, struct handler_output *out, pv_status *status,
                                    char broken[RESIDENT_WHY_BYTES])
{
    struct task t = { .r = r, .in = in, .watch = watch, .out = out, .broken = broken, .status = PV_CANCELLED };
    struct prove_error err = { 0 };
    enum resident_outcome o;
    *broken = 0;
    r->jobs++;
    r->stream.most = (size_t)r->x->program.result_max + TALK_BESIDES;
    resident_errors_forget(r);
    pv_status s = file_put(&t, &err);
    if (s != PV_OK)
        o = here(&t, s, err.text);
    else if (!run_make(&t))
        o = here(&t, PV_TOO_LARGE, "the task does not fit a message");
    else
        o = follow(&t);
    file_remove(&t);
    r->stream.most = TALK_BESIDES; /* without a task nothing that it may say is longer */
    *status = t.status;
    return o;
}
