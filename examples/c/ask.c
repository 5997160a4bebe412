/* A question in plain English through the C API: write a CSV, import it, ask, print the answer's
 * document.
 *
 *     cc ask.c $(pkg-config --cflags --libs marrow) -o ask && ./ask /tmp/example */
#include <marrow.h>
#include <stdio.h>
#include <stdlib.h>

static void fail(const struct marrow_error *error)
{
    fprintf(stderr, "%s: %s\n", marrow_code_name(error->code), error->message);
    if (error->hint[0] != '\0')
        fprintf(stderr, "  %s\n", error->hint);
    exit(1);
}

static void write_csv(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs("patient_id,sex,hba1c\n1,female,5.4\n2,male,7.9\n3,female,8.25\n"
                              "4,male,\n5,female,6.1\n",
                              file) < 0 ||
        fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : ".";
    char csv[1024], store_path[1024], *text = NULL;
    struct marrow_error error;
    struct marrow_store *store = NULL;
    snprintf(csv, sizeof csv, "%s/patients.csv", directory);
    snprintf(store_path, sizeof store_path, "%s/store", directory);
    write_csv(csv);

    struct marrow_options options = {
        .size = sizeof options, .directory = store_path, .create = 1};
    struct marrow_import_options import = {.size = sizeof import, .name = "study"};
    const char *const paths[] = {csv};
    if (marrow_open(&options, &store, &error) != MARROW_OK ||
        marrow_import(store, paths, 1, &import, &text, &error) != MARROW_OK)
        fail(&error);
    marrow_free(text);

    if (marrow_ask(store, "study", "how many women have hba1c over 6?", NULL, &text, &error) !=
        MARROW_OK)
        fail(&error);
    puts(text);
    marrow_free(text);
    marrow_close(store);
    return 0;
}
