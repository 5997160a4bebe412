/* URLs taken apart: enough of RFC 3986 for http and for engines' URLs. Nothing here quotes a URL in
 * a message, since a password may stand in it. */
#include <string.h>

#include "net/net_priv.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *net_decode(struct arena *arena, struct str text)
{
    char *decoded = arena_strndup(arena, text.len > 0 ? text.ptr : "", text.len);
    if (decoded == NULL)
        return NULL;
    size_t length = 0;
    for (size_t idx = 0; idx < text.len; idx++) {
        int high = text.ptr[idx] == '%' && idx + 2 < text.len ? hex_digit(text.ptr[idx + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.ptr[idx + 2]) : -1;
        char c = text.ptr[idx];
        if (low >= 0) {
            c = (char)(high * 16 + low);
            idx += 2;
        }
        if (c == '\0')
            return NULL;
        decoded[length++] = c;
    }
    decoded[length] = '\0';
    return decoded;
}

void net_encode(struct str text, struct buf *out)
{
    for (size_t idx = 0; idx < text.len; idx++) {
        unsigned char c = (unsigned char)text.ptr[idx];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            buf_putc(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

/* The parts of "scheme://authority/path?query#fragment" as written. */
struct parts {
    struct str scheme, user, password, host, port, path, query;
    bool has_user, has_password;
};

static void split_authority(struct str authority, struct parts *ret)
{
    const char *at = memrchr(authority.ptr, '@', authority.len);
    if (at != NULL) {
        struct str login = {authority.ptr, (size_t)(at - authority.ptr)};
        const char *colon = memchr(login.ptr, ':', login.len);
        ret->has_user = true;
        ret->has_password = colon != NULL;
        ret->user =
            (struct str){login.ptr, colon != NULL ? (size_t)(colon - login.ptr) : login.len};
        if (colon != NULL)
            ret->password = (struct str){colon + 1, (size_t)(login.ptr + login.len - colon - 1)};
        authority.len -= login.len + 1;
        authority.ptr = at + 1;
    }
    const char *bracket = memchr(authority.ptr, ']', authority.len);
    const char *from = bracket != NULL ? bracket : authority.ptr;
    const char *end = authority.ptr + authority.len;
    const char *colon = memchr(from, ':', (size_t)(end - from));
    ret->host =
        (struct str){authority.ptr, (size_t)((colon != NULL ? colon : end) - authority.ptr)};
    if (colon != NULL)
        ret->port = (struct str){colon + 1, (size_t)(end - colon - 1)};
}

static bool split(const char *text, struct parts *ret)
{
    *ret = (struct parts){0};
    const char *mark = strstr(text, "://");
    if (mark == NULL || mark == text || strlen(text) > NET_LIMIT_URL_BYTES)
        return false;
    ret->scheme = (struct str){text, (size_t)(mark - text)};
    const char *authority = mark + 3;
    size_t length = strcspn(authority, "/?#");
    split_authority((struct str){authority, length}, ret);
    const char *path = authority + length;
    ret->path = (struct str){path, strcspn(path, "?#")};
    const char *query = path + ret->path.len;
    if (*query == '?')
        ret->query = (struct str){query + 1, strcspn(query + 1, "#")};
    return ret->host.len > 0 && memchr(ret->scheme.ptr, '/', ret->scheme.len) == NULL;
}

static enum err_code read_parameters(struct arena *arena, struct str query, struct net_url *ret,
                                     struct err *err)
{
    size_t most = 1;
    for (size_t idx = 0; idx < query.len; idx++)
        most += query.ptr[idx] == '&';
    ret->parameters = arena_array(arena, most, sizeof *ret->parameters);
    while (query.len > 0) {
        const char *amp = memchr(query.ptr, '&', query.len);
        struct str part = {query.ptr, amp != NULL ? (size_t)(amp - query.ptr) : query.len};
        size_t used = part.len + (amp != NULL);
        query = (struct str){query.ptr + used, query.len - used};
        if (part.len == 0)
            continue;
        const char *equals = memchr(part.ptr, '=', part.len);
        size_t name = equals != NULL ? (size_t)(equals - part.ptr) : part.len;
        struct str value = {part.ptr + name, part.len - name};
        if (value.len > 0)
            value = (struct str){value.ptr + 1, value.len - 1};
        struct net_parameter parameter = {net_decode(arena, (struct str){part.ptr, name}),
                                          net_decode(arena, value)};
        if (arena_failed(arena))
            return err_set(err, ERR_MEMORY, "no memory to read a URL");
        if (parameter.name == NULL || parameter.value == NULL)
            return err_set(err, ERR_USAGE, "a URL holds a zero byte");
        ret->parameters[ret->parameter_count++] = parameter;
    }
    return ERR_OK;
}

enum err_code net_url_parse(struct arena *arena, const char *text, struct net_url *ret,
                            struct err *err)
{
    struct parts parts;
    *ret = (struct net_url){0};
    if (!split(text, &parts))
        return err_set(err, ERR_USAGE, "not a URL: SCHEME://HOST… is expected");
    int64_t port = 0;
    if (parts.port.len > 0 && (!str_to_int64(parts.port, &port) || port < 1 || port > 65535))
        return err_set(err, ERR_USAGE, "the URL's port is not a number from 1 to 65535");
    char *scheme = arena_strndup(arena, parts.scheme.ptr, parts.scheme.len);
    for (char *c = scheme; c != NULL && *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    ret->scheme = scheme;
    ret->port = (int)port;
    ret->host = net_decode(arena, parts.host);
    ret->path = arena_strndup(arena, parts.path.ptr, parts.path.len);
    ret->user = parts.has_user ? net_decode(arena, parts.user) : NULL;
    ret->password = parts.has_password ? net_decode(arena, parts.password) : NULL;
    if (arena_failed(arena))
        return err_set(err, ERR_MEMORY, "no memory to read a URL");
    if (ret->host == NULL || (parts.has_user && ret->user == NULL) ||
        (parts.has_password && ret->password == NULL))
        return err_set(err, ERR_USAGE, "a URL holds a zero byte");
    return read_parameters(arena, parts.query, ret, err);
}

const char *net_url_parameter(const struct net_url *url, const char *name, const char *fallback)
{
    for (size_t idx = 0; idx < url->parameter_count; idx++)
        if (strcmp(url->parameters[idx].name, name) == 0)
            return url->parameters[idx].value;
    return fallback;
}

static int64_t port_of(const struct parts *parts)
{
    int64_t port = 0;
    if (parts->port.len > 0 && str_to_int64(parts->port, &port))
        return port;
    return str_equal_nocase(parts->scheme, STR("https")) ? 443 : 80;
}

const char *net_host_of(const char *url, char ret[128])
{
    struct parts parts;
    struct buf text = {.limit = 127};
    if (split(url, &parts)) {
        buf_add_str(&text, parts.host);
        if (parts.port.len > 0)
            buf_printf(&text, ":%.*s", (int)parts.port.len, parts.port.ptr);
    }
    struct str host = text.failed || text.len == 0 ? STR("the server") : buf_view(&text);
    memcpy(ret, host.ptr, host.len);
    ret[host.len] = '\0';
    buf_done(&text);
    return ret;
}

bool net_same_origin(const char *a, const char *b)
{
    struct parts first, second;
    return split(a, &first) && split(b, &second) && str_equal_nocase(first.scheme, second.scheme) &&
           str_equal_nocase(first.host, second.host) && port_of(&first) == port_of(&second);
}
