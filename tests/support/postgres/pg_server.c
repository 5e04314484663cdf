#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pg_server.h"
#include "temp_dir.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define PROGRAMS "/usr/lib/postgresql/15/bin/"

enum { TRIES = 20, READY_MS = 60000 };

static const char our_settings[] = "listen_addresses = '127.0.0.1'\n"
                                   "fsync = off\nprovost.replicated = on\n"
                                   "shared_buffers = 16MB\n"
                                   "max_connections = 40\n"
                                   "max_wal_senders = 4\n"
                                   "wal_keep_size = 256MB\n"
                                   "hot_standby = on\n"
                                   "log_line_prefix = '%m [%p] %a '\n";
static const char our_hba[] = "local all all trust\n"
                              "host all locked 127.0.0.1/32 scram-sha-256\n"
                              "host all all 127.0.0.1/32 trust\n"
                              "host replication all 127.0.0.1/32 trust\n";

bool pg_server_here(void)
{
    return !access(PROGRAMS "postgres", X_OK);
}

static const struct passwd *somebody(void)
{
    const struct passwd *who = getpwnam("postgres");
    return who ? who : getpwnam("nobody");
}

/* In a child: PostgreSQL does not run as root, and ends with the test. */
static void become(const struct passwd *who)
{
    if (!geteuid() && (!who || setgroups(0, NULL) || setgid(who->pw_gid) || setuid(who->pw_uid))) _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
}

static pid_t program(const struct pg_server *p, char *const argv[])
{
    char log[80];
    const struct passwd *who = somebody();
    snprintf(log, sizeof log, "%s/log", p->dir);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid) return pid;
    become(who);
    int to = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644), none = open("/dev/null", O_RDONLY);
    if (to < 0 || none < 0 || chdir(p->dir)) _exit(125);
    dup2(none, 0);
    dup2(to, 1);
    dup2(to, 2);
    for (int fd = 3; fd < 1024; fd++) close(fd);
    setenv("LC_ALL", "C", 1);
    execv(argv[0], argv);
    _exit(127);
}

static void log_show(const struct pg_server *p)
{
    char path[80], line[512];
    snprintf(path, sizeof path, "%s/log", p->dir);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) fputs(line, stderr);
    if (f) fclose(f);
}

static void program_ends_well(const struct pg_server *p, char *const argv[])
{
    int status;
    pid_t pid = program(p, argv);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!status) return;
    log_show(p);
    fail_msg("%s: status %d", argv[0], status);
}

