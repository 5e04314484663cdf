/* A program that stays and behaves as it is told: at its start by its first argument, in a task by the task's input.
 *
 *      ill_resident HOW        good, refuse, version, mute, dies, second-dies, slow, noise, deaf (to PING), circuits
 */
#include "talk_message.h"
#include "talk_stream.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct talk_stream in = { .most = 1u << 30 };
static uint8_t block[1 << 16];
static struct talk_message m;
static uint64_t job;
static const char *how;

static void write_all(const void *bytes, size_t n)
{
    for (const char *at = bytes; n;) {
        ssize_t did = write(1, at, n);
        if (did <= 0) exit(5);
        at += did;
        n -= (size_t)did;
    }
}

/* The next message in m. False: the end. */
static bool hear(void)
{
    for (;;) {
        size_t n;
        uint8_t *to = talk_stream_room(&in, &n);
        ssize_t got = to ? read(0, to, n) : -1;
        if (got <= 0) return false;
        if (talk_stream_add(&in, (size_t)got) != TALK_WHOLE) continue;
        if (!talk_message_read(&m, in.bytes + TALK_HEAD_BYTES, in.wanted - TALK_HEAD_BYTES)) exit(6);
        return true;
    }
}

static void say(enum talk_word word, uint64_t number)
{
    struct talk_writer w = { .bytes = block, .room = sizeof block };
    talk_begin(&w, word, 2);
    talk_put_uint(&w, number);
    talk_end(&w, 0);
    write_all(block, w.n);
}

static void result(uint64_t of, const void *bytes, size_t n)
{
    struct talk_writer w = { .bytes = block, .room = sizeof block };
    talk_begin(&w, TALK_RESULT, 3);
    talk_put_uint(&w, of);
    talk_put_bin(&w, (uint32_t)n);
    talk_end(&w, n);
    write_all(block, w.n);
    write_all(bytes, n);
}

static void failure(enum talk_failure kind, const char *text)
{
    struct talk_writer w = { .bytes = block, .room = sizeof block };
    talk_begin(&w, TALK_FAILURE, 4);
    talk_put_uint(&w, job);
    talk_put_uint(&w, kind);
    talk_put_text(&w, text, strlen(text));
    talk_end(&w, 0);
    write_all(block, w.n);
}

static void progress(unsigned percent, const char *phase)
{
    struct talk_writer w = { .bytes = block, .room = sizeof block };
    talk_begin(&w, TALK_PROGRESS, 4);
    talk_put_uint(&w, job);
    talk_put_uint(&w, percent);
    talk_put_text(&w, phase, strlen(phase));
    talk_end(&w, 0);
    write_all(block, w.n);
}

/* --- what a task may make it do --- */

static void do_echo(const char *a, size_t n)
{
    result(job, a, n);
}

static void do_hang(const char *a, size_t n)
{
    for (;;) pause();
}

static void do_wait(const char *a, size_t n) /* for STOP, as it should */
{
    talk_stream_next(&in);
    if (!hear() || m.word != TALK_STOP) exit(7);
    failure(TALK_RETRYABLE, "stopped");
}

static void do_sleep(const char *a, size_t n) /* MS */
{
    usleep((useconds_t)atoi(a) * 1000);
    result(job, "slept", 5);
}

static void do_crash(const char *a, size_t n)
{
    fprintf(stderr, "about to crash\n");
    raise(SIGSEGV);
}

static void do_exit(const char *a, size_t n)
{
    exit(atoi(a));
}

static void do_close(const char *a, size_t n)
{
    close(1);
    for (;;) pause();
}

static void do_flood(const char *a, size_t n) /* 10 GiB that are no message */
{
    memset(block, 'x', sizeof block);
    for (unsigned long long left = 10ull << 30; left; left -= sizeof block) write_all(block, sizeof block);
}

static void do_chatter(const char *a, size_t n) /* messages without end */
{
    for (;;) progress(1, "again");
}

static void do_noisy(const char *a, size_t n) /* 200 MiB on stderr */
{
    memset(block, 'y', sizeof block);
    for (size_t left = 200u << 20; left; left -= sizeof block)
        if (write(2, block, sizeof block) < 0) exit(5);
    result(job, "quiet", 5);
}

