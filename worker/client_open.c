#include "client.h"
#include "clock.h"
#include "io.h"
#include "random.h"
#include "task.h"
#include "visible.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { STACK_BYTES = 2 << 20 };
static const uint64_t RESULT_MAX = UINT64_C(1) << 30; /* twice the broker's default for payload_max */

static pv_status take_options(pv_client *c, const struct pv_client_options *o)
{
    struct link_options *l = &c->link.options;
    const char *name = o->name ? o->name : "client";
    if (!o->endpoints || !wire_name_valid(name, strlen(name))) return PV_USAGE;
    if (o->insecure ? o->key_file || o->server_key : !o->key_file || !o->server_key) return PV_USAGE;
    TRY(link_endpoints(l, o->endpoints, o->insecure));
    if (!o->insecure) TRY(link_keys_load(&l->keys, o->key_file, o->server_key, NULL));
    if (!o->insecure && !link_keys_fit(&l->keys, l->endpoints)) return PV_USAGE;
    snprintf(l->name, sizeof l->name, "%s", name);
    l->role = o->role == PV_ROLE_ADMIN || o->role == PV_ROLE_ADMIN_FIRST ? WIRE_ROLE_ADMIN : WIRE_ROLE_CLIENT;
    l->any_role = o->role == PV_ROLE_EITHER || o->role == PV_ROLE_ADMIN_FIRST;
    l->software = "libprovost " PV_VERSION;
    l->reconnect_ms = o->reconnect_ms;
    l->reconnect_max_ms = o->reconnect_max_ms;
    l->connect_ms = o->connect_ms;
    c->request_timeout_ms = o->request_timeout_ms > 0 ? o->request_timeout_ms : 30000;
    c->result_max = RESULT_MAX;
    c->wait_timeout_ms = o->wait_timeout_ms > 0 ? o->wait_timeout_ms : 3600000;
    return pv_random(l->session.bytes, sizeof l->session.bytes);
}

static pv_status make_locks(pv_client *c)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) return PV_NO_MEMORY;
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&c->lock, NULL);
    return PV_OK;
}

/* The thread blocks every signal: signals are for the caller's threads. Its stack is its own affair: what the program around
 * us takes for its threads may be little. 2 MiB are address space, and the pages that are used memory. */
static pv_status start_thread(pv_client *c)
{
    sigset_t all, before;
    pthread_attr_t attr;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    int failed = pthread_attr_setstacksize(&attr, STACK_BYTES);
    if (!failed) failed = pthread_create(&c->thread, &attr, io_main, c);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? PV_INTERNAL : PV_OK;
}

static pv_status start(pv_client *c)
{
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->wake_fd < 0 || c->event_fd < 0) return PV_INTERNAL;
    pv_status s = link_init(&c->link, pv_clock_ms());
    if (s != PV_OK) return s == PV_NO_MEMORY ? s : PV_INTERNAL;
    return start_thread(c);
}

static void free_client(pv_client *c)
{
    tasks_clear(c);
    link_clear(&c->link);
    if (c->wake_fd >= 0) close(c->wake_fd);
    if (c->event_fd >= 0) close(c->event_fd);
    free(c->acks);
    free(c->releases);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

pv_status pv_client_open(pv_client **out, const struct pv_client_options *options)
{
    pv_client *c = calloc(1, sizeof *c);
    if (!c) return PV_NO_MEMORY;
    c->pid = getpid();
    c->wake_fd = c->event_fd = -1;
    c->timers_ms = UINT64_MAX;
    pv_status s = make_locks(c);
    if (s != PV_OK) {
        free(c);
        return s;
    }
    s = take_options(c, options);
    if (s == PV_OK) s = start(c);
    if (s != PV_OK)
        free_client(c);
    else
        *out = c;
    return s;
}

void pv_client_close(pv_client **out)
{
    pv_client *c = *out;
    int before;
    if (!c || client_enter(c) != PV_OK) return;
    c->closing = true;
    client_wake(c);
    client_leave(c, PV_OK, NULL);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_join(c->thread, NULL);
    free_client(c);
    *out = NULL;
    pthread_setcancelstate(before, NULL);
}

pv_status pv_client_ready(pv_client *c, int64_t timeout_ms)
{
    TRY(client_enter(c));
    uint64_t deadline = client_deadline(timeout_ms, c->request_timeout_ms);
    while (c->link.state != LINK_UP && client_sleep(c, deadline, NULL, NULL)) {
    }
    char text[PV_TEXT_BYTES] = "";
    return client_leave(c, c->link.state == LINK_UP ? PV_OK : client_late(c, text), text);
}

void pv_client_error(pv_client *c, char *to, size_t bytes)
{
    if (bytes == 0) return;
    to[0] = '\0';
    if (client_enter(c) != PV_OK) return;
    snprintf(to, bytes, "%s", c->error);
    client_leave(c, PV_OK, NULL);
}

void pv_client_about(pv_client *c, struct pv_client_info *info)
{
    *info = (struct pv_client_info){ 0 };
    if (client_enter(c) != PV_OK) return;
    const struct link *l = &c->link;
    info->connected = l->state == LINK_UP;
    info->epoch = l->epoch;
    info->payload_max = l->payload_max;
    info->connects = l->welcomes;
    snprintf(info->endpoint, sizeof info->endpoint, "%s", l->options.endpoint[l->at]);
    snprintf(info->principal, sizeof info->principal, "%s", l->principal);
    visible_text(info->broker, sizeof info->broker, l->software);
    wire_id_text(info->session, l->options.session);
    client_leave(c, PV_OK, NULL);
}

pv_status pv_flush(pv_client *c, int64_t timeout_ms)
{
    TRY(client_enter(c));
    uint64_t deadline = client_deadline(timeout_ms, c->request_timeout_ms);
    while (c->acks_n > 0 && client_sleep(c, deadline, NULL, NULL)) {
    }
    char text[PV_TEXT_BYTES] = "";
    return client_leave(c, c->acks_n == 0 ? PV_OK : client_late(c, text), text);
}

int pv_client_fd(pv_client *c)
{
    return c->event_fd;
}
