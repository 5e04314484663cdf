/* A store that brokers take turns at, linked into a broker of the tests: postgresql://turns/FOLDER is SQLite in FOLDER/state, for the
 * broker whose name (PV_TURN) is the first word of FOLDER/turn. The second word is its endpoint. While FOLDER/away is there, the server
 * is away. */
#include "store_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

pv_status __real_store_open(struct store **out, const struct store_place *place, int wake, struct faults *faults,
                            char why[STORE_WHY_BYTES]);
pv_status __wrap_store_open(struct store **out, const struct store_place *place, int wake, struct faults *faults,
                            char why[STORE_WHY_BYTES]);
bool __wrap_store_ours(const struct store *s);

static char folder[256];

/* Whether it is our turn; holder: whose it is, as a sentence goes on; at: where. */
static bool ours(char holder[256], char at[STORE_ENDPOINT_BYTES])
{
    char path[300], name[64] = "";
    const char *me = getenv("PV_TURN");
    snprintf(path, sizeof path, "%s/turn", folder);
    at[0] = 0;
    FILE *f = fopen(path, "re");
    int n = f ? fscanf(f, "%63s %127s", name, at) : 0;
    if (f) fclose(f);
    snprintf(holder, 256, n > 1 ? "broker %s at %s" : "broker %s%s", name, at);
    return me && n > 0 && !strcmp(me, name);
}

pv_status __wrap_store_open(struct store **out, const struct store_place *place, int wake, struct faults *faults,
                            char why[STORE_WHY_BYTES])
{
    static const char turns[] = "postgresql://turns";
    char state[300], holder[256], at[STORE_ENDPOINT_BYTES];
    if (strncmp(place->where, turns, sizeof turns - 1)) return __real_store_open(out, place, wake, faults, why);
    snprintf(folder, sizeof folder, "%s", place->where + sizeof turns - 1);
    snprintf(state, sizeof state, "%s/away", folder);
    if (!access(state, F_OK)) {
        snprintf(why, STORE_WHY_BYTES, "the server does not answer");
        return PV_UNREACHABLE;
    }
    if (!ours(holder, at)) {
        if (place->active) strcpy(place->active, at);
        snprintf(why, STORE_WHY_BYTES, "%s has the store.", holder);
        return PV_BUSY;
    }
    snprintf(state, sizeof state, "%s/state", folder);
    return __real_store_open(out, STORE_AT(state), wake, faults, why);
}

bool __wrap_store_ours(const struct store *s)
{
    char holder[256], at[STORE_ENDPOINT_BYTES];
    return !folder[0] || ours(holder, at);
}
