#include "auth_keys.h"

#include <czmq.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fields.h"
#include "ids.h"
#include "keyfile.h"
#include "yaml_file.h"

/* The file as libcyaml reads it. */
struct file_key {
    char *name, *key;
    uint32_t *roles;
    unsigned roles_count;
    char **queues;
    unsigned queues_count;
    uint64_t *weight, *queued_tasks, *queued_bytes, *leased, *rate, *connections, *uploads;
};

struct file {
    struct file_key *keys;
    unsigned keys_count;
};

static const cyaml_strval_t role_words[] = { { "client", WIRE_ROLE_CLIENT },
                                             { "prover", WIRE_ROLE_PROVER },
                                             { "admin", WIRE_ROLE_ADMIN } };
static const cyaml_schema_value_t role_schema = { CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, uint32_t, role_words, 3) };
static const cyaml_schema_value_t queue_schema = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, WIRE_NAME_MAX) };

#define MAYBE (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
static const cyaml_schema_field_t key_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct file_key, name, 1, WIRE_NAME_MAX),
    CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER, struct file_key, key, 40, 40),
    CYAML_FIELD_SEQUENCE("roles", CYAML_FLAG_POINTER, struct file_key, roles, &role_schema, 1, 3),
    CYAML_FIELD_SEQUENCE("queues", MAYBE, struct file_key, queues, &queue_schema, 0, 256),
    CYAML_FIELD_UINT_PTR("weight", MAYBE, struct file_key, weight),
    CYAML_FIELD_UINT_PTR("queued_tasks", MAYBE, struct file_key, queued_tasks),
    CYAML_FIELD_UINT_PTR("queued_bytes", MAYBE, struct file_key, queued_bytes),
    CYAML_FIELD_UINT_PTR("leased", MAYBE, struct file_key, leased),
    CYAML_FIELD_UINT_PTR("rate", MAYBE, struct file_key, rate),
    CYAML_FIELD_UINT_PTR("connections", MAYBE, struct file_key, connections),
    CYAML_FIELD_UINT_PTR("uploads", MAYBE, struct file_key, uploads),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t key_schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_key, key_fields) };
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_SEQUENCE("keys", CYAML_FLAG_POINTER, struct file, keys, &key_schema, 0, 100000), CYAML_FIELD_END
};
static const cyaml_schema_value_t schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, fields) };

struct auth_keys {
    struct file *file;
    struct auth_key *keys; /* in the order of the file */
    uint32_t *index;       /* open addressing on the text: entry + 1 */
    uint32_t index_n;
    atomic_uint owners;
};

static uint32_t *entry_of(const struct auth_keys *k, const char *text)
{
    uint32_t h = 2166136261u;
    for (const char *c = text; *c; c++) h = (h ^ (uint8_t)*c) * 16777619u;
    uint32_t i = h & (k->index_n - 1);
    while (k->index[i] && strcmp(k->keys[k->index[i] - 1].text, text)) i = (i + 1) & (k->index_n - 1);
    return &k->index[i];
}

static uint64_t quota_of(const uint64_t *value)
{
    return value ? *value : UINT64_MAX;
}

static void key_set(struct auth_key *to, const struct file_key *from)
{
    *to = (struct auth_key){
        .name = from->name,
        .queues = (const char *const *)from->queues,
        .queues_n = from->queues_count,
        .weight = from->weight ? *from->weight : 1,
        .queued_tasks = quota_of(from->queued_tasks),
        .queued_bytes = quota_of(from->queued_bytes),
        .leased = quota_of(from->leased),
        .rate = quota_of(from->rate),
        .connections = quota_of(from->connections),
        .uploads = quota_of(from->uploads),
    };
    memcpy(to->text, from->key, AUTH_KEY_TEXT - 1);
    for (unsigned i = 0; i < from->roles_count; i++) to->roles |= 1u << from->roles[i];
}

static pv_status key_check(const struct auth_keys *k, const struct auth_key *key, char *why)
{
    uint8_t raw[32];
    if (!wire_name_valid(key->name, strlen(key->name)))
        snprintf(why, AUTH_WHY_BYTES, "key of \"%.64s\": a name has 1 to 64 characters of A-Z a-z 0-9 . _ -",
                 key->name);
    else if (!zmq_z85_decode(raw, key->text))
        snprintf(why, AUTH_WHY_BYTES, "key of %s is not 40 characters of Z85", key->name);
    else if (*entry_of(k, key->text))
        snprintf(why, AUTH_WHY_BYTES, "key of %s is in the file twice", key->name);
    else if (!key->weight)
        snprintf(why, AUTH_WHY_BYTES, "key of %s: weight must be at least 1", key->name);
    else
        return PV_OK;
    return PV_BAD_KEY_FILE;
}

static pv_status keys_fill(struct auth_keys *k, char *why)
{
    unsigned n = k->file->keys_count;
    for (k->index_n = 16; k->index_n < 2 * n;) k->index_n *= 2;
    k->index = calloc(k->index_n, sizeof *k->index);
    k->keys = calloc(n + 1, sizeof *k->keys);
    if (!k->index || !k->keys) return PV_NO_MEMORY;
    for (unsigned i = 0; i < n; i++) {
        key_set(&k->keys[i], &k->file->keys[i]);
        TRY(key_check(k, &k->keys[i], why));
        *entry_of(k, k->keys[i].text) = i + 1;
    }
    return PV_OK;
}

