/* Replies that wait for the disk go out in order, each once, and not before their commit is durable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "outbox.h"

#include <string.h>

static struct outbox box;

static void part(zmq_msg_t *to, const void *data, size_t bytes)
{
    assert_int_equal(zmq_msg_init_size(to, bytes), 0);
    memcpy(zmq_msg_data(to), data, bytes);
}

static void put(uint64_t peer, uint64_t commit, const char *text)
{
    zmq_msg_t parts[2];
    struct outbox_word head = { .peer = peer, .commit = commit, .req = (uint32_t)peer };
    part(&parts[0], text, strlen(text));
    part(&parts[1], "b", 1);
    assert_int_equal(outbox_put(&box, &head, parts, 2), PV_OK);
}

/* Takes the next word and checks its text. text NULL: no word may be there. */
static struct outbox_word expect(uint64_t commit, const char *text)
{
    struct outbox_word w = { .peer = 0 };
    bool there = outbox_take(&box, commit, &w);
    assert_int_equal(there, text != NULL);
    if (!there) return w;
    assert_int_equal(zmq_msg_size(&w.parts[0]), strlen(text));
    assert_memory_equal(zmq_msg_data(&w.parts[0]), text, strlen(text));
    for (size_t i = 0; i < w.parts_n; i++) zmq_msg_close(&w.parts[i]);
    return w;
}

static void words_wait_for_their_commit_and_keep_their_order(void **state)
{
    put(1, 5, "first");
    put(2, 5, "second");
    put(1, 7, "third");
    assert_int_equal(outbox_waiting(&box), 3);
    expect(4, NULL);
    assert_int_equal(expect(5, "first").peer, 1);
    assert_int_equal(expect(6, "second").req, 2);
    expect(6, NULL);
    expect(8, "third");
    expect(UINT64_MAX, NULL);
    assert_int_equal(outbox_waiting(&box), 0);
}

static void frames_and_payloads_of_every_size_come_through(void **state)
{
    static uint8_t large[100000];
    struct outbox_word w, head = { .peer = 1, .commit = 1 };
    for (size_t i = 0; i < sizeof large; i++) large[i] = (uint8_t)(i * 7 + i / 256);
    for (int i = 0; i < 2; i++) {
        zmq_msg_t parts[3];
        part(&parts[0], large, 20);
        part(&parts[1], large, 60000);
        part(&parts[2], i ? (const void *)"abc" : large, i ? 3 : sizeof large);
        assert_int_equal(outbox_put(&box, &head, parts, 3), PV_OK);
        assert_int_equal(zmq_msg_size(&parts[2]), 0); /* taken */
    }
    assert_int_equal(box.bytes, 2 * 60020 + sizeof large + 3);
    for (int i = 0; i < 2; i++) {
        assert_true(outbox_take(&box, 1, &w));
        assert_int_equal(w.parts_n, 3);
        assert_int_equal(zmq_msg_size(&w.parts[1]), 60000);
        assert_memory_equal(zmq_msg_data(&w.parts[1]), large, 60000);
        assert_int_equal(zmq_msg_size(&w.parts[2]), i ? 3 : sizeof large);
        assert_memory_equal(zmq_msg_data(&w.parts[2]), i ? (const void *)"abc" : large, i ? 3 : sizeof large);
        for (size_t k = 0; k < 3; k++) zmq_msg_close(&w.parts[k]);
    }
    assert_int_equal(box.bytes, 0);
}

/* Puts and takes by turns, so that the array is shifted and enlarged while words wait in it. */
static void many_words_move_without_harm(void **state)
{
    char text[64];
    unsigned in = 0, out = 0;
    for (unsigned round = 0; round < 400; round++) {
        for (unsigned i = 0; i < round % 17; i++, in++) {
            snprintf(text, sizeof text, "a word of more than thirty bytes %u", in);
            put(in, in, text);
        }
        for (unsigned i = 0; i < round % 13 && out < in; i++, out++) {
            snprintf(text, sizeof text, "a word of more than thirty bytes %u", out);
            expect(out, text);
        }
    }
    assert_int_equal(outbox_waiting(&box), in - out);
    assert_true(in > out);
}

static void the_newest_word_of_a_peer_becomes_its_last(void **state)
{
    put(1, 1, "one");
    put(1, 1, "two");
    put(2, 1, "other");
    assert_true(outbox_last(&box, 1));
    assert_false(outbox_last(&box, 3));
    assert_false(expect(1, "one").last);
    assert_true(expect(1, "two").last);
    assert_false(expect(1, "other").last);
    assert_false(outbox_last(&box, 1));
}

static int clear(void **state)
{
    outbox_clear(&box);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(words_wait_for_their_commit_and_keep_their_order, clear),
        cmocka_unit_test_teardown(frames_and_payloads_of_every_size_come_through, clear),
        cmocka_unit_test_teardown(many_words_move_without_harm, clear),
        cmocka_unit_test_teardown(the_newest_word_of_a_peer_becomes_its_last, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