static void do_other(const char *a, size_t n)
{
    result(job + 1, "x", 1);
}

static void do_two(const char *a, size_t n)
{
    uint8_t both[2][64];
    size_t used = 0;
    for (int i = 0; i < 2; i++) {
        struct talk_writer w = { .bytes = both[0] + used, .room = 64 };
        talk_begin(&w, TALK_RESULT, 3);
        talk_put_uint(&w, job);
        talk_put_bin(&w, 1);
        talk_end(&w, 1);
        both[0][used + w.n] = (uint8_t)('1' + i);
        used += w.n + 1;
    }
    write_all(both, used);
}

static void do_later(const char *a, size_t n) /* a second result while it has no task */
{
    result(job, "first", 5);
    usleep(50000);
    result(job, "again", 5);
}

static void do_unknown(const char *a, size_t n)
{
    say((enum talk_word)50, job);
}

static void do_ready(const char *a, size_t n) /* what it may not say now */
{
    say(TALK_READY, TALK_VERSION);
}

static void do_daemon(const char *a, size_t n) /* leaves a grandchild in a session of its own, which is deaf */
{
    if (!fork()) {
        setsid();
        if (fork()) _exit(0);
        signal(SIGTERM, SIG_IGN);
        for (;;) pause();
    }
    wait(NULL);
    result(job, "left", 4);
}

static void do_progress(const char *a, size_t n)
{
    progress(0, "load");
    usleep(50000);
    progress(50, "half");
    usleep(50000);
    result(job, "done", 4);
}

static void do_permanent(const char *a, size_t n)
{
    failure(TALK_PERMANENT, "the input is no witness");
}

static void do_retryable(const char *a, size_t n)
{
    failure(TALK_RETRYABLE, "another time\nor line");
}

static void do_resources(const char *a, size_t n)
{
    failure(TALK_RESOURCES, "no memory");
}

static void do_empty(const char *a, size_t n)
{
    result(job, "", 0);
}

static void do_pid(const char *a, size_t n)
{
    char text[32];
    result(job, text, (size_t)snprintf(text, sizeof text, "%d", (int)getpid()));
}

static unsigned tasks;

static void do_count(const char *a, size_t n) /* its tasks so far */
{
    char text[32];
    result(job, text, (size_t)snprintf(text, sizeof text, "%u", tasks));
}

static void do_look(const char *a, size_t n) /* as whom it runs, and what it sees */
{
    char text[256];
    unsigned open_n = 0, beside = 0;
    for (int fd = 0; fd < 1024; fd++) open_n += fcntl(fd, F_GETFD) >= 0;
    DIR *d = opendir("..");
    for (struct dirent *e; d && (e = readdir(d));) beside += e->d_name[0] != '.';
    if (d) closedir(d);
    int elsewhere = open("/tmp/ill-resident-was-here", O_WRONLY | O_CREAT, 0600), s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    bool connected = s >= 0 && (!connect(s, (struct sockaddr *)&at, sizeof at) || errno == ECONNREFUSED);
    int used = snprintf(text, sizeof text, "uid=%u descriptors=%u beside=%u new_privileges=%s elsewhere=%s network=%s",
                        geteuid(), open_n, beside, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) ? "no" : "yes",
                        elsewhere < 0 ? "no" : "yes", connected ? "yes" : "no");
    result(job, text, (size_t)used);
}

static void do_large(const char *a, size_t n) /* BYTES */
{
    size_t bytes = (size_t)strtoul(a, NULL, 10);
    char *x = malloc(bytes);
    memset(x, 'z', bytes);
    result(job, x, bytes);
    free(x);
}

static void do_announce(const char *a, size_t n) /* a message of BYTES that never comes */
{
    unsigned long bytes = strtoul(a, NULL, 10);
    const uint8_t head[] = { (uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 8), (uint8_t)bytes,
                             0x93 };
    write_all(head, sizeof head);
    for (;;) pause();
}

