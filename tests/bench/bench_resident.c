/* What a node adds to a program that stays: the same program, spoken to by hand over two pipes, and as a handler, in turns. One JSON line for
 * each way.
 *
 *      bench_resident [ROUNDS [BYTES]]
 */
#include "handler_resident.h"

#include "program_check.h"
#include "program_config.h"
#include "program_place.h"
#include "temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MOST = 100000, WAYS = 5 };

static double took[WAYS][ROUNDS_MOST];
static char folder[64];
static int to, from;
static pid_t hand;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void all_read(uint8_t *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t did = read(from, bytes + done, n - done);
        if (did <= 0) exit(1);
        done += (size_t)did;
    }
}

static void message_write(const struct talk_writer *w, const uint8_t *bytes, size_t n)
{
    struct iovec parts[2] = { { w->bytes, w->n }, { (void *)bytes, n } };
    ssize_t did = writev(to, parts, n ? 2 : 1);
    if (did < 0) exit(1);
    for (size_t done = (size_t)did; done < w->n + n; done += (size_t)did)
        if ((did = write(to, bytes + (done - w->n), n - (done - w->n))) <= 0) exit(1);
}

static size_t message_read(uint8_t **bytes)
{
    uint8_t head[4];
    all_read(head, 4);
    size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    *bytes = malloc(n);
    all_read(*bytes, n);
    return n;
}

static void by_hand_start(const char *program)
{
    int in[2], out[2];
    uint8_t bytes[256], *answer;
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    if (pipe(in) || pipe(out)) exit(1);
    hand = fork();
    if (!hand) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execl(program, program, "good", NULL);
        _exit(1);
    }
    close(in[0]);
    close(out[1]);
    to = in[1];
    from = out[0];
    talk_begin(&w, TALK_HELLO, 6);
    talk_put_uint(&w, TALK_VERSION);
    talk_put_text(&w, "bench", 5);
    talk_put_uint(&w, 0);
    talk_put_uint(&w, 1 << 29);
    talk_put_text(&w, "", 0);
    talk_end(&w, 0);
    message_write(&w, NULL, 0);
    message_read(&answer);
    free(answer);
}

/* The result comes back as malloc'ed bytes here too: that is what whoever speaks to it by hand wants. */
static void by_hand(const uint8_t *input, size_t n)
{
    static uint64_t job;
    uint8_t head[256], *answer;
    struct talk_writer w = { .bytes = head, .room = sizeof head };
    struct talk_message m;
    talk_begin(&w, TALK_RUN, 6);
    talk_put_uint(&w, ++job);
    talk_put_text(&w, "00", 2);
    talk_put_text(&w, "", 0);
    talk_put_nil(&w);
    talk_put_bin(&w, (uint32_t)n);
    talk_end(&w, n);
    message_write(&w, input, n);
    size_t bytes = message_read(&answer);
    if (!talk_message_read(&m, answer, bytes) || m.bytes_n != n) exit(1);
    uint8_t *result = malloc(m.bytes_n);
    memcpy(result, m.bytes, m.bytes_n);
    free(answer);
    free(result);
}

static void as_handler(struct handler *h, const uint8_t *bytes, size_t n)
{
    static const struct handler_watch unwatched;
    struct handler_output out;
    struct handler_input in = { .task = "00", .circuit = "any", .bytes = bytes, .size = n };
    if (handler_run(h, &in, &unwatched, &out) != PV_OK || out.size != n) {
        fprintf(stderr, "%s\n", out.text);
        exit(1);
    }
    free(out.bytes);
}

