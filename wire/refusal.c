#include "refusal.h"

#include <stdio.h>
#include <string.h>

const char *refusal_limit_text(const char *which)
{
    static const char *const limits[][2] = {
        { "disk", "the broker is full: too little free disk" },
        { "memory", "the broker is full: it holds as many as its memory allows" },
        { "queued_tasks", "this key has as many tasks queued as it may" },
        { "queued_bytes", "this key has as many bytes queued as it may" },
        { "rate", "this key submits faster than it may" },
        { "uploads", "this key has as many uploads under way as it may" },
        { "uploads_max", "the broker has no room for more uploads now" },
        { "results", "as many results are on their way from this prover as may be" },
        { "descriptors", "the broker is full: it has no file descriptors left" },
        { "connections", "this key has as many connections as it may" },
        { "sessions", "the broker is full: it has as many sessions as it may" },
        { "provers", "this key, or the broker, has as many provers as it may" },
        { "circuits", "the provers of this key announce as many circuits as they may" },
        { "attachments", "this key follows as many tasks of other sessions as it may" },
        { "claims", "another client of this key uses the same session" },
        { "purges", "this key has as many purges under way as it may" },
        { "lists", "this key has as many lists under way as it may" },
        { "operations", "too many operations at the same time" },
        { "unread", "this peer has not read what it was sent" },
        { "traceparent", "traceparent: not as W3C Trace Context has it, such as 00-<32 hex digits>-<16>-01" },
        { "restarts", "this download was begun anew too often" },
    };
    for (size_t i = 0; which && i < sizeof limits / sizeof *limits; i++)
        if (strcmp(which, limits[i][0]) == 0) return limits[i][1];
    return "a limit of the broker is reached; try later";
}

bool refusal_is_general(pv_status status, const char *text)
{
    /* What 52f222a says. */
    static const struct {
        pv_status status;
        const char *text;
    } former[] = { { PV_UNAUTHORIZED, "not authorised" },
                   { PV_BAD_STATE, "not allowed in this state" },
                   { PV_BUSY, "a limit is reached, try later" },
                   { PV_CONFLICT, "the id exists with another input" },
                   { PV_TIMEOUT, "time is over" } };
    if (!text[0] || strcmp(text, pv_status_text(status)) == 0) return true;
    for (size_t i = 0; i < sizeof former / sizeof *former; i++)
        if (former[i].status == status && strcmp(text, former[i].text) == 0) return true;
    return false;
}

/* About a task that is named by its id. */
static const char *meaning_for_task(pv_status status)
{
    if (status == PV_NOT_FOUND) return "the broker has no such task";
    return status == PV_CONFLICT ? "tasks of several keys have this id: ask with the key that submitted it" : NULL;
}

static const char *meaning_for_prover(pv_status status)
{
    if (status == PV_NOT_FOUND) return "the broker knows no such prover";
    return status == PV_CONFLICT ? "several keys have a prover of this name: say which with --principal" : NULL;
}

/* What a status means for the message that it refuses. NULL: no more than the list says. */
static const char *meaning(pv_status status, enum wire_type asked)
{
    switch (asked) {
    case WIRE_FETCH: return status == PV_BAD_STATE ? "not finished yet: use task wait" : meaning_for_task(status);
    case WIRE_KICK:
        return status == PV_BAD_STATE ? "only a dead, cancelled, expired or delayed task is kicked"
                                      : meaning_for_task(status);
    case WIRE_SHOW:
    case WIRE_ATTACH:
    case WIRE_CANCEL: return meaning_for_task(status);
    case WIRE_PROVER: return meaning_for_prover(status);
    case WIRE_SUBMIT: return status == PV_EXPIRED ? "the deadline passed before it was queued" : NULL;
    default: return NULL;
    }
}

const char *refusal_say(char *to, size_t bytes, const struct wire_msg *error, enum wire_type asked, const char *queue)
{
    pv_status s = error->status;
    const char *said = error->has.text ? error->text : "", *better = NULL;
    if (!refusal_is_general(s, said))
        better = said;
    else if (s == PV_BUSY || (s == PV_INVALID_INPUT && error->has.which))
        better = refusal_limit_text(error->has.which ? error->which : NULL);
    else
        better = meaning(s, asked);
    if (!better && queue && s == PV_UNKNOWN_QUEUE)
        snprintf(to, bytes, "this broker has no queue \"%s\"", queue);
    else if (!better && queue && s == PV_UNAUTHORIZED)
        snprintf(to, bytes, "this key may not submit to queue \"%s\"", queue);
    else
        snprintf(to, bytes, "%s", better ? better : pv_status_text(s));
    char limit[WIRE_NAME_MAX + 4] = "";
    if (error->has.which) snprintf(limit, sizeof limit, " (%s)", error->which);
    size_t used = strlen(to);
    if (!strstr(to, limit)) snprintf(to + used, bytes - used, "%s", limit);
    return to;
}
