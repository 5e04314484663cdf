/** Every text that base/ and wire/ make or read, over many inputs, good ones and those beside them: values, sizes, durations, names, ids,
 *  endpoints, quotes, escapes, JSON, log lines, words and sentences of refusals. Beside tests/vectors/base/texts.txt
 *  (`wire_texts_test FILE write` makes it anew).
 */
#include "golden_text.h"

#include "endpoint.h"
#include "ids.h"
#include "json_text.h"
#include "log.h"
#include "log_sink.h"
#include "quote.h"
#include "refusal.h"
#include "task_state.h"
#include "text.h"
#include "values.h"
#include "visible.h"
#include "words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define EACH(i, list) for (size_t i = 0; i < sizeof list / sizeof *list; i++)

/* ---- values ---- */

static void values(void **state)
{
    static const char *const texts[] = { "",
                                         "0",
                                         "1",
                                         "7ms",
                                         "7m",
                                         "12s",
                                         "2h",
                                         "1d",
                                         "10",
                                         "3K",
                                         "3k",
                                         "4M",
                                         "5G",
                                         "6T",
                                         "1KB",
                                         "-1",
                                         "+1",
                                         " 1",
                                         "1 ",
                                         "0x1",
                                         "007",
                                         "1.5",
                                         "1e3",
                                         "yes",
                                         "no",
                                         "true",
                                         "false",
                                         "on",
                                         "off",
                                         "Yes",
                                         "18446744073709551615",
                                         "18446744073709551616",
                                         "18014398509481983K",
                                         "18014398509481984K",
                                         "99999999999999999999999",
                                         "106751991167d",
                                         "213503982334d",
                                         "213503982335d",
                                         "18446744073709551s",
                                         "18446744073709552s" };
    EACH(i, texts)
    {
        uint64_t number = 99, size = 99, ms = 99;
        size_t word = 99;
        bool on = true;
        golden_add("%s: number %d", texts[i], value_number(&number, texts[i]));
        golden_add(" %" PRIu64 " size %d", number, value_size(&size, texts[i], "KMG"));
        golden_add(" %" PRIu64 " %d", size, value_size(&size, texts[i], "K"));
        golden_add(" %" PRIu64 " duration %d", size, value_duration(&ms, texts[i]));
        golden_add(" %" PRIu64 " switch %d", ms, value_switch(&on, texts[i]));
        golden_add(" %d word %d", on, value_word(&word, texts[i], "1 10 yes"));
        golden_add(" %zu\n", word);
    }
    static const uint64_t numbers[] = { 0,
                                        1,
                                        9,
                                        10,
                                        99,
                                        999,
                                        1000,
                                        1001,
                                        1023,
                                        1024,
                                        1025,
                                        1126,
                                        1127,
                                        9999,
                                        10000,
                                        10239,
                                        10240,
                                        59999,
                                        60000,
                                        61000,
                                        3599999,
                                        3600000,
                                        3660000,
                                        86399999,
                                        86400000,
                                        90000000,
                                        1048575,
                                        1048576,
                                        1153433,
                                        1153434,
                                        UINT64_C(1) << 40,
                                        (UINT64_C(1) << 60) + (UINT64_C(1) << 57),
                                        UINT64_MAX };
    EACH(i, numbers)
    {
        char a[VALUE_TEXT_BYTES], b[VALUE_TEXT_BYTES];
        golden_add("%" PRIu64 ": %s, %s\n", numbers[i], value_size_text(a, numbers[i]),
                   value_duration_text(b, numbers[i]));
    }
}

/* ---- names, ids, endpoints ---- */

