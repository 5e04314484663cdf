#include "host_node.h"

#include "talk_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct host_node {
    int in, out;
    struct talk_stream stream;
    pthread_mutex_t lock, saying;
    pthread_cond_t news;
    struct host_job job; /* given, and not taken yet: block is not NULL */
    uint64_t runs;       /* the job that runs, or is about to */
    bool over;
    atomic_bool stopped;
};

/* The next message. False: the end, or no memory. */
static bool hear(struct host_node *n, struct talk_message *m)
{
    for (;;) {
        size_t room;
        uint8_t *to = talk_stream_room(&n->stream, &room);
        ssize_t got = to ? read(n->in, to, room) : -1;
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        enum talk_fed fed = talk_stream_add(&n->stream, (size_t)got);
        if (fed == TALK_TOO_LONG) return false;
        if (fed == TALK_WHOLE)
            return talk_message_read(m, n->stream.bytes + TALK_HEAD_BYTES, n->stream.wanted - TALK_HEAD_BYTES);
    }
}

/* What the object prints must not stand between the messages, and it must not read them. */
static bool streams_take(struct host_node *n)
{
    n->in = fcntl(0, F_DUPFD_CLOEXEC, 10);
    n->out = fcntl(1, F_DUPFD_CLOEXEC, 10);
    int empty = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return n->in >= 0 && n->out >= 0 && empty >= 0 && dup2(empty, 0) == 0 && dup2(2, 1) == 1;
}

struct host_node *host_node_open(struct talk_message *hello)
{
    struct host_node *n = calloc(1, sizeof *n);
    if (!n) return NULL;
    signal(SIGPIPE, SIG_IGN);
    n->stream.most = UINT32_MAX;
    pthread_mutex_init(&n->lock, NULL);
    pthread_mutex_init(&n->saying, NULL);
    pthread_cond_init(&n->news, NULL);
    bool heard = streams_take(n) && hear(n, hello) && hello->word == TALK_HELLO;
    if (!heard) {
        free(n);
        return NULL;
    }
    n->stream = (struct talk_stream){ .most = UINT32_MAX }; /* hello's texts stay where they are */
    return n;
}

/* --- listening --- */

static char *text_at(uint8_t *to, const char *text, size_t n)
{
    if (n) memcpy(to, text, n);
    to[n] = 0;
    return (char *)to;
}

/* Reads the file that holds the input. */
static bool file_read(struct host_job *j, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t done = 0;
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && done < j->input_bytes)
        if ((n = read(fd, j->input + done, j->input_bytes - done)) > 0) done += (size_t)n;
    if (fd >= 0) close(fd);
    return n >= 0 && done == j->input_bytes;
}

static bool file_size(size_t *bytes, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (fd >= 0) close(fd);
    *bytes = end < 0 ? 0 : (size_t)end;
    return end >= 0;
}

/* A copy in one block: texts, then the input. */
static bool job_make(struct host_job *j, const struct talk_message *m)
{
    char path[TALK_TEXT_MAX + 1] = "";
    *j = (struct host_job){ .job = m->job, .input_bytes = m->bytes_n };
    if (m->file) text_at((uint8_t *)path, m->file, m->file_n);
    if (m->file && !file_size(&j->input_bytes, path)) return false;
    uint8_t *block = malloc(m->name_n + m->text_n + 2 + j->input_bytes);
    if (!block) return false;
    j->block = block;
    j->task = text_at(block, m->name, m->name_n);
    j->circuit = text_at(block + m->name_n + 1, m->text, m->text_n);
    j->input = block + m->name_n + m->text_n + 2;
    if (m->file) return file_read(j, path);
    if (m->bytes_n) memcpy(j->input, m->bytes, m->bytes_n);
    return true;
}

static void job_refuse(struct host_node *n, uint64_t job)
{
    static const char text[] = "no memory for the input, or its file cannot be read";
    uint8_t bytes[128];
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    talk_begin(&w, TALK_FAILURE, 4);
    talk_put_uint(&w, job);
    talk_put_uint(&w, TALK_RESOURCES);
    talk_put_text(&w, text, sizeof text - 1);
    (void)host_node_say(n, &w, NULL, 0);
}

static void on_run(struct host_node *n, const struct talk_message *m)
{
    struct host_job j;
    if (!job_make(&j, m)) {
        free(j.block);
        job_refuse(n, m->job);
        return;
    }
    pthread_mutex_lock(&n->lock);
    n->job = j;
    n->runs = j.job;
    atomic_store(&n->stopped, false);
    pthread_cond_signal(&n->news);
    pthread_mutex_unlock(&n->lock);
}

static void on_ping(struct host_node *n, uint64_t number)
{
    uint8_t bytes[24];
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    talk_begin(&w, TALK_PONG, 2);
    talk_put_uint(&w, number);
    (void)host_node_say(n, &w, NULL, 0);
}

static void *listen_main(void *arg)
{
    struct host_node *n = arg;
    struct talk_message m;
    while (hear(n, &m) && m.word != TALK_END) {
        if (m.word == TALK_RUN) on_run(n, &m);
        if (m.word == TALK_PING) on_ping(n, m.job);
        if (m.word == TALK_STOP && m.job == n->runs) atomic_store(&n->stopped, true);
        talk_stream_next(&n->stream);
    }
    pthread_mutex_lock(&n->lock);
    n->over = true;
    atomic_store(&n->stopped, true);
    pthread_cond_signal(&n->news);
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

bool host_node_listen(struct host_node *n)
{
    pthread_t thread;
    return !pthread_create(&thread, NULL, listen_main, n) && !pthread_detach(thread);
}

bool host_node_job(struct host_node *n, struct host_job *job)
{
    pthread_mutex_lock(&n->lock);
    while (!n->job.block && !n->over) pthread_cond_wait(&n->news, &n->lock);
    *job = n->job;
    n->job = (struct host_job){ 0 };
    pthread_mutex_unlock(&n->lock);
    return job->block;
}

bool host_node_stopped(const struct host_node *n)
{
    return atomic_load(&n->stopped);
}

/* --- speaking --- */

bool host_node_say(struct host_node *n, struct talk_writer *w, const void *bytes, size_t bytes_n)
{
    struct iovec parts[2] = { { w->bytes, w->n }, { (void *)bytes, bytes_n } }, *at = parts;
    int left = bytes_n ? 2 : 1;
    bool ok = talk_end(w, bytes_n);
    pthread_mutex_lock(&n->saying);
    while (ok && left) {
        ssize_t did = writev(n->out, at, left);
        if (did < 0 && errno == EINTR) continue;
        if (did < 0) ok = false;
        while (ok && left && (size_t)did >= at->iov_len) {
            did -= (ssize_t)at->iov_len;
            at++;
            left--;
        }
        if (ok && left) {
            at->iov_base = (char *)at->iov_base + did;
            at->iov_len -= (size_t)did;
        }
    }
    pthread_mutex_unlock(&n->saying);
    return ok;
}
