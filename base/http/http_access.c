#include "http_access.h"

#include "http_address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct http_verdict may = { 0, NULL, NULL };

void http_access_init(struct http_access *a, bool local)
{
    *a = (struct http_access){ .local = local };
    pthread_mutex_init(&a->lock, NULL);
}

void http_access_clear(struct http_access *a)
{
    pthread_mutex_destroy(&a->lock);
}

static pv_status files_read(struct http_token *reads, struct http_token *admin, const struct http_access_files *files,
                            char *why, size_t bytes)
{
    TRY(http_token_read(reads, files->read_token, "http_read_token", why, bytes));
    TRY(http_token_read(admin, files->admin_token, "http_admin_token", why, bytes));
    bool same = reads->there && admin->there && wire_hash_equal(reads->digest, admin->digest);
    if (same) snprintf(why, bytes, "http_read_token and http_admin_token are the same: who may read could write");
    if (same) return PV_BAD_CONFIG;
    if (strlen(files->hosts) < HTTP_HOSTS_BYTES) return PV_OK;
    snprintf(why, bytes, "http_hosts is longer than %d characters", HTTP_HOSTS_BYTES - 1);
    return PV_BAD_CONFIG;
}

pv_status http_access_check(const struct http_access_files *files, char *why, size_t why_bytes)
{
    struct http_token reads, admin;
    return files_read(&reads, &admin, files, why, why_bytes);
}

pv_status http_access_set(struct http_access *a, const struct http_access_files *files, char *why, size_t why_bytes)
{
    struct http_token reads, admin;
    TRY(files_read(&reads, &admin, files, why, why_bytes));
    pthread_mutex_lock(&a->lock);
    a->read = reads;
    a->admin = admin;
    snprintf(a->hosts, sizeof a->hosts, "%s", files->hosts);
    pthread_mutex_unlock(&a->lock);
    return PV_OK;
}

static struct http_verdict no(unsigned code, const char *status, const char *text)
{
    return (struct http_verdict){ code, status, text };
}

/* A client that is no browser may leave Host out (HTTP/1.0). */
static struct http_verdict host_judge(const struct http_access *a, const struct http_asker *who)
{
    if (who->hosts_n > 1 || who->authorizations_n > 1)
        return no(400, "usage", "Host or Authorization is there more than once");
    if (!who->host || http_host_allowed(who->host, a->hosts)) return may;
    return no(421, "usage", "this name is not one of http_hosts: add it there");
}

/* The token of "Bearer TOKEN", or NULL. */
static const char *bearer(const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) return NULL;
    const char *token = authorization + sizeof scheme - 1;
    return token + strspn(token, " ");
}

static struct http_verdict token_judge(struct http_access *a, const struct http_asker *who, bool write, uint64_t now_ms)
{
    const char *token = bearer(who->authorization);
    if (!token && !a->read.there && !a->admin.there)
        return no(401, "unauthorized",
                  "beyond loopback this needs a token: set http_read_token to a file that has one");
    if (!token) return no(401, "unauthorized", "this needs a token: Authorization: Bearer TOKEN");
    struct http_bucket *wrong = http_limit_of(&a->wrong, who->from, now_ms, 1, HTTP_WRONG_MOST);
    if (wrong->thousandths < 1000) return no(429, "busy", "too many wrong tokens from this address: wait a second");
    size_t n = strlen(token);
    bool is_admin = http_token_equals(&a->admin, token, n), is_read = http_token_equals(&a->read, token, n);
    if (is_admin || (is_read && !write)) return may;
    if (is_read) return no(403, "unauthorized", "this token is for reads: this needs the one of http_admin_token");
    http_bucket_take(wrong);
    return no(401, "unauthorized", "this token is wrong");
}

/* A page of our own origin says Host in its Origin. Programs that are no browser say neither header. */
static struct http_verdict origin_judge(const struct http_asker *who)
{
    const char *at = who->origin ? strstr(who->origin, "://") : NULL;
    bool foreign = who->origin && (!at || !who->host || strcasecmp(at + 3, who->host) != 0);
    if (who->site && strcasecmp(who->site, "same-origin") != 0 && strcasecmp(who->site, "none") != 0) foreign = true;
    return foreign ? no(403, "unauthorized", "a page of another origin may not do this") : may;
}

static struct http_verdict write_judge(struct http_access *a, const struct http_asker *who, uint64_t now_ms)
{
    struct http_verdict v = a->admin.there ? origin_judge(who) : no(404, "not-found", "there is no such page");
    if (!v.code) v = token_judge(a, who, true, now_ms);
    if (v.code) return v;
    http_bucket_fill(&a->writes, now_ms, HTTP_WRITES_A_SECOND, HTTP_WRITES_MOST);
    return http_bucket_take(&a->writes) ? may : no(429, "busy", "too many writes: wait a second");
}

static struct http_verdict judge(struct http_access *a, enum http_class class, const struct http_asker *who,
                                 uint64_t now_ms)
{
    struct http_verdict v = host_judge(a, who);
    if (v.code) return v;
    if (class == HTTP_WRITE) return write_judge(a, who, now_ms);
    bool closed = !a->local || a->read.there;
    bool said = a->admin.there && bearer(who->authorization); /* it wants to know whether its token is good */
    return closed || said ? token_judge(a, who, false, now_ms) : may;
}

struct http_verdict http_access_judge(struct http_access *a, enum http_class class, const struct http_asker *who,
                                      uint64_t now_ms)
{
    if (class == HTTP_OPEN) return may;
    pthread_mutex_lock(&a->lock);
    struct http_verdict v = judge(a, class, who, now_ms);
    pthread_mutex_unlock(&a->lock);
    return v;
}

bool http_access_writes(struct http_access *a)
{
    pthread_mutex_lock(&a->lock);
    bool writes = a->admin.there;
    pthread_mutex_unlock(&a->lock);
    return writes;
}

bool http_access_closed(struct http_access *a)
{
    pthread_mutex_lock(&a->lock);
    bool closed = !a->local || a->read.there;
    pthread_mutex_unlock(&a->lock);
    return closed;
}
