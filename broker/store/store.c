/* Which driver answers: each function of the contract asks its own. */
#include "store_driver.h"

#include <stddef.h>

void store_close(struct store **s)
{
    if (*s) (*s)->driver->close(*s);
    *s = NULL;
}

const struct store_migration *store_migration(const struct store *s)
{
    return s->driver->migration(s);
}

const struct store_found *store_found(const struct store *s)
{
    return s->driver->found(s);
}

uint32_t store_epoch(const struct store *s)
{
    return s->driver->epoch(s);
}

pv_status store_boot(struct store *s, uint32_t above, uint32_t *epoch)
{
    return s->driver->boot(s, above, epoch);
}

bool store_ours(const struct store *s)
{
    return s->driver->ours(s);
}

bool store_lazy(const struct store *s)
{
    return s->driver->lazy(s);
}

pv_status store_commit(struct store *s, enum store_when when, uint64_t *number)
{
    return s->driver->commit(s, when, number);
}

bool store_writing(const struct store *s)
{
    return s->driver->writing(s);
}

void store_sync(struct store *s)
{
    s->driver->sync(s);
}

bool store_syncing(const struct store *s)
{
    return s->driver->syncing(s);
}

bool store_gathers(const struct store *s)
{
    return s->driver->gathers(s);
}

uint64_t store_kept(const struct store *s)
{
    return s->driver->kept(s);
}

void store_turn(struct store *s)
{
    s->driver->turn(s);
}

void store_settle(struct store *s)
{
    s->driver->settle(s);
}

uint64_t store_durable(const struct store *s)
{
    return s->driver->durable(s);
}

const char *store_failure(const struct store *s)
{
    return s->driver->failure(s);
}

void store_fail(struct store *s, const char *why)
{
    s->driver->fail(s, why);
}

bool store_full(const struct store *s)
{
    return s->driver->full(s);
}

bool store_heals(const struct store *s)
{
    return s->driver->heals(s);
}

pv_status store_reopen(struct store *s)
{
    return s->driver->reopen(s);
}

struct blobs *store_blobs(struct store *s)
{
    return s->driver->blobs(s);
}

void store_read_stats(struct store *s, struct store_stats *to)
{
    s->driver->read_stats(s, to);
}

void store_tidy(struct store *s)
{
    s->driver->tidy(s);
}

pv_status store_scan(struct store *s, pv_status (*each)(void *context, const struct task_record *task), void *context)
{
    return s->driver->scan(s, each, context);
}

pv_status store_scan_settings(struct store *s, pv_status (*each)(void *context, const struct setting_record *setting),
                              void *context)
{
    return s->driver->scan_settings(s, each, context);
}

pv_status store_put_task(struct store *s, const struct task_record *task)
{
    return s->driver->put_task(s, task);
}

pv_status store_delete_task(struct store *s, uint64_t row)
{
    return s->driver->delete_task(s, row);
}

pv_status store_put_setting(struct store *s, const struct setting_record *setting)
{
    return s->driver->put_setting(s, setting);
}

pv_status store_get_clock(struct store *s, struct up_clock *clock)
{
    return s->driver->get_clock(s, clock);
}

pv_status store_put_clock(struct store *s, const struct up_clock *clock)
{
    return s->driver->put_clock(s, clock);
}

pv_status store_put_payload(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    return s->driver->put_payload(s, kind, row, p);
}

pv_status store_delete_payload(struct store *s, enum store_kind kind, uint64_t row)
{
    return s->driver->delete_payload(s, kind, row);
}

pv_status store_get_payload(struct store *s, enum store_kind kind, uint64_t row, struct store_payload *p)
{
    return s->driver->get_payload(s, kind, row, p);
}

void store_read_begin(struct store *s)
{
    s->driver->read_begin(s);
}

void store_read_end(struct store *s)
{
    s->driver->read_end(s);
}

pv_status store_survey(struct store *s, uint64_t *after, struct store_named *to, size_t *n)
{
    return s->driver->survey(s, after, to, n);
}

pv_status store_last_row(struct store *s, uint64_t *row)
{
    return s->driver->last_row(s, row);
}

void store_forget_file(struct store *s, wire_hash hash)
{
    s->driver->forget_file(s, hash);
}
