/** What agent_play.c (the script), agent_stage.c (what is around the agent) and agent_part.c (the agent) share: the stage itself. */
#ifndef AGENT_STAGE_H
#define AGENT_STAGE_H

#include "agent_state.h"

enum { STAGE_RUNNERS = 8, STAGE_NAMES = 16 };

struct stage {
    struct agent *agent;
    char folder[64]; /* of the spool; told as DIR */
    uint64_t now_ms;
    uint32_t epoch;
    /* what comes next */
    bool have_message;
    pv_status message_status; /* what reading it gives */
    struct wire_msg message;
    enum dealer_event event; /* of the connection */
    struct runner_report report[STAGE_RUNNERS];
    const char *command;
    int refuse_in; /* the message after so many others does not go; -1: each goes */
    pv_status refuse_with;
    bool dial_fails, no_random, no_context;
    /* what is so */
    struct job *job[STAGE_RUNNERS];
    struct agent_gpu gpu;
    char circuits[STAGE_NAMES][WIRE_NAME_MAX + 1], names[STAGE_NAMES][WIRE_NAME_MAX + 1], unserved[STAGE_NAMES][40];
    size_t circuits_n, names_n, names_at, unserved_n;
};
extern struct stage stage;

/** Carries out the next step of the script, if it is due before the given time, and moves the clock there; else only moves the clock.
 *  Returns false when the script is over. */
bool stage_next(uint64_t until_ms);

/** The option NAME=VALUE of the present step: its value, "" for NAME alone, NULL without it. As a number, or another. */
const char *stage_option(const char *name);
uint64_t stage_number(const char *name, uint64_t or_else);
/** The agent's options, of a step "begin ..." or "again ...". */
struct agent_options stage_options(void);

/** golden_tell, with the spool's folder as DIR. */
void stage_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Tells what was done to the spool since the last call. */
void stage_tell_disk(void);

#endif
