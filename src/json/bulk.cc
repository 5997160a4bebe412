/* simdjson behind a C door, the only C++ of the tree: of it only the first stage is used, the structural index (bulk_priv.h).
 * The library is loaded when first needed, as others are (base/library.h): linked, it and libstdc++ would cost every command
 * a millisecond or two. One function is looked up by its mangled name; all else are virtual functions of the parser that it
 * leads to, so neither library is linked, and nothing here throws, allocates, or needs run-time type information.
 * The layout of that parser is the header's: the file loaded is the one that stood beside the header (SIMDJSON_SONAME). */
#include <memory>

#include <simdjson.h>

extern "C" {
#include "base/library.h"
#include "json/bulk_priv.h"
}

struct simdjson_functions {
    simdjson::internal::atomic_ptr<const simdjson::implementation> &(*get_active_implementation)();
};
static simdjson_functions functions;

using parser = simdjson::internal::dom_parser_implementation;

/* A bulk_index is simdjson's parser itself. */
static parser *parser_of(bulk_index *index) { return reinterpret_cast<parser *>(index); }

static enum err_code load(struct err *err)
{
    static const struct library_function names[] = {
        {"_ZN8simdjson25get_active_implementationEv", 0, false},
    };
    static struct library library = {
        SIMDJSON_SONAME, nullptr,
        "install the package libsimdjson14 (its number is the version's): reading FHIR needs it",
        names, 1, &functions, false,
    };
    return library_load(&library, err);
}

enum err_code bulk_index_new(struct bulk_index **ret, struct err *err)
{
    TRY(load(err));
    std::unique_ptr<parser> made;
    auto code = functions.get_active_implementation()->create_dom_parser_implementation(1 << 16, 1, made);
    if (code != simdjson::SUCCESS)
        return err_set(err, ERR_MEMORY, "no memory to read JSON");
    *ret = reinterpret_cast<bulk_index *>(made.release());
    return ERR_OK;
}

void bulk_index_free(struct bulk_index *index)
{
    delete parser_of(index);
}

static enum err_code refused(simdjson::error_code code, struct err *err)
{
    if (code == simdjson::MEMALLOC || code == simdjson::CAPACITY)
        return err_set(err, ERR_MEMORY, "no memory to read JSON");
    if (code == simdjson::UTF8_ERROR)
        return err_set(err, ERR_INPUT, "the text is not UTF-8");
    if (code == simdjson::UNCLOSED_STRING)
        return err_set(err, ERR_INPUT, "no JSON: a string has no end");
    if (code == simdjson::UNESCAPED_CHARS)
        return err_set(err, ERR_INPUT, "no JSON: a control character stands in a string");
    if (code == simdjson::EMPTY)
        return err_set(err, ERR_INPUT, "no JSON: the text is empty");
    return err_set(err, ERR_INPUT, "no JSON");
}

enum err_code bulk_index_text(struct bulk_index *index, const char *text, size_t length, const uint32_t **ret, size_t *ret_count, struct err *err)
{
    parser *made = parser_of(index);
    simdjson::error_code code = simdjson::SUCCESS;
    if (made->capacity() < length) {
        size_t doubled = made->capacity() * 2;
        code = made->set_capacity(length < doubled ? doubled : length);
    }
    if (code == simdjson::SUCCESS)
        code = made->stage1(reinterpret_cast<const uint8_t *>(text), length, simdjson::stage1_mode::regular);
    if (code != simdjson::SUCCESS)
        return refused(code, err);
    *ret = made->structural_indexes.get();
    *ret_count = made->n_structural_indexes;
    return ERR_OK;
}
