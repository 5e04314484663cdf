/* Frames between a program and its child: what is one comes through whole, with its descriptors; what is none is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct frame_reader reader;
static int pair[2];

static int open_pair(void **state)
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
}

static int close_pair(void **state)
{
    frame_reader_clear(&reader);
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static void a_frame_comes_through_whole(void **state)
{
    uint8_t body[FRAME_BODY_MAX];
    struct frame in = { .kind = 0x1234, .tag = 0xfedcba98, .body = body }, out = { 0 };
    static const size_t sizes[] = { 0, 1, 11, 4096, FRAME_BODY_MAX };
    for (size_t i = 0; i < sizeof body; i++) body[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        in.bytes = sizes[i];
        assert_int_equal(frame_write(pair[0], &in, 0), PV_OK);
        assert_int_equal(frame_read(&reader, pair[1], &out), PV_OK);
        assert_int_equal(out.kind, in.kind);
        assert_int_equal(out.tag, in.tag);
        assert_int_equal(out.bytes, in.bytes);
        assert_memory_equal(out.body, body, in.bytes);
        assert_int_equal(out.fds_n, 0);
    }
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_BUSY);
    in.bytes = FRAME_BODY_MAX + 1;
    assert_int_equal(frame_write(pair[0], &in, 0), PV_TOO_LARGE);
}

static void descriptors_come_with_their_frame(void **state)
{
    struct frame in = { .kind = 1, .body = (const uint8_t *)"x", .bytes = 1, .fds_n = 2 }, out = { 0 };
    int pipes[2];
    char byte = 0;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    memcpy(in.fds, pipes, sizeof pipes);
    assert_int_equal(frame_write(pair[0], &in, 0), PV_OK);
    in.fds_n = 0;
    assert_int_equal(frame_write(pair[0], &in, 0), PV_OK);
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_OK);
    assert_int_equal(out.fds_n, 2);
    assert_true(fcntl(out.fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(out.fds[1], "y", 1), 1);
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    frame_close(&out);
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_OK);
    assert_int_equal(out.fds_n, 0);
    close(pipes[0]);
    close(pipes[1]);
}

/* Sends raw bytes with n descriptors. */
static void send_raw(const uint8_t *bytes, size_t size, unsigned n)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int) * 4)];
    } rights = { .bytes = { 0 } };
    struct iovec part = { (void *)(uintptr_t)bytes, size };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
    int fds[4] = { 0, 0, 0, 0 };
    if (n) {
        m.msg_control = rights.bytes;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
        rights.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int) * n),
                                        .cmsg_level = SOL_SOCKET,
                                        .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(&rights.head), fds, sizeof(int) * n);
    }
    assert_int_equal(sendmsg(pair[0], &m, 0), (ssize_t)size);
}

static void expect_malformed(const uint8_t *bytes, size_t size, unsigned fds)
{
    struct frame out = { 0 };
    send_raw(bytes, size, fds);
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_BAD_MESSAGE);
    close_pair(NULL);
    assert_int_equal(open_pair(NULL), 0);
}

static void what_is_no_frame_is_refused(void **state)
{
    const uint8_t good[] = { 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, FRAME_VERSION };
    static const struct {
        unsigned at;
        uint8_t value;
    } wrong[] = { { 11, 0 }, { 11, 2 }, { 11, 'o' }, { 10, FRAME_FDS_MAX + 1 }, { 10, 255 }, { 3, 1 }, { 2, 2 } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t head[sizeof good];
        memcpy(head, good, sizeof head);
        head[wrong[i].at] = wrong[i].value;
        expect_malformed(head, sizeof head, 0);
    }
    const uint8_t one_byte_too_many[] = { 1, 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, FRAME_VERSION };
    expect_malformed(one_byte_too_many, sizeof one_byte_too_many, 0);
}

