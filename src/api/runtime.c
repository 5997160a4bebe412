/* The runtime profile: what work may take of the machine. Each setting is taken from the first
 * place that has it:
 *
 *     flag (--threads)  >  environment (MARROW_THREADS)  >  STORE/config.json  >
 * $XDG_CONFIG_HOME/marrow/config.json
 *
 * A file is {"runtime": {"threads": 4, "memory": "2GiB", "spill": "/scratch", "spill_limit":
 * "50GB", "speed": "redis://host"}}; sizes are texts or numbers of bytes. A word that is not known is an error, so that a
 * slip does not pass for a setting. */
#include "api/api_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum setting {
    SETTING_THREADS,
    SETTING_MEMORY,
    SETTING_SPILL,
    SETTING_SPILL_LIMIT,
    SETTING_SPEED,
    SETTING_COUNT
};
static const struct {
    const char *key, *variable;
} settings[SETTING_COUNT] = {[SETTING_THREADS] = {"threads", "MARROW_THREADS"},
                             [SETTING_MEMORY] = {"memory", "MARROW_MEMORY"},
                             [SETTING_SPILL] = {"spill", "MARROW_SPILL"},
                             [SETTING_SPILL_LIMIT] = {"spill_limit", "MARROW_SPILL_LIMIT"},
                             [SETTING_SPEED] = {"speed", "MARROW_SPEED"}};

static bool is_set(const struct api *api, enum setting setting)
{
    switch (setting) {
    case SETTING_THREADS:
        return api->options.threads > 0;
    case SETTING_MEMORY:
        return api->options.memory_bytes > 0;
    case SETTING_SPILL:
        return api->spill[0] != '\0';
    case SETTING_SPILL_LIMIT:
        return api->options.spill_bytes > 0;
    case SETTING_SPEED:
        return api->options.speed != NULL;
    case SETTING_COUNT:
        break;
    }
    return true;
}

/* False: the text is no value of the setting. */
static bool set(struct api *api, enum setting setting, const char *text)
{
    int64_t number = 0;
    switch (setting) {
    case SETTING_THREADS:
        return str_to_int64(str_of(text), &api->options.threads) && api->options.threads > 0;
    case SETTING_MEMORY:
        return str_to_bytes(str_of(text), &api->options.memory_bytes) &&
               api->options.memory_bytes > 0;
    case SETTING_SPILL:
        number = snprintf(api->spill, sizeof api->spill, "%s", text);
        return number > 0 && number < (int64_t)sizeof api->spill;
    case SETTING_SPILL_LIMIT:
        return str_to_bytes(str_of(text), &api->options.spill_bytes) &&
               api->options.spill_bytes > 0;
    case SETTING_SPEED:
        number = text != api->speed ? snprintf(api->speed, sizeof api->speed, "%s", text) : 1;
        api->options.speed = api->speed;
        return number > 0 && number < (int64_t)sizeof api->speed;
    case SETTING_COUNT:
        break;
    }
    return false;
}

static enum err_code from_environment(struct api *api, struct err *err)
{
    for (enum setting i = 0; i < SETTING_COUNT; i++) {
        const char *text = getenv(settings[i].variable);
        if (text == NULL || text[0] == '\0' || is_set(api, i))
            continue;
        if (!set(api, i, text))
            return err_set(err, ERR_USAGE, "%s: '%.100s' is no value for it", settings[i].variable,
                           i == SETTING_SPEED ? "…" : text); /* it may hold a password */
    }
    return ERR_OK;
}

static enum err_code check_words(const json_t *runtime, const char *path, struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)runtime, key, value)
    {
        bool known = false;
        for (enum setting i = 0; i < SETTING_COUNT; i++)
            known = known || strcmp(key, settings[i].key) == 0;
        if (known)
            continue;
        err_set(err, ERR_INPUT, "runtime: '%.100s' is no setting", key);
        (void)err_at(err, path, 0, 0);
        return err_hint(err, "the settings are threads, memory, spill, spill_limit, speed");
    }
    return ERR_OK;
}

static enum err_code from_file(struct api *api, const char *path, struct err *err)
{
    JSON_AUTO document = NULL;
    if (!file_exists(path))
        return ERR_OK;
    TRY(json_read_file(path, &document, err));
    const json_t *runtime = json_object_get(document, "runtime");
    TRY(check_words(runtime, path, err));
    for (enum setting i = 0; i < SETTING_COUNT; i++) {
        const json_t *value = json_object_get(runtime, settings[i].key);
        char digits[32];
        if (value == NULL || is_set(api, i))
            continue;
        (void)snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
        const char *text = json_is_string(value) ? json_string_value(value) : digits;
        if (set(api, i, text))
            continue;
        err_set(err, ERR_INPUT, "runtime.%s: '%.100s' is no value for it", settings[i].key, text);
        return err_at(err, path, 0, 0);
    }
    return ERR_OK;
}

/* $XDG_CONFIG_HOME/marrow/config.json, else ~/.config/marrow/config.json; "": nobody's. */
static void user_file(char ret[FILE_PATH_BYTES])
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    ret[0] = '\0';
    if (config != NULL && config[0] == '/')
        (void)snprintf(ret, FILE_PATH_BYTES, "%s/marrow/config.json", config);
    else if (home != NULL && home[0] == '/')
        (void)snprintf(ret, FILE_PATH_BYTES, "%s/.config/marrow/config.json", home);
}

enum err_code api_runtime_resolve(struct api *api, struct err *err)
{
    char path[FILE_PATH_BYTES];
    if (api->options.spill != NULL && !set(api, SETTING_SPILL, api->options.spill))
        return err_set(err, ERR_USAGE, "--spill: the path is too long, or empty");
    if (api->options.speed != NULL && !set(api, SETTING_SPEED, api->options.speed))
        return err_set(err, ERR_USAGE, "--speed: the URL is too long, or empty");
    TRY(from_environment(api, err));
    TRY(file_path_join(api->directory, "config.json", path, err));
    TRY(from_file(api, path, err));
    user_file(path);
    if (path[0] != '\0')
        TRY(from_file(api, path, err));
    return api->spill[0] != '\0' ? ERR_OK
                                 : file_path_join(api->directory, "tmp/spill", api->spill, err);
}
