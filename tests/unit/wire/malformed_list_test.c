/* The list of malformed messages that the codecs of all languages share: vectors/malformed.json, made by make_malformed.py. */
#include "decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Appends the bytes of hex to what *to has, in a block of exactly their size. */
static void append(uint8_t **to, size_t *n, const char *hex)
{
    size_t more = strlen(hex) / 2;
    uint8_t *wider = realloc(*to, *n + more > 0 ? *n + more : 1);
    assert_non_null(wider);
    for (size_t i = 0; i < more; i++) wider[*n + i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    *to = wider;
    *n += more;
}

static const char *text_of(json_t *one, const char *key)
{
    return json_string_value(json_object_get(one, key));
}

static void body_of(uint8_t **to, size_t *n, json_t *one)
{
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(one, "body"), i, part)
    {
        for (json_int_t times = json_integer_value(json_array_get(part, 1)); times > 0; times--)
            append(to, n, json_string_value(json_array_get(part, 0)));
    }
}

static pv_status decode_case(json_t *one)
{
    char why[WIRE_WHY_BYTES];
    uint8_t *head = NULL, *body = NULL, *payload = NULL;
    struct wire_frames f = { 0 };
    struct wire_msg m;
    append(&head, &f.head_bytes, text_of(one, "head"));
    append(&body, &f.body_bytes, "");
    body_of(&body, &f.body_bytes, one);
    if (text_of(one, "payload")) append(&payload, &f.payload_bytes, text_of(one, "payload"));
    f.head = head;
    f.body = body;
    f.payload = payload;
    pv_status s = wire_msg_decode(&m, strcmp(text_of(one, "way"), "up") ? WIRE_TO_PEER : WIRE_TO_BROKER, &f, why);
    if (s == PV_OK) wire_msg_clear(&m);
    assert_int_equal(s == PV_OK, why[0] == 0);
    free(head);
    free(body);
    free(payload);
    return s;
}

static void test_each_case_has_its_outcome(void **state)
{
    json_error_t error;
    json_t *cases = json_load_file("vectors/malformed.json", 0, &error);
    json_t *one;
    size_t i, legal = 0;
    if (!cases) fail_msg("vectors/malformed.json: %s", error.text);
    json_array_foreach(cases, i, one)
    {
        const char *is = pv_status_word(decode_case(one));
        if (strcmp(is, text_of(one, "status")))
            fail_msg("%s: %s instead of %s", text_of(one, "name"), is, text_of(one, "status"));
        legal += strcmp(is, "ok") == 0;
    }
    assert_true(i >= 140 && legal >= 20 && legal < i / 2); /* an empty list would pass, and a codec that refuses all */
    json_decref(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_case_has_its_outcome) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