static void append(const struct pg_server *p, const char *name, const char *mode, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/data/%s", p->dir, name);
    FILE *f = fopen(path, mode);
    if (!f) fail_msg("%s: %s", path, strerror(errno));
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static uint16_t port_free(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void folder_make(struct pg_server *p)
{
    const struct passwd *who = somebody();
    *p = (struct pg_server){ 0 };
    temp_dir_make(p->dir);
    if (!geteuid() && who) assert_int_equal(chown(p->dir, who->pw_uid, who->pw_gid), 0);
}

static void moment(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static bool ready(const struct pg_server *p)
{
    char url[PG_URL_BYTES];
    pg_server_url(p, "postgres", "postgres", url);
    return PQping(url) == PQPING_OK;
}

static bool running(struct pg_server *p)
{
    if (p->pid && waitpid(p->pid, NULL, WNOHANG) == p->pid) p->pid = 0;
    return p->pid;
}

static bool comes_up(struct pg_server *p)
{
    for (int i = 0; i < READY_MS / 10 && running(p); i++) {
        if (ready(p)) return true;
        moment();
    }
    return false;
}

void pg_server_again_soon(struct pg_server *p)
{
    char data[80], port[16];
    snprintf(data, sizeof data, "%s/data", p->dir);
    snprintf(port, sizeof port, "%u", p->port);
    p->pid = program(p, (char *[]){ PROGRAMS "postgres", "-D", data, "-p", port, "-k", p->dir, NULL });
}

/* The port was free a moment ago; somebody may have taken it. */
static void start(struct pg_server *p)
{
    for (int i = 0; i < TRIES; i++) {
        p->port = port_free();
        pg_server_again_soon(p);
        if (comes_up(p)) return;
        pg_server_kill(p, SIGQUIT);
        pg_server_wait(p);
    }
    log_show(p);
    fail_msg("PostgreSQL does not start in %s", p->dir);
}

void pg_server_start(struct pg_server *p, const char *settings)
{
    char data[80];
    folder_make(p);
    snprintf(data, sizeof data, "%s/data", p->dir);
    program_ends_well(p, (char *[]){ PROGRAMS "initdb", "-D", data, "-N", "-A", "trust", "-U", "postgres", "-E", "UTF8",
                                     "--locale=C", "--no-instructions", NULL });
    append(p, "pg_hba.conf", "w", our_hba);
    pg_server_set(p, our_settings);
    if (settings) pg_server_set(p, settings);
    start(p);
    pg_server_sql(p, NULL, "CREATE ROLE provost LOGIN; CREATE ROLE locked LOGIN PASSWORD 'right'");
}

void pg_server_follow(struct pg_server *p, const struct pg_server *of, const char *name)
{
    char data[80], source[PG_URL_BYTES + 40];
    folder_make(p);
    snprintf(data, sizeof data, "%s/data", p->dir);
    snprintf(source, sizeof source, "host=127.0.0.1 port=%u user=postgres application_name=%s", of->port, name);
    program_ends_well(p, (char *[]){ PROGRAMS "pg_basebackup", "-D", data, "-d", source, "-R", "-X", "stream", "-c",
                                     "fast", "-N", NULL });
    start(p);
}

void pg_server_promote(const struct pg_server *p)
{
    pg_server_sql(p, NULL, "SELECT pg_promote(true, 60)");
}

void pg_server_kill(struct pg_server *p, int signal)
{
    if (running(p)) kill(p->pid, signal);
}

/* A process of the server works in its data folder. */
static bool works_there(const struct pg_server *p, const char *pid)
{
    char path[300], at[128], data[80];
    snprintf(path, sizeof path, "/proc/%.200s/cwd", pid);
    snprintf(data, sizeof data, "%s/data", p->dir);
    ssize_t n = readlink(path, at, sizeof at - 1);
    return n > 0 && (size_t)n == strlen(data) && !memcmp(at, data, (size_t)n);
}

static bool children_there(const struct pg_server *p)
{
    bool there = false;
    DIR *d = opendir("/proc");
    assert_non_null(d);
    for (struct dirent *e; !there && (e = readdir(d));) there = works_there(p, e->d_name);
    closedir(d);
    return there;
}

/* The children of a postmaster that was killed notice at their next wait, and may commit until then. */
void pg_server_wait(struct pg_server *p)
{
    if (p->pid) waitpid(p->pid, NULL, 0);
    p->pid = 0;
    for (int i = 0; i < READY_MS / 10 && children_there(p); i++) moment();
}

void pg_server_ready(const struct pg_server *p)
{
    for (int i = 0; i < READY_MS / 10; i++) {
        if (ready(p)) return;
        moment();
    }
    log_show(p);
    fail_msg("PostgreSQL does not answer in %s", p->dir);
}

void pg_server_again(struct pg_server *p)
{
    for (int i = 0; i < READY_MS / 10; i++) {
        pg_server_again_soon(p);
        if (comes_up(p)) return;
        moment();
    }
    log_show(p);
    fail_msg("PostgreSQL does not start again in %s", p->dir);
}

void pg_server_set(const struct pg_server *p, const char *settings)
{
    append(p, "postgresql.conf", "a", settings);
    append(p, "postgresql.conf", "a", "\n");
}

void pg_server_reload(const struct pg_server *p)
{
    pg_server_sql(p, NULL, "SELECT pg_reload_conf()");
}

void pg_server_end(struct pg_server *p)
{
    pg_server_kill(p, SIGQUIT);
    pg_server_wait(p);
    if (p->dir[0]) temp_dir_remove(p->dir);
    p->dir[0] = 0;
}

/* --- databases --- */

void pg_server_url(const struct pg_server *p, const char *role, const char *database, char url[PG_URL_BYTES])
{
    snprintf(url, PG_URL_BYTES, "postgresql://%s@127.0.0.1:%u/%s", role, p->port, database);
}

void pg_server_fresh(struct pg_server *p, char url[PG_URL_BYTES])
{
    char name[32], sql[96];
    snprintf(name, sizeof name, "d%u", ++p->databases);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s OWNER provost", name);
    pg_server_sql(p, NULL, sql);
    pg_server_url(p, "provost", name, url);
}

static PGconn *super(const struct pg_server *p, const char *url)
{
    char own[PG_URL_BYTES];
    const char *name = url ? strrchr(url, '/') : NULL;
    pg_server_url(p, "postgres", name ? name + 1 : "postgres", own);
    PGconn *c = PQconnectdb(own);
    if (PQstatus(c) != CONNECTION_OK) fail_msg("%s: %s", own, PQerrorMessage(c));
    return c;
}

void pg_server_sql(const struct pg_server *p, const char *url, const char *sql)
{
    char none[4];
    pg_server_ask(p, url, sql, none, sizeof none);
}

void pg_server_ask(const struct pg_server *p, const char *url, const char *sql, char *to, size_t bytes)
{
    PGconn *c = super(p, url);
    PGresult *r = PQexec(c, sql);
    ExecStatusType st = PQresultStatus(r);
    if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) fail_msg("%s: %s", sql, PQerrorMessage(c));
    snprintf(to, bytes, "%s", PQntuples(r) > 0 && PQnfields(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(c);
}
