/** What the agent's files share. Internal to the agent: agent.c turns the loop, agent_session.c speaks and listens,
 *  agent_attempts.c takes an offer to its end, agent_results.c keeps results until they are acknowledged.
 */
#ifndef PV_AGENT_STATE_H
#define PV_AGENT_STATE_H

#include "agent.h"
#include "runner.h"
#include "sha256.h"
#include "spool.h"

enum attempt_state {
    ATTEMPT_FETCHING, /* the input comes in chunks */
    ATTEMPT_WAITING,  /* the input is here, the runner is not free */
    ATTEMPT_RUNNING,
    ATTEMPT_ENDED /* only its last word is left to be said */
};

/* The last word, or what a running attempt is being stopped for. */
enum attempt_end { END_NONE, END_FAIL, END_RELEASE, END_REVOKED };

struct attempt {
    enum attempt_state state;
    wire_token token;
    wire_id task;
    char task_text[WIRE_ID_TEXT], token_text[WIRE_TOKEN_TEXT], circuit[WIRE_HASH_TEXT];
    struct handler *handler;
    uint64_t run_timeout_ms;
    wire_hash sha256; /* of the input */
    uint64_t length, received, granted;
    bool asked_again; /* a chunk out of place was answered already */
    uint8_t *input;   /* owned until it runs */
    struct sha256 digest;
    struct job *job; /* while it runs: the runner's, but for stop */
    unsigned runner;
    uint64_t started_ms, told_ms;
    char phase[WIRE_NAME_MAX + 1];
    unsigned percent;
    bool progress_due;
    /* the end */
    enum attempt_end end;
    enum wire_failure failure;
    enum wire_reason reason;
    pv_status status;
    char text[256];
};

/* A finished result on its way to the broker. */
struct finished {
    struct spool_entry entry;
    char task_text[WIRE_ID_TEXT];
    uint8_t *bytes; /* NULL: only in the spool */
    bool spooled;
    uint64_t spool_ms; /* write it then, if it is still here; 0: no need to */
    uint64_t again_ms; /* say RESULT (again) then; 0: it was said */
    /* as the sender of chunks */
    uint64_t sent, granted_end, granted_from;
    bool granted;
};

enum link_state { LINK_DOWN, LINK_HELLO, LINK_UP };
enum agent_mode { MODE_SERVE, MODE_DRAIN, MODE_HANDBACK };

struct agent {
    struct agent_options o;
    struct dial *dial;
    struct spool *spool;
    wire_id session;
    /* the link */
    enum link_state link;
    uint32_t epoch_seen;
    uint64_t hello_ms, heard_ms, beat_ms; /* said HELLO; heard anything; next heartbeat */
    uint64_t complain_ms;                 /* a broker that cannot be reached is not mentioned before this */
    uint32_t heartbeat_ms, lease_ms, inline_max, chunk_max, window;
    bool ready_due;
    /* the work */
    struct attempt *attempts;
    size_t attempts_n, attempts_room;
    struct finished *finished;
    size_t finished_n, finished_room;
    struct runner *runners[AGENT_SLOTS_MAX];
    bool busy[AGENT_SLOTS_MAX];
    enum agent_mode mode;
    uint64_t mode_ms;
    uint64_t now_ms; /* of this turn of the loop */
    bool over;
};

/* --- agent_session.c --- */
void session_open(struct agent *a);
void session_lose(struct agent *a, const char *because);
void session_read(struct agent *a);     /* messages that wait */
void session_news(struct agent *a);     /* the monitor */
void session_tick(struct agent *a);     /* heartbeats, silence, READY */
void session_announce(struct agent *a); /* HELLO, again */
uint64_t session_next_ms(const struct agent *a);
/** Says m now. False: there is no link, or it broke just now. */
bool session_say(struct agent *a, const struct wire_msg *m);

/* --- agent_attempts.c --- */
struct attempt *attempt_find(struct agent *a, wire_token token);
void attempts_offer(struct agent *a, const struct wire_msg *m);
void attempts_chunk(struct agent *a, const struct wire_msg *m);
void attempts_revoke(struct agent *a, wire_token token);
void attempts_recall(struct agent *a, wire_token token);
void attempts_refused(struct agent *a, const struct wire_msg *m); /* ERROR about a token */
void attempts_report(struct agent *a, unsigned runner, struct runner_report *report);
void attempts_tick(struct agent *a);     /* starts what waits, stops what ran too long, tells progress */
void attempts_linked(struct agent *a);   /* there is a link: last words, and inputs go on */
void attempts_drain(struct agent *a);    /* hands back what has not started */
void attempts_handback(struct agent *a); /* and stops what has */
unsigned attempts_unfinished(const struct agent *a);
uint64_t attempts_next_ms(const struct agent *a);
void attempts_clear(struct agent *a);

/* --- agent_results.c --- */
pv_status results_open(struct agent *a, char why[DIAL_WHY_BYTES]);
/** Takes the job's result over and says it. */
void results_add(struct agent *a, const struct attempt *at, struct job *job);
void results_linked(struct agent *a);
void results_tick(struct agent *a);
void results_credit(struct agent *a, const struct wire_msg *m);
void results_ok(struct agent *a, const struct wire_msg *m);
/** True when it is about a result. */
bool results_refused(struct agent *a, const struct wire_msg *m);
bool results_hold(const struct agent *a, wire_token token);
uint64_t results_next_ms(const struct agent *a);
void results_clear(struct agent *a);

#endif
