#include "copy_folder.h"

#include "file_io.h"
#include "folder_id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

pv_status copy_refuse(char why[STORE_WHY_BYTES], pv_status st, const char *what, const char *detail)
{
    snprintf(why, STORE_WHY_BYTES, "%.180s: %.300s", what, detail);
    return st;
}

pv_status copy_refuse_errno(char why[STORE_WHY_BYTES], const char *what, int error)
{
    return copy_refuse(why, file_write_status(error), what, strerror(error));
}

pv_status copy_refuse_payload(char why[STORE_WHY_BYTES], pv_status st, const char *what)
{
    return copy_refuse(why, st, what, st == PV_DISK_FULL ? "no space for a payload" : "a payload could not be copied");
}

pv_status copy_path(char path[COPY_PATH_BYTES], const char *folder, const char *name, char why[STORE_WHY_BYTES])
{
    if (snprintf(path, COPY_PATH_BYTES, "%s/%s", folder, name) < COPY_PATH_BYTES) return PV_OK;
    return copy_refuse(why, PV_BAD_CONFIG, folder, "the path is too long");
}

int copy_folder_open(int root, const char *name)
{
    return openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int copy_folder_make(int root, int n)
{
    char name[FOLDER_NAME_BYTES];
    folder_name(name, n);
    if (mkdirat(root, name, 0700) && errno != EEXIST) return -1;
    return copy_folder_open(root, name);
}

static bool passed_over(const char *name, const char *const *but)
{
    for (; but && *but; but++)
        if (!strncmp(name, *but, strlen(*but))) return true;
    return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "lost+found");
}

bool copy_folder_is_empty(int folder, const char *const *but)
{
    DIR *d = file_folder_read(folder);
    bool empty = d;
    errno = 0;
    for (struct dirent *e; empty && (e = readdir(d)); errno = 0) empty = passed_over(e->d_name, but);
    empty = empty && !errno; /* else not all of it was read */
    if (d) closedir(d);
    return empty;
}

pv_status copy_publish(int folder, int fd, const char *temporary, char why[STORE_WHY_BYTES], const char *what)
{
    int error = file_publish(folder, fd, temporary, COPY_DATABASE);
    return error ? copy_refuse_errno(why, what, error) : PV_OK;
}
