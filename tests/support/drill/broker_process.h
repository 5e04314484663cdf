/** provost-broker as a process of a test: started in a folder of its own, waited for, killed and started again.
 *  Run by support/postgres/postgres.sh around, the broker of each folder keeps its tasks in a database of its own (PV_TEST_STORE). */
#ifndef PV_BROKER_PROCESS_H
#define PV_BROKER_PROCESS_H

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct broker_process {
    pid_t pid;
    char endpoint[128];
    char port_file[160], state[96], log[96];
    char database[256]; /* on PostgreSQL */
    char payloads[96];  /* where folders blobs and incoming are */
};

static inline bool on_postgres(void)
{
    const char *which = getenv("PV_TEST_STORE");
    return which && !strcmp(which, "postgresql");
}

/* The limit of descriptors, soft and hard, of those that are started from now on; 0: as our own. */
static rlim_t broker_process_descriptors;

/* The endpoint from the port file, as soon as there is a whole line in it. */
static inline bool broker_process_endpoint(struct broker_process *b)
{
    FILE *f = fopen(b->port_file, "r");
    if (!f) return false;
    bool got = fgets(b->endpoint, sizeof b->endpoint, f) && strchr(b->endpoint, '\n');
    b->endpoint[strcspn(b->endpoint, "\n")] = 0;
    fclose(f);
    return got;
}

static inline bool broker_process_line(char *to, size_t bytes, FILE *f)
{
    to[0] = 0;
    bool got = f && fgets(to, (int)bytes, f) && strchr(to, '\n');
    to[strcspn(to, "\n")] = 0;
    return got;
}

/* An empty database of the test's server. */
static inline bool broker_process_fresh(char *to, size_t bytes)
{
    FILE *f = popen("exec bash \"$PV_TEST_POSTGRES\" fresh \"$PV_TEST_SERVER\"", "re");
    bool got = broker_process_line(to, bytes, f);
    return f && !pclose(f) && got;
}

/* Runs it as superuser in the broker's database. */
static inline bool broker_process_sql(const struct broker_process *b, const char *sql)
{
    const char *name = strrchr(b->database, '/');
    if (!name || setenv("PV_SQL", sql, 1) || setenv("PV_SQL_DATABASE", name + 1, 1)) return false;
    return !system("bash \"$PV_TEST_POSTGRES\" sql \"$PV_TEST_SERVER\" \"$PV_SQL_DATABASE\" \"$PV_SQL\" >/dev/null");
}

/* The database of a folder is named in a file there, for later starts. */
static inline bool broker_process_database(struct broker_process *b, const char *dir)
{
    char path[128];
    snprintf(path, sizeof path, "%s/database", dir);
    FILE *f = fopen(path, "r");
    bool known = broker_process_line(b->database, sizeof b->database, f);
    if (f) fclose(f);
    if (known) return true;
    if (!broker_process_fresh(b->database, sizeof b->database) || !(f = fopen(path, "w"))) return false;
    fprintf(f, "%s\n", b->database);
    return !fclose(f) && !mkdir(b->payloads, 0700);
}

/* dir: where state, port file and log go. bind NULL: any free port. more: further arguments, NULL-terminated, or NULL. */
static inline bool broker_process_start(struct broker_process *b, const char *dir, const char *bind,
                                        const char *const *more)
{
    const char *args[48] = { PV_BROKER_PATH };
    size_t n = 1;
    char bind_copy[128];
    snprintf(bind_copy, sizeof bind_copy, "%s", bind ? bind : "tcp://127.0.0.1:*");
    snprintf(b->state, sizeof b->state, "%s/state", dir);
    snprintf(b->port_file, sizeof b->port_file, "%s/port", dir);
    snprintf(b->log, sizeof b->log, "%s/log", dir);
    unlink(b->port_file);
    args[n++] = "--bind";
    args[n++] = bind_copy;
    args[n++] = "--state";
    args[n++] = b->state;
    args[n++] = "--port-file";
    args[n++] = b->port_file;
    snprintf(b->payloads, sizeof b->payloads, "%s/%s", dir, on_postgres() ? "payloads" : "state");
    if (on_postgres()) {
        if (!broker_process_database(b, dir)) return false;
        args[n++] = "--store";
        args[n++] = b->database;
        args[n++] = "--payloads";
        args[n++] = b->payloads;
    }
    while (more && *more && n < 47) args[n++] = *more++;
    b->pid = fork();
    if (!b->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies leaves no broker behind */
        int log = open(b->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (log >= 0) dup2(log, 2);
        struct rlimit files = { broker_process_descriptors, broker_process_descriptors };
        if (files.rlim_max && setrlimit(RLIMIT_NOFILE, &files)) _exit(126);
        execv(args[0], (char *const *)(uintptr_t)args);
        perror(args[0]);
        _exit(127);
    }
    for (uint64_t end = pv_clock_ms() + 20000; pv_clock_ms() < end; poll(NULL, 0, 2)) {
        if (broker_process_endpoint(b)) return true;
        if (waitpid(b->pid, NULL, WNOHANG) == b->pid) break;
    }
    b->pid = 0;
    return false;
}

/* Sends a signal and waits for the end. The exit status, or -signal. */
static inline int broker_process_end(struct broker_process *b, int signal)
{
    int status = 0;
    if (!b->pid) return 0;
    kill(b->pid, signal);
    while (waitpid(b->pid, &status, 0) < 0 && errno == EINTR) continue;
    b->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline bool broker_process_alive(const struct broker_process *b)
{
    return b->pid && waitpid(b->pid, NULL, WNOHANG) == 0;
}

/* What it said, to the test's output: when something failed. */
static inline void broker_process_print_log(const struct broker_process *b)
{
    char line[4096];
    FILE *f = fopen(b->log, "r");
    while (f && fgets(line, sizeof line, f)) fprintf(stderr, "  broker: %s", line);
    if (f) fclose(f);
}

#endif
