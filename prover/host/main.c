/* provost-host: loads a handler that is a shared object (provost_handler.h), and speaks for it with the node (talk_words.h). The node
 * starts it through provost-launch, as any program that stays. It is not meant to be called by hand.
 *
 *      provost-host OBJECT.so */
#include "host_node.h"
#include "host_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the object says of its task, until run returns. */
struct task {
    struct host_node *node;
    uint64_t job, result_max;
    uint8_t *result;
    size_t result_n;
    bool given;
    char why[TALK_TEXT_MAX];
};

static size_t clipped(const char *text, size_t most)
{
    size_t n = strlen(text);
    return n < most ? n : most;
}

/* --- what a task may call --- */

static int stopped(void *host)
{
    return host_node_stopped(((const struct task *)host)->node);
}

static void progress(void *host, unsigned percent, const char *phase)
{
    const struct task *t = host;
    uint8_t bytes[128];
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    talk_begin(&w, TALK_PROGRESS, 4);
    talk_put_uint(&w, t->job);
    talk_put_uint(&w, percent > 100 ? 100 : percent);
    talk_put_text(&w, phase, clipped(phase, TALK_NAME_MAX));
    (void)host_node_say(t->node, &w, NULL, 0);
}

static void say_why(void *host, const char *text)
{
    struct task *t = host;
    snprintf(t->why, sizeof t->why, "%s", text);
}

static int result(void *host, const void *bytes, size_t n)
{
    struct task *t = host;
    bool second = t->given, fits = n && n <= t->result_max;
    t->given = true;
    uint8_t *copy = second || !fits ? NULL : malloc(n);
    if (copy) {
        memcpy(copy, bytes, n);
        t->result = copy;
        t->result_n = n;
        return PROVOST_HANDLER_OK;
    }
    say_why(t, second ? "it gave two results"
               : !n   ? "its result is empty"
               : fits ? "no memory for its result"
                      : "its result is longer than result_max allows");
    free(t->result);
    t->result = NULL;
    return PROVOST_HANDLER_RETRYABLE;
}

/* --- a task --- */

static bool failure_say(struct task *t, int code)
{
    static const uint8_t kinds[] = { [PROVOST_HANDLER_OK] = TALK_RETRYABLE, /* without a result */
                                     [PROVOST_HANDLER_RETRYABLE] = TALK_RETRYABLE,
                                     [PROVOST_HANDLER_PERMANENT] = TALK_PERMANENT,
                                     [PROVOST_HANDLER_RESOURCES] = TALK_RESOURCES };
    uint8_t bytes[TALK_TEXT_MAX + 64];
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    if (!*t->why) say_why(t, code == PROVOST_HANDLER_OK ? "it gave no result" : "it failed, and did not say why");
    talk_begin(&w, TALK_FAILURE, 4);
    talk_put_uint(&w, t->job);
    talk_put_uint(&w, code >= 0 && code <= PROVOST_HANDLER_RESOURCES ? kinds[code] : TALK_RETRYABLE);
    talk_put_text(&w, t->why, strlen(t->why));
    return host_node_say(t->node, &w, NULL, 0);
}

static bool result_say(const struct task *t)
{
    uint8_t bytes[32];
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    talk_begin(&w, TALK_RESULT, 3);
    talk_put_uint(&w, t->job);
    talk_put_bin(&w, (uint32_t)t->result_n);
    return host_node_say(t->node, &w, t->result, t->result_n);
}

static bool job_run(const struct host_object *o, struct host_node *node, const struct host_job *j, uint64_t result_max)
{
    struct task t = { .node = node, .job = j->job, .result_max = result_max };
    const struct provost_task task = { .task = j->task,
                                       .circuit = j->circuit,
                                       .input = j->input,
                                       .input_bytes = j->input_bytes,
                                       .host = &t,
                                       .stopped = stopped,
                                       .progress = progress,
                                       .result = result,
                                       .why = say_why };
    int code = o->handler.run(o->self, &task);
    bool said = code == PROVOST_HANDLER_OK && t.result ? result_say(&t) : failure_say(&t, code);
    free(t.result);
    explicit_bzero(j->input, j->input_bytes);
    free(j->block);
    return said;
}

/* --- its start --- */

static int refuse(struct host_node *node, const char *why)
{
    uint8_t bytes[HOST_WHY_BYTES + 64];
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    talk_begin(&w, TALK_REFUSED, 2);
    talk_put_text(&w, why, strlen(why));
    (void)host_node_say(node, &w, NULL, 0);
    return 1;
}

static bool ready_say(const struct host_object *o, struct host_node *node)
{
    static const char *names[TALK_CIRCUITS_MAX];
    static uint8_t bytes[TALK_BESIDES];
    const char *software = o->handler.software ? o->handler.software : "";
    struct talk_writer w = { .bytes = bytes, .room = sizeof bytes };
    size_t n = o->handler.circuits ? o->handler.circuits(o->self, names, TALK_CIRCUITS_MAX) : 0;
    if (n > TALK_CIRCUITS_MAX) n = TALK_CIRCUITS_MAX;
    talk_begin(&w, TALK_READY, 4);
    talk_put_uint(&w, TALK_VERSION);
    talk_put_text(&w, software, clipped(software, 128));
    talk_put_array(&w, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        talk_put_array(&w, 2);
        talk_put_text(&w, names[i], clipped(names[i], TALK_TEXT_MAX));
        talk_put_uint(&w, o->handler.need ? o->handler.need(o->self, names[i]) : 0);
    }
    return host_node_say(node, &w, NULL, 0);
}

static char *text_of(const char *text, size_t n)
{
    char *copy = strndup(text ? text : "", n);
    return copy ? copy : (exit(10), NULL);
}

int main(int argc, char **argv)
{
    struct talk_message hello;
    struct host_object o;
    struct host_job job;
    char why[HOST_WHY_BYTES];
    struct host_node *node = argc == 2 ? host_node_open(&hello) : NULL;
    if (!node) {
        fprintf(stderr, "provost-host: started by a node, not by hand\n");
        return 2;
    }
    struct provost_opening opening = { .handler = text_of(hello.name, hello.name_n),
                                       .options = text_of(hello.text, hello.text_n),
                                       .instance = (unsigned)hello.instance,
                                       .result_max = hello.result_max };
    if (!host_object_load(&o, argv[1], why) || !host_object_open(&o, &opening, why)) return refuse(node, why);
    if (!ready_say(&o, node) || !host_node_listen(node)) return 1;
    while (host_node_job(node, &job) && job_run(&o, node, &job, opening.result_max)) {
    }
    host_object_close(&o);
    return 0;
}
