/** What happened to one task: its moves, its attempts, and the phases of each, as JSON. As far back as journal and phases go.
 */
#ifndef PV_STORY_H
#define PV_STORY_H

#include "journal.h"
#include "json_text.h"
#include "phases.h"

enum { STORY_MOVES = 256, STORY_ATTEMPTS = 32 };

/** Adds "moves":[..] and "attempts":[..] to an open object. The last STORY_MOVES moves; attempts of these. principal: whose task. Looks
 *  at the whole journal. */
void story_json(struct json_text *j, const struct journal *journal, const struct phases *phases, wire_id task,
                const char *principal);

#endif
