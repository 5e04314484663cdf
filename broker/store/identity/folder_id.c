#include "folder_id.h"

#include "file_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_FILE ".identity"

const char *folder_name(char name[FOLDER_NAME_BYTES], int n)
{
    snprintf(name, FOLDER_NAME_BYTES, n > 1 ? "blobs-%d" : "blobs", n);
    return name;
}

/* Missing, empty and garbage are the same: nobody can tell whose folder it is. */
static wire_id id_read(int folder)
{
    char text[WIRE_ID_TEXT] = "";
    wire_id id = { .bytes = { 0 } };
    int fd = openat(folder, ID_FILE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return id;
    if (!file_read_all(fd, text, sizeof text - 1)) wire_id_of_text(&id, text);
    close(fd);
    return id;
}

static bool holds_files(int folder)
{
    bool found = false;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *e; d && !found && (e = readdir(d));) found = e->d_name[0] != '.';
    if (d) closedir(d);
    return found || !d; /* what cannot be read is not called empty */
}

enum folder_state folder_look(int root, int n, wire_id *id)
{
    static const wire_id none;
    char name[FOLDER_NAME_BYTES];
    *id = none;
    int folder = openat(root, folder_name(name, n), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return errno == ENOENT ? FOLDER_ABSENT : FOLDER_UNKNOWN;
    bool files = holds_files(folder);
    *id = id_read(folder);
    close(folder);
    return !files ? FOLDER_EMPTY : wire_id_equal(*id, none) ? FOLDER_UNKNOWN : FOLDER_KNOWN;
}

pv_status folder_id_write(int folder, wire_id id)
{
    char text[WIRE_ID_TEXT + 1];
    int fd = openat(folder, ID_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return file_write_status(errno);
    wire_id_text(text, id);
    strcat(text, "\n");
    int error = file_write_all(fd, text, WIRE_ID_TEXT);
    if (error) {
        close(fd);
        unlinkat(folder, ID_FILE ".new", 0);
        return file_write_status(error);
    }
    error = file_publish(folder, fd, ID_FILE ".new", ID_FILE);
    return error ? file_write_status(error) : PV_OK;
}
