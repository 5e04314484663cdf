/* What a node adds to a program: the same program on the same input by hand (posix_spawn, files as stdin and stdout, the result read) and
 * as a handler, in turns. One JSON line for each way.
 *
 *      bench_program [ROUNDS [BYTES [RESIDENT_MIB [mapped]]]]
 *
 *  RESIDENT_MIB: memory of this process that is touched first, as of a large key: private memory, or with `mapped` a file in memory of at most
 *  1 GiB that is mapped as often as needed, so that a process of 20 GiB can be measured on a machine that has no room for them.
 */
#include "handler_program.h"

#include "program_check.h"
#include "program_config.h"
#include "program_place.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { ROUNDS_MOST = 20000 };

static double took[4][ROUNDS_MOST], cpu[4];
static char folder[64];

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Of this process, and of all that it waited for, which waited for their own. */
static double cpu_ms(void)
{
    double ms = 0;
    static const int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
    for (int i = 0; i < 2; i++) {
        struct rusage u;
        getrusage(whose[i], &u);
        ms += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
              (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-3;
    }
    return ms;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static uint64_t resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu %lu", &size, &pages) != 2) exit(1);
    fclose(f);
    return (uint64_t)pages * 4096;
}

/* The result comes back as malloc'ed bytes here too: that is what whoever runs it by hand wants. */
static void by_hand(const uint8_t *bytes, size_t n)
{
    char in[96], out[96];
    char *argv[] = { "cat", NULL }, *env[] = { NULL };
    pid_t pid;
    int status;
    posix_spawn_file_actions_t a;
    snprintf(in, sizeof in, "%s/in", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    FILE *f = fopen(in, "w");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) exit(1);
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_addopen(&a, 0, in, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&a, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (posix_spawn(&pid, "/bin/cat", &a, NULL, argv, env) || waitpid(pid, &status, 0) != pid || status) exit(1);
    posix_spawn_file_actions_destroy(&a);
    uint8_t *got = malloc(n);
    f = fopen(out, "r");
    if (!f || fread(got, 1, n, f) != n || memcmp(got, bytes, n)) exit(1);
    fclose(f);
    free(got);
    unlink(in);
    unlink(out);
}

static void as_handler(struct handler *h, const uint8_t *bytes, size_t n)
{
    static const struct handler_watch unwatched;
    struct handler_output out;
    struct handler_input in = { .task = "00", .circuit = "", .bytes = bytes, .size = n };
    if (handler_run(h, &in, &unwatched, &out) != PV_OK || out.size != n || memcmp(out.bytes, bytes, n)) {
        fprintf(stderr, "%s\n", out.text);
        exit(1);
    }
    free(out.bytes);
}

static void handler_make(struct handler_program *x, struct program_place *place, const char *name, const char *rest)
{
    char path[128], why[PROGRAM_WHY_BYTES];
    snprintf(path, sizeof path, "%s/%s.yaml", folder, name);
    FILE *f = fopen(path, "w");
    if (!f) exit(1);
    fprintf(f, "command: [/bin/cat]\ninput: stdin\nresult: stdout\nresult_max: 512M\nnice: 0\n%s%s", rest,
            geteuid() ? "" : "run_as: nobody\n");
    fclose(f);
    x->place = place;
    if (program_config_read(&x->program, name, path, why) == PV_OK && program_check(&x->program, why) == PV_OK) return;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void print(const char *way, double *ms, double cpu_sum, size_t rounds, size_t n, uint64_t key, uint64_t grown)
{
    double sum = 0;
    for (size_t i = 0; i < rounds; i++) sum += ms[i];
    qsort(ms, rounds, sizeof *ms, by_size);
    printf("{\"way\": \"%s\", \"rounds\": %zu, \"bytes\": %zu, \"resident_mib\": %" PRIu64
           ", \"least_ms\": %.3f, \"median_ms\": %.3f, "
           "\"p95_ms\": %.3f, \"mean_ms\": %.3f, \"cpu_ms\": %.3f, \"node_grown_kib\": %" PRIu64 "}\n",
           way, rounds, n, key >> 20, ms[0], ms[rounds / 2], ms[rounds * 95 / 100], sum / (double)rounds,
           cpu_sum / (double)rounds, grown >> 10);
}

enum { MAPPED_BYTES = 1 << 30 };

static void key_map(uint64_t bytes, bool mapped)
{
    int fd = mapped ? memfd_create("key", MFD_CLOEXEC) : -1;
    size_t once = mapped && bytes > MAPPED_BYTES ? MAPPED_BYTES : bytes;
    if (mapped && (fd < 0 || ftruncate(fd, (off_t)once))) exit(1);
    for (uint64_t done = 0; done < bytes; done += once) {
        void *at = mmap(NULL, once, PROT_READ | PROT_WRITE, mapped ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
        if (at == MAP_FAILED) exit(1);
        memset(at, 1, once);
    }
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 300, n = argc > 2 ? strtoul(argv[2], NULL, 10) : 1 << 20;
    uint64_t key = (argc > 3 ? strtoull(argv[3], NULL, 10) : 0) << 20;
    static const char *const ways[] = { "by hand", "namespaces", "namespaces, with the network", "none" };
    static const char *const rest[] = { "", "sandbox: namespaces\n", "sandbox: namespaces\nnetwork: yes\n",
                                        "sandbox: none\n" };
    struct program_place place = { .work_fd = -1 };
    struct handler_program x[4];
    struct handler h[4];
    struct prove_error err;
    if (!rounds || rounds > ROUNDS_MOST) return 2;
    temp_dir_make(folder);
    if (program_place_open(&place, "", &err) != PV_OK) return fprintf(stderr, "%s\n", err.text), 1;
    place.launcher = strdup(PV_LAUNCH_PATH);
    for (size_t i = 1; i < 4; i++) {
        handler_make(&x[i], &place, "bench", rest[i]);
        h[i] = handler_program(&x[i]);
    }
    uint8_t *bytes = malloc(n);
    memset(bytes, 'x', n);
    if (key) key_map(key, argc > 4 && !strcmp(argv[4], "mapped"));
    for (size_t i = 1; i < 4; i++) as_handler(&h[i], bytes, n);
    uint64_t before = resident();
    for (size_t r = 0; r < rounds; r++)
        for (size_t i = 0; i < 4; i++) {
            double from = now_ms(), cpu_from = cpu_ms();
            if (i)
                as_handler(&h[i], bytes, n);
            else
                by_hand(bytes, n);
            took[i][r] = now_ms() - from;
            cpu[i] += cpu_ms() - cpu_from;
        }
    uint64_t after = resident();
    for (size_t i = 0; i < 4; i++) print(ways[i], took[i], cpu[i], rounds, n, key, after > before ? after - before : 0);
    for (size_t i = 1; i < 4; i++) program_config_clear(&x[i].program);
    program_place_close(&place);
    temp_dir_remove(folder);
    free(bytes);
    return 0;
}
