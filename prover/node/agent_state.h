/** What the agent's files share: its state, and no functions. From the ground up:
 *
 *      agent_link      sending, and losing the link          agent_attempts  an offer to its end
 *      agent_results   finished results until RESULT_OK      agent_session   HELLO, heartbeats, who takes which message
 *      agent           the loop
 */
#ifndef PV_AGENT_STATE_H
#define PV_AGENT_STATE_H

#include "agent.h"
#include "payload.h"
#include "runner.h"
#include "spool.h"

enum agent_attempt_state {
    AGENT_ATTEMPT_FETCHING, /* the input comes in chunks */
    AGENT_ATTEMPT_WAITING,  /* the input is here, no runner is free */
    AGENT_ATTEMPT_RUNNING,
    AGENT_ATTEMPT_ENDED /* only its last message is left to be sent */
};

/** The last message, or what a running attempt is being stopped for. */
enum agent_attempt_end {
    AGENT_ATTEMPT_END_NONE,
    AGENT_ATTEMPT_END_FAIL,
    AGENT_ATTEMPT_END_RELEASE,
    AGENT_ATTEMPT_END_REVOKED
};

struct agent_attempt {
    enum agent_attempt_state state;
    wire_token token;
    wire_id task;
    enum wire_input_kind kind;
    char task_text[WIRE_ID_TEXT], token_text[WIRE_TOKEN_TEXT], circuit[WIRE_HASH_TEXT];
    char traceparent[WIRE_TRACE_TEXT]; /* "" none */
    struct handler *handler;
    uint64_t run_timeout_ms;
    wire_hash sha256;      /* of the input */
    struct incoming input; /* until it runs */
    struct job *job;       /* while it runs; the runner's, except for stop */
    unsigned runner;
    uint64_t started_ms, told_ms; /* when it started to run; when PROGRESS was sent last */
    uint64_t phase_ms;            /* when its phase began */
    struct node_phases phases;    /* for the trace */
    char phase[WIRE_NAME_MAX + 1];
    unsigned percent;
    bool progress_due;
    /* the end */
    enum agent_attempt_end end;
    enum wire_failure failure;
    enum wire_reason reason;
    pv_status status;
    char text[513]; /* the bound of a text on the wire, and its NUL */
};

/** A finished result on its way to the broker. */
struct agent_result {
    struct spool_entry entry;
    char task_text[WIRE_ID_TEXT];
    uint8_t *bytes; /* owned; NULL: only in the spool */
    bool spooled;
    uint64_t spool_ms;   /* when to spool it, if it is still here; 0: no need to */
    uint64_t again_ms;   /* when to send RESULT (again); 0: it was sent */
    uint64_t said_ms;    /* when it was sent last */
    struct outgoing out; /* its chunks */
    unsigned backward;   /* grants on this connection that asked for bytes again */
};

enum { AGENT_UNSERVED_MAX = 16, AGENT_WARM_MAX = 256 };
enum { AGENT_HELD_MAX = 100 }; /* with AGENT_CIRCUITS_MAX circuits and 64 queues this keeps HELLO under 64 KiB */

/** The lists of the message that is being written (agent_session.c): too large for a stack. */
struct agent_said {
    struct handler_circuit store[AGENT_CIRCUITS_MAX];
    struct wire_circuit circuits[AGENT_CIRCUITS_MAX];
    struct wire_held held[AGENT_HELD_MAX];
    wire_hash warm[AGENT_WARM_MAX];
    char last[WIRE_NAME_MAX + 1]; /* of the circuits in HELLO */
    size_t hello_n;               /* how many they were */
    struct handler_unserved unserved[AGENT_UNSERVED_MAX];
    struct wire_row rows[AGENT_UNSERVED_MAX];
    struct wire_cell cells[AGENT_UNSERVED_MAX][2];
    struct wire_handler handlers[WIRE_HANDLERS_MAX]; /* of the heartbeat that is being written */
    struct wire_row handler_rows[WIRE_HANDLERS_MAX];
    struct wire_cell handler_cells[WIRE_HANDLERS_MAX][WIRE_HANDLER_CELLS];
};

enum agent_mode { AGENT_SERVE, AGENT_DRAIN, AGENT_HANDBACK };

struct agent {
    struct agent_options o;
    struct link link;
    struct spool *spool;      /* NULL: no state folder */
    uint64_t downs;           /* link.downs, as far as they are logged */
    uint64_t name_refused_ms; /* since when the broker says that another has the name; 0: it does not */
    bool renamed;             /* since the last WELCOME */
    uint64_t complain_ms;     /* an unreachable broker is not logged before this */
    bool ready_due;           /* READY has to be sent */
    bool welcome_due;         /* HELLO was said */
    uint64_t hello_ms;        /* when */
    size_t left_out;          /* circuits that this broker has no room for, as far as it is logged */
    /* the work */
    struct agent_attempt *attempts;
    size_t attempts_n, attempts_room;
    struct agent_result *results;
    size_t results_n, results_room;
    struct runner *runners[AGENT_SLOTS_MAX];
    bool busy[AGENT_SLOTS_MAX];
    enum agent_mode mode;
    uint64_t mode_ms; /* when it began */
    uint64_t now_ms;  /* of this turn of the loop */
    uint64_t told_ms; /* before this the service manager is not told again how it is, unless the link came or went */
    bool told_up;
    uint64_t figures_ms; /* when figures were left last */
    bool figures_up;     /* whether they said that a broker knows the node */
    bool over;
    bool rest_begins; /* of a handler: to be announced in this turn */
    struct agent_said said;
};

#endif
