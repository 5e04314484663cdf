/** Who may ask what over HTTP: by the name it asks under, its token, where a web page comes from, and how often it was wrong.
 *
 *  OPEN    anybody: /livez, /readyz, and the page's own files, which hold nothing of the broker's
 *  READ    on loopback anybody, unless a token for reads is set; elsewhere who has that token or the one for writes
 *  WRITE   who has the token for writes; without one there are no writes at all
 *
 *  An address has WRONG_MOST wrong tokens at once and one more each second. After that no token of it is looked at, so that nobody
 *  guesses faster by asking more often.
 */
#ifndef PV_HTTP_ACCESS_H
#define PV_HTTP_ACCESS_H

#include "http_limit.h"
#include "http_token.h"

#include <pthread.h>

enum http_class { HTTP_OPEN, HTTP_READ, HTTP_WRITE };

enum {
    HTTP_WRONG_MOST = 10,
    HTTP_WRITES_A_SECOND = 20,
    HTTP_WRITES_MOST = 50,
    HTTP_HOSTS_BYTES = 1024,
};

struct http_access {
    pthread_mutex_t lock; /* of what follows */
    bool local;           /* only this machine reaches us */
    char hosts[HTTP_HOSTS_BYTES];
    struct http_token read, admin;
    struct http_limit wrong;
    struct http_bucket writes;
};

/** What a request says of who sends it. NULL: not said. */
struct http_asker {
    const char *host, *origin, *site, *authorization;
    size_t hosts_n, authorizations_n; /* how many of these headers there were */
    const struct sockaddr *from;
};

/** Why not; code 0: it may. Texts are static. */
struct http_verdict {
    unsigned code;
    const char *status, *text;
};

struct http_access_files {
    const char *hosts, *read_token, *admin_token; /* "" none */
};

void http_access_init(struct http_access *a, bool local);
void http_access_clear(struct http_access *a);
/** Reads the tokens, and takes both and the names, or none of them. PV_BAD_CONFIG with a sentence. */
pv_status http_access_set(struct http_access *a, const struct http_access_files *files, char *why, size_t why_bytes);
/** The same without a server, for --check-config. */
pv_status http_access_check(const struct http_access_files *files, char *why, size_t why_bytes);

struct http_verdict http_access_judge(struct http_access *a, enum http_class class, const struct http_asker *who,
                                      uint64_t now_ms);

/** Whether there are writes. */
bool http_access_writes(struct http_access *a);
/** Whether reads need a token. */
bool http_access_closed(struct http_access *a);

#endif
