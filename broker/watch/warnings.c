#include "warnings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct said {
    void (*each)(void *context, const struct warning *w);
    void *context;
    size_t n;
};

__attribute__((format(printf, 4, 5))) static void say(struct said *s, const char *event, bool error, const char *format,
                                                      ...)
{
    struct warning w = { .event = event, .error = error };
    va_list args;
    va_start(args, format);
    vsnprintf(w.text, sizeof w.text, format, args);
    va_end(args);
    s->n++;
    s->each(s->context, &w);
}

static void fleet(struct said *s, const struct facts *f)
{
    if (f->later_start)
        say(s, "epoch.behind", true,
            "peers have seen start %" PRIu32 " of this broker, which is at %" PRIu32
            ", and refuse it: was an older backup restored? Start it with --raise-epoch %" PRIu32,
            f->later_start, f->epoch, f->later_start);
}

/* What was found in a database server. */
static void server_losses(struct said *s, const struct store_found *f)
{
    if (f->commits_lost)
        say(s, "store.lost", true,
            "the database lacks the last %" PRIu64
            " commits that it had answered: it is an older copy, or a server that was behind took over",
            f->commits_lost);
    if (f->another)
        say(s, "store.replaced", true, "the database is in another server than the one that this broker knew");
}

static void server_oddities(struct said *s, const struct store_found *f)
{
    if (f->unmarked)
        say(s, "watermark.missing", false,
            "this broker's file server-mark was damaged, or it was away for too long: whether commits were lost before "
            "this start is not known");
    if (f->mark_failed)
        say(s, "watermark.failed", false,
            "the file server-mark in this broker's folder cannot be written: a loss might go unnoticed");
}

static void losses(struct said *s, const struct store_found *f)
{
    if (f->commits_lost)
        say(s, "store.lost", true,
            "the database lacks the last %" PRIu64
            " commits that it had: its log was lost or cut, or it is an older copy",
            f->commits_lost);
    if (f->later_start)
        say(s, "store.older", true,
            "%s/ was used by start %" PRIu32
            " of this broker, which database and watermark do not know: they are an older copy",
            f->payloads, f->later_start);
    if (f->another)
        say(s, "store.replaced", true,
            "provost.db is not the database that was here before: it is new, or another one");
    if (f->log[0]) say(s, "store.log_aside", true, "provost.db-wal was set aside as %s: %s", f->log, f->log_why);
    if (f->payloads_gone)
        say(s, "payloads.gone", true, "the payload folder %s/ was missing or empty, and tasks name files in it",
            f->payloads);
}

static void oddities(struct said *s, const struct store_found *f)
{
    if (f->unmarked)
        say(s, "watermark.missing", false,
            "the file watermark was missing or damaged: whether commits were lost before this start is not known");
    if (f->mark_failed)
        say(s, "watermark.failed", false,
            "the file watermark, or that of the payload folder (.identity), cannot be written: a loss might go "
            "unnoticed");
    if (f->strangers_n)
        say(s, "payloads.strange", false,
            "%u payload folder(s) of another database in the state folder (%s/): left untouched, move or remove them",
            f->strangers_n, f->strangers);
    if (f->payloads_aside)
        say(s, "payloads.aside", false,
            "%" PRIu64 " payload files that no task names were set aside: remove aside/ when nobody misses them",
            f->payloads_aside);
    if (f->payloads_stuck) say(s, "payloads.stuck", false, "payload files could not be moved into or out of aside/");
}

static void promise(struct said *s, enum store_keeps keeps)
{
    if (keeps == STORE_KEEPS_SERVER)
        say(s, "store.alone", false,
            "PostgreSQL has no synchronous standby: R1 does not hold over a failover to a server that is behind");
    if (keeps == STORE_KEEPS_MEMORY)
        say(s, "store.unsynced", false,
            "PostgreSQL does not sync (fsync is off): R1 does not hold when its machine stops");
}

size_t warnings_each(const struct facts *f, void (*each)(void *context, const struct warning *w), void *context)
{
    struct said s = { each, context, 0 };
    fleet(&s, f);
    (f->found.database ? server_losses : losses)(&s, &f->found);
    (f->found.database ? server_oddities : oddities)(&s, &f->found);
    promise(&s, f->store.keeps);
    return s.n;
}

static void append(void *context, const struct warning *w)
{
    char *to = context;
    size_t n = strlen(to), more = strlen(w->text) + (n ? 2 : 0);
    if (n + more < WARNINGS_BYTES) snprintf(to + n, WARNINGS_BYTES - n, "%s%s", n ? "; " : "", w->text);
}

const char *warnings_text(char to[WARNINGS_BYTES], const struct facts *f)
{
    to[0] = 0;
    warnings_each(f, append, to);
    return to;
}
