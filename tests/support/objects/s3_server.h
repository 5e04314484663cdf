/** A server of S3's protocol of a test's own: Debian's radosgw, which looks at signatures as AWS does, on loopback and in memory
 *  (radosgw.sh says how). s3rver of npm takes any Signature Version 4 without a look. It ends with the test program. Starting it takes
 *  some ten seconds. Include cmocka before it.
 */
#ifndef PV_S3_SERVER_H
#define PV_S3_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct s3_server {
    char dir[64]; /* ca.pem: the certificate of its TLS port */
    pid_t pid;
    FILE *to, *from;
    uint16_t port, tls_port;
};

/** Whether the programs are there; tests that need them skip (77) without. */
bool s3_server_here(void);
/** Starts it. The user "test" has the key AK with the secret SK; there is no bucket. Ends the test if it cannot. */
void s3_server_start(struct s3_server *s);
/** Ends it and removes its folder. */
void s3_server_end(struct s3_server *s);
/** "stop" kills the gateway, "start" has it again with the same objects, "freeze" and "thaw" are SIGSTOP and SIGCONT; anything else
 *  is a command of radosgw-admin. Returns when it is done. */
void s3_server_do(const struct s3_server *s, const char *what);
/** "http://127.0.0.1:PORT" or the same of the TLS port. */
void s3_server_endpoint(const struct s3_server *s, bool tls, char to[64]);
/** Writes a key file into the server's folder, with mode 0600, and its path to `path`. */
void s3_server_key(const struct s3_server *s, const char *name, const char *text, char path[128]);

/** Makes a bucket of the user whose key is "ID:SECRET". */
void s3_server_bucket(const struct s3_server *s, const char *user, const char *bucket);

#endif
