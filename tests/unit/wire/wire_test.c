/* The codec says what PROTOCOL.md says: frames written by hand, golden frames from files, the document's own tables. */
#include "decode.h"
#include "encode.h"
#include "layout.h"
#include "sha256.h"
#include "text.h"
#include "wire_samples.h"
#include "words.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX], file[2 * WIRE_CHUNK_MAX];
static char why[WIRE_WHY_BYTES];

static const uint8_t ready_head[] = { 'P', 'V', 1, 40 };
static const uint8_t ready_body[] = { 0x81, 0xa6, 'c', 'r', 'e', 'd', 'i', 't', 0x02 };

static void test_a_frame_written_by_hand_decodes(void **state)
{
    struct wire_frames f = { ready_head, 4, ready_body, sizeof ready_body, NULL, 0 };
    struct wire_msg m;
    assert_int_equal(wire_msg_decode(&m, WIRE_TO_BROKER, &f, why), PV_OK);
    assert_int_equal(m.type, WIRE_READY);
    assert_true(m.has.credit);
    assert_int_equal(m.credit, 2);
    assert_false(m.has.warm);
    assert_false(m.has_payload);
    wire_msg_clear(&m);
    assert_int_equal(wire_msg_decode(&m, WIRE_TO_PEER, &f, why), PV_BAD_MESSAGE);
}

static void test_a_message_encodes_to_the_bytes_written_by_hand(void **state)
{
    struct wire_msg m = { .type = WIRE_READY };
    struct wire_frames f;
    WIRE_SET(&m, credit, 2);
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why), PV_OK);
    assert_int_equal(f.head_bytes, 4);
    assert_memory_equal(f.head, ready_head, 4);
    assert_int_equal(f.body_bytes, sizeof ready_body);
    assert_memory_equal(f.body, ready_body, sizeof ready_body);
    assert_null(f.payload);
}

static void test_every_field_survives(void **state)
{
    struct wire_msg m = { .type = WIRE_OFFER }, r;
    struct wire_frames f;
    wire_id task = { "sixteen bytes id" };
    WIRE_SET(&m, token, ((wire_token){ 7, 1ull << 60 }));
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, generation, 2);
    WIRE_SET(&m, queue, "outer");
    WIRE_SET(&m, circuit, "membership");
    WIRE_SET(&m, length, 3);
    WIRE_SET(&m, sha256, ((wire_hash){ { 9 } }));
    m.has_payload = true;
    m.payload = (const uint8_t *)"abc";
    m.payload_bytes = 3;
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_PEER, buffer, sizeof buffer, &f, why), PV_OK);
    assert_int_equal(wire_msg_decode(&r, WIRE_TO_PEER, &f, why), PV_OK);
    assert_true(wire_token_equal(r.token, m.token));
    assert_true(wire_id_equal(r.task, task));
    assert_string_equal(r.queue, "outer");
    assert_string_equal(r.circuit, "membership");
    assert_int_equal(r.generation, 2);
    assert_true(wire_hash_equal(r.sha256, m.sha256));
    assert_memory_equal(r.payload, "abc", 3);
    wire_msg_clear(&r);
    assert_null(r.owned);
    wire_msg_clear(&r);
}

static void test_lists_survive(void **state)
{
    struct wire_sample s;
    struct wire_msg m;
    struct wire_frames f;
    for (size_t i = 0; i < wire_samples(); i++) {
        wire_sample_make(&s, i, SAMPLE_FULL);
        if (s.msg.type == WIRE_HELLO) break;
    }
    assert_int_equal(wire_msg_encode(&s.msg, s.way, buffer, sizeof buffer, &f, why), PV_OK);
    assert_int_equal(wire_msg_decode(&m, s.way, &f, why), PV_OK);
    assert_int_equal(m.queues_n, 2);
    assert_string_equal(m.queues[1], "keccak-256");
    assert_int_equal(m.circuits_n, 2);
    assert_string_equal(m.circuits[0].circuit, "membership");
    assert_int_equal(m.circuits[0].need_vram, 3ull << 30);
    assert_false(m.circuits[1].has.digest);
    assert_int_equal(m.held_n, 2);
    assert_true(m.held[0].spooled);
    assert_int_equal(m.held[0].length, 806);
    assert_int_equal(m.held[1].token.seq, 1208);
    wire_msg_clear(&m);
}

