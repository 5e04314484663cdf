#include "result_take.h"

#include "file_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* The entry that is none of names; "" if all are. */
static pv_status stranger_of(char stranger[256], int folder, const char *const *names, struct prove_error *err)
{
    *stranger = 0;
    int fd = openat(folder, ATTEMPT_RESULTS, FOLDER);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list) {
        if (fd >= 0) close(fd);
        return prove_error_set(err, PV_NOT_FOUND, "it left no folder for the result");
    }
    for (const struct dirent *e; !*stranger && (e = readdir(list));) {
        const char *const *n = names;
        while (*n && strcmp(*n, e->d_name)) n++;
        if (!*n && strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) snprintf(stranger, 256, "%s", e->d_name);
    }
    closedir(list);
    return PV_OK;
}

static pv_status bytes_read(struct handler_output *out, int fd, const char *name, uint64_t most,
                            struct prove_error *err)
{
    struct stat st;
    if (fstat(fd, &st)) return prove_error_set(err, PV_IO, "%s: %s", name, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
        return prove_error_set(err, PV_NOT_FOUND, "%s is no file of its own", name);
    if (!st.st_size) return prove_error_set(err, PV_NOT_FOUND, "it wrote no result: %s is empty", name);
    if ((uint64_t)st.st_size > most)
        return prove_error_set(err, PV_TOO_LARGE, "%s has %" PRIu64 " bytes, and result_max is %" PRIu64, name,
                               (uint64_t)st.st_size, most);
    uint8_t *bytes = malloc((size_t)st.st_size);
    if (!bytes) return prove_error_set(err, PV_NO_MEMORY, "no memory for the result");
    int error = file_read_all(fd, bytes, (size_t)st.st_size);
    if (error) {
        free(bytes);
        return prove_error_set(err, PV_IO, "%s: %s", name, strerror(error));
    }
    out->bytes = bytes;
    out->size = (size_t)st.st_size;
    return PV_OK;
}

static pv_status file_take(struct handler_output *out, int folder, const char *name, uint64_t most,
                           struct prove_error *err)
{
    int results = openat(folder, ATTEMPT_RESULTS, FOLDER);
    int fd = results >= 0 ? openat(results, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    int error = errno;
    if (results >= 0) close(results);
    if (fd < 0 && error == ENOENT) return prove_error_set(err, PV_NOT_FOUND, "it wrote no result: no %s", name);
    if (fd < 0) return prove_error_set(err, PV_NOT_FOUND, "it wrote no result: %s: %s", name, strerror(error));
    pv_status s = bytes_read(out, fd, name, most, err);
    close(fd);
    return s;
}

static pv_status is_json(const struct handler_output *o, const char *name, struct prove_error *err)
{
    json_t *root = json_loadb((const char *)o->bytes, o->size, JSON_REJECT_DUPLICATES, NULL);
    pv_status s = root ? PV_OK : prove_error_set(err, PV_BAD_JSON, "%s is not JSON", name);
    json_decref(root);
    return s;
}

/* The bytes stay as the program wrote them. */
static pv_status joined(struct handler_output *out, const struct handler_output *proof,
                        const struct handler_output *public, struct prove_error *err)
{
    static const char parts[][14] = { "{\"proof\": ", ", \"public\": ", "}" };
    size_t n = strlen(parts[0]) + proof->size + strlen(parts[1]) + public->size + 1;
    char *to = malloc(n + 1);
    if (!to) return prove_error_set(err, PV_NO_MEMORY, "no memory for the result");
    int used = snprintf(to, n + 1, "%s%.*s%s%.*s%s", parts[0], (int)proof->size, (const char *)proof->bytes, parts[1],
                        (int)public->size, (const char *)public->bytes, parts[2]);
    out->bytes = (uint8_t *)to;
    out->size = (size_t)used;
    return PV_OK;
}

enum { PART_MOST = 16 << 20 };

static pv_status both_take(struct handler_output *out, int folder, uint64_t most, struct prove_error *err)
{
    struct handler_output proof = { 0 }, public = { 0 };
    uint64_t each = most < PART_MOST ? most : PART_MOST;
    pv_status s = file_take(&proof, folder, RESULT_PROOF, each, err);
    if (s == PV_OK) s = is_json(&proof, RESULT_PROOF, err);
    if (s == PV_OK) s = file_take(&public, folder, RESULT_PUBLIC, each, err);
    if (s == PV_OK) s = is_json(&public, RESULT_PUBLIC, err);
    if (s == PV_OK) s = joined(out, &proof, &public, err);
    free(proof.bytes);
    free(public.bytes);
    return s;
}

pv_status result_take(struct handler_output *out, const struct attempt_folder *f, enum program_result kind,
                      uint64_t most, struct prove_error *err)
{
    static const char *const expected[][3] = { [PROGRAM_RESULT_FILE] = { RESULT_FILE },
                                               [PROGRAM_RESULT_STDOUT] = { NULL },
                                               [PROGRAM_RESULT_GROTH16] = { RESULT_PROOF, RESULT_PUBLIC } };
    char stranger[256];
    TRY(stranger_of(stranger, f->fd, expected[kind], err));
    if (*stranger)
        return prove_error_set(err, PV_CONFLICT, "it wrote more than one result: %.60s is there too", stranger);
    if (kind == PROGRAM_RESULT_STDOUT) return PV_OK;
    if (kind == PROGRAM_RESULT_GROTH16) return both_take(out, f->fd, most, err);
    return file_take(out, f->fd, RESULT_FILE, most, err);
}
