/* Aliases of a dataset: phrases to which a person gives a meaning, kept in dataset.json. Each is
 * looked at over the current version before it is kept: a column that is there, words that are
 * understood, no circle. The history keeps that it was done, its words masked as a question's
 * are. */
#include "api/question_priv.h"

#include <string.h>

#define LIMIT_PHRASE_BYTES 200
#define LIMIT_ALIASES 1000

struct edit {
    const char *phrase, *meaning; /* meaning NULL: it goes */
};

static enum err_code edit_aliases(void *user, json_t *dataset, struct err *err)
{
    const struct edit *edit = user;
    json_t *aliases = json_object_get(dataset, "aliases");
    if (!json_is_object(aliases)) {
        aliases = json_object();
        if (json_object_set_new(dataset, "aliases", aliases) != 0)
            return err_set(err, ERR_MEMORY, "no memory for an alias");
    }
    if (edit->meaning == NULL)
        return json_object_del(aliases, edit->phrase) == 0
                   ? ERR_OK
                   : err_set(err, ERR_NOT_FOUND, "there is no such alias any more");
    return json_object_set_new(aliases, edit->phrase, json_string(edit->meaning)) == 0
               ? ERR_OK
               : err_set(err, ERR_MEMORY, "no memory for an alias");
}

/* One blank between words, none at the ends, letters as they are. */
static enum err_code tidy(const char *text, const char *what, struct buf *ret, struct err *err)
{
    for (const char *p = text; *p != '\0'; p++) {
        bool blank = (unsigned char)*p <= ' ';
        if (!blank)
            buf_putc(ret, *p);
        else if (ret->len > 0 && ret->ptr[ret->len - 1] != ' ')
            buf_putc(ret, ' ');
    }
    while (ret->len > 0 && ret->ptr[ret->len - 1] == ' ')
        ret->len--;
    TRY(buf_check(ret, err));
    if (ret->len == 0)
        return err_set(err, ERR_USAGE, "the alias's %s is empty", what);
    if (ret->len > LIMIT_PHRASE_BYTES)
        return err_set(err, ERR_LIMIT, "the alias's %s has %zu bytes, at most %d are allowed", what,
                       ret->len, LIMIT_PHRASE_BYTES);
    if (str_utf8_valid_prefix(buf_view(ret)) != ret->len)
        return err_set(err, ERR_USAGE, "the alias's %s is no UTF-8 text", what);
    return ERR_OK;
}

/* The key under which the phrase stands, letters' case aside. */
static const char *kept_as(const json_t *aliases, const char *phrase)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)aliases, key,
                        value) if (str_equal_nocase(str_of(key), str_of(phrase))) return key;
    return NULL;
}

static enum err_code unknown_alias(const json_t *aliases, const char *phrase, struct err *err)
{
    struct nearest nearest = {.asked = phrase};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)aliases, key, value) nearest_offer(&nearest, key);
    err_set(err, ERR_NOT_FOUND, "there is no alias '%.100s'", phrase);
    return nearest_text(&nearest) != NULL
               ? err_hint(err, "did you mean '%.100s'?", nearest_text(&nearest))
               : err_hint(err, "'marrow alias NAME list' shows what there is");
}

/* What it would be with the alias, looked at: the catalogue with it is made of the open one's
 * profile. */
static enum err_code check(const struct api_asked *asked, const json_t *aliases,
                           const struct edit *edit, struct err *err)
{
    AUTO(ask_catalogue_free) struct ask_catalogue *with = NULL;
    JSON_AUTO all =
        json_is_object(aliases) ? json_copy((json_t *)(uintptr_t)aliases) : json_object();
    bool ok = true;
    if (json_object_size(all) >= LIMIT_ALIASES)
        return err_set(err, ERR_LIMIT, "the dataset has %d aliases, which is the most",
                       LIMIT_ALIASES);
    json_put_text(all, edit->phrase, edit->meaning, &ok);
    TRY(json_built(ok, err));
    TRY(ask_catalogue_new(asked->profile, all, &with, err));
    return ask_alias_check(with, asked->index, edit->phrase, err);
}

