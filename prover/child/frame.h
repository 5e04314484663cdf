/** Frames between a program and a child of its: a head of 12 bytes, a body, and up to two descriptors, over a stream socket.
 *
 *      byte  0  u32  bytes of the body, at most FRAME_BODY_MAX
 *            4  u32  tag: the job that the frame is about; 0: none
 *            8  u16  kind: a word of child_words.h
 *           10  u8   descriptors that come with it (SCM_RIGHTS, with the head's first byte), at most FRAME_FDS_MAX
 *           11  u8   FRAME_VERSION
 *      integers are little-endian
 *
 *  Neither side trusts the other: whatever is not exactly this is malformed, and the connection is over. Bodies may be
 *  secret; the reader wipes them.
 */
#ifndef PV_FRAME_H
#define PV_FRAME_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEAD_BYTES = 12, FRAME_BODY_MAX = 64 * 1024, FRAME_FDS_MAX = 2, FRAME_VERSION = 1 };

struct frame {
    uint16_t kind;
    uint32_t tag;
    const uint8_t *body; /* borrowed: the reader's until its next use, or the writer's */
    size_t bytes;
    int fds[FRAME_FDS_MAX]; /* of a frame that was read they are the caller's, who closes them; close-on-exec */
    unsigned fds_n;
};

/** What has come of the next frame. Zero: nothing. */
struct frame_reader {
    uint8_t head[FRAME_HEAD_BYTES];
    size_t head_n, body_n; /* bytes that are there */
    int fds[FRAME_FDS_MAX];
    unsigned fds_n;
    uint8_t body[FRAME_BODY_MAX];
};

/** Takes bytes of a stream up to the end of a frame, and says in *used how many. PV_OK: *f is whole. PV_BUSY: more is
 *  needed, and all were used. PV_BAD_MESSAGE: they are no frame; the stream cannot be read on. Descriptors are put into
 *  the reader by whoever has them. */
pv_status frame_feed(struct frame_reader *r, struct frame *f, const uint8_t *bytes, size_t n, size_t *used);

/** Reads from a socket what is there. PV_OK: *f is whole. PV_BUSY: it is not yet (a non-blocking socket). PV_GONE: the
 *  other end is closed. PV_BAD_MESSAGE; PV_IO. */
pv_status frame_read(struct frame_reader *r, int socket, struct frame *f);

/** Wipes what was read, and closes the descriptors that nobody has taken. */
void frame_reader_clear(struct frame_reader *r);

/** Writes a frame whole. Where the socket has no room it waits patience_ms (-1: for ever): PV_TIMEOUT, after which part of a
 *  frame may be on its way, and the connection is over. PV_GONE: the other end is closed. PV_TOO_LARGE; PV_IO. */
pv_status frame_write(int socket, const struct frame *f, int patience_ms);

/** Closes the descriptors of a frame. */
void frame_close(struct frame *f);

#endif
