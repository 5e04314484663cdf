#include "s3.h"

#include "s3_key.h"
#include "s3_refusal.h"

#include "sha256.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    URL_BYTES = S3_ENDPOINT_MAX + S3_BUCKET_MAX + 3 * (S3_PREFIX_MAX + S3_NAME_MAX) + 128,
    TEXT_MOST = 4 << 20, /* a page of 1,000 names of 1,024 bytes has less */
};

struct s3 {
    CURL *curl;
    const struct s3_place *place;
    struct s3_key key;
    const atomic_bool *stop;
    char says[CURL_ERROR_SIZE];
    char why[S3_WHY_BYTES];
};

/* One request and its answer. */
struct exchange {
    const char *method;
    char url[URL_BYTES];
    wire_hash sha256; /* of the body */
    int fd;           /* the body; below 0: it is in bytes */
    const uint8_t *bytes;
    uint64_t length, at;
    pv_status (*piece)(void *context, const void *data, size_t bytes);
    void *context;
    CURL *curl;
    pv_status ours; /* what a piece answered, or our own file */
    char *text;     /* an answer that goes to no piece */
    size_t text_n;
    int64_t now_s; /* by its header Date; 0: none */
};

/* ---- what libcurl calls ---- */

static size_t body_read(char *to, size_t size, size_t n, void *context)
{
    struct exchange *x = context;
    uint64_t left = x->length - x->at;
    size_t most = size * n < left ? size * n : (size_t)left;
    ssize_t got = (ssize_t)most;
    if (x->fd < 0 && most) memcpy(to, x->bytes + x->at, most);
    if (x->fd >= 0 && most) do
            got = pread(x->fd, to, most, (off_t)x->at);
        while (got < 0 && errno == EINTR);
    if (got < 0 || (!got && most)) {
        x->ours = PV_IO;
        return CURL_READFUNC_ABORT;
    }
    x->at += (uint64_t)got;
    return (size_t)got;
}

/* A connection that the server had closed is made anew, and the body begins anew. */
static int body_seek(void *context, curl_off_t to, int origin)
{
    struct exchange *x = context;
    if (origin != SEEK_SET || to < 0 || (uint64_t)to > x->length) return CURL_SEEKFUNC_FAIL;
    x->at = (uint64_t)to;
    return CURL_SEEKFUNC_OK;
}

static size_t text_add(struct exchange *x, const char *data, size_t bytes)
{
    if (bytes > TEXT_MOST - x->text_n) return 0;
    char *more = realloc(x->text, x->text_n + bytes + 1);
    if (!more) return 0;
    x->text = more;
    memcpy(more + x->text_n, data, bytes);
    x->text_n += bytes;
    more[x->text_n] = 0;
    return bytes;
}

static size_t answer_take(char *data, size_t size, size_t n, void *context)
{
    struct exchange *x = context;
    long code = 0;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &code);
    if (!x->piece || code != 200) return text_add(x, data, size * n);
    x->ours = x->piece(x->context, data, size * n);
    return x->ours == PV_OK ? size * n : 0;
}

static size_t header_take(char *data, size_t size, size_t n, void *context)
{
    struct exchange *x = context;
    char line[80];
    if (size * n < sizeof line && size * n > 5 && !strncasecmp(data, "Date:", 5)) {
        snprintf(line, sizeof line, "%.*s", (int)(size * n - 5), data + 5);
        time_t t = curl_getdate(line, NULL);
        x->now_s = t < 0 ? 0 : (int64_t)t;
    }
    return size * n;
}

static int stop_look(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct s3 *s = context;
    (void)a, (void)b, (void)c, (void)d;
    return s->stop && atomic_load(s->stop);
}

/* ---- one request ---- */

/* An option that libcurl refuses would leave a check off: then there is no request. */
#define SET(s, option, value)                                                                                          \
    do {                                                                                                               \
        if (curl_easy_setopt((s)->curl, option, value) != CURLE_OK) return PV_INTERNAL;                                \
    } while (0)

