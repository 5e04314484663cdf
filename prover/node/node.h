/** A node, and everything that its threads borrow: what its settings, its parts and its main share.
 */
#ifndef PV_NODE_H
#define PV_NODE_H

#include "agent.h"
#include "handler_groth16.h"
#include "node_config.h"
#include "node_gpu.h"
#include "node_http.h"
#include "node_limits.h"
#include "node_name.h"
#include "notify.h"
#include "program_list.h"
#include "resident_table.h"
#include "status_text.h"
#include "witness_maker.h"

struct node {
    struct node_config_args args;
    struct node_config config;
    bool check, print, memory_set;
    bool list, status; /* `provost-prover handlers`, `provost-prover status` */
    struct handlers handlers;
    int status_socket; /* -1: none */
    uint64_t started_ms;
    struct program_list_options listing;
    char host[WIRE_NAME_MAX + 1];
    struct node_name name;
    char *lists[2]; /* the broker and queue lists, cut at their commas */
    struct agent_queue queues[AGENT_QUEUES_MAX];
    struct program_table programs;
    struct resident_table residents; /* those of programs that stay */
    struct program_place place;
    struct witness_maker maker;   /* with allow_code */
    struct attempt_groups groups; /* fd -1: none */
    char *hidden[2];              /* from programs: the whole paths of the key file and of the spool */
    struct node_left_out {
        const char *queue, *handler, *why;
    } left_out[AGENT_QUEUES_MAX]; /* queues whose handler cannot serve */
    size_t left_out_n;
    char *spool, *checked;
    int lock; /* on the state folder; 0: none */
    int signals;
    struct notify notify; /* opened by this thread, then the agent's */
    zactor_t *actor;      /* the agent's; NULL: it does not run */
    struct agent_options agent;
    struct handler groth16, echo;
    struct handler_groth16_context proving;
    struct node_gpu gpu;
    struct numa numa;
    struct limits limits;
    struct node_figures figures; /* of the agent's work */
    struct node_sources sources;
    struct node_http *http; /* NULL: not served */
    struct node_trace *trace;
    char why[NODE_CONFIG_WHY_BYTES];
};

#endif