static void names(void **state)
{
    char name[WIRE_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    for (size_t n = 0; n <= sizeof name; n += n == 1 ? WIRE_NAME_MAX - 2 : 1)
        golden_add("a name of %zu: %d\n", n, wire_name_valid(name, n));
    golden_add("in names:");
    for (int c = 1; c < 256; c++) {
        name[1] = (char)c;
        if (wire_name_valid(name, 3)) golden_add(" %c", c);
    }
    golden_add("\nin hex:");
    char text[WIRE_HASH_TEXT + 1], out[WIRE_HASH_TEXT];
    wire_id id = { { 0 } };
    wire_hash hash = { { 0 } };
    memset(text, '9', sizeof text);
    for (int at = 8; at < 10; at++)
        for (int c = 1; c < 256; c++) {
            text[at] = (char)c;
            text[32] = 0;
            if (wire_id_of_text(&id, text)) golden_add(" %s", wire_id_text(out, id) + 6);
            text[32] = '9';
            text[64] = 0;
            if (wire_hash_of_text(&hash, text)) golden_add(" %s", wire_hash_text(out, hash) + 52);
            text[64] = '9';
            text[at] = 'a';
        }
    for (size_t n = 31; n <= 65; n += n == 33 ? 30 : 1) {
        memset(text, 'b', sizeof text - 1);
        text[n] = 0;
        golden_add("\n%zu digits: %d %d", n, wire_id_of_text(&id, text), wire_hash_of_text(&hash, text));
        memset(text, 'b', sizeof text);
    }
    wire_id other = id;
    other.bytes[15] ^= 1;
    wire_hash far = hash;
    far.bytes[31] ^= 1;
    wire_token a = { 1, 2 }, b = { 1, 3 }, c = { 2, 2 }, most = { UINT32_MAX, UINT64_MAX };
    golden_add("\nequal: %d%d %d%d %d%d%d %s\n", wire_id_equal(id, id), wire_id_equal(id, other),
               wire_hash_equal(hash, hash), wire_hash_equal(hash, far), wire_token_equal(a, a), wire_token_equal(a, b),
               wire_token_equal(a, c), wire_token_text(out, most));
}

static void endpoints(void **state)
{
    static const char *const texts[] = { "",
                                         "tcp://",
                                         "tcp://127.0.0.1:1",
                                         "tcp://127.0.0.1",
                                         "tcp://127.255.255.254:65535",
                                         "tcp://128.0.0.1:1",
                                         "tcp://126.0.0.1:1",
                                         "tcp://127.0.0.1.example.org:7070",
                                         "tcp://127.999.0.1:1",
                                         "tcp://localhost:0",
                                         "tcp://localhosts:1",
                                         "tcp://localhos:1",
                                         "tcp://[::1]:7070",
                                         "tcp://[::2]:7070",
                                         "tcp://::1:7070",
                                         "tcp://*:7070",
                                         "tcp://127.0.0.1:*",
                                         "tcp://127.0.0.1:!",
                                         "tcp://127.0.0.1:65536",
                                         "tcp://127.0.0.1:99999",
                                         "tcp://127.0.0.1:00001",
                                         "tcp://127.0.0.1:100000",
                                         "tcp://127.0.0.1:7x",
                                         "tcp://127.0.0.1:",
                                         "tcp://127.0.0.1:1;10.0.0.1:1",
                                         "ipc:///tmp/x",
                                         "ipc:/",
                                         "inproc://x",
                                         "inproc:/",
                                         "udp://127.0.0.1:1",
                                         "tcp://127.0.0.1:1,ipc://x",
                                         "tcp://127.0.0.1:1,,tcp://h:1",
                                         ",",
                                         "tcp://127.111.111.111111111111:1" };
    EACH(i, texts)
    golden_add("%s: local %d, all %d, port %d, any %d\n", texts[i], endpoint_is_local(texts[i]),
               endpoints_are_local(texts[i]), endpoint_port_fits(texts[i], false), endpoint_port_fits(texts[i], true));
}

/* ---- text of strangers ---- */

/* All of two bytes, and of longer sequences those at the bounds. */
static void characters(void **state)
{
    static const char *const longer[] = {
        "\xe0\x9f\xbf",     "\xe0\xa0\x80",     "\xed\x9f\xbf",     "\xed\xa0\x80",     "\xee\x80\x80",
        "\xef\xbb\xbf",     "\xef\xbf\xbd",     "\xef\xbf\xbe",     "\xef\xbf\xbf",     "\xe2\x80\x8a",
        "\xe2\x80\x8b",     "\xe2\x80\x8f",     "\xe2\x80\x90",     "\xe2\x80\xa7",     "\xe2\x80\xa8",
        "\xe2\x80\xa9",     "\xe2\x80\xae",     "\xe2\x80\xaf",     "\xe2\x81\x9f",     "\xe2\x81\xa0",
        "\xe2\x81\xaf",     "\xe2\x81\xb0",     "\xe1\xa0\x8d",     "\xe1\xa0\x8e",     "\xe1\xa0\x8f",
        "\xf0\x8f\xbf\xbf", "\xf0\x90\x80\x80", "\xf0\x9f\x98\x80", "\xf3\xa0\x80\x80", "\xf3\xa0\x81\xbf",
        "\xf3\xa0\x82\x80", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x80",
        "\xe2x\x80",        "\xf0\x9f\x98",     "\xf0\x9f\x98x",    "\xd8\x9c",         "\xc2\xad",
        "\xcd\x8f",         "\xe1\x85\x9f",     "\xe1\x85\xa0",     "\xe3\x85\xa4",     "\xef\xbe\xa0",
        "\xf0\x9d\x85\xb3"
    };
    size_t from = golden_n;
    for (int a = 1; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            char s[4] = { (char)a, (char)b, 'x', 0 }, shown[64];
            uint32_t point = 7;
            bool safe = false;
            size_t n = visible_step(s, strlen(s), &point, &safe), one = visible_step(s, 1, &point, &safe);
            const char *fault = wire_text_fault(s, b ? 3 : 1, 3);
            golden_add("%zu %zu %u %d %s %s\n", n, one, point, safe, visible_text(shown, sizeof shown, s),
                       fault ? fault : "fine");
            if (b == 255) golden_add("%02x: %016" PRIx64 "\n", a, golden_fold(from)), from = golden_n;
        }
    EACH(i, longer)
    {
        char shown[64], clipped[8], *quoted = NULL, escape[VISIBLE_ESCAPE_BYTES];
        uint32_t point = 7;
        bool safe = false;
        size_t bytes = 0, n = visible_step(longer[i], strlen(longer[i]), &point, &safe);
        FILE *f = open_memstream(&quoted, &bytes);
        pv_quote(f, longer[i]);
        fclose(f);
        const char *fault = wire_text_fault(longer[i], strlen(longer[i]), 9);
        golden_add("%zu: %zu %x %d %s %s", i, n, point, safe, visible_text(shown, sizeof shown, longer[i]),
                   fault ? fault : "fine");
        golden_add(" %zu", visible_escape(escape, point));
        golden_add(" %s %s %s\n", escape, quoted, wire_text_clip(clipped, sizeof clipped, longer[i]));
        free(quoted);
    }
}

static void cuts(void **state)
{
    static const char said[] = "a\x1b\"b\\\xc2\x85\xe2\x82\xac\xff\n\t{c}";
    for (size_t room = 1; room < 60; room++) {
        char shown[64], clipped[64];
        memset(shown, '#', sizeof shown);
        golden_add("%zu: %s", room, visible_text(shown, room, said));
        golden_add(" | %s\n", wire_text_clip(clipped, room, said));
    }
    for (size_t most = 0; most < 6; most++)
        golden_add("at most %zu: %s\n", most, wire_text_fault("abcd", 4, most) ? "too long" : "fine");
    char *json = visible_json("{\n\"a\": \"\xe2\x80\xae \\u0041\x7f\"\n}");
    golden_add("%s\n", json);
    free(json);
    char *quoted = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&quoted, &bytes);
    for (int c = 1; c < 256; c++) {
        char s[4] = { (char)(c < 128 ? c : 0xc2), (char)(c < 128 ? 'x' : c), 0, 0 };
        pv_quote(f, s);
    }
    fclose(f);
    golden_add("%s\n", quoted);
    free(quoted);
}

