#include "pg_history.h"
#include "pg_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pv_status told(struct pg_session *s, pv_status st)
{
    s->passes = true;
    return st;
}

/* --- the mark in this broker's folder --- */

/* Without it a loss on the server could not be noticed. That is said, and stops nobody. */
static pv_status mark_open(struct pg_store *s)
{
    int root = -1;
    if (s->folder && (!mkdir(s->folder, 0700) || errno == EEXIST))
        root = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pv_status st = root < 0 ? PV_IO : pg_mark_open(&s->mark, root);
    if (root >= 0) close(root);
    s->found.mark_failed = st != PV_OK;
    return st == PV_BUSY ? st : PV_OK;
}

static void mark_write(struct pg_store *s, bool sync)
{
    if (s->mark.fd >= 0) s->found.mark_failed = pg_mark_write(&s->mark, &s->at, sync) != 0;
}

/* --- reigns --- */

static void epoch_take(struct pg_store *s)
{
    s->epoch = pg_lease_epoch(s->lease);
    s->reign.epoch = s->epoch;
}

static pv_status begin(struct pg_store *s, struct pg_session *by)
{
    epoch_take(s);
    pv_status st = pg_reign_begin(by->c, (uint32_t)s->epoch, &s->at, by->why);
    if (st != PV_OK) return told(by, st);
    wire_id_text(s->reign.id, s->at.reign);
    s->reign.commits = 0;
    mark_write(s, true);
    return PV_OK;
}

static pv_status compare(struct pg_store *s, struct pg_session *by)
{
    struct pg_history h;
    pv_status st = pg_history_compare(by->c, &s->mark, &h, by->why);
    if (st != PV_OK) return told(by, st);
    pg_history_tell(&h, &s->found);
    if (s->migration.to) s->found.unmarked = false; /* it is new: there was nothing to lose */
    if (!h.epoch_above || h.epoch_above < pg_lease_epoch(s->lease)) return PV_OK;
    st = pg_lease_raise(s->lease, h.epoch_above);
    if (st == PV_OK) return PV_OK;
    snprintf(by->why, sizeof by->why, "the epoch could not be raised after commits were lost");
    return told(by, st);
}

pv_status pg_folder_open(struct pg_store *s, struct pg_session *by)
{
    s->found = (struct store_found){ .database = true };
    if (mark_open(s) != PV_OK) {
        snprintf(by->why, sizeof by->why, "another broker has the folder %.300s", s->folder);
        return told(by, PV_BUSY);
    }
    if (!s->mark.known || s->mark.copied) return PV_OK;
    pv_status st = pg_reign_bury(by->c, s->mark.at.reign, by->why);
    return st == PV_OK ? PV_OK : told(by, st);
}

pv_status pg_reigns_open(struct pg_store *s, struct pg_session *by)
{
    TRY(compare(s, by));
    return begin(s, by);
}

pv_status pg_reign_anew(struct pg_store *s)
{
    if (begin(s, &s->reader) != PV_OK) return pg_read_failed(s);
    pg_writer_reign(s->writer, &s->reign);
    return PV_OK;
}

void pg_reign_answered(struct pg_store *s, uint64_t commits)
{
    s->at.commits = commits;
    mark_write(s, false);
}
