/** A life of the core at small limits: events of every kind at moments close to what is due, from peers that are there, were there and
 *  never were, about tasks, tokens and names that often meet. Nothing of it has to make sense; all of it comes from the seed. */
#ifndef PV_LIVES_WILD_H
#define PV_LIVES_WILD_H

#include "sched.h"

enum { WILD_TASKS = 14, WILD_CLIENTS = 7, WILD_PROVERS = 7, WILD_OUT = 24, WILD_SAVED = 64, WILD_SETTINGS = 12 };

struct wild_peer {
    uint64_t peer; /* 0: not connected */
    unsigned process;
};

struct wild_out {
    uint64_t peer;
    wire_token token;
    wire_id task;
};

struct wild {
    struct sched *s;
    struct sched_config cfg;
    struct sched_actions out;
    uint64_t seed, random, now_ms, wall_ms, next_peer;
    struct wild_peer clients[WILD_CLIENTS], provers[WILD_PROVERS];
    struct wild_out offered[WILD_OUT]; /* the last ones, a ring */
    unsigned offered_n;
    struct task_record saved[WILD_SAVED]; /* the disk; order 0: free */
    struct setting_record settings[WILD_SETTINGS];
    unsigned settings_n;
    bool calm;   /* most of what is said is what the core waits for (lives_calm.c), and the limits are others */
    bool broken; /* a batch failed: the core has to be made anew */
    void (*watch)(struct wild *w, const struct sched_event *ev);
};

/** calm and watch are what they were; all else is made anew. False: there was no memory. */
bool wild_open(struct wild *w, uint64_t seed);
void wild_close(struct wild *w);
/** One event, and now and then a restart. */
void wild_move(struct wild *w, uint64_t number);
/** The core gets the event, and its actions are carried out. */
void wild_step(struct wild *w, struct sched_event *ev);

uint64_t wild_random(struct wild *w, uint64_t n);
/** An event of now. */
struct sched_event wild_event(const struct wild *w, enum sched_event_type type);
/** A random event (lives_events.c), given to the core. */
void wild_something(struct wild *w);
/** One that goes on with what is under way. False: this time one of any kind. */
bool calm_something(struct wild *w);
/** The times and limits of a calm life. */
void calm_config(struct sched_config *cfg, uint64_t seed);

wire_id wild_id(unsigned n);
wire_hash wild_hash(unsigned n);
/** The client of this index says hello. */
void wild_client_hello(struct wild *w, unsigned i);

#endif
