/* A handler that is a shared object and does as a task's input tells it. */
#include "provost_handler.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned tasks;

static size_t circuits(void *self, const char **names, size_t most)
{
    if (most) names[0] = "any";
    return 1;
}

static uint64_t need(void *self, const char *circuit)
{
    return 1234;
}

static void *speak(void *task)
{
    const struct provost_task *t = task;
    for (int i = 0; i < 100; i++) t->progress(t->host, (unsigned)i, "thread");
    return NULL;
}

static int told(const struct provost_task *t, const char *what)
{
    pthread_t threads[4];
    if (!strcmp(what, "crash")) abort();
    if (!strcmp(what, "exit")) exit(0);
    if (!strcmp(what, "print")) printf("this is not for stdout\n"), fflush(stdout);
    if (!strcmp(what, "read") && read(0, &threads, 1) != 0) return PROVOST_HANDLER_PERMANENT;
    if (!strcmp(what, "threads")) {
        for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, speak, (void *)t);
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    }
    while (!strcmp(what, "hang")) pause();
    while (!strcmp(what, "wait") && !t->stopped(t->host)) usleep(10000);
    if (!strcmp(what, "none")) return PROVOST_HANDLER_OK;
    if (!strcmp(what, "odd")) return 77;
    if (!strcmp(what, "permanent")) t->why(t->host, "the input is no witness");
    if (!strcmp(what, "permanent")) return PROVOST_HANDLER_PERMANENT;
    if (!strcmp(what, "two")) t->result(t->host, "first", 5);
    if (!strcmp(what, "large")) return t->result(t->host, t, (size_t)1 << 40);
    return -1;
}

static int run(void *self, const struct provost_task *t)
{
    char what[32] = "", count[32];
    if (t->input_bytes < sizeof what) memcpy(what, t->input, t->input_bytes);
    tasks++;
    int code = told(t, what);
    if (code >= 0) return code;
    if (!strcmp(what, "count")) return t->result(t->host, count, (size_t)snprintf(count, sizeof count, "%u", tasks));
    return t->result(t->host, t->input, t->input_bytes);
}

const struct provost_handler provost_handler = { .version = PROVOST_HANDLER_VERSION,
                                                 .bytes = sizeof(struct provost_handler),
                                                 .software = "ill object 1.0",
                                                 .circuits = circuits,
                                                 .need = need,
                                                 .run = run };
