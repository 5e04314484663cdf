/* Opened in this order: state folder, name, limits, memory, keys. */
#include "node_parts.h"

#include "file_io.h"
#include "keycache_folder.h"
#include "log.h"
#include "maker_source.h"
#include "node_plain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Two nodes on one folder would each take the other's spooled results for its own, send them and remove them. The lock is
 * the process's: it goes when the process does, however it ends. A file system without locks is only warned of. */
static pv_status state_lock(struct node *n)
{
    const char *state = n->config.state;
    char path[4096];
    int used = snprintf(path, sizeof path, "%s/lock", state);
    if (used < 0 || (size_t)used >= sizeof path) return node_refuse(n, PV_IO, "%.200s: the path is too long", state);
    n->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (n->lock < 0) return node_refuse(n, PV_IO, "%.200s: %s", path, strerror(errno));
    if (flock(n->lock, LOCK_EX | LOCK_NB) == 0) return PV_OK;
    if (errno == EWOULDBLOCK)
        return node_refuse(n, PV_BUSY,
                           "%.200s: another prover node uses this state folder: give each node its own --state", state);
    LOG_WARN("prover.state", "text=cannot be locked (%s): make sure that no other node uses it", strerror(errno));
    return PV_OK;
}

pv_status node_state_open(struct node *n)
{
    const char *state = n->config.state;
    if (!*state) {
        LOG_WARN("prover.state", "text=%s",
                 "no state folder: results that the broker has not acknowledged are lost when this process ends");
        return PV_OK;
    }
    int error = file_folder_make(state);
    if (error) return node_refuse(n, PV_IO, "%.200s: %s", state, strerror(error));
    TRY(state_lock(n));
    if (asprintf(&n->spool, "%s/results", state) < 0 || asprintf(&n->checked, "%s/checked-keys", state) < 0)
        return PV_NO_MEMORY;
    n->agent.state = n->spool;
    return PV_OK;
}

static bool another_name(void *arg, const char **name)
{
    struct node *n = arg;
    if (!node_name_next(&n->name)) return false;
    *name = n->name.text;
    return true;
}

void node_name_settle(struct node *n)
{
    if (n->config.name != n->host) {
        node_name_given(&n->name, n->config.name);
    } else {
        node_name_take(&n->name, n->host, *n->config.state ? n->config.state : NULL);
        n->agent.another_name = another_name;
        n->agent.another_name_arg = n;
    }
    n->agent.name = n->name.text;
}

void node_memory_plan(struct node *n)
{
    numa_read(&n->numa, NUMA_ROOT);
    bool shared = numa_share(&n->numa);
    if (n->agent.slots > 1 && numa_fits(&n->numa, (unsigned)n->config.threads)) n->agent.numa = &n->numa;
    if (n->numa.nodes > 1)
        LOG_INFO("prover.numa", "nodes=%u memory=%s slots=%s", n->numa.nodes,
                 shared ? "shared" : "as the process was started", n->agent.numa ? "settled" : "anywhere");
}

/* Whether the main thread, which reads keys, is wanted for something else: a signal, or the agent's end. */
static bool is_told(void *node)
{
    const struct node *n = node;
    if (n->signals < 0) return false; /* a check of the settings takes none */
    zmq_pollitem_t items[] = { { .fd = n->signals, .events = ZMQ_POLLIN },
                               { .socket = n->actor ? zsock_resolve(n->actor) : NULL, .events = ZMQ_POLLIN } };
    return zmq_poll(items, n->actor ? 2 : 1, 0) > 0;
}

/* Takes a signal that came while the keys were read. HUP asks to read them again, and that is all that is left to do. */
static bool is_hangup(const struct node *n)
{
    struct signalfd_siginfo info;
    return read(n->signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGHUP;
}

/* For keys and their proofs: what is set, or the device's memory, of which a twentieth is left alone as in their plans. */
static uint64_t device_memory(struct node *n)
{
    uint64_t most = n->agent.vram - n->agent.vram / 20;
    if (n->memory_set && (!most || n->config.memory < most)) most = n->config.memory;
    n->proving.options.memory_bytes_max = most;
    return most;
}

void node_gpus_look(struct node *n)
{
    n->gpu.proving = &n->proving;
    n->gpu.beside = node_serves_beside(n);
    if (node_serves(n, &n->groth16)) node_gpu_look(&n->gpu, &n->config);
}

/* The programs beside the keys: with allow_code. Where they run is opened later, with the place of the handlers that are programs. */
static pv_status code_open(struct node *n)
{
    const struct witness_maker_options o = { .run_as = n->config.run_as,
                                             .node_js = n->config.node_js,
                                             .limit_ms = 1000 * n->config.witness_limit_s };
    char why[PROGRAM_WHY_BYTES];
    if (!node_runs_code(n)) return PV_OK;
    pv_status s = witness_maker_open(&n->maker, &n->place, &o, why);
    if (s != PV_OK) return node_refuse(n, s, "run_as: %.400s", why);
    if (*n->config.node_js && !n->maker.node_js)
        return node_refuse(n, PV_BAD_CONFIG, "node_js: %.400s", n->maker.no_wasm);
    if (!n->maker.node_js || !n->maker.script) LOG_INFO("witness.no_wasm", "text=%s", n->maker.no_wasm);
    n->proving.witnesses = maker_source(&n->maker);
    return PV_OK;
}

pv_status node_proving_open(struct node *n)
{
    struct prove_error err = { 0 };
    struct keycache_options o = { .folder = n->config.circuits,
                                  .checked_file = n->checked,
                                  .bytes_most = n->config.memory,
                                  .host_most = n->config.memory,
                                  .interrupt = { is_told, n },
                                  .ops = &handler_groth16_keys,
                                  .arg = &n->proving,
                                  .witnesses = &n->proving.witnesses };
    if (!node_serves(n, &n->groth16)) return PV_OK;
    TRY(code_open(n));
    node_gpus_look(n);
    pv_status s = node_gpu_open(&n->gpu, &n->config, n->check ? "" : n->config.state, &n->agent.vram, &err);
    if (s == PV_OK && n->proving.backend != &backend_cpu) o.bytes_most = device_memory(n);
    while (s == PV_OK && (s = keycache_new(&n->proving.cache, &o, &err)) == PV_CANCELLED && is_hangup(n)) s = PV_OK;
    if (s != PV_OK) return node_refuse(n, s, "%s", err.text);
    node_gpu_keep(&n->gpu);
    n->agent.circuits = keycache_list;
    n->agent.circuits_arg = n->proving.cache;
    n->agent.gpu = node_gpu_now;
    n->agent.gpu_arg = &n->gpu;
    n->agent.circuits_needed = !node_serves_beside(n);
    return PV_OK;
}
