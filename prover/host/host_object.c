#include "host_object.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* Those of version 1; what was added later may be missing. */
enum { BYTES_LEAST = offsetof(struct provost_handler, close) + sizeof(void (*)(void)) };

bool host_object_load(struct host_object *o, const char *path, char why[HOST_WHY_BYTES])
{
    *o = (struct host_object){ .loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL) };
    if (!o->loaded) {
        snprintf(why, HOST_WHY_BYTES, "it cannot be loaded: %.900s", dlerror());
        return false;
    }
    const struct provost_handler *h = dlsym(o->loaded, "provost_handler");
    if (!h) {
        snprintf(why, HOST_WHY_BYTES, "%.500s has no symbol provost_handler (see provost_handler.h)", path);
        return false;
    }
    if (h->version != PROVOST_HANDLER_VERSION) {
        snprintf(why, HOST_WHY_BYTES, "%.500s is of version %u of provost_handler.h, and this node takes version %d",
                 path, h->version, PROVOST_HANDLER_VERSION);
        return false;
    }
    if (h->bytes < BYTES_LEAST || !h->run) {
        snprintf(why, HOST_WHY_BYTES, "%.500s: its provost_handler %s", path,
                 h->bytes < BYTES_LEAST ? "is too short" : "has no run");
        return false;
    }
    memcpy(&o->handler, h, h->bytes < sizeof o->handler ? h->bytes : sizeof o->handler);
    return true;
}

static void refuse(void *host, const char *text)
{
    snprintf(host, HOST_WHY_BYTES, "%s", text);
}

bool host_object_open(struct host_object *o, struct provost_opening *opening, char why[HOST_WHY_BYTES])
{
    *why = 0;
    opening->host = why;
    opening->refuse = refuse;
    if (!o->handler.open || o->handler.open(&o->self, opening) == PROVOST_HANDLER_OK) return true;
    if (!*why) snprintf(why, HOST_WHY_BYTES, "its open failed, and did not say why");
    return false;
}

void host_object_close(struct host_object *o)
{
    if (o->handler.close) o->handler.close(o->self);
    if (o->loaded) dlclose(o->loaded);
    *o = (struct host_object){ 0 };
}
