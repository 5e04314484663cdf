#include "node_plain.h"

#include <stdarg.h>
#include <stdio.h>

pv_status node_refuse(struct node *n, pv_status s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(n->why, sizeof n->why, format, args);
    va_end(args);
    return s;
}

bool node_serves(const struct node *n, const struct handler *h)
{
    for (size_t i = 0; i < n->agent.queues_n; i++)
        if (n->queues[i].handler == h) return true;
    return false;
}

bool node_serves_beside(const struct node *n)
{
    for (size_t i = 0; i < n->agent.queues_n; i++)
        if (n->queues[i].handler != &n->groth16) return true;
    return false;
}

bool node_runs_code(const struct node *n)
{
    return n->config.allow_code && node_serves(n, &n->groth16);
}