static void test_every_sample_decodes_to_what_was_encoded(void **state)
{
    static uint8_t second[sizeof buffer];
    for (size_t i = 0; i < 2 * wire_samples(); i++) {
        struct wire_sample s;
        struct wire_frames a, b;
        struct wire_msg m;
        wire_sample_make(&s, i / 2, i % 2 ? SAMPLE_MINIMAL : SAMPLE_FULL);
        if (wire_msg_encode(&s.msg, s.way, buffer, sizeof buffer, &a, why) != PV_OK) fail_msg("%s: %s", s.name, why);
        if (wire_msg_decode(&m, s.way, &a, why) != PV_OK) fail_msg("%s: %s", s.name, why);
        assert_memory_equal(&m.has, &s.msg.has, sizeof m.has);
        assert_int_equal(wire_msg_encode(&m, s.way, second, sizeof second, &b, why), PV_OK);
        assert_int_equal(a.body_bytes, b.body_bytes);
        assert_memory_equal(a.body, b.body, a.body_bytes);
        wire_msg_clear(&m);
    }
}

static size_t file_read(const char *path, uint8_t *to, size_t most)
{
    FILE *in = fopen(path, "rb");
    if (!in) fail_msg("%s is not there", path);
    size_t n = fread(to, 1, most, in);
    fclose(in);
    return n;
}

static void test_golden_frames_are_what_is_said(void **state)
{
    for (size_t i = 0; i < wire_samples(); i++) {
        struct wire_sample s;
        struct wire_frames f, golden;
        struct wire_msg m;
        char path[128];
        wire_sample_make(&s, i, SAMPLE_FULL);
        snprintf(path, sizeof path, "vectors/wire/%s.bin", s.name);
        size_t bytes = file_read(path, file, sizeof file);
        assert_true(wire_frames_of_file(&golden, file, bytes));
        assert_int_equal(wire_msg_encode(&s.msg, s.way, buffer, sizeof buffer, &f, why), PV_OK);
        if (f.body_bytes != golden.body_bytes || memcmp(f.body, golden.body, f.body_bytes))
            fail_msg("%s is not what is said today", path);
        assert_memory_equal(f.head, golden.head, 4);
        assert_int_equal(f.payload_bytes, golden.payload_bytes);
        assert_int_equal(wire_msg_decode(&m, s.way, &golden, why), PV_OK);
        wire_msg_clear(&m);
    }
}

static void test_golden_json_shows_the_golden_frame(void **state)
{
    static uint8_t json[65536];
    for (size_t i = 0; i < wire_samples(); i++) {
        struct wire_sample s;
        struct wire_frames f;
        char path[128], *made = NULL;
        size_t made_bytes = 0;
        wire_sample_make(&s, i, SAMPLE_FULL);
        snprintf(path, sizeof path, "vectors/wire/%s.bin", s.name);
        assert_true(wire_frames_of_file(&f, file, file_read(path, file, sizeof file)));
        FILE *out = open_memstream(&made, &made_bytes);
        wire_json_print(out, &f);
        fclose(out);
        snprintf(path, sizeof path, "vectors/wire/%s.json", s.name);
        assert_int_equal(file_read(path, json, sizeof json), made_bytes);
        assert_memory_equal(json, made, made_bytes);
        free(made);
    }
}

static void test_there_is_no_golden_frame_of_no_message(void **state)
{
    size_t files = 0;
    DIR *folder = opendir("vectors/wire");
    assert_non_null(folder);
    for (struct dirent *e; (e = readdir(folder));) files += strstr(e->d_name, ".bin") != NULL;
    closedir(folder);
    assert_int_equal(files, wire_samples());
}

