#include "message.h"

#include "reply.h"

#include "log.h"

#include <stdio.h>
#include <stdlib.h>

/* libzmq gives what is shorter than its buffer of 8 KiB as a part of that buffer, which would be kept with it. */
enum { KEPT_LEAST_BYTES = 16 * 1024 };

struct message_frame {
    struct frame frame;
    zmq_msg_t message;
};

static void message_frame_free(struct frame *self)
{
    struct message_frame *f = (struct message_frame *)self; /* its first member */
    zmq_msg_close(&f->message);
    free(f);
}

struct frame *message_payload(struct broker *b)
{
    if (!b->payload || zmq_msg_size(b->payload) < KEPT_LEAST_BYTES) return NULL;
    struct message_frame *f = malloc(sizeof *f);
    if (!f) return NULL;
    zmq_msg_init(&f->message);
    zmq_msg_move(&f->message, b->payload); /* its bytes stay where they are */
    f->frame = (struct frame){ .refs = 1, .free = message_frame_free };
    f->frame.bytes = zmq_msg_data(&f->message);
    f->frame.n = zmq_msg_size(&f->message);
    return &f->frame;
}

bool message_read(struct broker *b, struct router_message *d, uint32_t *routing, struct wire_msg *m)
{
    char why[WIRE_WHY_BYTES] = "more than three frames";
    struct wire_frames f = router_frames(d);
    b->payload = d->parts > 3 ? &d->part[3] : NULL;
    if (!peers_routing(routing, zmq_msg_data(&d->part[0]), zmq_msg_size(&d->part[0]))) {
        b->counters.protocol[FACTS_PROTOCOL_ROUTING]++;
        b->counters.strangers++; /* the peer chose its routing id itself: such peers get no answer */
        return false;
    }
    pv_status st = d->too_many ? PV_BAD_MESSAGE : wire_msg_decode(m, WIRE_TO_BROKER, &f, why);
    if (st == PV_OK) return true;
    b->counters.malformed++;
    b->counters.protocol[FACTS_PROTOCOL_MALFORMED]++;
    LOG_DEBUG("message.malformed", "why=%s", why);
    reply_stranger(b, *routing, st, why);
    return false;
}
