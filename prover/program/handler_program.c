#include "handler_program.h"

#include "attempt_folder.h"
#include "file_io.h"
#include "log.h"
#include "program_run.h"
#include "result_take.h"
#include "words_placed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One attempt. */
struct attempt {
    const struct handler_program *x;
    const struct handler_input *in;
    const struct handler_watch *watch;
    struct handler_output *out;
    struct attempt_folder folder;
    struct prove_error err;
};

static pv_status fail(struct handler_output *out, enum handler_verdict v, pv_status s, const char *text)
{
    out->verdict = v;
    snprintf(out->text, sizeof out->text, "%s", text);
    return s;
}

/* What went wrong here and not in the program: the disk, memory, the launcher. */
static pv_status fail_here(struct attempt *a, pv_status s)
{
    bool poor = s == PV_NO_MEMORY || s == PV_DISK_FULL;
    return fail(a->out, poor ? HANDLER_RESOURCE : HANDLER_RETRYABLE, s == PV_NO_MEMORY ? PV_RESOURCES : s, a->err.text);
}

/* --- before --- */

/* "..", or an option's dash, would make something else of the command. */
static bool circuit_fits(const struct program *p, const char *circuit)
{
    bool used = placed_has(p->command, "circuit") || placed_has(p->verify, "circuit");
    return !used || (*circuit && *circuit != '.' && *circuit != '-');
}

static struct attempt_owner owner_of(const struct program *p)
{
    return (struct attempt_owner){ p->uid, p->gid };
}

static pv_status folder_fill(struct attempt *a)
{
    const struct program *p = &a->x->program;
    bool wants_file = placed_has(p->command, "input") || placed_has(p->verify, "input");
    TRY(attempt_folder_make(&a->folder, a->x->place->work_fd, a->x->place->work, &a->err));
    if (wants_file)
        TRY(attempt_folder_put(a->folder.fd, ATTEMPT_INPUT, a->in->bytes, a->in->size, owner_of(p), &a->err));
    return attempt_folder_give(&a->folder, owner_of(p), &a->err);
}

/* The input as a file without a name in memory: a witness goes to no disk, and the node need not feed a pipe. It cannot be
 * written to. */
