#include "program_version.h"

#include "attempt_folder.h"
#include "program_config.h"
#include "program_run.h"
#include "visible.h"

#include <stdlib.h>
#include <string.h>

enum { OUTPUT_MOST = 2 << 10 };

/* What it printed on stdout or, as some do, on stderr. */
static void printed(char text[OUTPUT_MOST + 1], const struct program_end *e)
{
    size_t n = e->out_n < OUTPUT_MOST ? e->out_n : OUTPUT_MOST;
    if (n) memcpy(text, e->out, n);
    text[n] = 0;
    if (!n) error_tail_text(&e->errors, text, OUTPUT_MOST);
}

static void first_line(char shown[128], char *text)
{
    text[strcspn(text, "\r\n")] = 0;
    visible_text(shown, 128, text);
}

static pv_status said_check(const struct program *p, const struct program_end *e, char shown[128], char *why)
{
    char text[OUTPUT_MOST + 1];
    printed(text, e);
    bool has = !*p->version_has || strstr(text, p->version_has);
    first_line(shown, text);
    if (e->ending == PROGRAM_LATE)
        return program_config_refuse(p, "version", why, "it did not end within %d s", PROGRAM_VERSION_MS / 1000);
    if (e->ending != PROGRAM_EXITED || e->code)
        return program_config_refuse(p, "version", why, "it ended with %s %d: %.100s",
                                     e->ending == PROGRAM_EXITED ? "status" : "signal", e->code, shown);
    if (has) return PV_OK;
    return program_config_refuse(p, "version_has", why, "another version: \"%.80s\" has no \"%.60s\"", shown,
                                 p->version_has);
}

pv_status program_version(const struct program *p, const struct program_place *place, char shown[128],
                          char why[PROGRAM_WHY_BYTES])
{
    static const struct handler_watch unwatched;
    struct attempt_folder f;
    struct prove_error err = { 0 };
    struct program_end e = { 0 };
    *shown = 0;
    if (!p->version) return PV_OK;
    pv_status s = attempt_folder_make(&f, place->work_fd, place->work, &err);
    if (s == PV_OK) s = attempt_folder_give(&f, (struct attempt_owner){ p->uid, p->gid }, &err);
    struct program_call call = { .program = p,
                                 .place = place,
                                 .file = p->versioner,
                                 .argv = p->version,
                                 .folder = f.path,
                                 .input = -1,
                                 .stdout_most = OUTPUT_MOST,
                                 .stdout_cut = true,
                                 .limit_ms = PROGRAM_VERSION_MS,
                                 .watch = &unwatched };
    if (s == PV_OK) s = program_run(&e, &call, &err);
    s = s == PV_OK ? said_check(p, &e, shown, why) : program_config_refuse(p, "version", why, "%.250s", err.text);
    free(e.out);
    attempt_folder_remove(&f);
    return s;
}