static void json(void **state)
{
    static const char *const texts[] = {
        NULL, "", "plain", "\"\\/\b\f\n\r\t\x01\x7f", "\xe2\x82\xac \xff \xe2\x80\xa8", "\xf3\xa0\x80\x81"
    };
    struct json_text j = { 0 };
    json_text_object(&j, NULL);
    EACH(i, texts) json_text_string(&j, "text", texts[i]);
    json_text_list(&j, "list \"");
    json_text_number(&j, NULL, UINT64_MAX);
    json_text_signed(&j, NULL, INT64_MIN);
    json_text_truth(&j, NULL, true);
    json_text_truth(&j, NULL, false);
    json_text_null(&j, NULL);
    json_text_object(&j, NULL);
    json_text_object_end(&j);
    json_text_list(&j, NULL);
    json_text_list_end(&j);
    json_text_list_end(&j);
    static const uint64_t ms[] = { 0, 1, 10, 999, 1000, 1001, 60000, UINT64_MAX };
    EACH(i, ms) json_text_seconds(&j, "s", ms[i]);
    json_text_raw(&j, "raw", "[1]");
    json_text_raw(&j, "raw", NULL);
    json_text_object_end(&j);
    char *text = json_text_take(&j);
    golden_add("%s\nleft: %zu %zu %d\n", text, j.n, j.cap, j.at != NULL);
    free(text);
    for (int i = 0; i < 3000; i++) json_text_number(&j, i % 7 ? NULL : "k", (uint64_t)i);
    text = json_text_take(&j);
    size_t from = golden_n;
    golden_add("%s", text);
    golden_add("a long one: %016" PRIx64 "\n", golden_fold(from));
    free(text);
    json_text_clear(&j);
}

