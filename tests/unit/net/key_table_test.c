/* The file of authorised keys and the broker's own: every bad one with its sentence, every value, and each allocation failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth_keys.h"
#include "fields.h"
#include "heap_watch.h"
#include "temp_dir.h"

#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

static char dir[64], path[96], why[AUTH_WHY_BYTES];
static char a[41], b[41], a_secret[41], b_secret[41];

static int setup(void **state)
{
    temp_dir_make(dir);
    assert_int_equal(zmq_curve_keypair(a, a_secret), 0);
    assert_int_equal(zmq_curve_keypair(b, b_secret), 0);
    return 0;
}

static int teardown(void **state)
{
    temp_dir_remove(dir);
    return 0;
}

static const char *file_of(const char *name, const char *text, mode_t mode)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

/* %A and %B stand for the two keys. */
static const char *keys_file(const char *text)
{
    char whole[2048] = "";
    for (const char *at = text; *at; at++) {
        size_t n = strlen(whole);
        const char *key = at[0] != '%' ? NULL : at[1] == 'A' ? a : b;
        snprintf(whole + n, sizeof whole - n, key ? "%s" : "%.1s", key ? key : at);
        at += key != NULL;
    }
    return file_of("keys.yaml", whole, 0600);
}

static struct auth_keys *read_it(const char *text)
{
    struct auth_keys *keys = NULL;
    if (auth_keys_read(&keys, keys_file(text), why) != PV_OK) fail_msg("%s", why);
    return keys;
}

static void each_bad_file_has_its_sentence(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        { "", "keys.yaml: the file is empty; to authorise no key, write \"keys: []\"" },
        { "keys:\n  - { name: a b, key: \"%A\", roles: [client] }\n",
          "key of \"a b\": a name has 1 to 64 characters of A-Z a-z 0-9 . _ -" },
        { "keys:\n  - { name: acme, key: \"~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\", roles: [client] }\n",
          "key of acme is not 40 characters of Z85" },
        { "keys:\n  - { name: acme, key: \"%A\", roles: [client] }\n  - { name: other, key: \"%A\", roles: [prover] "
          "}\n",
          "key of other is in the file twice" },
        { "keys:\n  - { name: acme, key: \"%A\", roles: [client], weight: 0 }\n",
          "key of acme: weight must be at least 1" },
        { "keys:\n  - { name: acme, key: \"short\", roles: [client] }\n", "line: 2" },
        { "keys:\n  - { name: acme, key: \"%A\", roles: [king] }\n", "king" },
        { "keys:\n  - { name: acme, key: \"%A\", roles: [client], colour: red }\n", "colour" },
        { "keys:\n  - { name: acme, roles: [client] }\n", "key" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct auth_keys *keys = NULL;
        why[0] = 0;
        assert_int_equal(auth_keys_read(&keys, keys_file(bad[i].text), why), PV_BAD_KEY_FILE);
        assert_null(keys);
        if (!strstr(why, bad[i].words)) fail_msg("\"%s\" has not \"%s\"", why, bad[i].words);
    }
    struct auth_keys *keys = NULL;
    assert_int_equal(auth_keys_read(&keys, "/nowhere/keys.yaml", why), PV_BAD_KEY_FILE);
    assert_non_null(strstr(why, "/nowhere/keys.yaml"));
}

