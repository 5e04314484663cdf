#include "program_list.h"

#include "attempt_folder.h"
#include "clock.h"
#include "program_run.h"
#include "program_version.h"
#include "visible.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What was found out about one handler. */
struct row {
    const char *name, *program, *user, *why, *mode;
    char version[128], sandbox[64], selftest[64];
};

static void sandbox_text(char to[64], unsigned got)
{
    static const struct {
        unsigned bit;
        const char *word;
    } parts[] = { { LAUNCH_GOT_PROCESSES, "processes" },
                  { LAUNCH_GOT_FILES, "files" },
                  { LAUNCH_GOT_NETWORK, "network" },
                  { LAUNCH_GOT_FILTER, "network-filter" } };
    size_t used = 0;
    snprintf(to, 64, "none");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (got & parts[i].bit) used += (size_t)snprintf(to + used, 64 - used, "%s%s", used ? "," : "", parts[i].word);
}

/* Runs /bin/true as the program would be run. */
static pv_status sandbox_try(struct program_entry *e, char to[64])
{
    char *const argv[] = { "true", NULL };
    static const struct handler_watch unwatched;
    struct program_end end = { 0 };
    struct prove_error err = { 0 };
    struct attempt_folder f;
    const struct program *p = &e->serves.program;
    pv_status s = attempt_folder_make(&f, e->serves.place->work_fd, e->serves.place->work, &err);
    if (s == PV_OK) s = attempt_folder_give(&f, (struct attempt_owner){ p->uid, p->gid }, &err);
    struct program_call call = { .program = p,
                                 .place = e->serves.place,
                                 .file = "/bin/true",
                                 .argv = argv,
                                 .folder = f.path,
                                 .input = -1,
                                 .watch = &unwatched };
    if (s == PV_OK) s = program_run(&end, &call, &err);
    if (s != PV_OK) snprintf(e->why, sizeof e->why, "%.150s: %.300s", e->path, err.text);
    sandbox_text(to, end.sandbox);
    free(end.out);
    attempt_folder_remove(&f);
    return s;
}

/* --- the self-test --- */

static uint8_t *file_bytes(const char *path, size_t *n)
{
    uint8_t *bytes = NULL;
    FILE *in = fopen(path, "re");
    if (!in) return NULL;
    if (!fseek(in, 0, SEEK_END) && ftell(in) >= 0) *n = (size_t)ftell(in), bytes = malloc(*n + 1);
    rewind(in);
    if (bytes && fread(bytes, 1, *n, in) != *n) {
        free(bytes);
        bytes = NULL;
    }
    fclose(in);
    return bytes;
}

static void selftest_run(struct program_entry *e, char to[64])
{
    static const struct handler_watch unwatched;
    const struct program *p = &e->serves.program;
    struct handler_output out = { 0 };
    struct handler_input in = { .task = "selftest", .circuit = p->selftest_circuit };
    if (!*p->selftest) {
        snprintf(to, 64, "no input");
        return;
    }
    uint8_t *bytes = file_bytes(p->selftest, &in.size);
    in.bytes = bytes;
    uint64_t from = pv_clock_ms();
    pv_status s = bytes ? handler_run(&e->handler, &in, &unwatched, &out) : PV_IO;
    if (s == PV_OK)
        snprintf(to, 64, "%zu bytes in %" PRIu64 " ms", out.size, pv_clock_ms() - from);
    else
        snprintf(e->why, sizeof e->why, "%.150s: selftest: %.300s", e->path, bytes ? out.text : p->selftest);
    free(out.bytes);
    free(bytes);
}

/* --- printing --- */

static void line_print(FILE *to, const struct row *r)
{
    fprintf(to, "%-20s %-9s %-12s %-28s %-20s %s%s%s\n", r->name, *r->why ? "unusable" : "ok", r->user, r->sandbox,
            *r->version ? r->version : "-", *r->why ? r->why : r->program, *r->selftest ? "; self-test: " : "",
            r->selftest);
}

static json_t *row_json(const struct row *r)
{
    return json_pack("{s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "handler", r->name, "usable", !*r->why, "runs_as",
                     r->user, "sandbox", r->sandbox, "version", r->version, "program", r->program, "selftest",
                     r->selftest, "why", r->why, "mode", r->mode);
}

static void row_print(FILE *to, json_t *rows, const struct row *r)
{
    if (rows)
        json_array_append_new(rows, row_json(r));
    else
        line_print(to, r);
}

static const char *user_of(const struct program *p)
{
    return p->run_as && *p->run_as ? p->run_as : "node's user";
}

static const char *mode_of(const struct program *p)
{
    static const char *const words[] = { "task", "persistent", "library" };
    return words[p->mode];
}

static const char *program_of(const struct program *p)
{
    if (p->mode == PROGRAM_LIBRARY && p->library) return p->library;
    return p->executable ? p->executable : "";
}

/* True: it can serve. */
static bool one_print(FILE *to, json_t *rows, struct program_entry *e, const struct program_list_options *o)
{
    char shown[PROGRAM_WHY_BYTES];
    const struct program *p = &e->serves.program;
    struct row r = {
        .name = e->name, .program = program_of(p), .mode = mode_of(p), .user = user_of(p), .sandbox = "-"
    };
    if (!*e->why) (void)program_version(p, e->serves.place, r.version, e->why);
    if (!*e->why) (void)sandbox_try(e, r.sandbox);
    if (!*e->why && o->open) (void)o->open(o->arg, e, r.version);
    if (!*e->why && o->selftest) selftest_run(e, r.selftest);
    if (o->close) o->close(o->arg, e);
    r.why = visible_text(shown, sizeof shown, e->why);
    row_print(to, rows, &r);
    return !*e->why;
}

size_t program_list(FILE *to, struct program_table *t, const struct program_list_options *options)
{
    static const char *const own[][2] = { { "echo", "answers what it is told to" },
                                          { "groth16", "proves with the keys of circuits" } };
    size_t bad = 0;
    json_t *rows = options->json ? json_array() : NULL;
    if (!rows)
        fprintf(to, "%-20s %-9s %-12s %-28s %-20s %s\n", "HANDLER", "STATE", "RUNS AS", "APART", "VERSION", "PROGRAM");
    for (size_t i = 0; i < 2; i++)
        row_print(to, rows, &(struct row){ own[i][0], own[i][1], "the node", "", "node", "", "none", "" });
    for (size_t i = 0; i < t->n; i++) bad += !one_print(to, rows, &t->entries[i], options);
    if (!rows) return bad;
    json_t *all = json_pack("{s:i, s:o}", "schema", 1, "handlers", rows);
    json_dumpf(all, to, JSON_INDENT(2));
    fputc('\n', to);
    json_decref(all);
    return bad;
}
