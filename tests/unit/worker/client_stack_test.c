/* Threads of the caller with little stack: musl gives them 128 KiB, others less. Every call works there, whatever comes from the broker
 * or from a prover; the library's own thread has a stack of its own. */
#include "client_scene.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    KIB = 1024,
    DEEP = 2000,            /* Jansson itself stops at 2048 */
    TLS_OF_TEST = 65 * KIB, /* wire_peer.h's buffer, which glibc takes from each stack */
};

struct call {
    struct scene *s;
    const char *failed;
};

static char *slurp(const char *part)
{
    char path[128];
    snprintf(path, sizeof path, "vectors/groth16/mul.%s.json", part);
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    char *text = calloc(1, 65536);
    size_t n = fread(text, 1, 65535, f);
    text[n] = 0;
    fclose(f);
    return text;
}

/* before, DEEP times open, then close, and after. */
static char *nested(const char *before, char open, char close, const char *after)
{
    char *text = calloc(1, 2 * DEEP + strlen(before) + strlen(after) + 1), *at = text + sprintf(text, "%s", before);
    memset(at, open, DEEP);
    memset(at + DEEP, close, DEEP);
    strcpy(at + 2 * DEEP, after);
    return text;
}

static const char *refuses_a_deep_result(const pv_vkey *vk)
{
    char why[PV_TEXT_BYTES] = "";
    char *text = nested("{\"proof\": {}, \"public\": ", '[', ']', "}");
    struct pv_result deep = { .bytes = (uint8_t *)text, .bytes_n = strlen(text) };
    struct pv_proof_files f;
    if (pv_verify(vk, &deep, why) != PV_BAD_PROOF || !strstr(why, "deep"))
        return "a deep result was not refused by name";
    if (pv_proof_files_of(&f, &deep) != PV_BAD_PROOF) return "files were made of a deep result";
    pv_result_clear(&deep);
    return NULL;
}

static const char *verifies(void)
{
    char why[PV_TEXT_BYTES] = "", *key = slurp("vkey"), *proof = slurp("proof"), *publics = slurp("public");
    char *deep = nested("", '[', ']', "");
    pv_vkey *vk = NULL;
    struct pv_proof_files f;
    if (!key || !proof || !publics) return "no vectors";
    struct pv_result r = { .status = PV_OK, .bytes = calloc(1, strlen(proof) + strlen(publics) + 64) };
    r.bytes_n = (size_t)sprintf((char *)r.bytes, "{\"proof\": %s, \"public\": %s}", proof, publics);
    if (pv_vkey_of_json(&vk, deep, strlen(deep), why) == PV_OK) return "a deep key was taken";
    if (!strstr(why, "16 deep")) return "a deep key was not refused by name";
    if (pv_vkey_of_json(&vk, key, strlen(key), why) != PV_OK) return "no key";
    if (pv_verify(vk, &r, why) != PV_OK) return "the proof does not verify";
    if (pv_proof_files_of(&f, &r) != PV_OK) return "no files";
    pv_proof_files_clear(&f);
    pv_result_clear(&r);
    const char *failed = refuses_a_deep_result(vk);
    pv_vkey_free(&vk);
    free(key), free(proof), free(publics), free(deep);
    return failed;
}

static const char *opens(void)
{
    pv_client *c = NULL;
    struct pv_client_options o = { .endpoints = "tcp://127.0.0.1:9", .insecure = true };
    struct pv_client_options keys = { .endpoints = "tcp://127.0.0.1:9",
                                      .key_file = "nowhere",
                                      .server_key = "nowhere" };
    if (pv_client_open(&c, &keys) != PV_BAD_KEY_FILE) return "a client without its keys was opened";
    if (pv_client_open(&c, &o) != PV_OK) return "no client";
    if (pv_client_ready(c, 10) == PV_OK) return "a broker where there is none";
    pv_client_close(&c);
    return NULL;
}

static const char *proves(struct scene *s)
{
    struct pv_result r;
    struct pv_client_info info;
    char text[PV_TEXT_BYTES];
    pv_task_id id;
    if (pv_prove(s->c, &r, &scene_plain, "abc", 3, LONG) != PV_OK) return "a proof failed";
    pv_result_clear(&r);
    if (pv_submit(s->c, &id, &scene_plain, "abc", 3, LONG) != PV_OK || pv_wait(s->c, &r, &id, LONG) != PV_OK)
        return "a wait failed";
    pv_result_clear(&r);
    pv_client_about(s->c, &info);
    pv_client_error(s->c, text, sizeof text);
    return NULL;
}

static void *in_little_stack(void *arg)
{
    struct call *call = arg;
    call->failed = opens();
    if (!call->failed) call->failed = verifies();
    if (!call->failed) call->failed = proves(call->s);
    return NULL;
}

static void run_with(struct scene *s, size_t stack)
{
    struct call call = { .s = s };
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstacksize(&attr, stack), 0);
    assert_int_equal(pthread_create(&thread, &attr, in_little_stack, &call), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    if (call.failed) fail_msg("%s", call.failed);
}

static void test_every_call_works_with_little_stack(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
#ifdef __SANITIZE_ADDRESS__
    run_with(s, 1024 * KIB); /* frames are larger there */
#else
    run_with(s, 64 * KIB + TLS_OF_TEST);
    run_with(s, 128 * KIB + TLS_OF_TEST);
#endif
}

/* The stack that the library's thread is started with; 0: whatever the program around it takes by default. */
static size_t own_stack;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    own_stack = 0;
    if (attr) pthread_attr_getstacksize(attr, &own_stack);
    return __real_pthread_create(thread, attr, run, arg);
}

static void test_the_own_thread_has_stack_of_its_own(void **state)
{
    pv_client *c = NULL;
    struct pv_client_options o = { .endpoints = "tcp://127.0.0.1:9", .insecure = true };
    (void)state;
    assert_int_equal(pv_client_open(&c, &o), PV_OK);
    assert_int_equal(own_stack, 2048 * KIB);
    pv_client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_every_call_works_with_little_stack),
        cmocka_unit_test(test_the_own_thread_has_stack_of_its_own),
    };
    return SCENE_RUN(tests);
}