/* Counts the tables, so that a document without any does not pass. */
static void test_the_document_has_the_tables_of_the_lists(void **state)
{
    char *text = NULL, line[4096];
    size_t text_bytes = 0, tables = 0;
    FILE *in = fopen("../wire/PROTOCOL.md", "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        char name[32];
        if (sscanf(line, "<!-- table %31[a-z] -->", name) != 1) continue;
        FILE *made = open_memstream(&text, &text_bytes);
        assert_true(wire_table_print(made, name));
        fclose(made);
        for (char *row = text; *row; row += strcspn(row, "\n") + 1) {
            assert_non_null(fgets(line, sizeof line, in));
            if (strncmp(line, row, strlen(line)) || line[strlen(line) - 1] != '\n')
                fail_msg("table %s of PROTOCOL.md: %s", name, line);
        }
        assert_non_null(fgets(line, sizeof line, in));
        assert_string_equal(line, "<!-- end -->\n");
        free(text);
        tables++;
    }
    fclose(in);
    assert_int_equal(tables, 7);
}

static void test_encode_refuses_what_decode_would(void **state)
{
    struct wire_frames f;
    struct wire_msg m = { .type = WIRE_STARTED };
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why), PV_INTERNAL);
    assert_string_equal(why, "token is missing");
    WIRE_SET(&m, token, ((wire_token){ 1, 1 }));
    WIRE_SET(&m, queue, "outer");
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why), PV_INTERNAL);
    m.has.queue = false;
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_PEER, buffer, sizeof buffer, &f, why), PV_INTERNAL);
    m.has_payload = true;
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why), PV_INTERNAL);
    m = (struct wire_msg){ .type = WIRE_PROGRESS };
    WIRE_SET(&m, token, ((wire_token){ 1, 1 }));
    WIRE_SET(&m, percent, 101);
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why), PV_INTERNAL);
    WIRE_SET(&m, percent, 100);
    WIRE_SET(&m, phase, "no name");
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why), PV_INTERNAL);
    WIRE_SET(&m, phase, "msm");
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why), PV_OK);
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, 20, &f, why), PV_TOO_LARGE);
    assert_int_equal(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, 3, &f, why), PV_TOO_LARGE);
}

static void test_an_empty_inline_payload_is_a_frame(void **state)
{
    struct wire_sample s;
    struct wire_frames f;
    struct wire_msg m;
    for (size_t i = 0; i < wire_samples(); i++) {
        wire_sample_make(&s, i, SAMPLE_FULL);
        if (s.msg.type == WIRE_SUBMIT) break;
    }
    s.msg.payload = NULL;
    s.msg.payload_bytes = 0;
    s.msg.length = 0;
    assert_int_equal(wire_msg_encode(&s.msg, s.way, buffer, sizeof buffer, &f, why), PV_OK);
    assert_non_null(f.payload);
    assert_int_equal(wire_msg_decode(&m, s.way, &f, why), PV_OK);
    assert_true(m.has_payload);
    assert_int_equal(m.payload_bytes, 0);
    wire_msg_clear(&m);
}

static void test_ids_tokens_and_names_read_back(void **state)
{
    char text[WIRE_HASH_TEXT], token[WIRE_TOKEN_TEXT];
    wire_id id = { { 0 } }, back;
    wire_hash hash;
    id.bytes[0] = 0xab;
    id.bytes[15] = 0x01;
    assert_string_equal(wire_id_text(text, id), "ab000000000000000000000000000001");
    assert_true(wire_id_of_text(&back, "AB000000000000000000000000000001"));
    assert_true(wire_id_equal(id, back));
    assert_false(wire_id_of_text(&back, "ab00000000000000000000000000000"));
    assert_false(wire_id_of_text(&back, "ab0000000000000000000000000000011"));
    assert_false(wire_id_of_text(&back, "gb000000000000000000000000000001"));
    assert_false(wire_hash_of_text(&hash, "ab"));
    assert_string_equal(wire_token_text(token, (wire_token){ UINT32_MAX, UINT64_MAX }),
                        "4294967295.18446744073709551615");
    assert_true(wire_name_valid("A-z_0.9", 7));
    assert_false(wire_name_valid("", 0));
    assert_false(wire_name_valid("a b", 3));
    assert_false(wire_name_valid("a/b", 3));
    char long_name[65];
    memset(long_name, 'x', sizeof long_name);
    assert_true(wire_name_valid(long_name, 64));
    assert_false(wire_name_valid(long_name, 65));
}

