/* What waits for the loop and what comes as a stream, on a stage (http_stage.h): at every limit, in pieces, cut, lost, and at the end of
 * the server; beside tests/vectors/web/ (`http_waiting_test write` makes them anew). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden.h"
#include "heap_watch.h"
#include "http_stage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct http *h;
static char why[HTTP_WHY_BYTES];

/* ---- questions ---- */

static int woken(void)
{
    uint64_t n = 0;
    if (read(stage.wake, &n, sizeof n) < 0) n = 0;
    return (int)n;
}

static void questions_are_bounded_and_answered_in_time(void **state)
{
    static struct MHD_Connection many[HTTP_ASKED_MOST + 1];
    struct http_question q;
    stage.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    for (int i = 0; i <= HTTP_ASKED_MOST; i++) {
        many[i] = stage_visitor("one", 100 + i);
        many[i].from.v4.sin_addr.s_addr = htonl(0x0a000001u + (unsigned)i);
        stage_comes(&many[i]);
        if (i == 1) stage.now_ms += 10; /* the first waits for longer */
        stage_asks(&many[i], "GET", i % 2 ? "/v1/events" : "/v1/provers");
        golden_tell("  woken %d\n", woken());
    }
    stage_counts(h);
    for (int i = 0; i < 3; i++) {
        assert_true(http_next(h, &q));
        golden_tell("  %u: %s from %s\n", q.id, http_what_word(q.what), q.from);
    }
    golden_tell("the third, another and nobody's are answered\n");
    http_answer(h, 3, 404, strdup("{\"third\":1}"));
    http_answer(h, 3, 200, strdup("{\"again\":1}"));
    http_answer(h, HTTP_ASKED_MOST, 200, NULL);
    http_answer(h, HTTP_ASKED_MOST + 1, 200, strdup("{}"));
    assert_true(http_next(h, &q));
    golden_tell("  next %u\n", q.id);
    stage_goes_on(&many[2]);
    stage_goes_on(&many[HTTP_ASKED_MOST - 1]);
    golden_tell("the fifth has gone\n");
    many[4].suspended = false;
    stage_goes(&many[4]);
    assert_true(http_next(h, &q));
    golden_tell("  next %u\n", q.id);
    stage_asks(&many[HTTP_ASKED_MOST], "GET", "/v1/tasks");
    stage_counts(h);
    stage.now_ms += HTTP_ASK_MS - 11;
    stage_publishes(h, false, NULL, NULL);
    stage.now_ms++;
    stage_publishes(h, false, NULL, NULL);
    stage_goes_on(&many[0]);
    golden_tell("all the others\n");
    struct MHD_Connection late = stage_visitor("late", 99);
    stage.now_ms += 9;
    stage_comes(&late);
    golden_tell("and no more than these\n");
    stage.now_ms++;
    stage_goes(&late);
    stage_comes(&late);
    for (int i = 0; i <= HTTP_ASKED_MOST; i++)
        if (many[i].request && !many[i].suspended) stage_goes_on(&many[i]);
    golden_tell("the end\n");
    stage_counts(h);
    stage_asks(&late, "GET", "/v1/tasks");
    for (int i = 0; i <= HTTP_ASKED_MOST; i++)
        if (i != 4) stage_goes(&many[i]);
    stage_goes(&late);
    stage_close(&h);
    close(stage.wake);
    stage.wake = -1;
    golden_is("vectors/web/questions.txt");
}

