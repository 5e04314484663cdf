#include "s3_refusal.h"

#include "s3_list.h"

#include <stdio.h>
#include <string.h>

struct meaning {
    const char *code; /* S3's word */
    pv_status status;
    const char *sentence;
};

static const struct meaning meanings[] = {
    { "NoSuchKey", PV_NOT_FOUND, "there is no such object" },
    { "NoSuchBucket", PV_BAD_CONFIG, "there is no such bucket" },
    { "InvalidAccessKeyId", PV_UNAUTHORIZED, "it does not know the id of the key in s3_key_file" },
    { "SignatureDoesNotMatch", PV_UNAUTHORIZED, "the secret in s3_key_file is not the one of its id" },
    { "RequestTimeTooSkewed", PV_UNAUTHORIZED, "this machine's clock and its own are too far apart" },
    { "AccessDenied", PV_UNAUTHORIZED, "the key in s3_key_file may not do that" },
    { "AuthorizationHeaderMalformed", PV_BAD_CONFIG, "s3_region is not its region" },
    { "PermanentRedirect", PV_BAD_CONFIG, "the bucket is at another endpoint: s3_endpoint and s3_region" },
    { "TemporaryRedirect", PV_BAD_CONFIG, "the bucket is at another endpoint: s3_endpoint and s3_region" },
    { "XAmzContentSHA256Mismatch", PV_HASH_MISMATCH, "other bytes came than were named" },
    { "BadDigest", PV_HASH_MISMATCH, "other bytes came than were named" },
    { "QuotaExceeded", PV_DISK_FULL, "the quota of the bucket or of its user is reached" },
    { "EntityTooLarge", PV_TOO_LARGE, "it takes no object of this size" },
};

static struct meaning by_code(long code)
{
    if (code >= 300 && code < 400)
        return (struct meaning){ "", PV_BAD_CONFIG, "it sends us elsewhere, where nobody told us to go: s3_endpoint" };
    if (code == 401 || code == 403)
        return (struct meaning){ "", PV_UNAUTHORIZED, "the key in s3_key_file may not do that" };
    if (code == 404) return (struct meaning){ "", PV_NOT_FOUND, "there is no such object or bucket" };
    if (code == 507) return (struct meaning){ "", PV_DISK_FULL, "it is full" };
    if (code == 408 || code == 429 || code >= 500)
        return (struct meaning){ "", PV_UNREACHABLE, "it cannot at the moment" };
    return (struct meaning){ "", PV_BAD_MESSAGE, "its answer is not of S3's protocol" };
}

/* The word is printed, so it is looked at: a server may send anything. */
static void word_read(char word[64], const char *body)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (!s3_element(body, body + strlen(body), "Code", word, 64) || word[strspn(word, letters)]) word[0] = 0;
}

pv_status s3_refusal(char why[S3_WHY_BYTES], const struct s3_place *place, const char *method, long code,
                     const char *body)
{
    char word[64];
    struct meaning m = by_code(code);
    word_read(word, body);
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (!strcmp(word, meanings[i].code)) m = meanings[i];
    snprintf(why, S3_WHY_BYTES, "%s refused %s in bucket %s: %s (%ld%s%s)", place->endpoint, method, place->bucket,
             m.sentence, code, word[0] ? " " : "", word);
    return m.status;
}