/* Where it may go, and whom it believes. */
static pv_status rules_set(struct s3 *s)
{
    SET(s, CURLOPT_PROTOCOLS_STR, s->place->tls ? "https" : "http");
    SET(s, CURLOPT_FOLLOWLOCATION, 0L);
    SET(s, CURLOPT_PROXY, "");
    SET(s, CURLOPT_NOPROXY, "*");
    SET(s, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(s, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(s, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(s, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (s->place->ca_file) SET(s, CURLOPT_CAINFO, s->place->ca_file);
    if (s->place->ca_file) SET(s, CURLOPT_CAPATH, NULL);
    SET(s, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(s, CURLOPT_NOSIGNAL, 1L);
    SET(s, CURLOPT_CONNECTTIMEOUT, (long)S3_CONNECT_S);
    SET(s, CURLOPT_LOW_SPEED_LIMIT, (long)S3_SLOW_BYTES);
    SET(s, CURLOPT_LOW_SPEED_TIME, (long)S3_SLOW_S);
    SET(s, CURLOPT_NOPROGRESS, 0L);
    SET(s, CURLOPT_XFERINFOFUNCTION, stop_look);
    SET(s, CURLOPT_XFERINFODATA, s);
    SET(s, CURLOPT_ERRORBUFFER, s->says);
    return PV_OK;
}

static pv_status key_set(struct s3 *s)
{
    char sign[S3_REGION_MAX + 32];
    snprintf(sign, sizeof sign, "aws:amz:%s:s3", s->place->region);
    SET(s, CURLOPT_AWS_SIGV4, sign);
    SET(s, CURLOPT_USERNAME, s->key.id);
    SET(s, CURLOPT_PASSWORD, s->key.secret);
    return PV_OK;
}

static pv_status method_set(struct s3 *s, struct exchange *x)
{
    SET(s, CURLOPT_URL, x->url);
    SET(s, CURLOPT_READFUNCTION, body_read);
    SET(s, CURLOPT_READDATA, x);
    SET(s, CURLOPT_SEEKFUNCTION, body_seek);
    SET(s, CURLOPT_SEEKDATA, x);
    SET(s, CURLOPT_WRITEFUNCTION, answer_take);
    SET(s, CURLOPT_WRITEDATA, x);
    SET(s, CURLOPT_HEADERFUNCTION, header_take);
    SET(s, CURLOPT_HEADERDATA, x);
    if (!strcmp(x->method, "PUT")) {
        SET(s, CURLOPT_UPLOAD, 1L);
        SET(s, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->length);
    }
    if (!strcmp(x->method, "HEAD")) SET(s, CURLOPT_NOBODY, 1L);
    if (!strcmp(x->method, "DELETE")) SET(s, CURLOPT_CUSTOMREQUEST, "DELETE");
    return PV_OK;
}

static pv_status failed(struct s3 *s, const struct exchange *x, CURLcode code)
{
    const char *what = s->says[0] ? s->says : curl_easy_strerror(code);
    snprintf(s->why, sizeof s->why, "%s, bucket %s: %.160s", s->place->endpoint, s->place->bucket, what);
    if (x->ours != PV_OK) return x->ours;
    if (code == CURLE_ABORTED_BY_CALLBACK) return PV_CANCELLED;
    if (code == CURLE_WRITE_ERROR) return PV_BAD_MESSAGE; /* more text than anybody may send */
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) return PV_UNAUTHORIZED;
    return code == CURLE_OUT_OF_MEMORY ? PV_NO_MEMORY : PV_UNREACHABLE;
}

static pv_status perform(struct s3 *s, struct exchange *x)
{
    long code = 0;
    s->says[0] = s->why[0] = 0;
    CURLcode done = curl_easy_perform(s->curl);
    if (done != CURLE_OK) return failed(s, x, done);
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &code);
    if (code >= 200 && code < 300) return PV_OK;
    return s3_refusal(s->why, s->place, x->method, code, x->text ? x->text : "");
}

static pv_status once(struct s3 *s, struct exchange *x)
{
    char named[32 + WIRE_HASH_TEXT], hex[WIRE_HASH_TEXT];
    snprintf(named, sizeof named, "x-amz-content-sha256: %s", wire_hash_text(hex, x->sha256));
    curl_easy_reset(s->curl); /* its connection stays */
    x->at = x->text_n = 0;
    x->curl = s->curl;
    struct curl_slist *headers = curl_slist_append(NULL, named);
    pv_status st = headers ? rules_set(s) : PV_NO_MEMORY;
    if (st == PV_OK) st = key_set(s);
    if (st == PV_OK) st = method_set(s, x);
    if (st == PV_OK && curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK) st = PV_INTERNAL;
    if (st != PV_OK)
        snprintf(s->why, sizeof s->why, "libcurl does not take an option that payloads in S3 need");
    else
        st = perform(s, x);
    curl_slist_free_all(headers);
    return st;
}

/* A key that was changed in its file counts from the next refusal on. */
static bool key_is_new(struct s3 *s)
{
    struct s3_key key;
    char why[S3_WHY_BYTES];
    if (s3_key_read(&key, s->place->key_file, why) != PV_OK) return false;
    bool other = !s3_key_equal(&key, &s->key);
    if (other) s->key = key;
    s3_key_clear(&key);
    return other;
}

static pv_status ask(struct s3 *s, struct exchange *x)
{
    pv_status st = once(s, x);
    if (st == PV_UNAUTHORIZED && key_is_new(s)) st = once(s, x);
    return st;
}

/* ---- the calls ---- */

static struct exchange *exchange_new(const struct s3 *s, const char *method, const char *name)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    x->method = method;
    x->fd = -1;
    snprintf(x->url, sizeof x->url, "%s/%s/%s%s", s->place->endpoint, s->place->bucket, s->place->prefix, name);
    if (sha256_of(&x->sha256, "", 0) == PV_OK) return x;
    free(x);
    return NULL;
}

static pv_status exchange_end(struct exchange *x, pv_status st)
{
    free(x->text);
    free(x);
    return st;
}

pv_status s3_put(struct s3 *s, const char *name, int fd, uint64_t length, wire_hash sha256)
{
    struct exchange *x = exchange_new(s, "PUT", name);
    if (!x) return PV_NO_MEMORY;
    x->fd = fd;
    x->length = length;
    x->sha256 = sha256;
    return exchange_end(x, ask(s, x));
}

pv_status s3_put_bytes(struct s3 *s, const char *name, const void *bytes, size_t n)
{
    struct exchange *x = exchange_new(s, "PUT", name);
    if (!x) return PV_NO_MEMORY;
    x->bytes = bytes;
    x->length = n;
    pv_status st = sha256_of(&x->sha256, bytes, n);
    return exchange_end(x, st == PV_OK ? ask(s, x) : st);
}

pv_status s3_get(struct s3 *s, const char *name, pv_status (*piece)(void *context, const void *data, size_t bytes),
                 void *context)
{
    struct exchange *x = exchange_new(s, "GET", name);
    if (!x) return PV_NO_MEMORY;
    x->piece = piece;
    x->context = context;
    return exchange_end(x, ask(s, x));
}

pv_status s3_look(struct s3 *s, const char *name, uint64_t *length)
{
    curl_off_t bytes = -1;
    struct exchange *x = exchange_new(s, "HEAD", name);
    if (!x) return PV_NO_MEMORY;
    pv_status st = exchange_end(x, ask(s, x));
    if (st != PV_OK) return st;
    curl_easy_getinfo(s->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &bytes);
    *length = bytes < 0 ? 0 : (uint64_t)bytes;
    return PV_OK;
}

pv_status s3_delete(struct s3 *s, const char *name)
{
    struct exchange *x = exchange_new(s, "DELETE", name);
    if (!x) return PV_NO_MEMORY;
    pv_status st = exchange_end(x, ask(s, x));
    return st == PV_NOT_FOUND ? PV_OK : st;
}

/* Only what RFC 3986 leaves as it is: libcurl 7.88 signs a query as it stands, and the server signs it encoded. */
static void encode(char *to, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text))
            *to++ = *text;
        else
            to += sprintf(to, "%%%02X", (unsigned char)*text);
    }
    *to = 0;
}

