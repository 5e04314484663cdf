/** A client of a server that speaks S3's protocol: put, get, look, delete, list, and nothing else. libcurl speaks HTTP and signs
 *  (Signature Version 4). One connection and one request at a time: each thread has one of its own.
 *
 *  It goes where the configuration says: no proxy of the environment, no redirect, no instance metadata; a certificate is verified.
 *  Each request names the SHA-256 of its body and signs that name, so that a server takes no other bytes.
 *
 *  Every call ends: a connection within S3_CONNECT_S, and one that moves less than S3_SLOW_BYTES a second for S3_SLOW_S is given up.
 *
 *  Statuses, with a sentence in s3_why:
 *    PV_UNREACHABLE   no connection, a time-out, a server that is overloaded or ill: later perhaps
 *    PV_UNAUTHORIZED  the key, its rights, the certificate, or the clock
 *    PV_BAD_CONFIG    no such bucket, or another region's
 *    PV_DISK_FULL     its quota is reached
 *    PV_NOT_FOUND     no such object
 *    PV_HASH_MISMATCH the bytes are not those that were named
 *    PV_CANCELLED     stop was set
 *    PV_BAD_MESSAGE   an answer that is none of the protocol's
 *    PV_IO            our own file could not be read
 */
#ifndef PV_S3_H
#define PV_S3_H

#include "ids.h"
#include "s3_list.h"
#include "s3_place.h"
#include "status.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { S3_CONNECT_S = 5, S3_SLOW_S = 20, S3_SLOW_BYTES = 1024 };

struct s3;

/** Makes a client; connects to nothing yet. place is borrowed, stop (or NULL) too: once it is true, calls end.
 *  PV_BAD_KEY_FILE, PV_NO_MEMORY; why gets the sentence. */
pv_status s3_open(struct s3 **out, const struct s3_place *place, const atomic_bool *stop, char why[S3_WHY_BYTES]);
void s3_close(struct s3 **at);
/** Why the last call failed. */
const char *s3_why(const struct s3 *s);

/** Writes the length bytes of fd from its beginning as the object PREFIX + name, over one that is there. */
pv_status s3_put(struct s3 *s, const char *name, int fd, uint64_t length, wire_hash sha256);
/** The same with bytes in memory. */
pv_status s3_put_bytes(struct s3 *s, const char *name, const void *bytes, size_t n);
/** Reads an object: piece is called with one part after the other. What it answers but PV_OK ends the call, which answers it. */
pv_status s3_get(struct s3 *s, const char *name, pv_status (*piece)(void *context, const void *data, size_t bytes),
                 void *context);
/** Whether it is there, and how long it is. */
pv_status s3_look(struct s3 *s, const char *name, uint64_t *length);
/** Deletes it; none there is no error. */
pv_status s3_delete(struct s3 *s, const char *name);
/** A page of at most `most` (S3_PAGE_MOST) of what is there after the name `after`, prefix included ("": from the beginning).
 *  *now_s: the server's clock. */
pv_status s3_list(struct s3 *s, const char *after, unsigned most, struct s3_page *page, int64_t *now_s);

#endif
