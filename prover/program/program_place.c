#include "program_place.h"

#include "attempt_folder.h"
#include "file_io.h"
#include "log.h"
#include "program_beside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { ABOVE_THEIRS = 16 }; /* those that the launcher gets take the low numbers, before it is executed */

/* By its descriptor: the path is looked up in the child, which has it until it executes. */
static pv_status launcher_keep(struct program_place *p, const char *there, struct prove_error *err)
{
    int fd = open(there, O_PATH | O_CLOEXEC), error = errno;
    p->launcher_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_THEIRS);
    if (fd >= 0) error = errno, close(fd);
    if (p->launcher_fd < 0) return prove_error_set(err, PV_IO, "%.150s: %s", there, strerror(error));
    if (asprintf(&p->launcher, "/proc/self/fd/%d", p->launcher_fd) > 0) return PV_OK;
    p->launcher = NULL;
    return prove_error_set(err, PV_NO_MEMORY, "no memory");
}

pv_status program_place_launcher(struct program_place *p, struct prove_error *err)
{
    char there[PATH_MAX];
    if (program_beside(there, "provost-launch")) return launcher_keep(p, there, err);
    return prove_error_set(err, PV_NOT_FOUND,
                           "provost-launch is neither beside this program nor in ../libexec/provost");
}

static pv_status folder_choose(struct program_place *p, const char *work, struct prove_error *err)
{
    char made[PATH_MAX];
    const char *in = getenv("TMPDIR");
    int error = 0;
    p->temporary = !*work;
    int n = snprintf(made, sizeof made, "%s/provost-work-XXXXXX", in && *in ? in : "/tmp");
    if (p->temporary && n >= (int)sizeof made) return prove_error_set(err, PV_BAD_CONFIG, "TMPDIR is too long");
    if (p->temporary && !mkdtemp(made)) error = errno;
    if (!p->temporary) error = file_folder_make(work);
    if (!error && !(p->work = realpath(p->temporary ? made : work, NULL))) error = errno;
    return error ? prove_error_set(err, PV_IO, "%.150s: %s", p->temporary ? made : work, strerror(error)) : PV_OK;
}

pv_status program_place_open(struct program_place *p, const char *work, struct prove_error *err)
{
    p->work_fd = -1;
    TRY(folder_choose(p, work, err));
    p->work_fd = open(p->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->work_fd < 0) return prove_error_set(err, PV_IO, "%.150s: %s", p->work, strerror(errno));
    if (flock(p->work_fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return prove_error_set(err, PV_BUSY, "%.150s: another node uses this folder for its programs", p->work);
    unsigned left = attempt_folder_sweep(p->work_fd);
    if (left)
        LOG_INFO("handler.swept", "folder=%s attempts=%u text=%s", p->work, left, "a node before this one was killed");
    return PV_OK;
}

void program_place_close(struct program_place *p)
{
    if (p->work_fd >= 0) close(p->work_fd);
    if (p->launcher_fd > 0) close(p->launcher_fd);
    if (p->temporary && p->work) rmdir(p->work);
    free(p->work);
    free(p->launcher);
    *p = (struct program_place){ .work_fd = -1 };
}
