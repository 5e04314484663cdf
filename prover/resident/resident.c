#include "resident.h"

#include "clock.h"
#include "ids.h"
#include "program_env.h"
#include "program_plan.h"
#include "visible.h"
#include "words_placed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SOCKET_BYTES = 1 << 20, /* of its stdin: fewer turns for a large input; the kernel may give less */
    ERRORS_TURN = 64 << 10, /* read of its stderr in a turn */
    MESSAGES_SECOND = 50000,
    LAUNCHER_LATE_MS = 10000, /* a launcher that says nothing so long after it was told to kill was stopped itself */
    END_LOOK_MS = 20,
    END_MS = 1000 /* of one whose stdout is closed: the launcher tells how it ended */
};

/* --- its start --- */

/* A socket, not a pipe: writing to one that has ended raises no signal. */
static int input_open(struct resident *r)
{
    int ends[2], bytes = SOCKET_BYTES;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) return -1;
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    (void)shutdown(ends[1], SHUT_WR);
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    r->input = ends[0];
    return ends[1];
}

static pv_status spawn(struct resident *r, char **argv, int input, struct prove_error *err)
{
    const struct program *p = &r->x->program;
    const char *hide[PROGRAM_HIDE_ROOM];
    struct launch_plan plan;
    char **env = program_env(p, r->folder.path);
    if (!env) return prove_error_set(err, PV_NO_MEMORY, "no memory for the environment");
    program_plan(&plan, p, r->x->place, hide);
    plan.file = p->executable;
    plan.folder = r->folder.path;
    plan.argv = argv;
    plan.envp = env;
    pv_status s = program_spawn(&r->process, r->x->place->launcher, &plan, input, err);
    free(env);
    return s;
}

static pv_status process_start(struct resident *r, struct prove_error *err)
{
    const struct program *p = &r->x->program;
    const struct placed with = { .folder = r->folder.path };
    char **argv = placed_fill(p->command, &with);
    int input = argv ? input_open(r) : -1;
    pv_status s = PV_NO_MEMORY;
    if (!argv)
        prove_error_set(err, s, "no memory for the command");
    else if (input < 0)
        s = prove_error_set(err, PV_IO, "a socket for its stdin: %s", strerror(errno));
    else
        s = spawn(r, argv, input, err);
    if (input >= 0) close(input);
    free(argv);
    return s;
}

static pv_status hello_say(struct resident *r, unsigned instance)
{
    const struct program *p = &r->x->program;
    uint8_t bytes[TALK_TEXT_MAX + 256];
    size_t options = strlen(p->options) < TALK_TEXT_MAX ? strlen(p->options) : TALK_TEXT_MAX;
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    talk_begin(&w, TALK_HELLO, 6);
    talk_put_uint(&w, TALK_VERSION);
    talk_put_text(&w, p->name, strlen(p->name));
    talk_put_uint(&w, instance);
    talk_put_uint(&w, p->result_max);
    talk_put_text(&w, p->options, options);
    if (!talk_end(&w, 0)) return PV_INTERNAL;
    return resident_say(r, &(struct resident_saying){ .head = bytes, .head_n = w.n });
}

static void forget(struct resident *r)
{
    if (r->input >= 0) close(r->input);
    attempt_folder_remove(&r->folder);
    talk_stream_clear(&r->stream);
    free(r->circuits);
    free(r->needs);
    r->circuits = NULL;
    r->needs = NULL;
    r->circuits_n = 0;
    r->input = -1;
    r->process.launcher = 0;
}

pv_status resident_start(struct resident *r, const struct handler_program *x, unsigned instance,
                         struct prove_error *err)
{
    const struct program *p = &x->program;
    *r = (struct resident){ .x = x,
                            .input = -1,
                            .folder = { .work = -1, .fd = -1, .results = -1 },
                            .process.streams = { -1, -1, -1, -1 },
                            .stream.most = TALK_BESIDES,
                            .started_ms = pv_clock_ms() };
    pv_status s = attempt_folder_make(&r->folder, x->place->work_fd, x->place->work, err);
    if (s == PV_OK) s = attempt_folder_give(&r->folder, (struct attempt_owner){ p->uid, p->gid }, err);
    if (s == PV_OK) s = process_start(r, err);
    if (s != PV_OK) {
        forget(r);
        return s;
    }
    (void)hello_say(r, instance); /* it fits the socket; one that has ended says so when it is listened to */
    return PV_OK;
}

/* --- speaking --- */

