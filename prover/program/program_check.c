#include "program_check.h"

#include "program_beside.h"
#include "program_config.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One step of a path. True: it is as it should be. */
static bool step_trusted(const char *path, bool last, char *fault)
{
    struct stat st;
    if (stat(path, &st)) {
        snprintf(fault, PROGRAM_WHY_BYTES, "%.150s: %s", path, strerror(errno));
        return false;
    }
    if (st.st_uid && st.st_uid != geteuid()) {
        snprintf(fault, PROGRAM_WHY_BYTES, "%.150s belongs to another user, who may replace it", path);
        return false;
    }
    bool sticky = !last && S_ISDIR(st.st_mode) && st.st_mode & S_ISVTX;
    if (!(st.st_mode & 022) || sticky) return true;
    snprintf(fault, PROGRAM_WHY_BYTES, "%.150s is writable by others", path);
    return false;
}

void program_trusted(const char *path, char fault[PROGRAM_WHY_BYTES])
{
    char part[PATH_MAX];
    *fault = 0;
    if (strlen(path) >= sizeof part || *path != '/') {
        snprintf(fault, PROGRAM_WHY_BYTES, "%.150s: the path is too long, or not whole", path);
        return;
    }
    for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        size_t n = slash > path ? (size_t)(slash - path) : 1;
        memcpy(part, path, n);
        part[n] = 0;
        if (!step_trusted(part, false, fault)) return;
    }
    step_trusted(path, true, fault);
}

/* --- commands --- */

/* What loads a shared object: of the same installation as this program. */
static pv_status program_host_find(const struct program *p, char **file, char *why)
{
    char there[PATH_MAX];
    if (!program_beside(there, "provost-host"))
        return program_config_refuse(p, "library", why,
                                     "provost-host is neither beside this program nor in ../libexec/provost");
    *file = realpath(there, NULL);
    return *file ? PV_OK : program_config_refuse(p, "library", why, "%.150s: %s", there, strerror(errno));
}

static pv_status executable_find(const struct program *p, const char *key, char **argv, char **file, char *why)
{
    struct stat st;
    char fault[PROGRAM_WHY_BYTES];
    if (!argv) return PV_OK;
    free(*file);
    if (p->mode == PROGRAM_LIBRARY && argv == p->command) return program_host_find(p, file, why);
    *file = realpath(argv[0], NULL);
    if (!*file || stat(*file, &st))
        return program_config_refuse(p, key, why, "%.150s: %s%s", argv[0], strerror(errno),
                                     strchr(argv[0], ' ') ? " (a command is a list, and no shell reads it)" : "");
    if (!S_ISREG(st.st_mode)) return program_config_refuse(p, key, why, "%.150s is not a file", argv[0]);
    if (access(*file, X_OK)) return program_config_refuse(p, key, why, "%.150s cannot be executed", argv[0]);
    program_trusted(*file, fault);
    return *fault ? program_config_refuse(p, key, why, "%.250s", fault) : PV_OK;
}

/* A script behind its interpreter is as much a program as the interpreter. */
static pv_status arguments_check(const struct program *p, const char *key, char **argv, char *why)
{
    struct stat st;
    char fault[PROGRAM_WHY_BYTES], file[PATH_MAX];
    for (; argv && *argv; argv++) {
        if (**argv != '/' || !realpath(*argv, file) || stat(file, &st) || !S_ISREG(st.st_mode)) continue;
        program_trusted(file, fault);
        if (*fault) return program_config_refuse(p, key, why, "%.250s", fault);
    }
    return PV_OK;
}

static pv_status library_check(const struct program *p, char *why)
{
    struct stat st;
    if (p->mode != PROGRAM_LIBRARY) return PV_OK;
    if (stat(p->library, &st))
        return program_config_refuse(p, "library", why, "%.150s: %s", p->library, strerror(errno));
    return S_ISREG(st.st_mode) ? PV_OK : program_config_refuse(p, "library", why, "%.150s is not a file", p->library);
}

/* --- the user --- */

static pv_status user_refuse(char why[PROGRAM_WHY_BYTES], const char *user, const char *text)
{
    snprintf(why, PROGRAM_WHY_BYTES, "%.60s%.300s", user, text);
    return PV_BAD_CONFIG;
}

static pv_status groups_take(struct program *p, const struct passwd *user, char *why)
{
    gid_t groups[LAUNCH_GROUPS_MAX];
    int n = LAUNCH_GROUPS_MAX;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
        return user_refuse(why, p->run_as, " is in more groups than a program can have");
    for (int i = 0; i < n; i++) p->groups[i] = groups[i];
    p->groups_n = (uint32_t)n;
    p->uid = user->pw_uid;
    p->gid = user->pw_gid;
    return PV_OK;
}

pv_status program_user(struct program *p, char why[PROGRAM_WHY_BYTES])
{
    char room[4096];
    struct passwd user, *found = NULL;
    if (!*p->run_as && geteuid()) return PV_OK;
    if (!*p->run_as) return user_refuse(why, "missing", ": a node that is root needs a user for its programs");
    int error = getpwnam_r(p->run_as, &user, room, sizeof room, &found);
    if (!found && error) return user_refuse(why, p->run_as, ": the user cannot be looked up");
    if (!found) return user_refuse(why, p->run_as, ": no such user");
    if (!user.pw_uid) return user_refuse(why, p->run_as, " is root: a program never is");
    if (!geteuid()) return groups_take(p, &user, why);
    if (user.pw_uid == geteuid()) return PV_OK;
    return user_refuse(why, "only a node that is root can run programs as ", p->run_as);
}

static pv_status user_find(struct program *p, char *why)
{
    char fault[PROGRAM_WHY_BYTES];
    pv_status s = program_user(p, fault);
    return s == PV_OK ? s : program_config_refuse(p, "run_as", why, "%.250s", fault);
}

pv_status program_check(struct program *p, char why[PROGRAM_WHY_BYTES])
{
    char fault[PROGRAM_WHY_BYTES], *whole = realpath(p->path, NULL);
    program_trusted(whole ? whole : p->path, fault);
    free(whole);
    if (*fault) {
        snprintf(why, PROGRAM_WHY_BYTES, "%.150s: %.300s", p->path, fault);
        return PV_BAD_CONFIG;
    }
    TRY(executable_find(p, "command", p->command, &p->executable, why));
    TRY(executable_find(p, "verify", p->verify, &p->verifier, why));
    TRY(executable_find(p, "version", p->version, &p->versioner, why));
    TRY(library_check(p, why));
    TRY(arguments_check(p, p->mode == PROGRAM_LIBRARY ? "library" : "command", p->command, why));
    TRY(arguments_check(p, "verify", p->verify, why));
    return user_find(p, why);
}
