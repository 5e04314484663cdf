#include "story.h"

#include <string.h>

struct story {
    const struct journal_entry *moves[STORY_MOVES];
    size_t n;
};

static bool leased(enum task_state s)
{
    return s == TASK_OFFERED || s == TASK_RUNNING || s == TASK_RECOVERING;
}

/* The last ones: the older half goes when there are too many. */
static void moves_find(struct story *y, const struct journal *journal, wire_id task, const char *principal)
{
    uint64_t at = journal_last(journal, JOURNAL_KEPT);
    for (const struct journal_entry *e; (e = journal_after(journal, at)); at = e->number) {
        if (e->kind != JOURNAL_TASK || !wire_id_equal(e->task, task) || strcmp(e->principal, principal) != 0) continue;
        if (y->n == STORY_MOVES) {
            y->n = STORY_MOVES / 2;
            memmove(y->moves, y->moves + STORY_MOVES - y->n, y->n * sizeof *y->moves);
        }
        y->moves[y->n++] = e;
    }
}

static const char *token_text(char to[WIRE_TOKEN_TEXT], wire_token t)
{
    return t.seq ? wire_token_text(to, t) : NULL;
}

static const char *text_or_null(const char *s)
{
    return s[0] ? s : NULL;
}

static void move_json(struct json_text *j, const struct journal_entry *e)
{
    char token[WIRE_TOKEN_TEXT];
    json_text_object(j, NULL);
    json_text_number(j, "event", e->number);
    json_text_number(j, "time", e->wall_ms);
    json_text_string(j, "from", task_state_word(e->from));
    json_text_string(j, "to", task_state_word(e->to));
    json_text_string(j, "attempt", token_text(token, e->token));
    json_text_string(j, "prover", text_or_null(e->name));
    json_text_string(j, "status", pv_status_word(e->status));
    json_text_string(j, "charged", text_or_null(e->charged));
    json_text_object_end(j);
}

static void phase_json(void *context, const struct phase_note *note)
{
    struct json_text *j = context;
    json_text_object(j, NULL);
    json_text_string(j, "phase", note->phase);
    json_text_number(j, "time", note->wall_ms);
    json_text_object_end(j);
}

/* One attempt: from the move that began it to the one that ended it. */
struct attempt {
    wire_token token;
    const char *prover;
    const struct journal_entry *offered, *started, *ended;
};

static struct attempt attempt_of(const struct story *y, wire_token token)
{
    struct attempt a = { .token = token, .prover = "" };
    for (size_t i = 0; i < y->n; i++) {
        const struct journal_entry *e = y->moves[i];
        if (!wire_token_equal(e->token, token)) continue;
        if (!a.prover[0]) a.prover = e->name;
        if (e->to == TASK_OFFERED && !a.offered) a.offered = e;
        if (e->to == TASK_RUNNING && !a.started) a.started = e;
        if (leased(e->from) && !leased(e->to)) a.ended = e;
    }
    return a;
}

static void moment_json(struct json_text *j, const char *key, const struct journal_entry *e)
{
    if (e)
        json_text_number(j, key, e->wall_ms);
    else
        json_text_null(j, key);
}

static void attempt_json(struct json_text *j, const struct attempt *a, const struct phases *phases)
{
    char token[WIRE_TOKEN_TEXT];
    json_text_object(j, NULL);
    json_text_string(j, "attempt", wire_token_text(token, a->token));
    json_text_string(j, "prover", text_or_null(a->prover));
    moment_json(j, "offered", a->offered);
    moment_json(j, "started", a->started);
    moment_json(j, "ended", a->ended);
    json_text_string(j, "outcome", a->ended ? task_state_word(a->ended->to) : NULL);
    json_text_string(j, "status", a->ended ? pv_status_word(a->ended->status) : NULL);
    json_text_string(j, "charged", a->ended ? text_or_null(a->ended->charged) : NULL);
    json_text_list(j, "phases");
    phases_each(phases, a->token, phase_json, j);
    json_text_list_end(j);
    json_text_object_end(j);
}

static void attempts_json(struct json_text *j, const struct story *y, const struct phases *phases)
{
    wire_token told[STORY_ATTEMPTS];
    size_t n = 0;
    for (size_t i = 0; i < y->n && n < STORY_ATTEMPTS; i++) {
        wire_token t = y->moves[i]->token;
        size_t k = 0;
        while (k < n && !wire_token_equal(told[k], t)) k++;
        if (!t.seq || k < n) continue;
        told[n++] = t;
        struct attempt a = attempt_of(y, t);
        attempt_json(j, &a, phases);
    }
}

void story_json(struct json_text *j, const struct journal *journal, const struct phases *phases, wire_id task,
                const char *principal)
{
    struct story y = { .n = 0 };
    moves_find(&y, journal, task, principal);
    json_text_list(j, "moves");
    for (size_t i = 0; i < y.n; i++) move_json(j, y.moves[i]);
    json_text_list_end(j);
    json_text_list(j, "attempts");
    attempts_json(j, &y, phases);
    json_text_list_end(j);
}
