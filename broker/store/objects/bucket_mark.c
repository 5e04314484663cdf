#include "bucket_mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char form[] = "provost payloads, database %s, epoch %" PRIu32 "\n";

int bucket_mark_text(char to[BUCKET_MARK_BYTES], const struct bucket_mark *mark)
{
    char id[WIRE_ID_TEXT];
    return snprintf(to, BUCKET_MARK_BYTES, form, wire_id_text(id, mark->id), mark->epoch);
}

bool bucket_mark_of_text(struct bucket_mark *to, const char *text)
{
    char id[WIRE_ID_TEXT], again[BUCKET_MARK_BYTES];
    struct bucket_mark is = { .epoch = 0 };
    if (sscanf(text, "provost payloads, database %32[0-9a-f], epoch %" SCNu32, id, &is.epoch) != 2) return false;
    if (!wire_id_of_text(&is.id, id)) return false;
    bucket_mark_text(again, &is);
    if (strcmp(again, text) != 0) return false;
    *to = is;
    return true;
}

static pv_status refuse(char *why, const char *sentence)
{
    snprintf(why, BUCKET_MARK_WHY, "%s", sentence);
    return PV_BAD_CONFIG;
}

pv_status bucket_mark_judge(const struct bucket_mark *is, bool holds, const struct bucket_mark *wanted, bool named,
                            bool *take, char why[BUCKET_MARK_WHY])
{
    static const wire_id none;
    bool unmarked = wire_id_equal(is->id, none), ours = wire_id_equal(is->id, wanted->id);
    *take = false;
    if (ours && is->epoch == wanted->epoch && wanted->epoch) return PV_OK;
    if (!unmarked && !ours)
        return refuse(why,
                      "it holds the large payloads of another database: name a prefix of this one's own (when that "
                      "database is gone, delete the object identity from it)");
    if (named && unmarked)
        return refuse(
            why, "it is not the place that the brokers of this database share, for it lacks their mark (the object "
                 "identity), and tasks have large payloads there");
    if (named)
        return refuse(why,
                      "it is not the place that the brokers of this database share now: another one was taken since, "
                      "and tasks have large payloads there");
    if (unmarked && holds) return refuse(why, "it holds objects, and no mark says whose: name an empty prefix");
    *take = true;
    return PV_OK;
}
