/** Whether this machine's driver and card can run the kernels, as a sentence: a pure function of what CUDA says, so that it is
 *  tested without either. Header only: whoever links the kernels by hand (tests/gpu) needs no more files.
 */
#ifndef PV_GPU_CARD_H
#define PV_GPU_CARD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/** What is known of them; zero where it is not. */
struct gpu_card {
    int driver;          /* CUDA of the driver: 12020 is 12.2; 0: there is no driver */
    int runtime;         /* CUDA of this program */
    const char *release; /* of the driver, such as 535.183.01; NULL or "": unknown */
    bool too_old;        /* CUDA calls the driver insufficient */
    const char *error;   /* CUDA's words for another failure; NULL: none */
    int device, devices; /* the one that is wanted, of how many */
    const char *name;    /* the card's; NULL while no card was asked */
    int major, minor;    /* its compute capability */
    int oldest;          /* the lowest one that this program has kernels for: 80 is 8.0 */
};

/* The first release with each CUDA; a driver runs programs of its own major version and older. */
static inline const char *gpu_card_release_needed(int runtime)
{
    switch (runtime / 1000) {
    case 11: return "450";
    case 12: return "525";
    case 13: return "580";
    default: return NULL;
    }
}

static inline int gpu_card_major_of(int cuda)
{
    return cuda / 1000;
}

static inline int gpu_card_minor_of(int cuda)
{
    return cuda % 1000 / 10;
}

/* What to do about it, after a sentence. */
static inline void gpu_card_install(char *why, size_t why_bytes, int runtime)
{
    const char *release = gpu_card_release_needed(runtime);
    size_t n = strlen(why);
    if (release) snprintf(why + n, why_bytes - n, ": install driver release %s or later", release);
}

static inline bool gpu_card_no_driver(const struct gpu_card *c, char *why, size_t why_bytes)
{
    snprintf(why, why_bytes, "no NVIDIA driver here, and one with CUDA %d.%d is needed", gpu_card_major_of(c->runtime),
             gpu_card_minor_of(c->runtime));
    gpu_card_install(why, why_bytes, c->runtime);
    return false;
}

static inline bool gpu_card_old_driver(const struct gpu_card *c, char *why, size_t why_bytes)
{
    bool known = c->release && *c->release;
    snprintf(why, why_bytes, "driver %s%shas CUDA %d.%d, but %d.%d is needed", known ? c->release : "",
             known ? " " : "", gpu_card_major_of(c->driver), gpu_card_minor_of(c->driver),
             gpu_card_major_of(c->runtime), gpu_card_minor_of(c->runtime));
    gpu_card_install(why, why_bytes, c->runtime);
    return false;
}

static inline bool gpu_card_old_card(const struct gpu_card *c, char *why, size_t why_bytes)
{
    enum { KERNELS_NEED = 80 }; /* asynchronous copies, and sums over a warp in one instruction */
    snprintf(why, why_bytes, "%.63s has compute capability %d.%d, but %s %d.%d", c->name, c->major, c->minor,
             c->oldest > KERNELS_NEED ? "this program was built for" : "the kernels need", c->oldest / 10,
             c->oldest % 10);
    size_t n = strlen(why);
    int card = c->major * 10 + c->minor;
    if (c->oldest > KERNELS_NEED) snprintf(why + n, why_bytes - n, " and later");
    n = strlen(why);
    if (c->oldest > KERNELS_NEED && card >= KERNELS_NEED)
        snprintf(why + n, why_bytes - n, ": build it with PV_CUDA_ARCHITECTURES=%d", card);
    return false;
}

/** True: usable, and why is untouched. False: why (why_bytes > 0) has the sentence. */
static inline bool gpu_card_usable(const struct gpu_card *c, char *why, size_t why_bytes)
{
    bool older = c->driver < c->runtime;
    if (!c->driver) return gpu_card_no_driver(c, why, why_bytes);
    if (older && (c->too_old || gpu_card_major_of(c->driver) < gpu_card_major_of(c->runtime)))
        return gpu_card_old_driver(c, why, why_bytes);
    if (c->error) return snprintf(why, why_bytes, "no usable GPU: %s", c->error), false;
    if (!c->devices) return snprintf(why, why_bytes, "the driver shows no GPU: is CUDA_VISIBLE_DEVICES empty?"), false;
    if (c->device < 0 || c->device >= c->devices) {
        snprintf(why, why_bytes, "there is no GPU %d: the machine has %d", c->device, c->devices);
        return false;
    }
    return !c->name || c->major * 10 + c->minor >= c->oldest || gpu_card_old_card(c, why, why_bytes);
}

/** The release of the driver that is loaded, from a file of one line (GPU_CARD_RELEASE); "" when it cannot be read. */
#define GPU_CARD_RELEASE "/sys/module/nvidia/version"
static inline const char *gpu_card_release(char to[32], const char *path)
{
    FILE *in = fopen(path, "re");
    to[0] = 0;
    if (!in) return to;
    if (!fgets(to, 32, in)) to[0] = 0;
    fclose(in);
    to[strcspn(to, "\n")] = 0;
    return to;
}
#endif