/* The server ends: all that wait are answered, and what comes then is not taken. The numbers of questions go round, and none is 0. */
static void nobody_waits_beyond_the_end(void **state)
{
    struct http_asks *a;
    struct MHD_Connection c[3] = { stage_visitor("ann", 60), stage_visitor("bob", 61), stage_visitor("cid", 62) };
    struct http_question q = { .what = HTTP_TASKS };
    struct http_asked *asked[3];
    h = stage_open("127.0.0.1:0", "", "");
    a = &h->asks;
    a->last_id = UINT32_MAX - 1;
    for (int i = 0; i < 2; i++) asked[i] = http_ask(a, &q, &c[i], 1000);
    golden_tell("  numbers %u, %u\n", asked[0]->question.id, asked[1]->question.id);
    http_asks_answer(a, UINT32_MAX, 200, strdup("{}"));
    http_asks_expire(a, 1000, true);
    assert_null(http_ask(a, &q, &c[2], 1000));
    assert_int_equal(a->n, 2);
    golden_tell("  %u %s, %u %s\n", asked[0]->code, asked[0]->text, asked[1]->code, asked[1]->text);
    http_ask_drop(a, asked[1]);
    http_ask_drop(a, NULL);
    a->over = false;
    asked[2] = http_ask(a, &q, &c[2], 1000); /* behind the last that is left */
    assert_true(http_asks_next(a, &q));
    golden_tell("  next %u\n", q.id);
    assert_false(http_asks_next(a, &q));
    http_ask_drop(a, asked[0]);
    http_ask_drop(a, asked[2]);
    heap_fail_after(0);
    assert_null(http_ask(a, &q, &c[0], 1000));
    heap_fail_after(-1);
    assert_int_equal(a->n, 0);
    assert_null(a->first);
    stage_close(&h);
    golden_is("vectors/web/ends.txt");
}

/* ---- streams ---- */

static void listens(struct MHD_Connection *c, const char *after, const char *last)
{
    c->headers[1] = (struct stage_pair){ "Accept", "text/event-stream" };
    c->headers[2] = (struct stage_pair){ last ? "Last-Event-ID" : NULL, last };
    c->arguments[0] = (struct stage_pair){ after ? "after" : NULL, after };
    c->ended = false;
    stage_asks(c, "GET", "/v1/events");
}

static void tells(const char *event, uint64_t number, const char *json)
{
    golden_tell("tell %s %" PRIu64 "\n", event, number);
    http_tell(h, event, number, json);
    assert_int_equal(stage.locks, 0);
}

static void listeners_begin_where_they_say(void **state)
{
    static const struct {
        const char *after, *last;
    } all[] = { { NULL, NULL }, { "0", NULL }, { "5", NULL },    { "6", NULL }, { "7", NULL },
                { "8", NULL },  { "9", NULL }, { NULL, "7" },    { "5", "8" },  { "5", "x" },
                { "5", "0" },   { NULL, "" },  { "9000", NULL }, { NULL, "4" } };
    struct MHD_Connection c = stage_visitor("ann", 70);
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    stage_comes(&c);
    listens(&c, NULL, NULL); /* nothing was ever told */
    stage_reads(&c, 100);
    stage_over(&c);
    c.suspended = false;
    tells("event", 5, "{\"n\":5}");
    tells("event", 6, "{\"n\":6}");
    tells("overview", 0, "{\"o\":1}");
    tells("event", 7, "{\"n\":7}");
    tells("event", 8, "{\"n\":8}");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        golden_tell("after %s, last %s\n", all[i].after ? all[i].after : "-", all[i].last ? all[i].last : "-");
        listens(&c, all[i].after, all[i].last);
        stage_reads(&c, 100);
        stage_over(&c);
        c.suspended = false;
    }
    stage_counts(h);
    c.arguments[1] = (struct stage_pair){ "limit", "3" };
    listens(&c, "1", NULL);
    c.arguments[1] = (struct stage_pair){ NULL, NULL };
    c.headers[1].value = "application/json";
    stage_asks(&c, "GET", "/v1/events");
    stage_loop_answers(h, &c);
    stage_goes(&c);
    stage_close(&h);
    golden_is("vectors/web/listen.txt");
}