static void test_sha256_is_sha256(void **state)
{
    char text[WIRE_HASH_TEXT];
    wire_hash whole, pieces;
    struct sha256 s = { 0 };
    assert_int_equal(sha256_of(&whole, "abc", 3), PV_OK); /* FIPS 180-4 example */
    assert_string_equal(wire_hash_text(text, whole),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(sha256_feed(&s, "abc", 3), PV_INTERNAL);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(sha256_start(&s), PV_OK);
        assert_int_equal(sha256_feed(&s, "a", 1), PV_OK);
        assert_int_equal(sha256_feed(&s, "", 0), PV_OK);
        assert_int_equal(sha256_feed(&s, "bc", 2), PV_OK);
        assert_int_equal(sha256_finish(&s, &pieces), PV_OK);
        assert_true(wire_hash_equal(whole, pieces));
    }
    sha256_clear(&s);
    sha256_clear(&s);
}

static void test_words_and_states_read_back(void **state)
{
    enum task_state s;
    for (unsigned i = 0; i < TASK_STATES; i++) {
        assert_true(task_state_of_word(&s, task_state_word((enum task_state)i)));
        assert_int_equal(s, i);
    }
    assert_false(task_state_of_word(&s, "?"));
    assert_true(task_state_live(TASK_RECOVERING));
    assert_false(task_state_live(TASK_EXPIRED));
    assert_int_equal(wire_word_value(WIRE_WORDS_failure, "resource"), WIRE_FAILURE_RESOURCE);
    assert_int_equal(wire_word_value(WIRE_WORDS_reason, "resource"), WIRE_REASON_RESOURCE);
    assert_int_equal(wire_word_value(WIRE_WORDS_role, "resource"), -1);
    assert_string_equal(wire_word(WIRE_WORDS_verb, WIRE_VERB_DRAIN), "drain");
    assert_string_equal(wire_word(WIRE_WORDS_verb, 99), "?");
    /* the codec copies words' enums as ints */
    assert_int_equal(sizeof(enum wire_role), sizeof(int));
    assert_int_equal(sizeof(enum wire_verb), sizeof(int));
}

static void test_clipped_text_is_legal_text(void **state)
{
    char to[16];
    assert_string_equal(wire_text_clip(to, sizeof to, "plain"), "plain");
    assert_string_equal(wire_text_clip(to, sizeof to, "a\x01z\xff\x7f"), "a?z??");
    assert_string_equal(wire_text_clip(to, 4, "ab\xe2\x9c\x93"), "ab");
    assert_string_equal(wire_text_clip(to, 6, "ab\xe2\x9c\x93"), "ab\xe2\x9c\x93");
    assert_string_equal(wire_text_clip(to, sizeof to, "\xe2\x9c"), "??");
    assert_null(wire_text_fault(to, strlen(to), 99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frame_written_by_hand_decodes),
        cmocka_unit_test(test_a_message_encodes_to_the_bytes_written_by_hand),
        cmocka_unit_test(test_every_field_survives),
        cmocka_unit_test(test_lists_survive),
        cmocka_unit_test(test_every_sample_decodes_to_what_was_encoded),
        cmocka_unit_test(test_golden_frames_are_what_is_said),
        cmocka_unit_test(test_golden_json_shows_the_golden_frame),
        cmocka_unit_test(test_there_is_no_golden_frame_of_no_message),
        cmocka_unit_test(test_the_document_has_the_tables_of_the_lists),
        cmocka_unit_test(test_encode_refuses_what_decode_would),
        cmocka_unit_test(test_an_empty_inline_payload_is_a_frame),
        cmocka_unit_test(test_ids_tokens_and_names_read_back),
        cmocka_unit_test(test_sha256_is_sha256),
        cmocka_unit_test(test_words_and_states_read_back),
        cmocka_unit_test(test_clipped_text_is_legal_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
