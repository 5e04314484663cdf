#include "auth.h"

#include "clock.h"
#include "hand_over.h"
#include "log.h"

#include <czmq.h>
#include <inttypes.h>
#include <string.h>

enum { NOTE_MS = 1000 };

static const char zap_endpoint[] = "inproc://zeromq.zap.01";

/* A ZAP request has the frames version, request id, domain, address, routing id, mechanism, credentials. */
struct request {
    char *version, *sequence, *address, *mechanism;
    zframe_t *credentials;
};

static void skip(zmsg_t *msg)
{
    char *skipped = zmsg_popstr(msg);
    zstr_free(&skipped);
}

static bool request_read(struct request *r, zmsg_t *msg)
{
    if (zmsg_size(msg) < 7) return false;
    r->version = zmsg_popstr(msg);
    r->sequence = zmsg_popstr(msg);
    skip(msg);
    r->address = zmsg_popstr(msg);
    skip(msg);
    r->mechanism = zmsg_popstr(msg);
    r->credentials = zmsg_pop(msg);
    return r->version && r->sequence && r->address && r->mechanism && r->credentials;
}

static void request_clear(struct request *r)
{
    zstr_free(&r->version);
    zstr_free(&r->sequence);
    zstr_free(&r->address);
    zstr_free(&r->mechanism);
    zframe_destroy(&r->credentials);
}

/* The key in Z85 if it may connect, else NULL. */
static const char *judge(const struct request *r, const struct auth_keys *keys, char text[AUTH_KEY_TEXT])
{
    if (strcmp(r->version, "1.0") || strcmp(r->mechanism, "CURVE") || zframe_size(r->credentials) != 32) return NULL;
    if (!zmq_z85_encode(text, zframe_data(r->credentials), 32)) return NULL;
    return auth_keys_find(keys, text) ? text : NULL;
}

/* Tells the operator why somebody cannot connect. At most one line a second: anybody can dial, and a line for each
 * attempt could fill the disk. */
static _Atomic uint64_t refused;

uint64_t auth_refused(void)
{
    return refused;
}

static void refusal_note(const struct request *r, const char *text)
{
    static uint64_t due_ms, times; /* used by the one ZAP thread alone */
    uint64_t now_ms = pv_clock_ms();
    times++;
    refused++;
    if (now_ms < due_ms) return;
    LOG_WARN("key.refused", "key=%s address=%s times=%" PRIu64, text, r->address ? r->address : "", times);
    due_ms = now_ms + NOTE_MS;
    times = 0;
}

static void request_answer(zsock_t *zap, const struct auth_keys *keys)
{
    struct request r = { .version = NULL };
    char text[AUTH_KEY_TEXT] = "";
    zmsg_t *msg = zmsg_recv(zap);
    if (!msg) return;
    const char *user = request_read(&r, msg) ? judge(&r, keys, text) : NULL;
    if (!user) refusal_note(&r, text);
    zstr_sendm(zap, "1.0");
    zstr_sendm(zap, r.sequence ? r.sequence : "");
    zstr_sendm(zap, user ? "200" : "400");
    zstr_sendm(zap, user ? "OK" : "this key is not authorised");
    zstr_sendm(zap, user ? user : "");
    zmq_send(zsock_resolve(zap), "", 0, 0); /* no metadata */
    request_clear(&r);
    zmsg_destroy(&msg);
}

/* What the starter gives the thread, and hears from it. */
struct start {
    struct auth_keys *keys;
    bool bound;
};

/* Owns its table of keys; the loop sends it another over the pipe. */
static void auth_thread(zsock_t *pipe, void *argument)
{
    struct start *start = argument;
    struct auth_keys *keys = start->keys;
    zsock_t *zap = zsock_new(ZMQ_REP);
    start->bound = zap && zsock_bind(zap, "%s", zap_endpoint) == 0;
    const bool bound = start->bound;
    bool on = bound;
    zpoller_t *poller = zpoller_new(pipe, zap, NULL);
    HAND_OVER(start);
    zsock_signal(pipe, 0);
    while (on) {
        void *which = zpoller_wait(poller, -1);
        if (which == zap) {
            request_answer(zap, keys);
            continue;
        }
        char *command = NULL;
        struct auth_keys *next = NULL;
        on = which == pipe && !zsock_recv(pipe, "sp", &command, &next) && command && !strcmp(command, "KEYS");
        if (on) {
            TAKE_OVER(next);
            auth_keys_destroy(&keys);
            keys = next;
            zsock_signal(pipe, 0);
        }
        zstr_free(&command);
    }
    zpoller_destroy(&poller);
    if (bound) zsock_unbind(zap, "%s", zap_endpoint); /* free now; a socket that was closed ends some time later */
    zsock_destroy(&zap);
    auth_keys_destroy(&keys);
}

pv_status auth_start(zactor_t **actor, struct auth_keys **keys)
{
    struct start start = { .keys = *keys };
    *keys = NULL;
    zactor_t *a = zactor_new(auth_thread, &start);
    TAKE_OVER(&start);
    if (a && start.bound) {
        *actor = a;
        return PV_OK;
    }
    zactor_destroy(&a);
    return PV_FAILED;
}

void auth_change(zactor_t *actor, struct auth_keys **keys)
{
    HAND_OVER(*keys);
    zsock_send(actor, "sp", "KEYS", *keys);
    *keys = NULL;
    zsock_wait(actor);
}

void auth_stop(zactor_t **actor)
{
    zactor_destroy(actor);
}