static enum err_code entry_of(const struct api_asked *asked, const struct edit *edit,
                              const char *action, json_t **ret, struct err *err)
{
    AUTO(buf_done) struct buf phrase = BUF_INIT, meaning = BUF_INIT;
    bool ok = true;
    TRY(ask_mask(asked->catalogue, asked->index, edit->phrase, &phrase, err));
    if (edit->meaning != NULL && ask_alias_is_column(edit->meaning))
        buf_puts(&meaning, edit->meaning);
    else if (edit->meaning != NULL)
        TRY(ask_mask(asked->catalogue, asked->index, edit->meaning, &meaning, err));
    json_t *entry = json_object();
    json_put_text(entry, "kind", "alias", &ok);
    json_put_text(entry, "decision", action, &ok);
    json_put_str(entry, "phrase", buf_view(&phrase), &ok);
    if (edit->meaning != NULL)
        json_put_str(entry, "meaning", buf_view(&meaning), &ok);
    *ret = entry;
    return json_built(ok, err);
}

static enum err_code decide(struct api *api, const char *dataset, const struct api_asked *asked,
                            const json_t *aliases, const char *action, const char *phrase,
                            const char *meaning, struct err *err)
{
    AUTO(buf_done) struct buf said = BUF_INIT, meant = BUF_INIT, column = BUF_INIT;
    JSON_AUTO entry = NULL;
    TRY(tidy(phrase, "phrase", &said, err));
    const char *kept = kept_as(aliases, buf_text(&said));
    struct edit edit = {kept != NULL ? kept : buf_text(&said), NULL};
    if (strcmp(action, "add") == 0) {
        TRY(tidy(meaning, "meaning", &meant, err));
        edit.meaning = ask_alias_column_name(asked->catalogue, buf_text(&meant), &column);
        if (edit.meaning == NULL)
            edit.meaning = buf_text(&meant);
        TRY(check(asked, aliases, &edit, err));
    } else if (kept == NULL) {
        return unknown_alias(aliases, buf_text(&said), err);
    }
    TRY(entry_of(asked, &edit, action, &entry, err));
    return store_dataset_decide(api->store, dataset, edit_aliases, &edit, entry, err);
}

static enum err_code list(const struct api_asked *asked, const char *dataset, const json_t *aliases,
                          json_t **ret, struct err *err)
{
    json_t *object = json_object(), *all = json_array(), *value;
    const char *key;
    bool ok = true;
    json_object_foreach((json_t *)(uintptr_t)aliases, key, value)
    {
        AUTO(buf_done) struct buf name = BUF_INIT;
        const char *meaning = json_string_value(value);
        bool column = meaning != NULL && ask_alias_is_column(meaning);
        json_t *one = json_object();
        json_put_text(one, "phrase", key, &ok);
        json_put_text(one, "meaning", meaning, &ok);
        json_put_text(one, "kind", column ? "column" : "phrase", &ok);
        if (column && ask_alias_column_name(asked->catalogue, meaning, &name) == NULL)
            json_put_text(one, "problem", "the current version has no such column", &ok);
        json_push(all, one, &ok);
    }
    json_put_text(object, "dataset", dataset, &ok);
    json_put(object, "aliases", all, &ok);
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_alias(struct api *api, const char *dataset, const char *action,
                        const char *phrase, const char *meaning, json_t **ret, struct err *err)
{
    struct api_asked asked = {.version = NULL};
    JSON_AUTO decided = NULL;
    JSON_AUTO now = NULL;
    api_begin(api);
    enum err_code code = api_asked_open(api, dataset, NULL, &asked, err);
    if (code == ERR_OK)
        code = store_dataset_read(api->store, dataset, &decided, err);
    if (code == ERR_OK && action != NULL)
        code = decide(api, dataset, &asked, json_object_get(decided, "aliases"), action, phrase,
                      meaning, err);
    if (code == ERR_OK)
        code = store_dataset_read(api->store, dataset, &now, err);
    if (code == ERR_OK)
        code = list(&asked, dataset, json_object_get(now, "aliases"), ret, err);
    api_asked_done(&asked);
    return code;
}
