/* What provost-host says to a node, byte for byte in a golden text, with a handler that does as it is told: its start, its tasks, what it is asked between
 * them, its end, and each way a node can go wrong. The test is the node; what the host reads and writes comes in pieces of any size.
 * `host_story_test FILE write` writes the text anew. */
#include "golden.h"
#include "talk_message.h"
#include "talk_stream.h"
#include "temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

int host_main(int argc, char **argv);
ssize_t __real_writev(int fd, const struct iovec *parts, int n);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int n);
ssize_t __real_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n);

static const char *file;
static char folder[64];
static struct {
    size_t most;                      /* bytes of a read or a write of the host; 0: as many as it likes */
    unsigned writes, reads, fails_at; /* this write fails; 0: none */
} piece;                              /* of the host's process */

ssize_t __wrap_writev(int fd, const struct iovec *parts, int n)
{
    uint8_t bytes[64];
    size_t used = 0;
    if (++piece.writes == piece.fails_at) return errno = EPIPE, -1;
    if (!piece.most) return __real_writev(fd, parts, n);
    if (piece.writes % 3 == 2) return errno = EINTR, -1;
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < parts[i].iov_len && used < piece.most; k++)
            bytes[used++] = ((uint8_t *)parts[i].iov_base)[k];
    return write(fd, bytes, used);
}

ssize_t __wrap_read(int fd, void *to, size_t n)
{
    if (!piece.most) return __real_read(fd, to, n);
    if (fd >= 10 && ++piece.reads % 3 == 2) return errno = EINTR, -1; /* a file is read without */
    return __real_read(fd, to, n < piece.most ? n : piece.most);
}

/* --- the node --- */

static struct {
    pid_t host;
    int fd, err;
    struct talk_stream heard;
} node;

static void host_starts(char *object)
{
    int talk[2], err[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, talk), 0);
    assert_int_equal(pipe(err), 0);
    fflush(NULL);
    node.host = fork();
    if (!node.host) {
        dup2(talk[1], 0), dup2(talk[1], 1), dup2(err[1], 2);
        close(talk[0]), close(talk[1]), close(err[0]), close(err[1]);
        int status = host_main(object ? 2 : 1, (char *[]){ "provost-host", object, NULL });
        fflush(NULL);
        _exit(status); /* what a process keeps to its end is no leak */
    }
    close(talk[1]), close(err[1]);
    node.fd = talk[0], node.err = err[0];
    node.heard = (struct talk_stream){ .most = 1 << 24 };
}

static void send_bytes(const void *bytes, size_t n)
{
    assert_int_equal(send(node.fd, bytes, n, MSG_NOSIGNAL), n);
}

static void hello(uint64_t version, uint64_t result_max)
{
    uint8_t to[128];
    struct talk_writer w = { .bytes = to, .room = sizeof to };
    talk_begin(&w, TALK_HELLO, 6);
    talk_put_uint(&w, version);
    talk_put_text(&w, "tried", 5);
    talk_put_uint(&w, 3);
    talk_put_uint(&w, result_max);
    talk_put_text(&w, "", 0);
    assert_true(talk_end(&w, 0));
    send_bytes(to, w.n);
}

static void number(enum talk_word word, uint64_t n)
{
    uint8_t to[32];
    struct talk_writer w = { .bytes = to, .room = sizeof to };
    talk_begin(&w, word, 2);
    talk_put_uint(&w, n);
    assert_true(talk_end(&w, 0));
    send_bytes(to, w.n);
}

/* path: NULL for an input in the message. */
static void run_bytes(uint64_t job, const char *path, const void *input, size_t n)
{
    uint8_t to[256];
    struct talk_writer w = { .bytes = to, .room = sizeof to };
    talk_begin(&w, TALK_RUN, 6);
    talk_put_uint(&w, job);
    talk_put_text(&w, "a-task", 6);
    talk_put_text(&w, "any", 3);
    if (path) {
        talk_put_text(&w, path, strlen(path));
        talk_put_nil(&w);
    } else {
        talk_put_nil(&w);
        talk_put_bin(&w, (uint32_t)n);
    }
    assert_true(talk_end(&w, path ? 0 : n));
    send_bytes(to, w.n);
    if (!path) send_bytes(input, n);
}