__attribute__((unused)) static void messages_come_in_pieces_and_wake_who_rests(void **state)
{
    struct MHD_Connection a = stage_visitor("ann", 71), b = stage_visitor("bob", 72);
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    stage_comes(&a);
    stage_comes(&b);
    listens(&a, NULL, NULL);
    listens(&b, NULL, NULL);
    stage_reads(&a, 10);
    tells("event", 1, "{\"long\":\"enough for three pieces\"}");
    stage_reads(&a, 10);
    stage_reads(&b, 1000);
    heap_fail_after(0); /* a message that there is no memory for is left out */
    tells("event", 2, "{}");
    heap_fail_after(-1);
    tells("event", 3, "{}");
    stage_reads(&a, 1000);
    stage_reads(&b, 1000);
    stage_counts(h);
    golden_tell("tokens are read again\n");
    const struct http_options o = { .address = "", .wake = -1 }, bad = { .read_token = "/nowhere/token" };
    assert_int_equal(http_reload(h, &bad, why), PV_BAD_CONFIG);
    assert_int_equal(http_reload(h, &o, why), PV_OK);
    assert_int_equal(stage.locks, 0);
    stage_reads(&a, 1000);
    stage_reads(&b, 1000);
    stage_goes(&b);
    stage_counts(h);
    stage_goes(&a);
    stage_counts(h);
    stage_comes(&a);
    listens(&a, NULL, NULL);
    stage_reads(&a, 1000);
    stage_publishes(h, true, "another is active", NULL); /* ends them */
    stage_reads(&a, 1000);
    stage_over(&a);
    stage_publishes(h, true, "another is active", NULL);
    listens(&a, NULL, NULL);
    stage_goes(&a);
    stage_close(&h);
    golden_is("vectors/web/pieces.txt");
}

/* What left the ring is told as lost; in the middle of a message, or without room for the words, the stream breaks. */
static void who_is_slow_is_told_what_it_missed(void **state)
{
    struct MHD_Connection c[4] = { stage_visitor("ann", 80), stage_visitor("bob", 81), stage_visitor("cid", 82),
                                   stage_visitor("dan", 83) };
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    tells("event", 1, "{\"n\":1}");
    for (int i = 0; i < 4; i++) {
        stage_comes(&c[i]);
        listens(&c[i], NULL, "1");
    }
    stage_reads(&c[3], 1000); /* it rests, and is not cut for that */
    for (uint64_t n = 2; n < 2 + HTTP_STREAM_KEPT; n++) http_tell(h, "event", n, "{\"a\":\"message\"}");
    char piece[40];
    assert_int_equal(stage_takes(&c[0], piece, 20), 20);
    stage_counts(h);
    tells("event", 7777, "{}"); /* one message is out of the ring now */
    stage_reads(&c[0], 1000);
    for (int i = 1; i < 4; i++) {
        golden_tell("%d\n", i);
        size_t most = i == 1 ? 33 : 34;
        ssize_t n = stage_takes(&c[i], piece, most);
        golden_tell("  %zd %.*s\n", n, n > 0 ? (int)n : 0, piece);
    }
    stage_counts(h);
    for (int i = 0; i < 4; i++) c[i].suspended = false, stage_goes(&c[i]);
    stage_close(&h);
    golden_is("vectors/web/slow.txt");
}

static void who_takes_nothing_is_cut_in_time(void **state)
{
    struct MHD_Connection a = stage_visitor("ann", 90), b = stage_visitor("bob", 91), d = stage_visitor("dan", 92);
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    stage_comes(&a);
    stage_comes(&b);
    stage_comes(&d);
    listens(&a, NULL, NULL); /* never reads */
    listens(&b, NULL, NULL); /* has read all, and rests */
    stage_reads(&b, 1000);
    listens(&d, NULL, NULL); /* has read all, and the server has not asked again */
    stage.now_ms += HTTP_STREAM_MS;
    stage_publishes(h, false, NULL, NULL); /* nothing was there to take */
    tells("event", 1, "{}");
    char piece[100];
    assert_true(stage_takes(&d, piece, sizeof piece) > 0);
    stage.now_ms += HTTP_STREAM_MS - 1;
    golden_tell("not yet\n");
    http_streams_expire(&h->streams, stage.now_ms - HTTP_STREAM_MS);
    stage_publishes(h, false, NULL, NULL);
    golden_tell("now\n");
    stage.now_ms++;
    stage_publishes(h, false, NULL, NULL);
    stage_counts(h);
    golden_tell("once\n");
    stage_publishes(h, false, NULL, NULL);
    stage_counts(h);
    stage_reads(&a, 100);
    stage_reads(&b, 100);
    stage_goes(&a);
    b.suspended = d.suspended = false;
    stage_goes(&b);
    stage_goes(&d);
    stage_close(&h);
    golden_is("vectors/web/cut.txt");
}

