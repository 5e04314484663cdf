#include "witness_maker.h"

#include "attempt_folder.h"
#include "log.h"
#include "program_check.h"
#include "program_run.h"
#include "result_take.h"
#include "witness_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char input_file[] = "input.json", witness_file[] = ATTEMPT_RESULTS "/" RESULT_FILE;

enum {
    HEADER_MOST = 4096, /* of a .wtns beside its values: circom's has 76 bytes */
    VALUE_BYTES = 32,
    GRACE_MS = 1000,       /* a generator has nothing to tidy up */
    PROCESSES_MOST = 4096, /* of the user: Node.js has a dozen threads, a fork bomb has no end */
    OPEN_FILES = 256,
    NICE = 5
};

/* --- opening --- */

static const char *const usual[] = { "/usr/bin/node", "/usr/local/bin/node" };

static bool node_js_find(struct witness_maker *m, const char *path)
{
    char fault[PROGRAM_WHY_BYTES];
    m->node_js = realpath(path, NULL);
    if (!m->node_js || access(m->node_js, X_OK)) {
        snprintf(m->no_wasm, sizeof m->no_wasm, "Node.js: %.150s: %s", path, strerror(errno));
    } else {
        program_trusted(m->node_js, fault);
        if (!*fault) return true;
        snprintf(m->no_wasm, sizeof m->no_wasm, "Node.js: %.300s", fault);
    }
    free(m->node_js);
    m->node_js = NULL;
    return false;
}

/* Beside the program, or in ../libexec/provost of an installation, as the launcher. */
static void script_find(struct witness_maker *m)
{
    static const char *const places[] = { "witness_wasm.cjs", "../libexec/provost/witness_wasm.cjs" };
    char own[PATH_MAX], there[PATH_MAX], fault[PROGRAM_WHY_BYTES];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    while (n > 0 && own[n - 1] != '/') n--;
    for (size_t i = 0; n > 0 && !m->script && i < sizeof places / sizeof *places; i++)
        if ((size_t)snprintf(there, sizeof there, "%.*s%s", (int)n, own, places[i]) < sizeof there)
            m->script = realpath(there, NULL);
    if (!m->script) {
        snprintf(m->no_wasm, sizeof m->no_wasm,
                 "witness_wasm.cjs is neither beside this program nor in ../libexec/provost");
        return;
    }
    program_trusted(m->script, fault);
    if (!*fault) return;
    snprintf(m->no_wasm, sizeof m->no_wasm, "%.300s", fault);
    free(m->script);
    m->script = NULL;
}

pv_status witness_maker_open(struct witness_maker *m, const struct program_place *place,
                             const struct witness_maker_options *options, char why[PROGRAM_WHY_BYTES])
{
    *m = (struct witness_maker){ .place = place, .limit_ms = options->limit_ms };
    m->as = (struct program){ .name = "witness",
                              .run_as = options->run_as,
                              .sandbox = LAUNCH_SANDBOX_AUTO,
                              .progress = PROGRAM_PROGRESS_NONE,
                              .open_files = OPEN_FILES,
                              .processes = PROCESSES_MOST,
                              .nice = NICE,
                              .grace = GRACE_MS,
                              .uid = UINT32_MAX,
                              .gid = UINT32_MAX };
    TRY(program_user(&m->as, why));
    bool found = *options->node_js && node_js_find(m, options->node_js);
    for (size_t i = 0; !*options->node_js && !found && i < sizeof usual / sizeof *usual; i++)
        found = node_js_find(m, usual[i]);
    script_find(m);
    return PV_OK;
}

void witness_maker_clear(struct witness_maker *m)
{
    free(m->node_js);
    free(m->script);
    *m = (struct witness_maker){ 0 };
}

bool witness_maker_can(const struct witness_maker *m, const struct generator *g, char why[PROGRAM_WHY_BYTES])
{
    *why = 0;
    if (g->kind != GENERATOR_WASM || (m->node_js && m->script)) return true;
    snprintf(why, PROGRAM_WHY_BYTES, "WebAssembly needs Node.js: %.400s", m->no_wasm);
    return false;
}

/* --- one run --- */

struct run {
    const struct witness_maker *m;
    const struct witness_order *o;
    struct witness_made *made;
    struct program as; /* the maker's, with this run's bound on files */
    struct attempt_folder folder;
    struct program_end end;
    struct error_tail printed; /* the end of its stdout */
    struct prove_error *err;
};

static uint64_t bytes_most(const struct witness_order *o)
{
    return (uint64_t)o->values * VALUE_BYTES + HEADER_MOST;
}

static pv_status fail(struct run *r, enum handler_verdict v, pv_status s)
{
    r->made->verdict = v;
    return s;
}

/* What went wrong here and not in the generator: the disk, memory, the launcher. */
static pv_status fail_here(struct run *r, pv_status s)
{
    bool poor = s == PV_NO_MEMORY || s == PV_DISK_FULL || s == PV_BAD_CONFIG;
    return fail(r, poor ? HANDLER_RESOURCE : HANDLER_RETRYABLE, s == PV_NO_MEMORY ? PV_RESOURCES : s);
}

static pv_status folder_fill(struct run *r)
{
    const struct attempt_owner owner = { r->as.uid, r->as.gid };
    TRY(attempt_folder_make(&r->folder, r->m->place->work_fd, r->m->place->work, r->err));
    TRY(attempt_folder_put(r->folder.fd, input_file, r->o->input, r->o->input_bytes, owner, r->err));
    return attempt_folder_give(&r->folder, owner, r->err);
}