static void tell_bytes(const char *what, const void *bytes, size_t n)
{
    golden_tell(" %s=%zu:%.*s", what, n, (int)(n < 64 ? n : 64), (const char *)bytes);
}

static void tell_message(const struct talk_message *m)
{
    static const char *const words[] = { "READY", "REFUSED", "PROGRESS", "RESULT", "FAILURE", "PONG" };
    struct talk_reader rest = m->rest;
    const char *name;
    size_t n;
    uint64_t need;
    golden_tell("< %s", m->word >= TALK_READY && m->word <= TALK_PONG ? words[m->word - TALK_READY] : "?");
    if (m->word == TALK_READY) golden_tell(" version=%d", (int)m->version);
    if (m->word != TALK_READY && m->word != TALK_REFUSED) golden_tell(" %d", (int)m->job);
    if (m->word == TALK_PROGRESS) golden_tell(" %u %%", m->percent);
    if (m->word == TALK_FAILURE) golden_tell(" kind=%d", m->failure);
    if (m->name) tell_bytes("name", m->name, m->name_n);
    if (m->text) tell_bytes("text", m->text, m->text_n);
    if (m->bytes) tell_bytes("bytes", m->bytes, m->bytes_n);
    for (uint32_t i = 0; i < m->circuits && talk_circuit(&rest, &name, &n, &need); i++)
        golden_tell(" %.*s:%d", (int)n, name, (int)need);
    golden_tell("\n");
}

/* What it says, up to the message that answers; false: it said no more. */
static bool hear(void)
{
    struct talk_message m = { 0 };
    do {
        enum talk_fed fed = TALK_MORE;
        talk_stream_next(&node.heard);
        while (fed == TALK_MORE) {
            size_t room;
            uint8_t *to = talk_stream_room(&node.heard, &room);
            ssize_t got = __real_read(node.fd, to, room);
            if (got <= 0) return false;
            fed = talk_stream_add(&node.heard, (size_t)got);
        }
        assert_int_equal(fed, TALK_WHOLE);
        assert_true(talk_message_read(&m, node.heard.bytes + TALK_HEAD_BYTES, node.heard.wanted - TALK_HEAD_BYTES));
        tell_message(&m);
    } while (m.word == TALK_PROGRESS);
    return true;
}

static void run(uint64_t job, const char *input)
{
    golden_tell("> RUN %d %s\n", (int)job, input);
    run_bytes(job, NULL, input, strlen(input));
    (void)hear();
}

static void host_ends(void)
{
    char said[4096] = "";
    int status;
    shutdown(node.fd, SHUT_WR);
    while (hear()) continue;
    assert_int_equal(waitpid(node.host, &status, 0), node.host);
    ssize_t n = __real_read(node.err, said, sizeof said - 1);
    for (ssize_t more = n; more > 0 && n < (ssize_t)sizeof said - 1; n += more)
        if ((more = __real_read(node.err, said + n, sizeof said - 1 - (size_t)n)) <= 0) break;
    if (*said) golden_tell("stderr: %s%s", said, strchr(said, '\n') ? "" : "\n");
    golden_tell("= %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    talk_stream_clear(&node.heard);
    close(node.fd), close(node.err);
}

/* --- the story --- */

/* Of the host: what it opened for a task is closed when it says that the task is over. */
static unsigned descriptors(void)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)node.host);
    DIR *d = opendir(path);
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n;
}

