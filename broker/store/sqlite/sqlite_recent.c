#include "sqlite_recent.h"

#include <stdlib.h>
#include <string.h>

struct recent_row {
    enum store_kind kind;
    uint64_t row, since_ms, length;
    int64_t version;
    wire_hash sha256;
    TAILQ_ENTRY(recent_row) by_age;
    LIST_ENTRY(recent_row) by_row;
    uint8_t bytes[];
};

void sqlite_recent_begin(struct sqlite_recent *r)
{
    *r = (struct sqlite_recent){ .bytes = 0 };
    TAILQ_INIT(&r->ages);
}

static void take_out(struct sqlite_recent *r, struct recent_row *e)
{
    TAILQ_REMOVE(&r->ages, e, by_age);
    LIST_REMOVE(e, by_row);
    r->bytes -= e->length;
}

static void drop(struct sqlite_recent *r, struct recent_row *e)
{
    take_out(r, e);
    free(e);
}

void sqlite_recent_back(struct sqlite_recent *r)
{
    free(r->lent);
    r->lent = NULL;
}

void sqlite_recent_clear(struct sqlite_recent *r)
{
    sqlite_recent_back(r);
    for (struct recent_row *e; (e = TAILQ_FIRST(&r->ages));) drop(r, e);
}

static struct recent_row *find(const struct sqlite_recent *r, enum store_kind kind, uint64_t row)
{
    struct recent_row *e = LIST_FIRST(&r->rows[row % RECENT_ROWS]);
    while (e && (e->row != row || e->kind != kind)) e = LIST_NEXT(e, by_row);
    return e;
}

bool sqlite_recent_has(const struct sqlite_recent *r, enum store_kind kind, uint64_t row)
{
    return r->bytes && find(r, kind, row);
}

void sqlite_recent_put(struct sqlite_recent *r, enum store_kind kind, uint64_t row, const struct store_payload *p,
                       int64_t version, uint64_t now_ms)
{
    sqlite_recent_drop(r, kind, row);
    if (p->length < RECENT_LEAST_BYTES || p->length > RECENT_MOST_BYTES - r->bytes) return;
    struct recent_row *e = malloc(sizeof *e + p->length);
    if (!e) return;
    *e = (struct recent_row){ .kind = kind, .row = row, .since_ms = now_ms, .length = p->length, .version = version };
    e->sha256 = p->sha256;
    memcpy(e->bytes, p->bytes, p->length);
    TAILQ_INSERT_TAIL(&r->ages, e, by_age);
    LIST_INSERT_HEAD(&r->rows[row % RECENT_ROWS], e, by_row);
    r->bytes += p->length;
}

bool sqlite_recent_get(struct sqlite_recent *r, enum store_kind kind, uint64_t row, int64_t version,
                       struct store_payload *p)
{
    struct recent_row *e = find(r, kind, row);
    if (!e) return false;
    if (e->version != version) {
        drop(r, e);
        return false;
    }
    take_out(r, e);
    sqlite_recent_back(r);
    r->lent = e;
    *p = (struct store_payload){ .sha256 = e->sha256, .length = e->length, .bytes = e->bytes, .hashed = true };
    return true;
}

void sqlite_recent_drop(struct sqlite_recent *r, enum store_kind kind, uint64_t row)
{
    struct recent_row *e = r->bytes ? find(r, kind, row) : NULL;
    if (e) drop(r, e);
}

void sqlite_recent_expire(struct sqlite_recent *r, uint64_t now_ms)
{
    for (struct recent_row *e; (e = TAILQ_FIRST(&r->ages)) && now_ms - e->since_ms >= RECENT_MS;) drop(r, e);
}