static void each_value_is_read(void **state)
{
    struct auth_keys *keys =
        read_it("keys:\n"
                "  - { name: acme, key: \"%A\", roles: [client, admin], queues: [outer, inner], weight: 2,\n"
                "      queued_tasks: 3, queued_bytes: 4, leased: 5, rate: 6, connections: 7, uploads: 8 }\n"
                "  - { name: node, key: \"%B\", roles: [prover] }\n");
    assert_int_equal(auth_keys_count(keys), 2);
    const struct auth_key *k = auth_keys_find(keys, a), *other = auth_keys_find(keys, b);
    assert_ptr_equal(k, auth_keys_at(keys, 0));
    assert_ptr_equal(other, auth_keys_at(keys, 1));
    assert_null(auth_keys_find(keys, a_secret));
    assert_string_equal(k->text, a);
    assert_string_equal(k->name, "acme");
    assert_int_equal(k->roles, 1u << WIRE_ROLE_CLIENT | 1u << WIRE_ROLE_ADMIN);
    assert_int_equal(k->queues_n, 2);
    const uint64_t got[] = {
        k->weight, k->queued_tasks, k->queued_bytes, k->leased, k->rate, k->connections, k->uploads
    };
    for (uint64_t i = 0; i < 7; i++) assert_int_equal(got[i], i + 2);
    assert_true(auth_key_serves(k, "outer") && auth_key_serves(k, "inner"));
    assert_false(auth_key_serves(k, "loose"));
    assert_true(auth_key_serves(other, "loose"));
    assert_int_equal(other->roles, 1u << WIRE_ROLE_PROVER);
    assert_int_equal(other->weight, 1);
    const uint64_t unsaid[] = { other->queued_tasks, other->queued_bytes, other->leased,
                                other->rate,         other->connections,  other->uploads };
    for (size_t i = 0; i < 6; i++) assert_true(unsaid[i] == UINT64_MAX);
    auth_keys_destroy(&keys);
    assert_null(keys);
    auth_keys_destroy(&keys);
}

static void connections_are_counted_by_key(void **state)
{
    struct auth_keys *keys = read_it("keys:\n  - { name: acme, key: \"%A\", roles: [client] }\n"
                                     "  - { name: acme, key: \"%B\", roles: [client] }\n");
    assert_int_equal(auth_keys_connected(keys, a, 1), 1);
    assert_int_equal(auth_keys_connected(keys, a, 1), 2);
    assert_int_equal(auth_keys_connected(keys, b, 1), 1);
    assert_int_equal(auth_keys_connected(keys, a, -1), 1);
    assert_int_equal(auth_keys_connected(keys, a_secret, 1), 0);
    assert_int_equal(auth_keys_find(keys, a)->connected, 1);
    auth_keys_destroy(&keys);
}

static void the_last_owner_frees_it(void **state)
{
    struct auth_keys *keys = read_it("keys:\n  - { name: acme, key: \"%A\", roles: [client] }\n");
    size_t blocks = heap_blocks();
    struct auth_keys *theirs = auth_keys_share(keys), *third = auth_keys_share(keys);
    assert_ptr_equal(theirs, keys);
    auth_keys_destroy(&keys);
    auth_keys_destroy(&third);
    assert_int_equal(heap_blocks(), blocks);
    assert_non_null(auth_keys_find(theirs, a));
    auth_keys_destroy(&theirs);
    assert_true(heap_blocks() < blocks);
}

static void rights_are_name_roles_and_queues(void **state)
{
    static const char *const ab[] = { "a", "b" }, *const ba[] = { "b", "a" }, *const ac[] = { "a", "c" },
                             *const aa[] = { "a", "a" };
    struct auth_key one = { .name = "acme", .roles = 1, .queues = ab, .queues_n = 2, .weight = 1 }, two = one;
    two.weight = 9;
    two.queued_tasks = 9;
    two.queues = ba;
    assert_true(auth_key_same_rights(&one, &two));
    two.queues = ac;
    assert_false(auth_key_same_rights(&one, &two));
    two.queues = aa;
    assert_false(auth_key_same_rights(&one, &two));
    assert_false(auth_key_same_rights(&two, &one));
    two = one;
    two.queues_n = 1;
    assert_false(auth_key_same_rights(&one, &two));
    two = one;
    two.roles = 3;
    assert_false(auth_key_same_rights(&one, &two));
    two = one;
    two.name = "other";
    assert_false(auth_key_same_rights(&one, &two));
    one.queues_n = two.queues_n = 0;
    two.name = one.name;
    assert_true(auth_key_same_rights(&one, &two));
}

