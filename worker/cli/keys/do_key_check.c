/* provost key check: is the file right, is it kept from others, and does the broker let it in? */
#include "commands.h"
#include "connect.h"
#include "handshake.h"
#include "link.h"
#include "show.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct check {
    struct link_keys keys;
    const char *file;
    char public_key[KEYFILE_TEXT], why[256];
    struct link_options brokers;
    enum handshake result[LINK_ENDPOINTS_MAX];
};

static pv_status refuse(struct check *c, pv_status s, const char *why)
{
    snprintf(c->why, sizeof c->why, "%s", why);
    return s;
}

/* Finds what is wrong with the file itself, and says the first thing that a person can mend. */
static pv_status file_check(struct check *c)
{
    struct stat st;
    char derived[KEYFILE_TEXT], mode[64];
    size_t n = strlen(c->file);
    if (stat(c->file, &st) != 0) return refuse(c, errno == ENOENT ? PV_NOT_FOUND : PV_BAD_KEY_FILE, strerror(errno));
    snprintf(mode, sizeof mode, "others can read it (mode %03o): chmod 600", st.st_mode & 0777);
    if (n > 4 && !strcmp(c->file + n - 4, ".pub"))
        return refuse(c, PV_BAD_KEY_FILE, "this is the public half, for the other side");
    if (st.st_mode & (S_IRWXG | S_IRWXO)) return refuse(c, PV_BAD_KEY_FILE, mode);
    if (keyfile_public_read(c->public_key, c->file) != PV_OK) return refuse(c, PV_BAD_KEY_FILE, "not a key file");
    if (link_keys_load(&c->keys, c->file, c->public_key, NULL) != PV_OK)
        return refuse(c, PV_BAD_KEY_FILE, "no secret key in it");
    if (zmq_curve_public(derived, c->keys.own.secret_key) != 0 || strcmp(derived, c->keys.own.public_key) != 0)
        return refuse(c, PV_BAD_KEY_FILE, "the two keys in it are no pair");
    return PV_OK;
}

static pv_status brokers_check(struct check *c, const struct cli *cli)
{
    if (link_endpoints(&c->brokers, cli->broker, false) != PV_OK)
        return refuse(c, PV_USAGE, "--broker: tcp://host:port");
    if (!cli->server_key)
        return refuse(c, PV_USAGE, "--server-key is needed too: the public key that the broker should have");
    if (link_keys_load(&c->keys, c->file, cli->server_key, NULL) != PV_OK)
        return refuse(c, PV_BAD_KEY_FILE, "--server-key: missing, or not a key");
    if (!link_keys_fit(&c->keys, c->brokers.endpoints))
        return refuse(c, PV_USAGE, "--server-key: one for all endpoints, or one for each");
    /* One broker that accepts the key is enough, as it is for a client. Otherwise the attempt that came furthest is
     * reported. */
    enum handshake best = HANDSHAKE_UNREACHABLE;
    for (size_t i = 0; i < c->brokers.endpoints; i++) {
        c->result[i] = handshake_try(&c->keys, i, c->brokers.endpoint[i], (int)cli->connect_ms);
        if (c->result[i] < best) best = c->result[i];
    }
    if (best != HANDSHAKE_ACCEPTED) refuse(c, PV_OK, handshake_text(best));
    return handshake_status(best);
}

static void say_json(const struct check *c, pv_status s, size_t brokers)
{
    json_t *list = json_array();
    for (size_t i = 0; i < brokers; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "endpoint", c->brokers.endpoint[i], "result",
                                              handshake_word(c->result[i]), "text", handshake_text(c->result[i])));
    show_json(json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "schema", "provost.key-check/1", "file", c->file,
                        "public_key", c->public_key, "status", pv_status_word(s), "why", c->why, "brokers", list));
}

static void say_table(const struct check *c, size_t brokers)
{
    if (c->public_key[0]) puts(c->public_key);
    for (size_t i = 0; i < brokers; i++)
        printf("%s  %s  %s\n", c->brokers.endpoint[i], handshake_word(c->result[i]), handshake_text(c->result[i]));
}

int run_key_check(struct cli *cli)
{
    struct check c = { .file = cli->args_n > 0 ? cli->args[0] : cli->key_file };
    if (!c.file) return cli_fail_text(PV_USAGE, NULL, "missing argument: FILE or --key");
    pv_status s = file_check(&c);
    bool asked = s == PV_OK && cli->broker;
    if (asked) s = brokers_check(&c, cli);
    link_keys_clear(&c.keys);
    size_t brokers = asked && s != PV_USAGE && s != PV_BAD_KEY_FILE ? c.brokers.endpoints : 0;
    if (cli->output == OUTPUT_JSON)
        say_json(&c, s, brokers);
    else
        say_table(&c, brokers);
    return s == PV_OK ? 0 : cli_fail_text(s, c.file, c.why);
}
