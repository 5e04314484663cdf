#include "blobs_far.h"

#include <unistd.h>

pv_status blobs_trusted(const struct blobs *b, wire_hash hash, uint64_t length)
{
    return b->far ? PV_OK : blobs_there(b, hash, length);
}

bool blobs_away(const struct blobs *b, wire_hash hash, uint64_t length)
{
    return b->far && blobs_there(b, hash, length) != PV_OK;
}

static pv_status passes(pv_status st)
{
    return st == PV_OK || st == PV_GONE || st == PV_HASH_MISMATCH ? st : PV_IO;
}

pv_status blobs_look(const struct blobs *b, wire_hash hash, uint64_t length)
{
    return b->far ? passes(b->far->calls->look(b->far, hash, length)) : blobs_there(b, hash, length);
}

pv_status blobs_bring(const struct blobs *b, wire_hash hash, uint64_t length)
{
    return b->far ? passes(b->far->calls->bring(b->far, hash, length)) : blobs_there(b, hash, length);
}

bool blobs_fetch(const struct blobs *b, wire_hash hash, uint64_t length)
{
    if (b->far) b->far->calls->fetch(b->far, hash, length);
    return b->far != NULL;
}

bool blobs_fetched(const struct blobs *b, wire_hash *hash, pv_status *status)
{
    return b->far && b->far->calls->fetched(b->far, hash, status);
}

bool blobs_distrust(const struct blobs *b, wire_hash hash)
{
    char hex[WIRE_HASH_TEXT];
    if (!b->far) return false;
    unlinkat(b->files, wire_hash_text(hex, hash), 0);
    b->far->calls->dropped(b->far, hash);
    return true;
}

void blobs_far_stop(const struct blobs *b)
{
    if (b->far) b->far->calls->stop(b->far);
}

const char *blobs_far_ill(const struct blobs *b)
{
    return b->far ? b->far->calls->ill(b->far) : NULL;
}
