#include "sha256.h"

#include <openssl/evp.h>

pv_status sha256_of(wire_hash *out, const void *data, size_t bytes)
{
    wire_hash made;
    unsigned made_bytes = 0;
    if (!EVP_Digest(data, bytes, made.bytes, &made_bytes, EVP_sha256(), NULL)) return PV_INTERNAL;
    *out = made;
    return PV_OK;
}

pv_status sha256_start(struct sha256 *s)
{
    if (!s->context) s->context = EVP_MD_CTX_new();
    if (!s->context) return PV_NO_MEMORY;
    return EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) ? PV_OK : PV_INTERNAL;
}

pv_status sha256_feed(struct sha256 *s, const void *data, size_t bytes)
{
    return s->context && EVP_DigestUpdate(s->context, data, bytes) ? PV_OK : PV_INTERNAL;
}

pv_status sha256_finish(struct sha256 *s, wire_hash *out)
{
    wire_hash made;
    if (!s->context || !EVP_DigestFinal_ex(s->context, made.bytes, NULL)) return PV_INTERNAL;
    *out = made;
    return PV_OK;
}

void sha256_clear(struct sha256 *s)
{
    EVP_MD_CTX_free(s->context);
    s->context = NULL;
}
