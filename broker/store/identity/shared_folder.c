#include "shared_folder.h"

#include <stdio.h>

static pv_status refuse(char *why, const char *sentence)
{
    snprintf(why, SHARED_WHY_BYTES, "%s", sentence);
    return PV_BAD_CONFIG;
}

pv_status shared_folder_judge(int root, const struct folder_mark *wanted, bool named, bool *take,
                              char why[SHARED_WHY_BYTES])
{
    static const wire_id none;
    struct folder_mark is;
    enum folder_state state = folder_look(root, 1, &is);
    bool unmarked = wire_id_equal(is.id, none), ours = wire_id_equal(is.id, wanted->id);
    *take = false;
    if (ours && is.epoch == wanted->epoch && wanted->epoch) return PV_OK;
    if (!unmarked && !ours)
        return refuse(
            why, "it holds the large payloads of another database: name a folder of this one's own (when that database "
                 "is gone, remove blobs/.identity from it)");
    if (named && unmarked)
        return refuse(why, "it is not the folder that the brokers of this database share, for it lacks their mark "
                           "(blobs/.identity), and tasks have large payloads there: mount that one here");
    if (named)
        return refuse(why, "it is not the folder that the brokers of this database share now: another one was taken "
                           "since, and tasks have large payloads there: mount that one here");
    if (unmarked && state == FOLDER_UNKNOWN)
        return refuse(why, "it holds payloads, and no mark says whose: name an empty folder");
    *take = true;
    return PV_OK;
}