/* ---- log lines ---- */

static bool sink_is_full;

bool __wrap_log_sink_put(const char *line, size_t bytes);
bool __wrap_log_sink_put(const char *line, size_t bytes)
{
    size_t from = golden_n;
    golden_add("%zu%s: %.*s", bytes, sink_is_full ? " left out" : "", (int)bytes, line);
    if (bytes > 600) golden_add("%zu bytes: %016" PRIx64 "\n", bytes, golden_fold(from));
    return !sink_is_full;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *to);
int __wrap_clock_gettime(clockid_t clock, struct timespec *to)
{
    *to = (struct timespec){ 1700000000, 7999999 };
    return 0;
}

static void lines(void)
{
    static char large[6000];
    static const char *volatile no_text;
    memset(large, 'l', sizeof large - 1);
    log_event(LOG_LEVEL_ERROR, "an.error", "n=%d u=%u l=%lu z=%zu x=%x f=%.2f c=%% s=%s", -3, 4u, 5ul, (size_t)6, 0xabu,
              1.5, "word");
    log_event(LOG_LEVEL_WARN, "a.warning", "a=%s b=%s c=%s d=%s e=%s f=%s", "", "two words", "a=b", "\"q\\",
              "\x1b[2J\n", "\xe2\x82\xac");
    log_event(LOG_LEVEL_INFO, "an.info", "id=%.*s at=%u.%03u p=%05u two=%d%s none=%s", 3, "abcdef", 1u, 2u, 42u, 7, "x",
              no_text);
    log_event(LOG_LEVEL_DEBUG, "a.detail", "  key nothing plain=text i64=%" PRIi64 " u64=%" PRIu64 " hex=%016" PRIx64,
              INT64_MIN, UINT64_MAX, UINT64_MAX);
    log_event(LOG_LEVEL_ERROR, "empty", "%s", "");
    log_event(LOG_LEVEL_ERROR, "large", "a=%s b=%d", large, 1);
    for (size_t n = 3960; n < 4090; n += 13) {
        large[n] = 0;
        log_event(LOG_LEVEL_ERROR, "edge", "a=%s", large);
        large[n] = 'l';
    }
}

static void log_lines(void **state)
{
    static const char *const levels[] = { "error", "warn", "info", "debug", "Info", "", "none" }, *const formats[] = {
        "text", "json", "xml"
    };
    EACH(f, formats)
    EACH(l, levels)
    {
        bool right = log_setup_words(levels[l], formats[f]);
        golden_add("%s %s: %d\n", levels[l], formats[f], right);
        if (right) lines();
    }
    setenv("JOURNAL_STREAM", "1:2", 1);
    for (int f = 0; f < 2; f++) {
        log_setup(LOG_LEVEL_DEBUG, (enum log_format)f);
        lines();
    }
    unsetenv("JOURNAL_STREAM");
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    sink_is_full = true;
    for (int i = 0; i < 3; i++) log_event(LOG_LEVEL_INFO, "lost", "i=%d", i);
    golden_add("dropped: %" PRIu64 "\n", log_dropped());
    sink_is_full = false;
    for (int i = 0; i < 2; i++) log_event(LOG_LEVEL_INFO, "there", "i=%d", i);
    golden_add("dropped: %" PRIu64 "\n", log_dropped());
}

/* ---- words and sentences ---- */