static const struct {
    const char *name;
    void (*run)(const char *a, size_t n);
} ways[] = { { "echo", do_echo },           { "hang", do_hang },
             { "wait", do_wait },           { "sleep", do_sleep },
             { "crash", do_crash },         { "exit", do_exit },
             { "close", do_close },         { "flood", do_flood },
             { "chatter", do_chatter },     { "noisy", do_noisy },
             { "other", do_other },         { "two", do_two },
             { "later", do_later },         { "unknown", do_unknown },
             { "ready", do_ready },         { "daemon", do_daemon },
             { "progress", do_progress },   { "permanent", do_permanent },
             { "retryable", do_retryable }, { "resources", do_resources },
             { "empty", do_empty },         { "pid", do_pid },
             { "large", do_large },         { "announce", do_announce },
             { "count", do_count },         { "look", do_look } };

/* "HOW ARGUMENT"; what is none of the ways is given back as it came. */
static void task_run(const uint8_t *bytes, size_t n)
{
    char word[16] = "", *text = malloc(n + 1);
    tasks++;
    memcpy(text, bytes, n);
    text[n] = 0;
    size_t used = strcspn(text, " ");
    if (used < sizeof word) memcpy(word, text, used);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(word, ways[i].name)) {
            size_t skip = used < n ? used + 1 : used;
            ways[i].run(text + skip, n - skip);
            free(text);
            return;
        }
    result(job, text, n);
    free(text);
}

static void file_run(void)
{
    char path[256];
    uint8_t bytes[4096];
    snprintf(path, sizeof path, "%.*s", (int)m.file_n, m.file);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (fd >= 0) close(fd);
    if (n < 0)
        failure(TALK_RETRYABLE, "no file");
    else
        task_run(bytes, (size_t)n);
}

static void ready(void)
{
    static const char software[] = "ill 1.0\x1b[31m";
    bool some = !strcmp(how, "circuits");
    struct talk_writer w = { .bytes = block, .room = sizeof block };
    talk_begin(&w, TALK_READY, 4);
    talk_put_uint(&w, strcmp(how, "version") ? TALK_VERSION : 9);
    talk_put_text(&w, software, strlen(software));
    talk_put_array(&w, some ? 2 : 0);
    for (int i = 0; some && i < 2; i++) {
        talk_put_array(&w, 2);
        talk_put_text(&w, i ? "huge" : "member", i ? 4 : 6);
        talk_put_uint(&w, i ? 1ull << 60 : 1000);
    }
    talk_end(&w, 0);
    write_all(block, w.n);
}

static void begin(void)
{
    if (!strcmp(how, "mute")) do_hang(NULL, 0);
    if (!strcmp(how, "dies")) exit(3);
    if (!strcmp(how, "second-dies") && m.instance == 1) exit(3);
    if (!strcmp(how, "slow")) usleep(2600000);
    if (!strcmp(how, "noise")) write_all("loading keys...\n", 16);
    if (strcmp(how, "refuse")) {
        ready();
        return;
    }
    struct talk_writer w = { .bytes = block, .room = sizeof block };
    talk_begin(&w, TALK_REFUSED, 2);
    talk_put_text(&w, "no keys here", 12);
    talk_end(&w, 0);
    write_all(block, w.n);
    do_hang(NULL, 0);
}

int main(int argc, char **argv)
{
    how = argc > 1 ? argv[1] : "good";
    if (!hear() || m.word != TALK_HELLO || m.version != TALK_VERSION) return 8;
    talk_stream_next(&in);
    begin();
    while (hear() && m.word != TALK_END) {
        struct talk_message now = m;
        job = now.job;
        if (now.word == TALK_PING && !strcmp(how, "other-pong"))
            say(TALK_PONG, now.job + 1);
        else if (now.word == TALK_PING && !strcmp(how, "other-word"))
            say(TALK_STOP, now.job);
        else if (now.word == TALK_PING && strcmp(how, "deaf"))
            say(TALK_PONG, now.job);
        if (now.word == TALK_RUN && now.bytes) task_run(now.bytes, now.bytes_n);
        if (now.word == TALK_RUN && now.file) file_run();
        talk_stream_next(&in);
    }
    return 0;
}