/* Parameters in the order of their names, for the same reason. */
static void list_url(const struct s3 *s, struct exchange *x, const char *after, unsigned most)
{
    char prefix[3 * sizeof s->place->prefix], begin[3 * S3_NAME_MAX + 1];
    encode(prefix, s->place->prefix);
    encode(begin, after);
    snprintf(x->url, sizeof x->url, "%s/%s?encoding-type=url&list-type=2&max-keys=%u&prefix=%s&start-after=%s",
             s->place->endpoint, s->place->bucket, most, prefix, begin);
}

pv_status s3_list(struct s3 *s, const char *after, unsigned most, struct s3_page *page, int64_t *now_s)
{
    if (strlen(after) > S3_NAME_MAX) return PV_TOO_LARGE;
    struct exchange *x = exchange_new(s, "GET", "");
    if (!x) return PV_NO_MEMORY;
    list_url(s, x, after, most);
    pv_status st = ask(s, x);
    if (st == PV_OK) {
        st = s3_page_read(page, x->text ? x->text : "", s->place->prefix);
        if (!x->now_s) st = PV_BAD_MESSAGE;
        if (st != PV_OK)
            snprintf(s->why, sizeof s->why, "%s, bucket %s: its list is not of S3's protocol", s->place->endpoint,
                     s->place->bucket);
    }
    *now_s = x->now_s;
    return exchange_end(x, st);
}

/* ---- opening ---- */

const char *s3_why(const struct s3 *s)
{
    return s->why;
}

pv_status s3_open(struct s3 **out, const struct s3_place *place, const atomic_bool *stop, char why[S3_WHY_BYTES])
{
    struct s3 *s = calloc(1, sizeof *s);
    if (!s || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(s);
        return PV_NO_MEMORY;
    }
    s->place = place;
    s->stop = stop;
    pv_status st = s3_key_read(&s->key, place->key_file, why);
    if (st == PV_OK && !(s->curl = curl_easy_init())) st = PV_NO_MEMORY;
    *out = s;
    if (st != PV_OK) s3_close(out);
    return st;
}

void s3_close(struct s3 **at)
{
    struct s3 *s = *at;
    if (!s) return;
    if (s->curl) curl_easy_cleanup(s->curl);
    curl_global_cleanup();
    s3_key_clear(&s->key);
    free(s);
    *at = NULL;
}