static void words(void **state)
{
    for (int list = 0; list < 9; list++)
        for (int v = -1; v < 9; v++) {
            const char *word = list <= WIRE_WORDS_verb ? wire_word((enum wire_words)list, v) : NULL;
            if (word)
                golden_add("%d.%d: %s %d %d\n", list, v, word, wire_word_value((enum wire_words)list, word),
                           wire_word_value((enum wire_words)list, "no such"));
        }
    for (int type = -1; type < 80; type++) {
        const char *name = wire_type_name(type);
        if (name && strcmp(name, "?")) golden_add("%d %s\n", type, name);
    }
    for (int i = -1; i <= TASK_STATES; i++) {
        enum task_state s = TASK_DEAD;
        const char *word = task_state_word((enum task_state)i);
        bool found = task_state_of_word(&s, word);
        golden_add("state %d %s %d %d live %d\n", i, word, found, s,
                   i >= 0 && i < TASK_STATES ? task_state_live((enum task_state)i) : 2);
    }
    for (int s = -1; s < 140; s++)
        if (pv_status_word((pv_status)s) && strcmp(pv_status_word((pv_status)s), pv_status_word((pv_status)-1)))
            golden_add("status %d %s exit %d: %s\n", s, pv_status_word((pv_status)s), pv_status_exit((pv_status)s),
                       pv_status_text((pv_status)s));
    golden_add("status -1 %s exit %d: %s\n", pv_status_word((pv_status)-1), pv_status_exit((pv_status)-1),
               pv_status_text((pv_status)-1));
}

static void refusal(pv_status status, const char *text, const char *which, enum wire_type asked, const char *queue)
{
    char to[300];
    struct wire_msg m = { .type = WIRE_ERROR };
    WIRE_SET(&m, status, status);
    if (text) WIRE_SET(&m, text, text);
    if (which) WIRE_SET(&m, which, which);
    golden_add("%d %s %s %s %d %s: %s\n", status, text ? text : "-", which ? which : "-", wire_type_name((int)asked),
               text ? refusal_is_general(status, text) : 2, queue ? queue : "-",
               refusal_say(to, sizeof to, &m, asked, queue));
}

static void refusals(void **state)
{
    static const pv_status statuses[] = { PV_NOT_FOUND, PV_CONFLICT,      PV_BAD_STATE,    PV_EXPIRED,
                                          PV_BUSY,      PV_UNKNOWN_QUEUE, PV_UNAUTHORIZED, PV_TIMEOUT };
    static const enum wire_type asked[] = { WIRE_FETCH,  WIRE_KICK,   WIRE_SHOW,   WIRE_ATTACH,
                                            WIRE_CANCEL, WIRE_PROVER, WIRE_SUBMIT, WIRE_HELLO };
    static const char *const said[] = { "",
                                        "not authorised",
                                        "not allowed in this state",
                                        "a limit is reached, try later",
                                        "the id exists with another input",
                                        "time is over",
                                        "something of its own" };
    static const char *const which[] = { "queued-tasks", "queued_tasks", "rate",   "provers",  "circuits",
                                         "attachments",  "claims",       "purges", "lists",    "operations",
                                         "unread",       "restarts",     "memory", "sessions", "tasks",
                                         "bytes",        "no such" };
    EACH(s, statuses)
    {
        EACH(a, asked) refusal(statuses[s], NULL, NULL, asked[a], a % 2 ? "outer" : NULL);
        EACH(t, said) refusal(statuses[s], said[t], t % 2 ? "rate" : NULL, WIRE_HELLO, NULL);
        refusal(statuses[s], pv_status_text(statuses[s]), NULL, WIRE_LIST, "q");
    }
    EACH(w, which) golden_add("%s: %s\n", which[w], refusal_limit_text(which[w]));
    golden_add("none: %s\n", refusal_limit_text(NULL));
    EACH(w, which) refusal(PV_BUSY, NULL, which[w], WIRE_SUBMIT, NULL);
}

static void it_is_as_it_was(void **state)
{
    const char *const *args = *state;
    golden_compare(args[0], args[1] != NULL);
}

int main(int argc, char **argv)
{
    const char *args[2] = { argc > 1 ? argv[1] : "vectors/base/texts.txt",
                            argc > 2 && !strcmp(argv[2], "write") ? argv[2] : NULL };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),    cmocka_unit_test(names),
        cmocka_unit_test(endpoints), cmocka_unit_test(characters),
        cmocka_unit_test(cuts),      cmocka_unit_test(json),
        cmocka_unit_test(log_lines), cmocka_unit_test(words),
        cmocka_unit_test(refusals),  cmocka_unit_test_prestate(it_is_as_it_was, args),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