static void descriptors_that_were_not_announced_are_refused(void **state)
{
    uint8_t head[] = { 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, FRAME_VERSION };
    expect_malformed(head, sizeof head, 1); /* none was */
    head[10] = 2;
    expect_malformed(head, sizeof head, 1); /* two were */
    expect_malformed(head, sizeof head, 3);
    expect_malformed(head, sizeof head, 0);
    struct frame out = { 0 };
    head[10] = 0;
    head[0] = 1;
    send_raw(head, sizeof head, 0);
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_BUSY);
    expect_malformed((const uint8_t *)"b", 1, 1); /* with the body */
    head[10] = 1;
    send_raw(head, sizeof head, 0);
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_BUSY);
    expect_malformed((const uint8_t *)"b", 1, 1); /* announced, but too late */
}

static void the_other_ends_end_is_told(void **state)
{
    struct frame out = { 0 };
    const uint8_t half[] = { 5, 0, 0, 0, 1 };
    send_raw(half, sizeof half, 0);
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_BUSY);
    close(pair[0]);
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_GONE);
    assert_int_equal(frame_write(pair[1], &(struct frame){ .kind = 1 }, 0), PV_GONE);
    pair[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void a_peer_that_does_not_read_is_not_waited_for(void **state)
{
    uint8_t body[FRAME_BODY_MAX] = { 0 };
    pv_status s = PV_OK;
    for (int i = 0; i < 1000 && s == PV_OK; i++)
        s = frame_write(pair[0], &(struct frame){ .body = body, .bytes = sizeof body }, 10);
    assert_int_equal(s, PV_TIMEOUT);
}

/* Whatever was sent comes out, however the stream was cut. */
static void frames_survive_any_cut(void **state)
{
    static uint8_t stream[200 * 1024];
    static struct frame_reader r;
    unsigned seed = (unsigned)getpid(), frames = 0, seen = 0;
    size_t n = 0, used;
    print_message("seed %u\n", seed);
    srand(seed);
    for (; n + 12 + 2000 < sizeof stream; frames++) {
        size_t bytes = (size_t)rand() % 2000;
        const uint8_t head[] = {
            (uint8_t)bytes, (uint8_t)(bytes >> 8), 0, 0, (uint8_t)frames, (uint8_t)(frames >> 8), 0, 0, 9, 0, 0,
            FRAME_VERSION
        };
        memcpy(stream + n, head, sizeof head);
        memset(stream + n + sizeof head, (int)frames & 255, bytes);
        n += sizeof head + bytes;
    }
    for (size_t at = 0; at < n;) {
        struct frame f = { 0 };
        size_t piece = (size_t)rand() % 3000 + 1;
        pv_status s = frame_feed(&r, &f, stream + at, piece < n - at ? piece : n - at, &used);
        at += used;
        if (s == PV_BUSY) continue;
        assert_int_equal(s, PV_OK);
        assert_int_equal(f.tag, seen);
        for (size_t i = 0; i < f.bytes; i++) assert_int_equal(f.body[i], seen & 255);
        seen++;
    }
    assert_int_equal(seen, frames);
    frame_reader_clear(&r);
}

static void a_body_that_was_taken_is_wiped(void **state)
{
    static const uint8_t secret[] = "the witness";
    struct frame out = { 0 };
    assert_int_equal(frame_write(pair[0], &(struct frame){ .kind = 1, .body = secret, .bytes = sizeof secret }, 0),
                     PV_OK);
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_OK);
    assert_memory_equal(reader.body, secret, sizeof secret);
    assert_int_equal(frame_read(&reader, pair[1], &out), PV_BUSY);
    for (size_t i = 0; i < sizeof secret; i++) assert_int_equal(reader.body[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_frame_comes_through_whole, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(descriptors_come_with_their_frame, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(what_is_no_frame_is_refused, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(descriptors_that_were_not_announced_are_refused, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(the_other_ends_end_is_told, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_peer_that_does_not_read_is_not_waited_for, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_body_that_was_taken_is_wiped, open_pair, close_pair),
        cmocka_unit_test(frames_survive_any_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
