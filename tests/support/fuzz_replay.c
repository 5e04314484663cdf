/* The main of a fuzz target without libFuzzer: feeds it every file named, or in a folder named, so that the corpus is
 * replayed by default with any compiler. With libFuzzer this file is left out. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static size_t fed;

static int feed_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    struct stat st;
    if (!in || fstat(fileno(in), &st)) return perror(path), 1;
    size_t bytes = (size_t)st.st_size;
    uint8_t *data = malloc(bytes ? bytes : 1); /* exactly as large as the input: a sanitizer sees one byte too many */
    if (!data || fread(data, 1, bytes, in) != bytes) return perror(path), 1;
    fclose(in);
    LLVMFuzzerTestOneInput(data, bytes);
    free(data);
    fed++;
    return 0;
}

static int feed(const char *path)
{
    char inside[4096];
    DIR *folder = opendir(path);
    if (!folder) return feed_file(path);
    int failed = 0;
    for (struct dirent *e; (e = readdir(folder));) {
        if (e->d_name[0] == '.') continue;
        snprintf(inside, sizeof inside, "%s/%s", path, e->d_name);
        failed |= feed(inside);
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) failed |= feed(argv[i]);
    printf("%zu inputs\n", fed);
    return failed || !fed;
}