static void a_life(void)
{
    char path[128];
    static const char *const inputs[] = { "words", "none",  "odd",  "permanent", "two",
                                          "large", "print", "read", "count",     "" };
    host_starts(PV_ILL_OBJECT_PATH);
    hello(TALK_VERSION, 10);
    (void)hear();
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) run(i, inputs[i]);
    run(20, "0123456789");
    run(21, "0123456789a");
    golden_tell("> PING\n");
    number(TALK_PING, 7);
    (void)hear();
    golden_tell("> STOP 22 before it, 23, 22\n");
    number(TALK_STOP, 22);
    run_bytes(22, NULL, "wait", 4);
    number(TALK_STOP, 23);
    number(TALK_PING, 8);
    (void)hear();
    number(TALK_STOP, 22);
    (void)hear();
    run(24, "count"); /* a stop is of one task */
    golden_tell("> RUN with files\n");
    unsigned before = descriptors();
    snprintf(path, sizeof path, "%s/input", folder);
    run_bytes(25, path, NULL, 0);
    (void)hear();
    snprintf(path, sizeof path, "%s/none", folder);
    run_bytes(26, path, NULL, 0);
    (void)hear();
    run(27, "count");
    assert_int_equal(descriptors(), before);
    host_ends();
}

static void a_life_goes_in_pieces_of_any_size(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 4, 5, 7, 12, 31, 64 };
    static char first[1 << 16];
    a_life();
    snprintf(first, sizeof first, "%s", golden_told());
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        piece.most = sizes[i];
        a_life();
        char *second = golden_told() + strlen(first);
        if (strcmp(second, first)) fail_msg("in pieces of %zu bytes: %s", sizes[i], second);
        *second = 0;
    }
    piece.most = 0;
}

static void other_ends(void **state)
{
    uint8_t odd[][8] = { { 0, 0, 0, 0 }, { 0, 0, 0, 1, 0x90 }, { 0, 0, 0, 2, 0x91, 9 }, { 0, 0, 0, 2, 0x91, 5 } };
    const size_t odd_bytes[] = { 4, 5, 6, 6 };
    golden_tell("\n# no HELLO\n");
    host_starts(PV_ILL_OBJECT_PATH);
    host_ends();
    golden_tell("\n# another word than HELLO\n");
    host_starts(PV_ILL_OBJECT_PATH);
    number(TALK_PING, 1);
    host_ends();
    golden_tell("\n# no object is named\n");
    host_starts(NULL);
    host_ends();
    golden_tell("\n# no such object\n");
    host_starts("/nowhere/object.so");
    hello(TALK_VERSION, 10);
    host_ends();
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        golden_tell("\n# a message of no sense, or END: %d\n", (int)i);
        host_starts(PV_ILL_OBJECT_PATH);
        hello(TALK_VERSION, 10);
        (void)hear();
        send_bytes(odd[i], odd_bytes[i]);
        host_ends();
    }
    golden_tell("\n# the node goes while a task runs, which is told to stop\n");
    host_starts(PV_ILL_OBJECT_PATH);
    hello(TALK_VERSION, 10);
    (void)hear();
    run_bytes(1, NULL, "wait", 4);
    host_ends();
    for (unsigned i = 1; i <= 3; i++) {
        golden_tell("\n# write %u fails\n", i);
        piece.fails_at = i;
        host_starts(PV_ILL_OBJECT_PATH);
        hello(TALK_VERSION, 10);
        if (hear()) run(1, "first");
        if (i == 3) run(2, "second");
        host_ends();
    }
    piece.fails_at = 0;
}

static void the_story_is_golden(void **state)
{
    golden_is(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_life_goes_in_pieces_of_any_size),
                                        cmocka_unit_test(other_ends), cmocka_unit_test(the_story_is_golden) };
    file = argv[1];
    golden_writes(argc > 2 && !strcmp(argv[2], "write"));
    temp_dir_make(folder);
    char path[128];
    snprintf(path, sizeof path, "%s/input", folder);
    FILE *input = fopen(path, "w");
    if (!input || fputs("of a file", input) < 0 || fclose(input)) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_remove(folder);
    return failed;
}
