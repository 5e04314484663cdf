#include "program_scene.h"

#include "program_check.h"
#include "program_config.h"
#include "program_place.h"
#include "temp_dir.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/stat.h>

#include <cmocka.h>

static void file_copy(const char *to, const char *from)
{
    char bytes[4096];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    for (size_t n; in && out && (n = fread(bytes, 1, sizeof bytes, in));) fwrite(bytes, 1, n, out);
    if (!in || !out || fclose(out) || chmod(to, 0755)) fail_msg("%s to %s", from, to);
    fclose(in);
}

int program_scene_set_up(void **state)
{
    struct program_scene *s = calloc(1, sizeof *s);
    char work[96];
    struct prove_error err;
    temp_dir_make(s->folder);
    chmod(s->folder, 0755); /* whoever the program runs as has to get at it */
    snprintf(s->ill, sizeof s->ill, "%s/ill_behaved", s->folder);
    file_copy(s->ill, PV_ILL_PATH);
    snprintf(s->file, sizeof s->file, "%s/tried.yaml", s->folder);
    snprintf(work, sizeof work, "%s/work", s->folder);
    if (program_place_open(&s->place, work, &err) != PV_OK) fail_msg("%s", err.text);
    const char *other = getenv("PV_LAUNCHER"); /* one that was changed, to see a test fail */
    s->place.launcher = strdup(other ? other : PV_LAUNCH_PATH);
    *state = s;
    return 0;
}

static void forget(struct program_scene *s)
{
    program_config_clear(&s->x.program);
    free(s->out.bytes);
    s->out = (struct handler_output){ 0 };
}

int program_scene_tear_down(void **state)
{
    struct program_scene *s = *state;
    forget(s);
    program_place_close(&s->place);
    temp_dir_remove(s->folder);
    free(s);
    return 0;
}

static void text_write(FILE *out, const char *text, const char *ill)
{
    bool users = strstr(text, "run_as:");
    for (const char *at; (at = strstr(text, "%ILL")); text = at + 4)
        fprintf(out, "%.*s%s", (int)(at - text), text, ill);
    fputs(text, out);
    if (!users && !geteuid()) fputs("run_as: nobody\n", out);
}

pv_status program_scene_read(struct program_scene *s, const char *text)
{
    FILE *out = fopen(s->file, "w");
    text_write(out, text, s->ill);
    fclose(out);
    forget(s);
    s->x.place = &s->place;
    pv_status status = program_config_read(&s->x.program, "tried", s->file, s->why);
    if (status == PV_OK) status = program_check(&s->x.program, s->why);
    s->handler = handler_program(&s->x);
    return status;
}

pv_status program_scene_run(struct program_scene *s, const char *text, const void *input, size_t bytes,
                            const struct handler_watch *watch)
{
    static const struct handler_watch unwatched;
    struct handler_input in = {
        .task = "00112233445566778899aabbccddeeff", .circuit = "member", .bytes = input, .size = bytes
    };
    if (program_scene_read(s, text) != PV_OK) fail_msg("%s", s->why);
    return handler_run(&s->handler, &in, watch ? watch : &unwatched, &s->out);
}

unsigned program_scene_left(const struct program_scene *s)
{
    unsigned n = 0;
    DIR *d = opendir(s->place.work);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

/* Of its stat line, behind the name, which may hold anything. */
static bool is_child(const char *pid)
{
    char path[300], line[512] = "";
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *in = fopen(path, "r");
    if (in && !fgets(line, sizeof line, in)) *line = 0;
    if (in) fclose(in);
    const char *behind = strrchr(line, ')');
    return behind && sscanf(behind, ") %*c %d", &parent) == 1 && parent == getpid();
}

unsigned program_scene_processes(const struct program_scene *s)
{
    unsigned n = 0;
    char path[300], exe[PATH_MAX];
    const char *mine = strrchr(s->folder, '/');
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        if (*e->d_name < '1' || *e->d_name > '9') continue;
        snprintf(path, sizeof path, "/proc/%s/exe", e->d_name);
        ssize_t bytes = readlink(path, exe, sizeof exe - 1);
        exe[bytes > 0 ? bytes : 0] = 0;
        n += is_child(e->d_name) || strstr(exe, mine);
    }
    if (d) closedir(d);
    return n;
}
