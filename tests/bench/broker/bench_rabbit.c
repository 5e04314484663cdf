/* RabbitMQ's tasks per second, as bench_broker's lines of JSON: one client with many tasks in flight by RPC, and eight consumers that answer at once
 * with 1 KiB, all in this process; the server is another one.
 *
 *      bench_rabbit PORT PID classic|quorum JOB        PID: of the server's Erlang machine        SECONDS (3)
 *
 * A durable queue, persistent messages, publisher confirms, direct reply-to; consumers have prefetch 1 and acknowledge after they answered. As a caller of
 * ours waits for DELIVER, this one waits for the reply; that every input was confirmed is looked at in the end. */
#include "peer_report.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>

enum { CHANNEL = 1 };

/* A connection, and the message that comes on it. */
struct rabbit {
    amqp_connection_state_t state;
    uint64_t tag, left; /* left: bytes of its body; 0: no message has begun */
    char reply_to[128], slot[24];
    bool whole;
};

static int port;
static const char *queue;
static atomic_bool stop;

static amqp_bytes_t bytes_of(const char *text)
{
    return amqp_cstring_bytes(text);
}

static void must(struct rabbit *r, const char *what)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(r->state);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        PEER_DIE("rabbit: %s: %s", what,
                 reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION ? "refused"
                                                                    : amqp_error_string2(reply.library_error));
}