/* Whichever allocation of ours fails: no table, its own status, and nothing left. */
static void no_memory_is_no_table(void **state)
{
    const char *file = keys_file("keys:\n  - { name: acme, key: \"%A\", roles: [client] }\n");
    unsigned refused = 0;
    bool came = true;
    for (long n = 0; came; n++) {
        struct auth_keys *keys = NULL;
        size_t before = heap_blocks();
        heap_fail_after(n);
        pv_status st = auth_keys_read(&keys, file, why);
        came = heap_failed();
        heap_fail_after(-1);
        if (came) {
            assert_int_equal(st, PV_NO_MEMORY);
            assert_null(keys);
            refused++;
        } else {
            assert_int_equal(st, PV_OK);
        }
        auth_keys_destroy(&keys);
        assert_int_equal(heap_blocks(), before);
    }
    assert_int_equal(refused, 3); /* the table, its index, its keys */
}

/* ---- the broker's own ---- */

static const char *own(const char *name, const char *public, const char *secret, mode_t mode)
{
    char text[256];
    snprintf(text, sizeof text, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", public, secret);
    return file_of(name, text, mode);
}

static void own_refused(const char *file, pv_status status, const char *words)
{
    zcert_t *cert = NULL;
    why[0] = 0;
    assert_int_equal(auth_own_key(&cert, file, why), status);
    assert_null(cert);
    if (!strstr(why, words)) fail_msg("\"%s\" has not \"%s\"", why, words);
}

static void own_keys_have_to_be_a_private_pair(void **state)
{
    zcert_t *cert = NULL;
    own_refused("/nowhere/own.key", PV_BAD_KEY_FILE, "/nowhere/own.key: No such file or directory");
    own_refused(own("own.key", a, a_secret, 0640), PV_BAD_KEY_FILE,
                "own.key: others may read it (mode 640); chmod 600");
    own_refused(own("own.key", a, a_secret, 0601), PV_BAD_KEY_FILE, "others may read it (mode 601)");
    own_refused(own("own.key", a, b_secret, 0600), PV_BAD_KEY_FILE, "own.key: the two keys in it are no pair");
    own_refused(file_of("own.key", "curve\n", 0600), PV_BAD_KEY_FILE, "own.key: not a certificate with a secret key");
    size_t before = heap_blocks();
    assert_int_equal(auth_own_key(&cert, own("own.key", a, a_secret, 0600), why), PV_OK);
    assert_non_null(cert);
    auth_own_key_destroy(&cert);
    assert_null(cert);
    assert_int_equal(heap_blocks(), before);
    own("own.key_secret", a, a_secret, 0644); /* the one that would be read */
    own_refused(own("own.key", a, a_secret, 0600), PV_BAD_KEY_FILE, "own.key: others may read it (mode 644)");
    assert_int_equal(unlink(own("own.key_secret", a, a_secret, 0600)), 0);
}

static void several_own_keys_or_none(void **state)
{
    zcert_t *certs[2] = { NULL, NULL };
    char list[400];
    size_t n = 9;
    own("1.key", a, a_secret, 0600);
    own("2.key", b, b_secret, 0600);
    snprintf(list, sizeof list, "%s/1.key,%s/2.key", dir, dir);
    assert_int_equal(auth_own_keys(certs, &n, 2, list, why), PV_OK);
    assert_int_equal(n, 2);
    auth_own_keys_destroy(certs, &n);
    assert_int_equal(n, 0);
    assert_true(!certs[0] && !certs[1]);
    assert_int_equal(auth_own_keys(certs, &n, 1, list, why), PV_BAD_CONFIG);
    assert_string_equal(why, "key: more than 1 files");
    assert_true(!n && !certs[0]);
    snprintf(list, sizeof list, "%s/1.key,/nowhere/2.key", dir);
    assert_int_equal(auth_own_keys(certs, &n, 2, list, why), PV_BAD_KEY_FILE);
    assert_true(!n && !certs[0]);
    heap_fail_after(0);
    assert_int_equal(auth_own_keys(certs, &n, 2, list, why), PV_NO_MEMORY);
    heap_fail_after(-1);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bad_file_has_its_sentence),     cmocka_unit_test(each_value_is_read),
        cmocka_unit_test(connections_are_counted_by_key),     cmocka_unit_test(the_last_owner_frees_it),
        cmocka_unit_test(rights_are_name_roles_and_queues),   cmocka_unit_test(no_memory_is_no_table),
        cmocka_unit_test(own_keys_have_to_be_a_private_pair), cmocka_unit_test(several_own_keys_or_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