static void handler_make(struct handler_program *x, struct program_place *place, const char *command, const char *rest)
{
    char path[128], why[PROGRAM_WHY_BYTES];
    snprintf(path, sizeof path, "%s/bench.yaml", folder);
    FILE *f = fopen(path, "w");
    if (!f) exit(1);
    fprintf(f, "mode: persistent\ncommand: [%s]\nresult_max: 512M\nnice: 0\n%s%s", command, rest,
            geteuid() ? "" : "run_as: nobody\n");
    fclose(f);
    x->place = place;
    if (program_config_read(&x->program, "bench", path, why) == PV_OK && program_check(&x->program, why) == PV_OK)
        return;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void print(const char *way, double *us, size_t rounds, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < rounds; i++) sum += us[i];
    qsort(us, rounds, sizeof *us, by_size);
    printf(
        "{\"way\": \"%s\", \"rounds\": %zu, \"bytes\": %zu, \"least_us\": %.1f, \"median_us\": %.1f, \"p95_us\": %.1f, "
        "\"mean_us\": %.1f}\n",
        way, rounds, n, us[0], us[rounds / 2], us[rounds * 95 / 100], sum / (double)rounds);
}

static void file_copy(char to_path[128], const char *name, const char *from_path)
{
    char command[600];
    snprintf(to_path, 128, "%s/%s", folder, name);
    snprintf(command, sizeof command, "cp '%s' '%s' && chmod 755 '%s' '%s'", from_path, to_path, folder, to_path);
    if (system(command)) exit(1);
}

int main(int argc, char **argv)
{
    static const char *const ways[WAYS] = { "by hand", "namespaces", "none", "a shared object",
                                            "namespaces, input: file" };
    static const char *const rest[WAYS] = { "", "sandbox: namespaces\n", "sandbox: none\n", "sandbox: namespaces\n",
                                            "sandbox: namespaces\ninput: file\n" };
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000, n = argc > 2 ? strtoul(argv[2], NULL, 10) : 1024;
    unsigned ways_n = n <= 4096 ? WAYS : WAYS - 1; /* ill_resident reads no longer file */
    struct program_place place = { .work_fd = -1 };
    struct handler_program x[WAYS] = { 0 };
    struct handler_resident r[WAYS] = { 0 };
    struct handler h[WAYS] = { 0 };
    struct prove_error err;
    char program[128], host[128], object[128], ill[160], loaded[300];
    if (!rounds || rounds > ROUNDS_MOST || !n) return 2;
    temp_dir_make(folder);
    file_copy(program, "ill_resident", PV_ILL_RESIDENT_PATH);
    file_copy(host, "provost-host", PV_HOST_PATH);
    file_copy(object, "ill_object.so", PV_ILL_OBJECT_PATH);
    snprintf(ill, sizeof ill, "%s, good", program);
    snprintf(loaded, sizeof loaded, "%s, %s", host, object);
    if (program_place_open(&place, "", &err) != PV_OK) return fprintf(stderr, "%s\n", err.text), 1;
    place.launcher = strdup(PV_LAUNCH_PATH);
    by_hand_start(program);
    for (unsigned i = 1; i < ways_n; i++) {
        handler_make(&x[i], &place, i == 3 ? loaded : ill, rest[i]);
        r[i].x = &x[i];
        h[i] = handler_resident(&r[i]);
        if (resident_pool_new(&r[i].pool, &x[i]) != PV_OK) return 1;
    }
    uint8_t *bytes = malloc(n);
    memset(bytes, 'x', n);
    for (unsigned i = 1; i < ways_n; i++) as_handler(&h[i], bytes, n);
    for (size_t k = 0; k < rounds; k++)
        for (unsigned i = 0; i < ways_n; i++) {
            double since = now_us();
            if (i)
                as_handler(&h[i], bytes, n);
            else
                by_hand(bytes, n);
            took[i][k] = now_us() - since;
        }
    for (unsigned i = 0; i < ways_n; i++) print(ways[i], took[i], rounds, n);
    close(to);
    close(from);
    (void)waitpid(hand, NULL, 0);
    for (unsigned i = 1; i < ways_n; i++) {
        resident_pool_destroy(&r[i].pool);
        program_config_clear(&x[i].program);
    }
    program_place_close(&place);
    temp_dir_remove(folder);
    free(bytes);
    return 0;
}
