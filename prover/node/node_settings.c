/* Refusals first: a wrong setting is said before anything is opened. */
#include "node_settings.h"

#include "endpoint.h"
#include "log.h"
#include "node_programs.h"
#include "node_plain.h"

#include <string.h>
#include <unistd.h>

/* The host's name with every illegal character replaced, so that the default name is always legal. */
static void host_name(char to[WIRE_NAME_MAX + 1])
{
    char host[WIRE_NAME_MAX + 1] = "";
    size_t n = 0;
    gethostname(host, sizeof host - 1);
    for (const char *c = host; *c; c++) to[n++] = wire_name_valid(c, 1) ? *c : '-';
    to[n] = 0;
    if (!n) strcpy(to, "prover");
}

static pv_status broker_add(struct node *n, const char *item)
{
    struct link_options *l = &n->agent.link;
    if (l->endpoints == LINK_ENDPOINTS_MAX)
        return node_refuse(n, PV_BAD_CONFIG, "more than %d brokers", LINK_ENDPOINTS_MAX);
    if (!endpoint_port_fits(item, false) || link_endpoint_add(l, item, strlen(item)) != PV_OK)
        return node_refuse(n, PV_BAD_CONFIG, "broker: not tcp://HOST:PORT or ipc://PATH: \"%.64s\"", item);
    return PV_OK;
}

static pv_status queue_add(struct node *n, char *item)
{
    struct agent_options *o = &n->agent;
    char *handler = strchr(item, ':');
    if (handler) *handler++ = 0;
    if (o->queues_n == AGENT_QUEUES_MAX) return node_refuse(n, PV_BAD_CONFIG, "more than %d queues", AGENT_QUEUES_MAX);
    if (!wire_name_valid(item, strlen(item)))
        return node_refuse(n, PV_BAD_CONFIG, "queue: not a name: \"%.64s\" (1 to 64 of A-Z a-z 0-9 . _ -)", item);
    if (!handler || !strcmp(handler, "groth16"))
        n->queues[o->queues_n++] = (struct agent_queue){ item, &n->groth16 };
    else if (!strcmp(handler, "echo"))
        n->queues[o->queues_n++] = (struct agent_queue){ item, &n->echo };
    else
        return node_programs_bind(n, item, handler);
    return PV_OK;
}

static pv_status lists_read(struct node *n)
{
    char *rest, *item;
    TRY(node_programs_read(n));
    n->lists[0] = strdup(n->config.broker);
    n->lists[1] = strdup(n->config.queue);
    if (!n->lists[0] || !n->lists[1]) return PV_NO_MEMORY;
    for (item = strtok_r(n->lists[0], ", ", &rest); item; item = strtok_r(NULL, ", ", &rest)) TRY(broker_add(n, item));
    for (item = strtok_r(n->lists[1], ", ", &rest); item; item = strtok_r(NULL, ", ", &rest)) TRY(queue_add(n, item));
    if (!n->agent.link.endpoints) return node_refuse(n, PV_BAD_CONFIG, "missing broker: tcp://HOST:PORT");
    if (n->agent.queues_n || n->left_out_n) return PV_OK;
    return node_refuse(n, PV_BAD_CONFIG, "missing queue: the name of a queue to serve");
}

static pv_status keys_read(struct node *n)
{
    const struct node_config *c = &n->config;
    if (!*c->key != !*c->server_key)
        return node_refuse(n, PV_BAD_CONFIG, "key and server_key go together: one of them is missing");
    if (!*c->key && !c->insecure)
        return node_refuse(n, PV_BAD_CONFIG, "missing key and server_key (or insecure, for a broker on this machine)");
    if (*c->key && c->insecure) return node_refuse(n, PV_BAD_CONFIG, "use either insecure or keys, not both");
    const struct link_options *l = &n->agent.link;
    for (size_t i = 0; c->insecure && i < l->endpoints; i++)
        if (!endpoint_is_local(l->endpoint[i]))
            return node_refuse(n, PV_BAD_CONFIG, "broker: insecure is only for brokers on this machine: \"%.64s\"",
                               l->endpoint[i]);
    if (*c->key) {
        n->agent.key_file = c->key;
        n->agent.server_keys = c->server_key;
    }
    return PV_OK;
}

pv_status node_settings_read(struct node *n)
{
    struct node_config *c = &n->config;
    TRY(node_config_read(c, &n->args, n->why));
    /* node_config_read has refused any other word; of a check only what is wrong is interesting */
    (void)log_setup_words(n->check ? "warn" : c->log_level, c->log);
    TRY(lists_read(n));
    TRY(keys_read(n));
    host_name(n->host);
    if (!*c->name) c->name = n->host;
    if (!wire_name_valid(c->name, strlen(c->name)))
        return node_refuse(n, PV_BAD_CONFIG, "name: not a name: \"%.64s\" (1 to 64 of A-Z a-z 0-9 . _ -)", c->name);
    if (node_serves(n, &n->groth16) && !*c->circuits)
        return node_refuse(n, PV_BAD_CONFIG, "missing circuits: the handler groth16 needs proving keys");
    n->memory_set = c->memory != 0;
    limits_read(&n->limits, LIMITS_ROOT);
    node_limits_settings(c, &n->limits);
    n->agent.software = "provost-prover " PV_VERSION;
    n->agent.queues = n->queues;
    n->agent.slots = (unsigned)c->slots;
    n->agent.prefetch = (unsigned)c->prefetch;
    n->agent.ram = c->memory;
    n->agent.input_most = c->input_max;
    n->agent.grace_ms = 1000 * c->grace_s;
    return PV_OK;
}
