/** What each small damage to each message does: every sample message with a byte changed, cut short or longer, or with an allocation that
 *  fails, and what decoding says then; a number for each message, beside tests/vectors/base/bytes.txt (`wire_bytes_test FILE write` makes
 *  it anew, after a change of the fields).
 */
#include "golden_text.h"

#include "decode.h"
#include "encode.h"
#include "wire_samples.h"

#include "memory/heap_watch.h"

#include <inttypes.h>
#include <stdlib.h>

static uint64_t sum;

static void add(const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) sum = (sum ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}

static void add_text(const char *text)
{
    add(text, strlen(text) + 1);
}

/* What came of it: the status and the sentence; of a message that is good, itself as it would be sent. */
static void decoded(const struct wire_frames *f, enum wire_way way)
{
    static uint8_t again[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_msg m;
    struct wire_frames back;
    char why[WIRE_WHY_BYTES] = "";
    memset(&m, 0, sizeof m);
    pv_status s = wire_msg_decode(&m, way, f, why);
    add(&s, sizeof s);
    add_text(why);
    if (s != PV_OK) return;
    s = wire_msg_encode(&m, way, again, sizeof again, &back, why);
    add(&s, sizeof s);
    if (s != PV_OK)
        add_text(why);
    else
        add(back.body, back.body_bytes), add(back.head, back.head_bytes),
            add(&back.payload_bytes, sizeof back.payload_bytes);
    wire_msg_clear(&m);
}

/* A copy that ends where it ends, so that reading on is seen by sanitizers. */
static void with_copy(const struct wire_frames *f, enum wire_way way, const uint8_t *body, size_t bytes)
{
    uint8_t *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    if (bytes) memcpy(copy, body, bytes);
    struct wire_frames g = *f;
    g.body = copy;
    g.body_bytes = bytes;
    decoded(&g, way);
    free(copy);
}

static void bodies(const struct wire_frames *f, enum wire_way way)
{
    static uint8_t body[WIRE_BODY_MAX + 1];
    static const uint8_t to[] = { 0x01, 0x04, 0x10, 0x80, 0xff };
    size_t n = f->body_bytes;
    memcpy(body, f->body, n);
    for (size_t i = 0; i < n && i < 700; i++)
        for (size_t k = 0; k < sizeof to; k++) {
            body[i] = f->body[i] ^ to[k];
            with_copy(f, way, body, n);
            body[i] = f->body[i];
        }
    for (size_t i = 0; i < n; i += 1 + i / 64) with_copy(f, way, body, i);
    body[n] = 0;
    with_copy(f, way, body, n + 1);
}

static void heads(const struct wire_frames *f, enum wire_way way)
{
    uint8_t head[WIRE_HEAD_BYTES + 1] = { 0 };
    struct wire_frames g = *f;
    memcpy(head, f->head, f->head_bytes);
    g.head = head;
    for (size_t i = 0; i < f->head_bytes; i++)
        for (int bit = 0; bit < 8; bit++) {
            head[i] = (uint8_t)(f->head[i] ^ 1 << bit);
            decoded(&g, way);
            head[i] = f->head[i];
        }
    for (g.head_bytes = 0; g.head_bytes <= f->head_bytes + 1; g.head_bytes++) decoded(&g, way);
    g = *f;
    g.payload = f->payload ? NULL : head;
    g.payload_bytes = f->payload ? 0 : 1;
    decoded(&g, way);
    decoded(f, way == WIRE_TO_BROKER ? WIRE_TO_PEER : WIRE_TO_BROKER);
}

static void without_memory(const struct wire_frames *f, enum wire_way way)
{
    size_t before = heap_blocks();
    bool failed = true;
    for (long k = 0; failed && k < 50; k++) {
        heap_fail_after(k);
        decoded(f, way);
        failed = heap_failed();
        heap_fail_after(-1);
        assert_int_equal(heap_blocks(), before);
    }
    assert_false(failed);
}

/* A buffer that is too small by a byte, by the half, and of nothing. */
static void small_buffers(const struct wire_sample *s, size_t bytes)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    const size_t rooms[] = { 0, WIRE_HEAD_BYTES, bytes / 2, bytes - 1, bytes };
    struct wire_frames f;
    char why[WIRE_WHY_BYTES] = "";
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        pv_status status = wire_msg_encode(&s->msg, s->way, buffer, rooms[i], &f, why);
        add(&status, sizeof status);
        if (status != PV_OK) add_text(why);
    }
    pv_status status = wire_msg_encode(&s->msg, s->way == WIRE_TO_BROKER ? WIRE_TO_PEER : WIRE_TO_BROKER, buffer,
                                       sizeof buffer, &f, why);
    add(&status, sizeof status);
    if (status != PV_OK) add_text(why);
}

static void every_damage_to_every_message(void **state)
{
    for (int size = SAMPLE_FULL; size <= SAMPLE_MINIMAL; size++)
        for (size_t i = 0; i < wire_samples(); i++) {
            static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
            struct wire_sample s;
            struct wire_frames f;
            char why[WIRE_WHY_BYTES];
            wire_sample_make(&s, i, (enum sample_size)size);
            if (wire_msg_encode(&s.msg, s.way, buffer, sizeof buffer, &f, why) != PV_OK)
                fail_msg("%s: %s", s.name, why);
            sum = 14695981039346656037u;
            bodies(&f, s.way);
            heads(&f, s.way);
            without_memory(&f, s.way);
            small_buffers(&s, f.head_bytes + f.body_bytes);
            golden_add("%s%s: %016" PRIx64 "\n", s.name, size == SAMPLE_MINIMAL ? ", the least of it" : "", sum);
        }
}

static void it_is_as_it_was(void **state)
{
    const char *const *args = *state;
    golden_compare(args[0], args[1] != NULL);
}

int main(int argc, char **argv)
{
    const char *args[2] = { argc > 1 ? argv[1] : "vectors/base/bytes.txt",
                            argc > 2 && !strcmp(argv[2], "write") ? argv[2] : NULL };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_damage_to_every_message),
        cmocka_unit_test_prestate(it_is_as_it_was, args),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
