#include "program_run.h"

#include "clock.h"
#include "program_env.h"
#include "program_plan.h"
#include "program_spawn.h"
#include "progress_lines.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOOK_MS = 20,             /* how often the stop flag is looked at */
    READ_BYTES = 8 << 10,     /* on the stack */
    OUT_BYTES = 64 << 10,     /* the first room for stdout */
    READS_MOST = 16,          /* of one stream in a turn, so that a flood does not keep the others waiting */
    LAUNCHER_LATE_MS = 10000, /* after the grace: a launcher that says nothing was stopped itself */
    DRAIN_MOST = 64 << 20     /* of what a program wrote before its end, and nobody keeps */
};

struct run {
    const struct program_call *call;
    struct program_end *end;
    struct program_process process;
    struct progress_lines progress;
    struct launch_report report;
    size_t report_n, room;
    bool stopping, late, flooded, poor; /* poor: no memory for what it writes */
    uint64_t limit_ms;                  /* when it has to end; 0: never */
    uint64_t late_ms;                   /* when its launcher has to; 0: not yet */
};

static void on_progress(void *ctx, const struct progress_line *line)
{
    const struct handler_watch *w = ((const struct run *)ctx)->call->watch;
    if (w->progress) w->progress(w->ctx, line->phase, line->percent);
}

