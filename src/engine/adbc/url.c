/* adbc:PATH?entrypoint=NAME&dialect=D&substrait=yes&option=value… All but the three first are the
 * driver's own options; names and values are percent-decoded, a '+' stays a '+'. */
#include <string.h>

#include "engine/adbc/adbc_priv.h"

#define OPTIONS_MOST 64

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL: ill-formed, a zero byte, or no memory. */
static const char *decode(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t length = 0;
    for (size_t idx = 0; out != NULL && idx < text.len; idx++) {
        char c = text.ptr[idx];
        if (c == '%') {
            int high = idx + 2 < text.len ? hex_digit(text.ptr[idx + 1]) : -1;
            int low = idx + 2 < text.len ? hex_digit(text.ptr[idx + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                return NULL;
            c = (char)(high * 16 + low);
            idx += 2;
        }
        out[length++] = c;
    }
    return out;
}

static const char *known_dialect(const char *name)
{
    static const char *const names[] = {"duckdb", "postgresql", "datafusion", "trino"};
    for (size_t idx = 0; idx < sizeof names / sizeof *names; idx++)
        if (strcmp(names[idx], name) == 0)
            return names[idx];
    return NULL;
}

static enum err_code take(struct str part, struct arena *arena, struct adbc_url *ret,
                          struct err *err)
{
    const char *equals = memchr(part.ptr, '=', part.len);
    struct str name = {part.ptr, equals != NULL ? (size_t)(equals - part.ptr) : part.len};
    struct str rest = {name.ptr + name.len, part.len - name.len};
    if (rest.len > 0)
        rest = (struct str){rest.ptr + 1, rest.len - 1};
    struct adbc_option option = {decode(name, arena), decode(rest, arena)};
    if (arena_failed(arena))
        return err_set(err, ERR_MEMORY, "no memory for an engine's URL");
    if (option.name == NULL || option.value == NULL || option.name[0] == '\0')
        return err_set(err, ERR_USAGE, "option %zu of the engine's URL is ill-formed",
                       ret->option_count + 1);
    if (strcmp(option.name, "entrypoint") == 0) {
        ret->entry_point = option.value;
    } else if (strcmp(option.name, "dialect") == 0) {
        ret->dialect = known_dialect(option.value);
        if (ret->dialect == NULL) {
            err_set(err, ERR_USAGE, "the engine's URL names a dialect that is not known");
            return err_hint(err, "there are duckdb, postgresql, datafusion and trino");
        }
    } else if (strcmp(option.name, "substrait") == 0) {
        ret->takes_substrait = strcmp(option.value, "yes") == 0;
        ret->says_substrait = true;
        if (!ret->takes_substrait && strcmp(option.value, "no") != 0)
            return err_set(err, ERR_USAGE, "the engine's URL says substrait= other than yes or no");
    } else if (ret->option_count == OPTIONS_MOST) {
        return err_set(err, ERR_LIMIT, "the engine's URL has more than %d options", OPTIONS_MOST);
    } else {
        ret->options[ret->option_count++] = option;
    }
    return ERR_OK;
}

enum err_code adbc_url_parse(const char *url, struct arena *arena, struct adbc_url *ret,
                             struct err *err)
{
    const char *path = strchr(url, ':') + 1; /* the scheme was read */
    size_t length = strcspn(path, "?");
    *ret = (struct adbc_url){.dialect = "duckdb"};
    ret->path = decode((struct str){path, length}, arena);
    ret->options = arena_array(arena, OPTIONS_MOST, sizeof *ret->options);
    if (arena_failed(arena))
        return err_set(err, ERR_MEMORY, "no memory for an engine's URL");
    if (ret->path == NULL || ret->path[0] == '\0' ||
        (ret->path[0] != '/' && strchr(ret->path, '/') != NULL)) {
        err_set(err, ERR_USAGE, "an adbc URL begins with the driver's file");
        return err_hint(err,
                        "give its absolute path, or the name of a library that the system finds: "
                        "adbc:/opt/libadbc_driver_x.so?dialect=postgresql");
    }
    for (path += length; *path != '\0'; path += length) {
        path++;
        length = strcspn(path, "&");
        if (length > 0)
            TRY(take((struct str){path, length}, arena, ret, err));
    }
    if (!ret->says_substrait)
        ret->takes_substrait = strcmp(ret->dialect, "datafusion") == 0;
    return ERR_OK;
}

const char *adbc_url_entry_point(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (strncmp(name, "lib", 3) == 0)
        name += 3;
    size_t length = strcspn(name, "."), used = 0;
    char *camel = arena_alloc(arena, length + 1);
    for (size_t idx = 0; camel != NULL && idx < length; idx++) {
        bool starts = idx == 0 || name[idx - 1] == '_' || name[idx - 1] == '-';
        char c = name[idx];
        if (c != '_' && c != '-')
            camel[used++] = (char)(starts && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    if (camel == NULL)
        return NULL;
    return arena_printf(arena, "%s%sInit", strncmp(camel, "Adbc", 4) == 0 ? "" : "Adbc", camel);
}

bool adbc_url_is_told(const struct adbc_url *url, const char *text)
{
    for (size_t idx = 0; idx < url->option_count; idx++) {
        const char *value = url->options[idx].value, *scheme = strstr(value, "://");
        if (strlen(value) >= 3 && strstr(text, value) != NULL)
            return true;
        const char *at = scheme != NULL ? strchr(scheme + 3, '@') : NULL;
        const char *colon = at != NULL ? memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) : NULL;
        if (colon != NULL && at - colon > 1 &&
            memmem(text, strlen(text), colon + 1, (size_t)(at - colon - 1)) != NULL)
            return true;
    }
    return false;
}