static pv_status input_open(int *fd, struct attempt *a)
{
    *fd = memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int error = *fd < 0 ? errno : file_write_all(*fd, a->in->bytes, a->in->size);
    if (!error && lseek(*fd, 0, SEEK_SET) < 0) error = errno;
    if (!error) (void)fcntl(*fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    if (!error) return PV_OK;
    if (*fd >= 0) close(*fd);
    *fd = -1;
    return prove_error_set(&a->err, error == ENOMEM || error == ENOSPC ? PV_NO_MEMORY : PV_IO, "the input: %s",
                           strerror(error));
}

/* --- the runs --- */

/* Where the node has control groups, one of its own for each run. *procs: what the launcher needs of it. */
static pv_status group_begin(struct attempt_group *group, const char **procs, struct attempt *a)
{
    const struct program *p = &a->x->program;
    const struct attempt_groups *all = a->x->place->groups;
    const struct attempt_group_limits limits = { p->total_memory, p->total_processes, p->cpus };
    *group = (struct attempt_group){ .groups = NULL };
    *procs = NULL;
    if (!all) return PV_OK;
    if (!attempt_group_make(group, all, &limits))
        return prove_error_set(&a->err, PV_FAILED, "its control group below %.150s: %s", all->path, strerror(errno));
    *procs = group->procs;
    return PV_OK;
}

static void group_finish(struct attempt_group *group, struct program_end *end, const struct attempt *a)
{
    const struct attempt_groups *all = group->groups;
    if (!attempt_group_end(group, &end->out_of_memory))
        LOG_WARN("handler.group", "handler=%s task=%s text=%s/%s cannot be removed: %s", a->x->program.name,
                 a->in->task, all->path, group->name, strerror(errno));
}

static pv_status command_run(struct program_end *end, struct attempt *a, char **argv, const char *file, int input,
                             uint64_t stdout_most)
{
    const struct placed with = { .input = ATTEMPT_INPUT,
                                 .result = ATTEMPT_RESULTS "/" RESULT_FILE,
                                 .proof = ATTEMPT_RESULTS "/" RESULT_PROOF,
                                 .public = ATTEMPT_RESULTS "/" RESULT_PUBLIC,
                                 .folder = a->folder.path,
                                 .circuit = a->in->circuit,
                                 .task = a->in->task };
    struct attempt_group group;
    const char *procs;
    TRY(group_begin(&group, &procs, a));
    char **filled = placed_fill(argv, &with);
    if (!filled) {
        group_finish(&group, end, a);
        return prove_error_set(&a->err, PV_NO_MEMORY, "no memory for the command");
    }
    struct program_call call = { .program = &a->x->program,
                                 .place = a->x->place,
                                 .file = file,
                                 .argv = filled,
                                 .folder = a->folder.path,
                                 .group = procs,
                                 .input = input,
                                 .stdout_most = stdout_most,
                                 .watch = a->watch };
    pv_status s = program_run(end, &call, &a->err);
    free(filled);
    group_finish(&group, end, a);
    if (end->left)
        LOG_WARN("handler.left", "handler=%s task=%s text=%s", a->x->program.name, a->in->task,
                 "it ended and left processes behind, which were killed");
    return s;
}

/* "exit status 3: what it wrote last". */
static pv_status fail_with(struct attempt *a, const struct program_end *end, enum handler_verdict v, pv_status s,
                           const char *what)
{
    char text[sizeof a->out->text];
    int used = snprintf(text, sizeof text, "%.64s: %s", a->x->program.name, what);
    size_t at = (size_t)used < sizeof text ? (size_t)used : sizeof text - 1;
    if (end->errors.n && at + 8 < sizeof text) {
        memcpy(text + at, ": ", 3);
        error_tail_text(&end->errors, text + at + 2, sizeof text - at - 2);
    }
    return fail(a->out, v, s, text);
}

static pv_status status_of(enum handler_verdict v)
{
    return v == HANDLER_PERMANENT ? PV_INVALID_INPUT : v == HANDLER_RESOURCE ? PV_RESOURCES : PV_FAILED;
}

static pv_status ending_judge(struct attempt *a, const struct program_end *end)
{
    char what[96];
    enum handler_verdict v;
    switch (end->ending) {
    case PROGRAM_STOPPED:
    case PROGRAM_LATE: return PV_CANCELLED;
    case PROGRAM_FLOODED:
        return fail_with(a, end, HANDLER_RETRYABLE, PV_TOO_LARGE, "it wrote more to stdout than result_max allows");
    case PROGRAM_SIGNALLED:
        if (end->out_of_memory)
            return fail_with(a, end, HANDLER_RESOURCE, PV_RESOURCES, "it needed more memory than total_memory");
        snprintf(what, sizeof what, "ended by signal %d (%.40s)", end->code, strsignal(end->code));
        return fail_with(a, end, HANDLER_RETRYABLE, PV_FAILED, what);
    default: break;
    }
    if (!end->code) return PV_OK;
    snprintf(what, sizeof what, "exit status %d", end->code);
    v = a->x->program.verdicts[end->code & 255];
    return fail_with(a, end, v, status_of(v), what);
}

/* Only now is there nobody left who could write to it. */
static pv_status result_judge(struct attempt *a, struct program_end *end)
{
    const struct program *p = &a->x->program;
    enum program_result kind = (enum program_result)p->result;
    pv_status s = result_take(a->out, &a->folder, kind, p->result_max, &a->err);
    if (s == PV_OK && kind == PROGRAM_RESULT_STDOUT) {
        if (!end->out_n) s = prove_error_set(&a->err, PV_NOT_FOUND, "it wrote no result to stdout");
        a->out->bytes = end->out;
        a->out->size = end->out_n;
        end->out = NULL;
    }
    if (s == PV_OK) return PV_OK;
    return fail_with(a, end, s == PV_NO_MEMORY ? HANDLER_RESOURCE : HANDLER_RETRYABLE,
                     s == PV_NO_MEMORY ? PV_RESOURCES : PV_FAILED, a->err.text);
}

static pv_status first_run(struct attempt *a)
{
    const struct program *p = &a->x->program;
    struct program_end end = { 0 };
    int input = -1;
    if (p->input == PROGRAM_INPUT_STDIN) TRY(input_open(&input, a));
    pv_status s =
        command_run(&end, a, p->command, p->executable, input, p->result == PROGRAM_RESULT_STDOUT ? p->result_max : 0);
    if (input >= 0) close(input);
    s = s == PV_OK ? ending_judge(a, &end) : fail_here(a, s);
    if (s == PV_OK) s = result_judge(a, &end);
    free(end.out);
    return s;
}

/* What came by stdout is a file to the verifier. */
static pv_status verify_run(struct attempt *a)
{
    const struct program *p = &a->x->program;
    struct program_end end = { 0 };
    if (!p->verify) return PV_OK;
    if (p->result == PROGRAM_RESULT_STDOUT) {
        pv_status put =
            attempt_folder_put(a->folder.results, RESULT_FILE, a->out->bytes, a->out->size, owner_of(p), &a->err);
        if (put != PV_OK) return fail_here(a, put);
    }
    if (a->watch->progress) a->watch->progress(a->watch->ctx, "verify", 100);
    pv_status s = command_run(&end, a, p->verify, p->verifier, -1, 0);
    if (s != PV_OK)
        s = fail_here(a, s);
    else if (end.ending == PROGRAM_STOPPED)
        s = PV_CANCELLED;
    else if (end.ending != PROGRAM_EXITED || end.code)
        s = fail_with(a, &end, HANDLER_RETRYABLE, PV_BAD_PROOF, "the result did not pass verify");
    free(end.out);
    return s;
}

static pv_status program_handler_run(void *self, const struct handler_input *in, const struct handler_watch *watch,
                                     struct handler_output *out)
{
    struct attempt a = {
        .x = self, .in = in, .watch = watch, .out = out, .folder = { .work = -1, .fd = -1, .results = -1 }
    };
    if (!circuit_fits(&a.x->program, in->circuit))
        return fail(out, HANDLER_PERMANENT, PV_UNKNOWN_CIRCUIT, "the task's circuit cannot be put into a command");
    pv_status s = folder_fill(&a);
    if (s != PV_OK)
        s = fail_here(&a, s);
    else if ((s = first_run(&a)) == PV_OK)
        s = verify_run(&a);
    attempt_folder_remove(&a.folder);
    if (s == PV_OK) return PV_OK;
    free(out->bytes);
    out->bytes = NULL;
    out->size = 0;
    return s;
}

pv_status program_result_verify(const struct handler_program *x, const struct handler_input *in,
                                const struct handler_watch *watch, struct handler_output *out)
{
    struct attempt a = {
        .x = x, .in = in, .watch = watch, .out = out, .folder = { .work = -1, .fd = -1, .results = -1 }
    };
    if (!x->program.verify) return PV_OK;
    if (!circuit_fits(&x->program, in->circuit))
        return fail(out, HANDLER_PERMANENT, PV_UNKNOWN_CIRCUIT, "the task's circuit cannot be put into a command");
    pv_status s = folder_fill(&a);
    s = s == PV_OK ? verify_run(&a) : fail_here(&a, s);
    attempt_folder_remove(&a.folder);
    return s;
}

struct handler handler_program(struct handler_program *x)
{
    return (struct handler){
        .name = x->program.name, .run = program_handler_run, .self = x, .time_limit_ms = x->program.time_limit
    };
}
