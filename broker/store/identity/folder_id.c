#include "folder_id.h"

#include "file_io.h"
#include "values.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_FILE ".identity"

const char *folder_name(char name[FOLDER_NAME_BYTES], int n)
{
    snprintf(name, FOLDER_NAME_BYTES, n > 1 ? "blobs-%d" : "blobs", n);
    return name;
}

/* In the file: the id in hex, a space, the epoch in ten digits, a newline. */
enum { EPOCH_DIGITS = 10, TEXT_BYTES = WIRE_ID_TEXT + EPOCH_DIGITS + 1 };

/* Missing, empty and garbage are the same: nobody can tell whose folder it is. */
static struct folder_mark mark_read(int folder)
{
    char text[TEXT_BYTES + 1] = "";
    struct folder_mark mark = { .epoch = 0 }, none = mark;
    uint64_t epoch;
    int fd = openat(folder, ID_FILE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return none;
    bool whole = !file_read_all(fd, text, TEXT_BYTES) && text[WIRE_ID_TEXT - 1] == ' ' && text[TEXT_BYTES - 1] == '\n';
    close(fd);
    text[WIRE_ID_TEXT - 1] = text[TEXT_BYTES - 1] = 0;
    if (!whole || !wire_id_of_text(&mark.id, text) || !value_number(&epoch, text + WIRE_ID_TEXT) || epoch > UINT32_MAX)
        return none;
    mark.epoch = (uint32_t)epoch;
    return mark;
}

static bool holds_files(int folder)
{
    bool found = false;
    DIR *d = file_folder_read(folder);
    errno = 0;
    for (struct dirent *e; d && !found && (e = readdir(d)); errno = 0) found = e->d_name[0] != '.';
    bool whole = d && !errno;
    if (d) closedir(d);
    return found || !whole; /* what cannot be read is not called empty */
}

enum folder_state folder_look(int root, int n, struct folder_mark *mark)
{
    static const wire_id none;
    char name[FOLDER_NAME_BYTES];
    *mark = (struct folder_mark){ .epoch = 0 };
    int folder = openat(root, folder_name(name, n), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return errno == ENOENT ? FOLDER_ABSENT : FOLDER_UNKNOWN;
    bool files = holds_files(folder);
    *mark = mark_read(folder);
    close(folder);
    return !files ? FOLDER_EMPTY : wire_id_equal(mark->id, none) ? FOLDER_UNKNOWN : FOLDER_KNOWN;
}

pv_status folder_mark_write(int folder, const struct folder_mark *mark)
{
    char text[TEXT_BYTES + 1], id[WIRE_ID_TEXT];
    int fd = openat(folder, ID_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return file_write_status(errno);
    snprintf(text, sizeof text, "%s %0*" PRIu32 "\n", wire_id_text(id, mark->id), EPOCH_DIGITS, mark->epoch);
    int error = file_write_all(fd, text, TEXT_BYTES);
    if (error) {
        close(fd);
        unlinkat(folder, ID_FILE ".new", 0);
        return file_write_status(error);
    }
    error = file_publish(folder, fd, ID_FILE ".new", ID_FILE);
    return error ? file_write_status(error) : PV_OK;
}

void folder_mark_remove(int folder)
{
    unlinkat(folder, ID_FILE, 0);
    unlinkat(folder, ID_FILE ".new", 0);
}
