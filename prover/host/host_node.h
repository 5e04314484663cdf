/** The node, as the host sees it: what it says is read by a thread of its own, so that a STOP reaches a task that runs.
 */
#ifndef PV_HOST_NODE_H
#define PV_HOST_NODE_H

#include "talk_message.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_job {
    uint64_t job;
    char *task, *circuit; /* in one block with the input */
    uint8_t *input;
    size_t input_bytes;
    void *block;
};

struct host_node;

/** Takes stdin and stdout for the node: from here on the process's stdin is empty, and its stdout is its stderr. Reads HELLO, whose texts
 *  live as long as the process. NULL: no node is there. */
struct host_node *host_node_open(struct talk_message *hello);

/** Starts to listen. False: no thread. */
bool host_node_listen(struct host_node *n);

/** Waits for a task. False: the node wants no more. */
bool host_node_job(struct host_node *n, struct host_job *job);

/** Whether the task that runs was stopped. */
bool host_node_stopped(const struct host_node *n);

/** Says a message that talk_begin and talk_put_... wrote, with n bytes behind it. Any thread. False: the node is gone. */
bool host_node_say(struct host_node *n, struct talk_writer *w, const void *bytes, size_t bytes_n);

#endif