pv_status resident_say(struct resident *r, struct resident_saying *s)
{
    size_t all = s->head_n + s->bytes_n;
    while (s->done < all) {
        size_t head = s->done < s->head_n ? s->head_n - s->done : 0, at = head ? 0 : s->done - s->head_n;
        struct iovec parts[2] = { { (void *)(s->head + s->done), head }, { (void *)(s->bytes + at), s->bytes_n - at } };
        struct msghdr m = { .msg_iov = head ? parts : parts + 1, .msg_iovlen = head ? 2 : 1 };
        ssize_t n = sendmsg(r->input, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) return PV_BUSY;
        if (n < 0) return PV_GONE;
        s->done += (size_t)n;
    }
    return PV_OK;
}

/* --- listening --- */

static void errors_read(struct resident *r)
{
    char bytes[8 << 10];
    for (size_t all = 0; all < ERRORS_TURN && r->process.streams[PROGRAM_ERRORS] >= 0;) {
        ssize_t n = read(r->process.streams[PROGRAM_ERRORS], bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return;
        if (!n) {
            program_stream_close(&r->process, PROGRAM_ERRORS);
            return;
        }
        error_tail_add(&r->errors, bytes, (size_t)n);
        all += (size_t)n;
    }
}

void resident_errors_forget(struct resident *r)
{
    for (int turns = 0; turns < 4; turns++) errors_read(r); /* as much as the pipe holds */
    r->errors.n = 0;
}

/* Of the launcher, which says it once nothing of the program is left. */
static void report_read(struct resident *r)
{
    ssize_t n = recv(r->process.streams[PROGRAM_CONTROL], (char *)&r->report + r->report_n,
                     sizeof r->report - r->report_n, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) r->report_n += (size_t)n;
    if (n > 0 && r->report_n < sizeof r->report) return;
    program_stream_close(&r->process, PROGRAM_CONTROL);
    r->ended = true;
}

void resident_wait(struct resident *r, bool writing, int ms)
{
    struct pollfd fds[] = { { .fd = r->process.streams[PROGRAM_OUT], .events = POLLIN },
                            { .fd = r->process.streams[PROGRAM_ERRORS], .events = POLLIN },
                            { .fd = r->process.streams[PROGRAM_CONTROL], .events = POLLIN },
                            { .fd = writing ? r->input : -1, .events = POLLOUT } };
    if (poll(fds, 4, ms) <= 0) return;
    if (fds[1].revents) errors_read(r);
    if (fds[2].revents) report_read(r);
}

/* Reads until a message is whole. */
static pv_status message_read(struct resident *r, char *why)
{
    for (;;) {
        size_t n;
        uint8_t *to = talk_stream_room(&r->stream, &n);
        if (!to) return PV_NO_MEMORY;
        ssize_t got = r->process.streams[PROGRAM_OUT] < 0 ? 0 : read(r->process.streams[PROGRAM_OUT], to, n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return r->ended ? PV_GONE : PV_BUSY;
        if (got <= 0) {
            r->ended = true;
            return PV_GONE;
        }
        switch (talk_stream_add(&r->stream, (size_t)got)) {
        case TALK_WHOLE: return PV_OK;
        case TALK_TOO_LONG:
            snprintf(why, RESIDENT_WHY_BYTES,
                     "it announced a message that is empty or longer than result_max allows (is something else written "
                     "to its stdout?)");
            return PV_BAD_MESSAGE;
        default: break;
        }
    }
}

static bool is_flood(struct resident *r)
{
    uint64_t now = pv_clock_ms();
    if (now - r->second_ms >= 1000) r->second_ms = now, r->messages = 0;
    return ++r->messages > MESSAGES_SECOND;
}

pv_status resident_hear(struct resident *r, struct talk_message *m, char why[RESIDENT_WHY_BYTES])
{
    TRY(message_read(r, why));
    if (is_flood(r)) {
        snprintf(why, RESIDENT_WHY_BYTES, "it flooded its stdout: more than %d messages in a second", MESSAGES_SECOND);
        return PV_BAD_MESSAGE;
    }
    if (talk_message_read(m, r->stream.bytes + TALK_HEAD_BYTES, r->stream.wanted - TALK_HEAD_BYTES) &&
        m->word >= TALK_READY)
        return PV_OK;
    snprintf(why, RESIDENT_WHY_BYTES, "it said something that is no message of a program's");
    return PV_BAD_MESSAGE;
}

void resident_heard(struct resident *r)
{
    talk_stream_next(&r->stream);
}

bool resident_said_more(struct resident *r)
{
    struct pollfd out = { .fd = r->process.streams[PROGRAM_OUT], .events = POLLIN };
    return poll(&out, 1, 0) > 0 && out.revents & POLLIN;
}

/* --- READY --- */

static bool circuits_take(struct resident *r, const struct talk_message *m)
{
    struct talk_reader rest = m->rest;
    const char *name;
    size_t n;
    if (!m->circuits) return true;
    r->circuits = calloc(m->circuits, sizeof *r->circuits);
    r->needs = calloc(m->circuits, sizeof *r->needs);
    for (; r->circuits && r->needs && r->circuits_n < m->circuits; r->circuits_n++) {
        if (!talk_circuit(&rest, &name, &n, &r->needs[r->circuits_n]) || !wire_name_valid(name, n)) return false;
        memcpy(r->circuits[r->circuits_n], name, n);
    }
    return r->circuits && r->needs;
}

bool resident_ready(struct resident *r, const struct talk_message *m, char why[RESIDENT_WHY_BYTES])
{
    char text[sizeof r->software];
    if (m->version != TALK_VERSION) {
        snprintf(why, RESIDENT_WHY_BYTES, "it speaks version %llu of the frames, and this node version %d",
                 (unsigned long long)m->version, TALK_VERSION);
        return false;
    }
    snprintf(text, sizeof text, "%.*s", (int)m->text_n, m->text ? m->text : "");
    visible_text(r->software, sizeof r->software, text);
    if (circuits_take(r, m)) return true;
    snprintf(why, RESIDENT_WHY_BYTES, "its READY has circuits that are none");
    return false;
}

/* --- its end --- */

static void tell(struct resident *r, enum launch_word word)
{
    char byte = (char)word;
    if (r->process.streams[PROGRAM_CONTROL] >= 0)
        (void)!send(r->process.streams[PROGRAM_CONTROL], &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Until the report has come, or so long. True: it has, or the launcher is gone. */
static bool report_wait(struct resident *r, uint64_t ms)
{
    uint64_t until = pv_clock_ms() + ms;
    while (r->process.streams[PROGRAM_CONTROL] >= 0) {
        struct pollfd control = { .fd = r->process.streams[PROGRAM_CONTROL], .events = POLLIN };
        if (poll(&control, 1, END_LOOK_MS) > 0) report_read(r);
        errors_read(r);
        if (pv_clock_ms() >= until) break;
    }
    return r->process.streams[PROGRAM_CONTROL] < 0;
}

static void how_it_ended(const struct resident *r, const char *because, char how[RESIDENT_WHY_BYTES])
{
    const struct launch_report *said = &r->report;
    int status = said->wait_status;
    bool whole = r->report_n == sizeof *said && said->magic == LAUNCH_REPORT_MAGIC;
    if (because)
        snprintf(how, RESIDENT_WHY_BYTES, "%.300s", because);
    else if (!whole)
        snprintf(how, RESIDENT_WHY_BYTES, "its launcher ended without a report");
    else if (said->end == LAUNCH_NOT_STARTED)
        snprintf(how, RESIDENT_WHY_BYTES, "it could not be started: %.150s: %s", said->text, strerror(said->error));
    else if (WIFSIGNALED(status))
        snprintf(how, RESIDENT_WHY_BYTES, "it ended by signal %d (%.40s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(how, RESIDENT_WHY_BYTES, "it ended with exit status %d", WEXITSTATUS(status));
    size_t n = strlen(how);
    if (!r->errors.n || n + 8 >= RESIDENT_WHY_BYTES) return;
    memcpy(how + n, ": ", 3);
    error_tail_text(&r->errors, how + n + 2, RESIDENT_WHY_BYTES - n - 2);
}

/* Ended by itself: then why it ended says more than that we killed what was left. */
void resident_end(struct resident *r, const char *because, char how[RESIDENT_WHY_BYTES])
{
    *how = 0;
    if (!r->process.launcher) return;
    if (!because && !report_wait(r, END_MS)) because = "it closed its stdout and went on";
    if (because) tell(r, LAUNCH_KILL);
    if (!report_wait(r, LAUNCHER_LATE_MS)) kill(r->process.launcher, SIGKILL); /* its end ends the rest */
    how_it_ended(r, because, how);
    for (int s = 0; s < PROGRAM_STREAMS; s++) program_stream_close(&r->process, (enum program_stream)s);
    while (waitpid(r->process.launcher, NULL, 0) < 0 && errno == EINTR) {
    }
    forget(r);
}

void resident_bid(struct resident *r)
{
    uint8_t bytes[16];
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    if (!r->process.launcher) return;
    talk_begin(&w, TALK_END, 1);
    if (talk_end(&w, 0)) (void)resident_say(r, &(struct resident_saying){ .head = bytes, .head_n = w.n });
    (void)shutdown(r->input, SHUT_WR);
}

void resident_leave(struct resident *r, uint64_t patience_ms)
{
    char how[RESIDENT_WHY_BYTES];
    if (r->process.launcher)
        resident_end(r, report_wait(r, patience_ms) ? NULL : "it did not end when it was told to", how);
}