pv_status auth_keys_read(struct auth_keys **keys, const char *path, char why[AUTH_WHY_BYTES])
{
    struct auth_keys *k = calloc(1, sizeof *k);
    if (!k) return PV_NO_MEMORY;
    atomic_init(&k->owners, 1);
    void *file = NULL;
    pv_status st = yaml_file_load(&file, path, &schema, why, AUTH_WHY_BYTES) == PV_OK ? PV_OK : PV_BAD_KEY_FILE;
    k->file = file;
    if (st == PV_OK && !k->file) { /* to libcyaml an empty file is a document without a value, and no error */
        snprintf(why, AUTH_WHY_BYTES, "%.200s: the file is empty; to authorise no key, write \"keys: []\"", path);
        st = PV_BAD_KEY_FILE;
    }
    if (st == PV_OK) st = keys_fill(k, why);
    if (st == PV_OK)
        *keys = k;
    else
        auth_keys_destroy(&k);
    return st;
}

struct auth_keys *auth_keys_share(struct auth_keys *keys)
{
    atomic_fetch_add(&keys->owners, 1);
    return keys;
}

void auth_keys_destroy(struct auth_keys **keys)
{
    struct auth_keys *k = *keys;
    *keys = NULL;
    if (!k || atomic_fetch_sub(&k->owners, 1) > 1) return;
    yaml_file_free(k->file, &schema);
    free(k->keys);
    free(k->index);
    free(k);
}

const struct auth_key *auth_keys_find(const struct auth_keys *keys, const char *text)
{
    uint32_t at = *entry_of(keys, text);
    return at ? &keys->keys[at - 1] : NULL;
}

uint32_t auth_keys_connected(struct auth_keys *keys, const char *text, int change)
{
    uint32_t at = *entry_of(keys, text);
    if (!at) return 0;
    struct auth_key *key = &keys->keys[at - 1];
    key->connected += (uint32_t)change;
    return key->connected;
}

size_t auth_keys_count(const struct auth_keys *keys)
{
    return keys->file->keys_count;
}

const struct auth_key *auth_keys_at(const struct auth_keys *keys, size_t i)
{
    return &keys->keys[i];
}

bool auth_key_same_rights(const struct auth_key *a, const struct auth_key *b)
{
    if (strcmp(a->name, b->name) || a->roles != b->roles || a->queues_n != b->queues_n) return false;
    for (size_t i = 0; i < a->queues_n; i++)
        if (!auth_key_serves(b, a->queues[i]) || !auth_key_serves(a, b->queues[i])) return false;
    return true;
}

bool auth_key_serves(const struct auth_key *key, const char *queue)
{
    for (size_t i = 0; i < key->queues_n; i++)
        if (!strcmp(key->queues[i], queue)) return true;
    return !key->queues_n;
}

/* czmq writes a certificate as two files, and reads the one with the secret if it is there. */
static bool private_file(const char *path, char *why)
{
    char secret[4096];
    struct stat s;
    snprintf(secret, sizeof secret, "%s_secret", path);
    const char *file = stat(secret, &s) ? path : secret;
    if (file == path && stat(path, &s)) {
        snprintf(why, AUTH_WHY_BYTES, "%.200s: %s", path, strerror(errno));
        return false;
    }
    if (keyfile_is_private(file, &s)) return true;
    snprintf(why, AUTH_WHY_BYTES, "%.200s: others may read it (mode %03o); chmod 600", path, s.st_mode & 0777);
    return false;
}

static pv_status cert_of(zcert_t **cert, const struct keyfile_pair *pair)
{
    char derived[KEYFILE_TEXT];
    uint8_t public_key[32], secret_key[32];
    if (zmq_curve_public(derived, pair->secret_key) || strcmp(derived, pair->public_key)) return PV_BAD_KEY_FILE;
    zmq_z85_decode(public_key, pair->public_key);
    zmq_z85_decode(secret_key, pair->secret_key);
    *cert = zcert_new_from(public_key, secret_key);
    explicit_bzero(secret_key, sizeof secret_key);
    return PV_OK;
}

pv_status auth_own_key(zcert_t **cert, const char *path, char why[AUTH_WHY_BYTES])
{
    struct keyfile_pair pair;
    if (!private_file(path, why)) return PV_BAD_KEY_FILE;
    pv_status st = keyfile_pair_read(&pair, path);
    if (st != PV_OK) {
        snprintf(why, AUTH_WHY_BYTES, "%.200s: not a certificate with a secret key", path);
        return st;
    }
    st = cert_of(cert, &pair);
    if (st != PV_OK) snprintf(why, AUTH_WHY_BYTES, "%.200s: the two keys in it are no pair", path);
    keyfile_pair_clear(&pair);
    return st;
}

void auth_own_key_destroy(zcert_t **cert)
{
    zcert_destroy(cert);
}

static pv_status own_keys_add(zcert_t **certs, size_t *certs_n, size_t most, char *files, char *why)
{
    char *rest = NULL;
    for (char *file = strtok_r(files, ",", &rest); file; file = strtok_r(NULL, ",", &rest)) {
        if (*certs_n == most) {
            snprintf(why, AUTH_WHY_BYTES, "key: more than %zu files", most);
            return PV_BAD_CONFIG;
        }
        pv_status st = auth_own_key(&certs[*certs_n], file, why);
        if (st != PV_OK) return st;
        ++*certs_n;
    }
    return PV_OK;
}

pv_status auth_own_keys(zcert_t **certs, size_t *certs_n, size_t most, const char *files, char why[AUTH_WHY_BYTES])
{
    char *copy = strdup(files);
    *certs_n = 0;
    if (!copy) return PV_NO_MEMORY;
    pv_status st = own_keys_add(certs, certs_n, most, copy, why);
    if (st != PV_OK) auth_own_keys_destroy(certs, certs_n);
    free(copy);
    return st;
}

void auth_own_keys_destroy(zcert_t **certs, size_t *certs_n)
{
    while (*certs_n) auth_own_key_destroy(&certs[--*certs_n]);
}
