#include "sqlite_gate.h"

#include "sqlite_sql.h"
#include "sqlite_state.h"

#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOVED "MOVED"
#define MOVING "MOVING"
#define NEW "MOVED.new"

enum { LINE_BYTES = STORE_GATE_TEXT + 32 };

/* The first line of a file; false: there is none. */
static bool line_read(int root, const char *name, char line[LINE_BYTES])
{
    if (faccessat(root, name, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT) return false;
    int fd = openat(root, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, line, LINE_BYTES - 1);
    if (fd >= 0) close(fd);
    line[n > 0 ? n : 0] = 0;
    line[strcspn(line, "\n")] = 0;
    return true;
}

static void gate_read(int root, struct store_gate *gate)
{
    char line[LINE_BYTES], *text = line;
    *gate = (struct store_gate){ .state = STORE_GATE_OPEN };
    if (line_read(root, MOVED, line))
        gate->state = STORE_GATE_MOVED;
    else if (line_read(root, MOVING, line)) {
        gate->state = STORE_GATE_FILLING;
        gate->row = strtoull(line, &text, 10);
        text += *text == ' ';
    } else
        return;
    snprintf(gate->text, sizeof gate->text, "%.*s", STORE_GATE_TEXT - 1, *text ? text : "elsewhere");
}

pv_status sqlite_gate_look(int root, enum store_purpose purpose, char *why)
{
    struct store_gate gate;
    gate_read(root, &gate);
    return store_gate_judge(&gate, purpose, "remove the file MOVED", why);
}

pv_status sqlite_get_gate(struct store *base, struct store_gate *gate)
{
    gate_read(sqlite_of(base)->root, gate);
    return PV_OK;
}

/* 0, or the errno. */
static int line_write(int root, const char *name, const char *line)
{
    int fd = openat(root, NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    int error = file_write_all(fd, line, strlen(line));
    if (!error) return file_publish(root, fd, NEW, name);
    close(fd);
    unlinkat(root, NEW, 0);
    return error;
}

static int removed(int root, const char *name)
{
    return unlinkat(root, name, 0) && errno != ENOENT ? errno : 0;
}

static int gate_write(int root, const struct store_gate *gate)
{
    char line[LINE_BYTES];
    int error = 0;
    if (gate->state == STORE_GATE_MOVED) {
        snprintf(line, sizeof line, "%s\n", gate->text);
        error = line_write(root, MOVED, line);
    } else if (gate->state == STORE_GATE_FILLING) {
        snprintf(line, sizeof line, "%" PRIu64 " %s\n", gate->row, gate->text);
        error = line_write(root, MOVING, line);
    }
    if (!error && gate->state != STORE_GATE_MOVED) error = removed(root, MOVED);
    if (!error && gate->state != STORE_GATE_FILLING) error = removed(root, MOVING);
    return error ? error : fsync(root) ? errno : 0;
}

pv_status sqlite_put_gate(struct store *base, const struct store_gate *gate)
{
    struct sqlite_store *s = sqlite_of(base);
    int error = s->failure[0] ? 0 : gate_write(s->root, gate);
    if (error) return sqlite_sql_fail(s, strerror(error));
    return s->failure[0] ? PV_STORE : PV_OK;
}
