/* Replays every file of the corpus directories (or files) named on the command line through
 * LLVMFuzzerTestOneInput. Used where libFuzzer is not built in. Reads with stdio on purpose: the
 * driver must not depend on the code it tests. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    (void)fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1);
    size_t count = bytes != NULL && size > 0 ? fread(bytes, 1, (size_t)size, file) : 0;
    (void)fclose(file);
    if (bytes == NULL)
        return -1;
    (void)LLVMFuzzerTestOneInput(bytes, count);
    free(bytes);
    return 0;
}

static long replay(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return 0;
    if (!S_ISDIR(info.st_mode))
        return replay_file(path) == 0 ? 1 : 0;
    DIR *directory = opendir(path);
    long replayed = 0;
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char child[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        replayed += replay(child);
    }
    if (directory != NULL)
        (void)closedir(directory);
    return replayed;
}

int main(int argc, char **argv)
{
    long replayed = 0;
    for (int i = 1; i < argc; i++)
        replayed += replay(argv[i]);
    printf("%ld inputs replayed\n", replayed);
    return replayed > 0 ? 0 : 1; /* an empty corpus is a mistake */
}
