/* CURVE key pairs in files of czmq's zcert format: FILE holds the secret key, FILE.pub is for the other side. */
#include "commands.h"
#include "connect.h"
#include "file_io.h"
#include "keyfile.h"
#include "show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

/* Never replaces a file: somebody may be using its key. */
static pv_status write_new(const char *path, mode_t mode, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return cli_fail_text(PV_IO, path, strerror(errno)), PV_IO;
    int error = file_write_all(fd, text, strlen(text));
    if (!error && fsync(fd)) error = errno;
    if (close(fd) && !error) error = errno;
    if (!error) return PV_OK;
    unlink(path);
    return cli_fail_text(PV_IO, path, strerror(error)), PV_IO;
}

static void say_key(const struct cli *cli, const char *schema, const char *path, const char *public_key)
{
    if (cli->output == OUTPUT_JSON)
        show_json(json_pack("{s:s, s:s, s:s}", "schema", schema, "file", path, "public_key", public_key));
    else
        puts(public_key);
}

static pv_status write_pair(const char *path, const char *public_key, const char *secret_key)
{
    char text[512], *public_path;
    if (asprintf(&public_path, "%s.pub", path) < 0) return PV_NO_MEMORY;
    snprintf(text, sizeof text,
             "# A secret key of Provost: readable by its owner only.\ncurve\n    public-key = \"%s\"\n    secret-key = "
             "\"%s\"\n",
             public_key, secret_key);
    pv_status s = write_new(path, 0600, text);
    explicit_bzero(text, sizeof text);
    snprintf(text, sizeof text, "# A public key of Provost.\ncurve\n    public-key = \"%s\"\n", public_key);
    if (s == PV_OK) {
        s = write_new(public_path, 0644, text);
        if (s != PV_OK) unlink(path);
    }
    free(public_path);
    return s;
}

int run_key_gen(struct cli *cli)
{
    char public_key[KEYFILE_TEXT], secret_key[KEYFILE_TEXT];
    if (!strcmp(cli->args[0], "-"))
        return cli_fail_text(PV_USAGE, NULL, "a key pair is two files: give a name, for NAME and NAME.pub");
    if (zmq_curve_keypair(public_key, secret_key) != 0)
        return cli_fail_text(PV_INTERNAL, NULL, zmq_strerror(zmq_errno()));
    pv_status s = write_pair(cli->args[0], public_key, secret_key);
    explicit_bzero(secret_key, sizeof secret_key);
    if (s == PV_OK) say_key(cli, "provost.key/1", cli->args[0], public_key);
    return pv_status_exit(s);
}

int run_key_show(struct cli *cli)
{
    char public_key[KEYFILE_TEXT];
    pv_status s = keyfile_public_read(public_key, cli->args[0]);
    if (s != PV_OK) return cli_fail_text(s, cli->args[0], NULL);
    say_key(cli, "provost.key/1", cli->args[0], public_key);
    return 0;
}
