#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "s3_server.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

bool s3_server_here(void)
{
    static const char *const programs[] = { "radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "curl" };
    char path[64];
    bool here = true;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        snprintf(path, sizeof path, "/usr/bin/%s", programs[i]);
        here = here && !access(path, X_OK);
    }
    return here;
}

static void script_run(const struct s3_server *s, int to, int from)
{
    char *const argv[] = { "bash", PV_RADOSGW, (char *)s->dir, NULL };
    dup2(to, 0);
    dup2(from, 1);
    for (int fd = 3; fd < 1024; fd++) close(fd);
    setenv("LC_ALL", "C", 1);
    execv("/bin/bash", argv);
    _exit(127);
}

void s3_server_start(struct s3_server *s)
{
    int to[2], from[2];
    char line[80] = "";
    unsigned port, tls_port;
    *s = (struct s3_server){ 0 };
    temp_dir_make(s->dir);
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (!s->pid) script_run(s, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    s->to = fdopen(to[1], "w");
    s->from = fdopen(from[0], "r");
    if (!fgets(line, sizeof line, s->from) || sscanf(line, "ready %u %u", &port, &tls_port) != 2)
        fail_msg("radosgw does not start in %s: %s", s->dir, line);
    s->port = (uint16_t)port;
    s->tls_port = (uint16_t)tls_port;
}

void s3_server_end(struct s3_server *s)
{
    if (!s->pid) return;
    fclose(s->to);
    fclose(s->from);
    waitpid(s->pid, NULL, 0);
    temp_dir_remove(s->dir);
    s->pid = 0;
}

void s3_server_do(const struct s3_server *s, const char *what)
{
    char line[80] = "";
    fprintf(s->to, "%s\n", what);
    fflush(s->to);
    if (!fgets(line, sizeof line, s->from) || strcmp(line, "ok\n")) fail_msg("radosgw: %s: %s", what, line);
}

void s3_server_endpoint(const struct s3_server *s, bool tls, char to[64])
{
    snprintf(to, 64, "%s://127.0.0.1:%u", tls ? "https" : "http", tls ? s->tls_port : s->port);
}

void s3_server_key(const struct s3_server *s, const char *name, const char *text, char path[128])
{
    snprintf(path, 128, "%s/%s", s->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

void s3_server_bucket(const struct s3_server *s, const char *user, const char *bucket)
{
    char command[400];
    snprintf(command, sizeof command,
             "curl -q -s -S -f -o /dev/null --noproxy '*' -X PUT --aws-sigv4 aws:amz:us-east-1:s3 --user %s "
             "-H x-amz-content-sha256:UNSIGNED-PAYLOAD http://127.0.0.1:%u/%s",
             user, s->port, bucket);
    assert_int_equal(system(command), 0);
}