static void so_many_listen_and_no_more(void **state)
{
    static struct MHD_Connection many[HTTP_STREAMS_MOST + 1];
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    for (int i = 0; i <= HTTP_STREAMS_MOST; i++) {
        many[i] = stage_visitor("one", 200 + i);
        many[i].from.v4.sin_addr.s_addr = htonl(0x0a000001u + (unsigned)i);
        stage_comes(&many[i]);
        listens(&many[i], NULL, NULL);
        if (i < HTTP_STREAMS_MOST) stage_reads(&many[i], 100);
    }
    stage_counts(h);
    many[5].suspended = many[0].suspended = many[HTTP_STREAMS_MOST - 1].suspended = false;
    stage_goes(&many[5]);
    stage_goes(&many[0]);
    stage_goes(&many[HTTP_STREAMS_MOST - 1]);
    listens(&many[HTTP_STREAMS_MOST], NULL, NULL);
    stage_counts(h);
    tells("event", 1, "{}");
    stage.no_response = true;
    stage_comes(&many[0]);
    listens(&many[0], NULL, NULL);
    stage.no_response = false;
    heap_fail_after(1);
    listens(&many[0], NULL, NULL);
    heap_fail_after(-1);
    stage_counts(h);
    stage_goes(&many[0]);
    http_streams_end(&h->streams, true);
    stage_comes(&many[0]);
    listens(&many[0], NULL, NULL); /* over */
    stage_goes(&many[0]);
    for (int i = 1; i <= HTTP_STREAMS_MOST; i++)
        if (i != 5 && i != HTTP_STREAMS_MOST - 1) many[i].suspended = false, stage_goes(&many[i]);
    stage_counts(h);
    stage_close(&h);
    golden_is("vectors/web/many.txt");
}

/* An address has so many connections, and each so much time; a listener is not counted, nor timed. */
static void visitors_are_ended_and_listeners_stay(void **state)
{
    struct MHD_Connection a = stage_visitor("ann", 300), b = stage_visitor("bob", 301), d = stage_visitor("dan", 302);
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    stage_comes(&a);
    stage_comes(&b);
    listens(&a, NULL, NULL);
    stage_reads(&a, 10);
    stage.now_ms += VISITORS_PATIENCE_MS;
    stage_comes(&d);
    golden_tell("published\n");
    stage.now_ms += VISITORS_PATIENCE_MS;
    stage_publishes(h, false, NULL, NULL);
    stage_goes(&b);
    stage_goes(&d);
    a.suspended = false;
    stage_goes(&a);
    stage_close(&h);
    golden_is("vectors/web/visitors.txt");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_bounded_and_answered_in_time),
        cmocka_unit_test(nobody_waits_beyond_the_end),
        cmocka_unit_test(listeners_begin_where_they_say),
#ifndef __SANITIZE_ADDRESS__ /* asprintf is the sanitizer's there, and cannot be made to fail */
        cmocka_unit_test(messages_come_in_pieces_and_wake_who_rests),
#endif
        cmocka_unit_test(who_is_slow_is_told_what_it_missed),
        cmocka_unit_test(who_takes_nothing_is_cut_in_time),
        cmocka_unit_test(so_many_listen_and_no_more),
        cmocka_unit_test(visitors_are_ended_and_listeners_stay),
    };
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
