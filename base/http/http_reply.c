#include "http_reply.h"

#include "json_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The page asks its own broker and nobody else, runs its own files and nothing that came as text, and is in nobody's frame. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

static struct MHD_Response *headed(struct MHD_Response *r, const char *type, const char *cache)
{
    if (!r) return NULL;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close"); /* its time is counted from its beginning */
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, cache);
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    return r;
}

struct MHD_Response *http_reply_text(const char *text, size_t bytes, const char *type)
{
    return headed(MHD_create_response_from_buffer(bytes, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY), type,
                  "no-store");
}

struct MHD_Response *http_reply_json(const char *json)
{
    return http_reply_text(json ? json : "null", strlen(json ? json : "null"), "application/json");
}

struct MHD_Response *http_reply_error(const char *status, const char *text)
{
    struct json_text j = { .at = NULL };
    json_text_object(&j, NULL);
    json_text_string(&j, "schema", "provost.error/1");
    json_text_string(&j, "status", status);
    json_text_string(&j, "text", text);
    json_text_object_end(&j);
    char *json = json_text_take(&j);
    struct MHD_Response *r = json ? http_reply_json(json) : NULL;
    free(json);
    return r;
}

struct MHD_Response *http_reply_file(const void *bytes, size_t n, const char *type)
{
    struct MHD_Response *r =
        headed(MHD_create_response_from_buffer(n, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT), type, "no-cache");
    if (!r) return NULL;
    MHD_add_response_header(r, "Content-Security-Policy", policy);
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(r, "Cross-Origin-Opener-Policy", "same-origin");
    return r;
}

void http_reply_stream(struct MHD_Response *r)
{
    headed(r, "text/event-stream", "no-store");
    MHD_add_response_header(r, "X-Accel-Buffering", "no"); /* nginx hands each message on as it comes */
}

enum MHD_Result http_reply_send(struct MHD_Connection *c, unsigned code, struct MHD_Response *r, const char *allow)
{
    if (!r) return MHD_NO;
    if (code == MHD_HTTP_UNAUTHORIZED) MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (code == MHD_HTTP_SERVICE_UNAVAILABLE || code == MHD_HTTP_TOO_MANY_REQUESTS)
        MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow && !strcmp(allow, "POST") ? "POST" : "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(c, code, r);
    MHD_destroy_response(r);
    return result;
}
