#include "generator.h"

#include "program_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char key_name[] = "/circuit.zkey";
static const char *const names[] = { "witness", "circuit.wasm" };

bool generator_beside(char path[PATH_MAX], const char *key_path)
{
    struct stat st;
    size_t n = strlen(key_path), end = sizeof key_name - 1;
    if (n < end || strcmp(key_path + n - end, key_name) != 0) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int used = snprintf(path, PATH_MAX, "%.*s/%s", (int)(n - end), key_path, names[i]);
        if (used > 0 && used < PATH_MAX && !lstat(path, &st)) return true;
    }
    return false;
}

static pv_status refuse(char *why, pv_status status, const char *path, const char *text)
{
    snprintf(why, PROGRAM_WHY_BYTES, "%.200s: %.250s", path, text);
    return status;
}

static bool is_wasm(const char *path)
{
    char magic[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, magic, sizeof magic);
    if (fd >= 0) close(fd);
    return n == sizeof magic && !memcmp(magic, "\0asm", sizeof magic);
}

/* circom's executable finds its tables in the file that is called as it is, and ".dat". */
static pv_status data_check(const struct generator *g, char *why)
{
    char path[PATH_MAX], fault[PROGRAM_WHY_BYTES];
    struct stat st;
    if ((size_t)snprintf(path, sizeof path, "%s.dat", g->path) >= sizeof path || lstat(path, &st)) return PV_OK;
    char *whole = realpath(path, NULL);
    if (!whole) return refuse(why, PV_NOT_FOUND, path, strerror(errno));
    program_trusted(whole, fault);
    free(whole);
    return *fault ? refuse(why, PV_BAD_CONFIG, path, fault) : PV_OK;
}

pv_status generator_open(struct generator *g, const char *path, char why[PROGRAM_WHY_BYTES])
{
    struct stat st;
    char fault[PROGRAM_WHY_BYTES];
    *why = 0;
    if (!realpath(path, g->path) || stat(g->path, &st))
        return refuse(why, errno == ENOENT ? PV_NOT_FOUND : PV_BAD_CONFIG, path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return refuse(why, PV_BAD_CONFIG, path, "not a file");
    g->kind = is_wasm(g->path) ? GENERATOR_WASM : GENERATOR_EXECUTABLE;
    program_trusted(g->path, fault);
    if (*fault) return refuse(why, PV_BAD_CONFIG, path, fault);
    if (g->kind == GENERATOR_WASM) return PV_OK;
    if (!(st.st_mode & 0111)) return refuse(why, PV_BAD_CONFIG, path, "neither an executable nor WebAssembly");
    return data_check(g, why);
}