static pv_status generator_run(struct run *r)
{
    const struct witness_maker *m = r->m;
    char *path = (char *)r->o->generator->path;
    bool wasm = r->o->generator->kind == GENERATOR_WASM;
    char *executable[] = { path, (char *)input_file, (char *)witness_file, NULL };
    char *by_node[] = { m->node_js, m->script, path, (char *)input_file, (char *)witness_file, NULL };
    const struct program_call call = { .program = &r->as,
                                       .place = m->place,
                                       .file = wasm ? m->node_js : path,
                                       .argv = wasm ? by_node : executable,
                                       .folder = r->folder.path,
                                       .input = -1,
                                       .out_tail = &r->printed,
                                       .limit_ms = m->limit_ms,
                                       .watch = r->o->watch };
    pv_status s = program_run(&r->end, &call, r->err);
    if (s != PV_OK) prove_error_in(r->err, s, "the witness generator");
    if (r->end.left)
        LOG_WARN("witness.left", "task=%s text=%s", r->o->task,
                 "it ended and left processes behind, which were killed");
    return s;
}

static pv_status fail_with(struct run *r, enum handler_verdict v, pv_status s, const char *what, const char *words)
{
    prove_error_set(r->err, s, "the witness generator: %.120s%s%.*s", what, *words ? ": " : "", WITNESS_TEXT_BYTES,
                    words);
    return fail(r, v, s);
}

static pv_status ending_judge(struct run *r)
{
    const struct program_end *e = &r->end;
    char words[WITNESS_TEXT_BYTES], what[64];
    if (e->ending == PROGRAM_STOPPED) return fail(r, HANDLER_RETRYABLE, PV_CANCELLED);
    if (e->ending == PROGRAM_LATE) {
        snprintf(what, sizeof what, "it did not end within %llu ms", (unsigned long long)r->m->limit_ms);
        return fail_with(r, HANDLER_RETRYABLE, PV_RUN_TIMEOUT, what, "");
    }
    if (e->ending == PROGRAM_EXITED && !e->code) return PV_OK;
    enum handler_verdict v = witness_text_verdict(e, witness_text(words, &r->printed, &e->errors));
    pv_status s = v == HANDLER_PERMANENT ? PV_INVALID_INPUT : v == HANDLER_RESOURCE ? PV_RESOURCES : PV_FAILED;
    if (e->ending == PROGRAM_EXITED)
        snprintf(what, sizeof what, "exit status %d", e->code);
    else
        snprintf(what, sizeof what, "signal %d (%.40s)", e->code, strsignal(e->code));
    return fail_with(r, v, s, what, words);
}

static pv_status witness_take(struct run *r)
{
    struct handler_output out = { 0 };
    struct prove_error why = { 0 };
    pv_status s = result_take(&out, &r->folder, PROGRAM_RESULT_FILE, bytes_most(r->o), &why);
    if (s == PV_NO_MEMORY) return prove_error_set(r->err, PV_RESOURCES, "no memory for the witness"), fail_here(r, s);
    if (s == PV_TOO_LARGE)
        snprintf(why.text, sizeof why.text, "its witness is larger than one of the key can be (%u values)",
                 r->o->values);
    if (s != PV_OK) return fail_with(r, HANDLER_RETRYABLE, PV_FAILED, why.text, "");
    r->made->bytes = out.bytes;
    r->made->n = out.size;
    return PV_OK;
}

/* Whoever may write to the file may have come since it was announced. */
static pv_status still_good(struct run *r)
{
    struct generator now;
    char why[PROGRAM_WHY_BYTES];
    pv_status s = generator_open(&now, r->o->generator->path, why);
    if (s == PV_OK && !witness_maker_can(r->m, &now, why)) s = PV_BAD_CONFIG;
    if (s == PV_OK) return s;
    prove_error_set(r->err, PV_BAD_CONFIG, "%.300s", why);
    return fail_here(r, PV_BAD_CONFIG);
}

static pv_status make(struct run *r)
{
    TRY(still_good(r));
    r->as.file_size = bytes_most(r->o) + 1; /* a larger one is seen as such */
    pv_status s = folder_fill(r);
    if (s == PV_OK) s = generator_run(r);
    s = s == PV_OK ? ending_judge(r) : fail_here(r, s);
    return s == PV_OK ? witness_take(r) : s;
}

/* Not on the stack: the ends of two streams and two paths are 16 KiB. */
pv_status witness_make(struct witness_made *made, const struct witness_maker *m, const struct witness_order *order,
                       struct prove_error *err)
{
    *made = (struct witness_made){ .verdict = HANDLER_RESOURCE };
    struct run *r = calloc(1, sizeof *r);
    if (!r) return prove_error_set(err, PV_RESOURCES, "no memory to run the witness generator");
    r->m = m;
    r->o = order;
    r->made = made;
    r->as = m->as;
    r->folder.work = r->folder.fd = r->folder.results = -1;
    r->err = err;
    pv_status s = make(r);
    free(r->end.out);
    attempt_folder_remove(&r->folder);
    explicit_bzero(r, sizeof *r); /* what the circuit printed */
    free(r);
    return s;
}

void witness_made_clear(struct witness_made *made)
{
    if (made->bytes) explicit_bzero(made->bytes, made->n);
    free(made->bytes);
    *made = (struct witness_made){ 0 };
}
