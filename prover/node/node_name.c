#include "node_name.h"

#include "file_io.h"
#include "log.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- held while the process lives ---- */

/* A descriptor. -1: somebody has the name (errno is EADDRINUSE), or there are no such sockets here. */
static int claim(const char *name)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int n = snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "provost-prover/%s", name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (!bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Where there are no such sockets every name counts as free: the broker knows better. */
static bool hold(struct node_name *n, const char *name)
{
    int fd = claim(name);
    if (fd < 0 && errno == EADDRINUSE) return false;
    if (n->claim >= 0) close(n->claim);
    n->claim = fd;
    snprintf(n->text, sizeof n->text, "%s", name);
    return true;
}

/* ---- kept in the state folder ---- */

static void kept_read(struct node_name *n)
{
    char path[4096], line[WIRE_NAME_MAX + 2] = "";
    snprintf(path, sizeof path, "%s/name", n->state);
    FILE *f = fopen(path, "re");
    if (!f) return;
    if (!fgets(line, sizeof line, f)) line[0] = 0;
    fclose(f);
    line[strcspn(line, "\n")] = 0;
    if (wire_name_valid(line, strlen(line))) snprintf(n->first, sizeof n->first, "%s", line);
}

static bool kept_write(const struct node_name *n)
{
    static const char temporary[] = ".name.new";
    char line[WIRE_NAME_MAX + 2];
    int bytes = snprintf(line, sizeof line, "%s\n", n->text);
    int folder = open(n->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = folder < 0 ? -1 : openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && !file_write_all(fd, line, (size_t)bytes);
    bool ok = written && !file_publish(folder, fd, temporary, "name"); /* which closes fd */
    if (fd >= 0 && !written) close(fd);
    if (folder >= 0) close(folder);
    return ok;
}

static void keep(const struct node_name *n)
{
    if (!n->state || !strcmp(n->text, n->first)) return;
    if (!kept_write(n))
        LOG_WARN("prover.name", "name=%s text=%s", n->text,
                 "cannot be kept in the state folder: after a restart the node may have another name");
}

/* ---- which one ---- */

static void numbered(const struct node_name *n, unsigned number, char to[WIRE_NAME_MAX + 1])
{
    char suffix[16] = "";
    if (number > 1) snprintf(suffix, sizeof suffix, "-%u", number);
    snprintf(to, WIRE_NAME_MAX + 1, "%.*s%s", (int)(WIRE_NAME_MAX - strlen(suffix)), n->host, suffix);
}

static bool take_from(struct node_name *n, unsigned number)
{
    char name[WIRE_NAME_MAX + 1];
    for (; number <= NODE_NAMES_MAX; number++) {
        numbered(n, number, name);
        if (!strcmp(name, n->text) || !hold(n, name)) continue;
        n->number = number;
        keep(n);
        return true;
    }
    return false;
}

void node_name_given(struct node_name *n, const char *name)
{
    *n = (struct node_name){ .claim = claim(name) };
    snprintf(n->text, sizeof n->text, "%s", name);
}

void node_name_take(struct node_name *n, const char *host, const char *state)
{
    *n = (struct node_name){ .claim = -1, .state = state };
    snprintf(n->host, sizeof n->host, "%s", host);
    if (state) kept_read(n);
    if (n->first[0] && hold(n, n->first)) return;
    if (!take_from(n, 1)) numbered(n, 1, n->text);
    if (n->number > 1)
        LOG_INFO("prover.name", "name=%s text=%s", n->text,
                 "another node of this host has the host's name: give each node a --name to choose");
}

bool node_name_next(struct node_name *n)
{
    return n->host[0] && take_from(n, n->number + 1);
}

void node_name_clear(struct node_name *n)
{
    if (n->claim >= 0) close(n->claim);
    n->claim = -1;
}