static void open_one(struct rabbit *r)
{
    memset(r, 0, sizeof *r);
    r->state = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(r->state);
    if (!socket || amqp_socket_open(socket, "127.0.0.1", port)) PEER_DIE("rabbit: nobody listens at port %d", port);
    amqp_rpc_reply_t in = amqp_login(r->state, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    if (in.reply_type != AMQP_RESPONSE_NORMAL) PEER_DIE("rabbit: no login");
    amqp_channel_open(r->state, CHANNEL);
    must(r, "channel");
}

static void close_one(struct rabbit *r)
{
    amqp_connection_close(r->state, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(r->state);
}

static void publish(struct rabbit *r, const char *to, const char *reply_to, const char *slot, const uint8_t *data,
                    size_t n)
{
    amqp_basic_properties_t p = { ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG,
                                  .delivery_mode = 2,
                                  .correlation_id = bytes_of(slot) };
    if (reply_to) {
        p._flags |= AMQP_BASIC_REPLY_TO_FLAG;
        p.reply_to = bytes_of(reply_to);
    }
    amqp_bytes_t body = { n, (void *)(uintptr_t)data };
    if (amqp_basic_publish(r->state, CHANNEL, amqp_empty_bytes, bytes_of(to), 0, 0, &p, body))
        PEER_DIE("rabbit: publish failed");
}

static void text_of(char *to, size_t room, amqp_bytes_t from)
{
    size_t n = from.len < room - 1 ? from.len : room - 1;
    memcpy(to, from.bytes, n);
    to[n] = 0;
}

static void header(struct rabbit *r, const amqp_frame_t *f)
{
    const amqp_basic_properties_t *p = f->payload.properties.decoded;
    r->left = f->payload.properties.body_size;
    r->whole = !r->left;
    text_of(r->slot, sizeof r->slot, p->correlation_id);
    r->reply_to[0] = 0;
    if (p->_flags & AMQP_BASIC_REPLY_TO_FLAG) text_of(r->reply_to, sizeof r->reply_to, p->reply_to);
}

/* One frame, if there is one within wait_us. True: there was; confirmed grows by what a confirm says, r->whole when a message is all there. */
static bool frame(struct rabbit *r, uint64_t wait_us, uint64_t *confirmed)
{
    amqp_frame_t f;
    struct timeval wait = { (time_t)(wait_us / 1000000), (suseconds_t)(wait_us % 1000000) };
    r->whole = false;
    amqp_maybe_release_buffers(r->state);
    int got = amqp_simple_wait_frame_noblock(r->state, &f, &wait);
    if (got == AMQP_STATUS_TIMEOUT) return false;
    if (got) PEER_DIE("rabbit: %s", amqp_error_string2(got));
    if (f.frame_type == AMQP_FRAME_HEADER) header(r, &f);
    if (f.frame_type == AMQP_FRAME_BODY) r->whole = !(r->left -= f.payload.body_fragment.len);
    if (f.frame_type != AMQP_FRAME_METHOD) return true;
    if (f.payload.method.id == AMQP_BASIC_DELIVER_METHOD) {
        r->tag = ((const amqp_basic_deliver_t *)f.payload.method.decoded)->delivery_tag;
    } else if (f.payload.method.id == AMQP_BASIC_ACK_METHOD && confirmed) {
        const amqp_basic_ack_t *ack = f.payload.method.decoded;
        *confirmed = ack->multiple ? ack->delivery_tag : *confirmed + 1;
    } else {
        PEER_DIE("rabbit: method %x", f.payload.method.id);
    }
    return true;
}

/* --- consumers: one thread, eight connections --- */

static void answer(struct rabbit *r)
{
    static const uint8_t result[PEER_RESULT_BYTES];
    publish(r, r->reply_to, NULL, r->slot, result, sizeof result);
    amqp_basic_ack(r->state, CHANNEL, r->tag, 0);
}

static void *consumers_run(void *argument)
{
    struct rabbit consumers[PEER_PROVERS];
    struct pollfd fds[PEER_PROVERS];
    for (int i = 0; i < PEER_PROVERS; i++) {
        open_one(&consumers[i]);
        amqp_basic_qos(consumers[i].state, CHANNEL, 0, 1, 0);
        amqp_basic_consume(consumers[i].state, CHANNEL, bytes_of(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
        must(&consumers[i], "consume");
        fds[i] = (struct pollfd){ .fd = amqp_get_sockfd(consumers[i].state), .events = POLLIN };
    }
    atomic_int *ready = argument;
    *ready = 1;
    while (!stop) {
        poll(fds, PEER_PROVERS, 20);
        for (int i = 0; i < PEER_PROVERS; i++)
            while (fds[i].revents && frame(&consumers[i], 0, NULL))
                if (consumers[i].whole) answer(&consumers[i]);
    }
    for (int i = 0; i < PEER_PROVERS; i++) close_one(&consumers[i]);
    return NULL;
}

/* --- the client --- */

static void declare(struct rabbit *r, const char *kind)
{
    amqp_table_entry_t type = { bytes_of("x-queue-type"),
                                { .kind = AMQP_FIELD_KIND_UTF8, .value.bytes = bytes_of(kind) } };
    amqp_table_t table = { 1, &type };
    amqp_queue_declare(r->state, CHANNEL, bytes_of(queue), 0, 1, 0, 0, table);
    must(r, "queue");
    amqp_confirm_select(r->state, CHANNEL);
    must(r, "confirm");
    amqp_basic_consume(r->state, CHANNEL, bytes_of("amq.rabbitmq.reply-to"), amqp_empty_bytes, 0, 1, 0,
                       amqp_empty_table);
    must(r, "reply-to");
}

static void leaves(struct rabbit *c, struct peer_run *run, size_t slot)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", slot);
    publish(c, queue, "amq.rabbitmq.reply-to", text, peer_run_leaves(run, slot), run->job->bytes);
}

static void trips(struct rabbit *c, struct peer_run *run)
{
    uint64_t confirmed = 0;
    size_t open = run->job->in_flight;
    for (size_t slot = 0; slot < open; slot++) leaves(c, run, slot);
    while (open || confirmed < run->serial) {
        if (!frame(c, 30000000, &confirmed)) PEER_DIE("rabbit: nothing for 30 s");
        if (!c->whole) continue;
        size_t slot = (size_t)atoi(c->slot);
        if (peer_run_comes(run, slot))
            leaves(c, run, slot);
        else
            open--;
    }
    if (confirmed != run->serial) PEER_DIE("rabbit: more was confirmed than sent");
}

int main(int argc, char **argv)
{
    struct rabbit client;
    struct peer_run run;
    pthread_t consumers;
    atomic_int ready = 0;
    char name[64];
    if (argc != 5) PEER_DIE("bench_rabbit PORT PID classic|quorum JOB");
    port = atoi(argv[1]);
    snprintf(name, sizeof name, "bench-%s-%d", argv[3], (int)getpid());
    queue = name;
    open_one(&client);
    declare(&client, argv[3]);
    pthread_create(&consumers, NULL, consumers_run, &ready);
    while (!ready) usleep(1000);
    peer_run_begin(&run, strcmp(argv[3], "quorum") ? "rabbit" : "rabbit-quorum", argv[4], argv[2]);
    trips(&client, &run);
    peer_run_report(&run);
    stop = true;
    pthread_join(consumers, NULL);
    amqp_queue_delete(client.state, CHANNEL, bytes_of(queue), 0, 0);
    close_one(&client);
    return 0;
}
