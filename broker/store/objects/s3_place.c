#include "s3_place.h"

#include "endpoint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

__attribute__((format(printf, 2, 3))) static pv_status refuse(char why[S3_WHY_BYTES], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, S3_WHY_BYTES, format, args);
    va_end(args);
    return PV_BAD_CONFIG;
}

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

bool s3_place_named(const char *where)
{
    return where && begins(where, "s3://");
}

static bool only(const char *text, size_t n, const char *of)
{
    return strspn(text, of) >= n;
}

/* ---- s3://BUCKET/PREFIX ---- */

/* No segment may be empty, "." or "..": libcurl and proxies would make another path of it. */
static bool segments_are_plain(const char *path)
{
    for (;;) {
        size_t n = strcspn(path, "/");
        if (!n || (n == 1 && path[0] == '.') || (n == 2 && path[0] == '.' && path[1] == '.')) return false;
        if (!path[n]) return true;
        path += n + 1;
    }
}

static pv_status prefix_read(struct s3_place *to, const char *prefix, char *why)
{
    size_t n = strlen(prefix);
    if (!n) return PV_OK; /* the whole bucket */
    if (prefix[n - 1] == '/') n--;
    if (n > S3_PREFIX_MAX || !only(prefix, n, LOWER UPPER DIGITS "._-/"))
        return refuse(why, "payloads: the part after the bucket is at most %d of A-Z a-z 0-9 . _ - /", S3_PREFIX_MAX);
    snprintf(to->prefix, sizeof to->prefix, "%.*s", (int)n, prefix);
    if (!segments_are_plain(to->prefix))
        return refuse(why, "payloads: \"%s\" has a part that is empty, \".\" or \"..\"", to->prefix);
    to->prefix[n] = '/';
    to->prefix[n + 1] = 0;
    return PV_OK;
}

static pv_status where_read(struct s3_place *to, const char *where, char *why)
{
    if (!s3_place_named(where))
        return refuse(why, "payloads: \"%.200s\" is not s3://BUCKET/PREFIX", where ? where : "");
    const char *bucket = where + strlen("s3://");
    size_t n = strcspn(bucket, "/");
    if (n < 3 || n > S3_BUCKET_MAX || !only(bucket, n, LOWER DIGITS ".-") || strchr(".-", bucket[0]) ||
        strchr(".-", bucket[n - 1]))
        return refuse(why, "payloads: the bucket of \"%.200s\" is not 3 to 63 of a-z 0-9 . -", where);
    snprintf(to->bucket, sizeof to->bucket, "%.*s", (int)n, bucket);
    return prefix_read(to, bucket[n] ? bucket + n + 1 : bucket + n, why);
}

/* ---- the server ---- */

static bool on_loopback(const char *host)
{
    char as_ours[S3_ENDPOINT_MAX + 16];
    const char *bracket = strrchr(host, ']');
    bool port = strchr(bracket ? bracket : host, ':');
    snprintf(as_ours, sizeof as_ours, "tcp://%s%s", host, port ? "" : ":80");
    return endpoint_is_local(as_ours);
}

static pv_status endpoint_read(struct s3_place *to, const char *endpoint, char *why)
{
    if (!endpoint || !endpoint[0])
        return refuse(why, "s3_endpoint: payloads in S3 need it, such as https://s3.eu-central-1.amazonaws.com");
    size_t n = strlen(endpoint);
    to->tls = begins(endpoint, "https://");
    if (!to->tls && !begins(endpoint, "http://"))
        return refuse(why, "s3_endpoint: \"%.200s\" is not https://HOST or https://HOST:PORT", endpoint);
    if (endpoint[n - 1] == '/') n--;
    const char *host = endpoint + (to->tls ? strlen("https://") : strlen("http://"));
    if (n > S3_ENDPOINT_MAX || endpoint + n <= host ||
        !only(host, n - (size_t)(host - endpoint), LOWER UPPER DIGITS ".-:[]"))
        return refuse(why, "s3_endpoint: \"%.200s\" is not https://HOST or https://HOST:PORT: no name, path or query",
                      endpoint);
    snprintf(to->endpoint, sizeof to->endpoint, "%.*s", (int)n, endpoint);
    if (!to->tls && !on_loopback(to->endpoint + strlen("http://")))
        return refuse(why, "s3_endpoint: \"%.200s\" is not encrypted: http is for loopback alone", endpoint);
    return PV_OK;
}

static pv_status region_read(struct s3_place *to, const char *region, char *why)
{
    if (!region || !region[0]) region = "us-east-1";
    size_t n = strlen(region);
    if (n > S3_REGION_MAX || !only(region, n, LOWER UPPER DIGITS "-_"))
        return refuse(why, "s3_region: \"%.200s\" is not a region, such as eu-central-1", region);
    snprintf(to->region, sizeof to->region, "%s", region);
    return PV_OK;
}

pv_status s3_place_read(struct s3_place *to, const struct s3_settings *from, char why[S3_WHY_BYTES])
{
    *to = (struct s3_place){ .key_file = from->key_file, .ca_file = from->ca_file };
    if (to->ca_file && !to->ca_file[0]) to->ca_file = NULL;
    TRY(where_read(to, from->where, why));
    TRY(endpoint_read(to, from->endpoint, why));
    TRY(region_read(to, from->region, why));
    if (!from->key_file || !from->key_file[0])
        return refuse(why, "s3_key_file: payloads in S3 need it: a file with the key's id and its secret");
    return PV_OK;
}