static void say(struct run *r, enum launch_word word)
{
    char byte = (char)word;
    (void)!send(r->process.streams[PROGRAM_CONTROL], &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- what comes from it --- */

/* Room for more: twice as much each time, and never more than the limit. False: no memory. */
static bool out_grow(struct run *r)
{
    uint64_t most = r->call->stdout_most, room = r->room ? 2 * (uint64_t)r->room : OUT_BYTES;
    if (room > most) room = most;
    uint8_t *more = realloc(r->end->out, (size_t)room);
    if (!more) return false;
    r->end->out = more;
    r->room = (size_t)room;
    return true;
}

/* Reads stdout to where it stays; what is no result goes where stderr goes, as some programs complain there. A byte more than the limit, or no memory for it, is a flood. */
static ssize_t out_read(struct run *r, char *scratch, size_t bytes)
{
    struct program_end *e = r->end;
    int fd = r->process.streams[PROGRAM_OUT];
    bool kept = r->call->stdout_most && !r->flooded;
    if (kept && e->out_n == r->room && r->room < r->call->stdout_most && !out_grow(r)) {
        kept = false;
        r->poor = true;
    }
    size_t room = kept ? r->room - e->out_n : 0;
    ssize_t n = room ? read(fd, e->out + e->out_n, room) : read(fd, scratch, bytes);
    if (n > 0 && !r->call->stdout_most)
        error_tail_add(r->call->out_tail ? r->call->out_tail : &e->errors, scratch, (size_t)n);
    if (n <= 0 || !r->call->stdout_most || r->flooded) return n;
    if (room) {
        e->out_n += (size_t)n;
        return n;
    }
    if (r->call->stdout_cut) return n;
    r->flooded = true;
    say(r, LAUNCH_KILL);
    return n;
}

static void bytes_take(struct run *r, enum program_stream s, const char *bytes, size_t n)
{
    enum program_progress kind = (enum program_progress)r->call->program->progress;
    if (s == PROGRAM_ERRORS && kind == PROGRAM_PROGRESS_STDERR)
        progress_lines_take(&r->progress, bytes, n, &r->end->errors, on_progress, r);
    else if (s == PROGRAM_ERRORS)
        error_tail_add(&r->end->errors, bytes, n);
    if (s == PROGRAM_EXTRA) progress_lines_take(&r->progress, bytes, n, NULL, on_progress, r);
}

/* Reads what is there, at most so many times. False: there is no more. */
static bool stream_read(struct run *r, enum program_stream s, unsigned times)
{
    char bytes[READ_BYTES];
    while (times--) {
        ssize_t n =
            s == PROGRAM_OUT ? out_read(r, bytes, sizeof bytes) : read(r->process.streams[s], bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return false;
        if (n <= 0) program_stream_close(&r->process, s);
        if (n <= 0) return false;
        if (s != PROGRAM_OUT) bytes_take(r, s, bytes, (size_t)n);
    }
    return true;
}

/* The report, which may come in parts. True: it is whole, or the launcher is gone. */
static bool report_read(struct run *r)
{
    ssize_t n = recv(r->process.streams[PROGRAM_CONTROL], (char *)&r->report + r->report_n,
                     sizeof r->report - r->report_n, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n <= 0) return true;
    r->report_n += (size_t)n;
    return r->report_n == sizeof r->report;
}

/* --- until its end --- */

static void stop_look(struct run *r)
{
    const struct handler_watch *w = r->call->watch;
    uint64_t now = pv_clock_ms();
    bool stopped = w->stop && atomic_load(w->stop);
    if (!r->stopping && (stopped || (r->limit_ms && now >= r->limit_ms))) {
        r->stopping = true;
        r->late = !stopped;
        r->late_ms = now + r->call->program->grace + LAUNCHER_LATE_MS;
        say(r, LAUNCH_STOP);
    }
    if (r->flooded && !r->late_ms) r->late_ms = now + LAUNCHER_LATE_MS;
    if (r->late_ms && now >= r->late_ms) kill(r->process.launcher, SIGKILL); /* its end ends the rest */
}

static void watch_it(struct run *r)
{
    for (;;) {
        struct pollfd fds[PROGRAM_STREAMS];
        for (int s = 0; s < PROGRAM_STREAMS; s++)
            fds[s] = (struct pollfd){ .fd = r->process.streams[s], .events = POLLIN };
        if (poll(fds, PROGRAM_STREAMS, LOOK_MS) < 0 && errno != EINTR) return;
        for (int s = PROGRAM_OUT; s < PROGRAM_STREAMS; s++)
            if (fds[s].revents) stream_read(r, (enum program_stream)s, READS_MOST);
        stop_look(r);
        if (fds[PROGRAM_CONTROL].revents && report_read(r)) return;
    }
}

/* Nothing of it runs any more: what it wrote is in the pipes, each of which holds 64 KiB or, if it made it so, 1 MiB. Whoever was
 * given a pipe's end by the program is not waited for. */
static void rest_read(struct run *r)
{
    for (int s = PROGRAM_OUT; s < PROGRAM_STREAMS; s++)
        if (r->process.streams[s] >= 0) stream_read(r, (enum program_stream)s, DRAIN_MOST / READ_BYTES);
    progress_lines_end(&r->progress, &r->end->errors);
}

static pv_status end_take(struct run *r, struct prove_error *err)
{
    const struct launch_report *said = &r->report;
    struct program_end *e = r->end;
    if (r->report_n != sizeof *said || said->magic != LAUNCH_REPORT_MAGIC) {
        e->ending = r->stopping ? PROGRAM_STOPPED : PROGRAM_NOT_STARTED;
        return r->stopping ? PV_OK : prove_error_set(err, PV_FAILED, "its launcher ended without a report");
    }
    if (r->poor) return prove_error_set(err, PV_NO_MEMORY, "no memory for what it writes to stdout");
    e->left = said->left && !r->stopping;
    e->sandbox = said->sandbox;
    e->cpu_ms = said->cpu_ms;
    e->peak_bytes = said->peak_bytes;
    if (said->end == LAUNCH_NOT_STARTED) {
        e->ending = PROGRAM_NOT_STARTED;
        return prove_error_set(err, PV_FAILED, "it could not be started: %.150s: %s", said->text,
                               strerror(said->error));
    }
    bool exited = WIFEXITED(said->wait_status);
    e->ending = r->flooded    ? PROGRAM_FLOODED
                : r->late     ? PROGRAM_LATE
                : r->stopping ? PROGRAM_STOPPED
                : exited      ? PROGRAM_EXITED
                              : PROGRAM_SIGNALLED;
    e->code = exited ? WEXITSTATUS(said->wait_status) : WTERMSIG(said->wait_status);
    return PV_OK;
}

pv_status program_run(struct program_end *end, const struct program_call *call, struct prove_error *err)
{
    struct run r = { .call = call, .end = end, .limit_ms = call->limit_ms ? pv_clock_ms() + call->limit_ms : 0 };
    struct launch_plan plan;
    const char *hide[PROGRAM_HIDE_ROOM] = { NULL };
    *end = (struct program_end){ .ending = PROGRAM_NOT_STARTED };
    char **env = program_env(call->program, call->folder);
    if (!env) return prove_error_set(err, PV_NO_MEMORY, "no memory for the environment");
    program_plan(&plan, call->program, call->place, hide);
    plan.file = call->file;
    plan.folder = call->folder;
    plan.group = call->group;
    plan.argv = (char **)call->argv;
    plan.envp = env;
    pv_status s = program_spawn(&r.process, call->place->launcher, &plan, call->input, err);
    free(env);
    if (s != PV_OK) return s;
    watch_it(&r);
    rest_read(&r);
    for (int i = 0; i < PROGRAM_STREAMS; i++) program_stream_close(&r.process, (enum program_stream)i);
    while (waitpid(r.process.launcher, NULL, 0) < 0 && errno == EINTR) {
    }
    return end_take(&r, err);
}
