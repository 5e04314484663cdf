/* libcuda.so.1 for a drill, found by LD_LIBRARY_PATH: the process that opens it writes its number to the file FAKE_CUDA_OPENED, and finds nothing in it.
 * CUDA's runtime opens its driver at its first call, whatever that is. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void opened(void)
{
    const char *path = getenv("FAKE_CUDA_OPENED");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    dprintf(fd, "%ld\n", (long)getpid());
    close(fd);
}
