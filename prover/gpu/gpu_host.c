#include "gpu_host.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The first word of a device's file, such as 0x10de; 0 when it cannot be read. */
static unsigned long word_of(const char *root, const char *device, const char *file)
{
    char path[PATH_MAX], line[32] = "";
    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/%s", root, device, file);
    FILE *in = fopen(path, "re");
    if (!in) return 0;
    bool read = fgets(line, sizeof line, in);
    fclose(in);
    return read ? strtoul(line, NULL, 16) : 0;
}

/* Display controllers: a graphics card, or one without an outlet (3D controller). Its sound device is none. */
static bool is_card(const char *root, const char *device)
{
    return word_of(root, device, "vendor") == 0x10de && word_of(root, device, "class") >> 16 == 0x03;
}

bool gpu_host_has_card(const char *root)
{
    char path[PATH_MAX];
    bool found = false;
    snprintf(path, sizeof path, "%s/bus/pci/devices", root);
    DIR *devices = opendir(path);
    if (!devices) return false;
    for (struct dirent *e; !found && (e = readdir(devices));) found = e->d_name[0] != '.' && is_card(root, e->d_name);
    closedir(devices);
    return found;
}

void gpu_host_environment(const char *state)
{
    char path[PATH_MAX];
    setenv("CUDA_MODULE_LOADING", "EAGER", 0);
    if (!*state || getenv("CUDA_CACHE_PATH")) return;
    int n = snprintf(path, sizeof path, "%s/cuda-cache", state);
    if (n < 0 || (size_t)n >= sizeof path) return;
    (void)mkdir(path, 0700); /* there already, or the driver goes without */
    setenv("CUDA_CACHE_PATH", path, 0);
}
