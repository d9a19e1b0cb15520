/*
 * Runs a fuzz target over files, for compilers without libFuzzer: the corpora and every input that
 * ever broke something are tests like others.
 *
 *     replay-NAME FILE-OR-DIRECTORY...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ran;

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    struct stat st;
    int r = -1;

    if (!f)
        return -1;
    if (fstat(fileno(f), &st) == 0) {
        size_t size = (size_t)st.st_size;

        data = malloc(size ? size : 1); /* ends where the input ends */
        if (data && fread(data, 1, size, f) == size) {
            LLVMFuzzerTestOneInput(data, size);
            ran++;
            r = 0;
        }
    }
    free(data);
    fclose(f);
    return r;
}

static int replay(const char *path)
{
    struct dirent *entry;
    char below[4096];
    DIR *dir = opendir(path);
    int r = 0;

    if (!dir)
        return replay_file(path);
    while (r == 0 && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) < (int)sizeof(below))
            r = replay(below);
    }
    closedir(dir);
    return r;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) < 0) {
            fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return 1;
        }
    }
    printf("%u inputs\n", ran);
    return ran > 0 ? 0 : 1;
}
