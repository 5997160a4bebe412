/* FHIR R4's elements, looked up: structures by binary search, an element by reading its structure's
 * few lines. All static. */
#include "fhir/model_priv.h"

#include "base/nearest.h"

#include <stdlib.h>
#include <string.h>

static const struct structure {
    const char *name, *base;
    const char
        *elements; /* "active:boolean", "name*:HumanName" …, each ended by a NUL, the last by two */
} STRUCTURES[] = {
#define FHIR_STRUCTURE(name, base, elements) {name, base, elements},
#define FHIR_CHOICE(name)
#include "fhir/model_r4.def"
#undef FHIR_STRUCTURE
#undef FHIR_CHOICE
};
static const char *const CHOICES[] = {
#define FHIR_STRUCTURE(name, base, elements)
#define FHIR_CHOICE(name) name,
#include "fhir/model_r4.def"
#undef FHIR_STRUCTURE
#undef FHIR_CHOICE
};
#define STRUCTURE_COUNT (sizeof STRUCTURES / sizeof STRUCTURES[0])
#define CHOICE_COUNT (sizeof CHOICES / sizeof CHOICES[0])

/* Types that came after R4 and that a choice may hold. */
static const char *const LATER_TYPES[] = {"CodeableReference",    "RatioRange",
                                          "Availability",         "MonetaryComponent",
                                          "VirtualServiceDetail", "ExtendedContactDetail"};

static int by_name(const void *key, const void *element)
{
    return str_compare(*(const struct str *)key, str_of(((const struct structure *)element)->name));
}
static const struct structure *find_structure(struct str name)
{
    return bsearch(&name, STRUCTURES, STRUCTURE_COUNT, sizeof STRUCTURES[0], by_name);
}

/* ---- elements ----------------------------------------------------------------------------------
 */

/* The name that an element's line begins with. */
static struct str line_name(const char *line)
{
    return (struct str){line, strcspn(line, "*!?:")};
}

static bool find_own(const struct structure *structure, struct str name, struct fhir_element *ret)
{
    for (const char *line = structure->elements; *line != '\0'; line += strlen(line) + 1) {
        if (!str_equal(line_name(line), name))
            continue;
        const char *flags = line + name.len, *types = strchr(flags, ':');
        size_t count = (size_t)(types - flags);
        *ret = (struct fhir_element){.types = str_of(types + 1),
                                     .many = memchr(flags, '*', count) != NULL,
                                     .required = memchr(flags, '!', count) != NULL,
                                     .choice = memchr(flags, '?', count) != NULL};
        return true;
    }
    return false;
}

bool fhir_model_find(const char *structure, struct str name, struct fhir_element *ret)
{
    const struct structure *at = find_structure(str_of(structure));
    if (at != NULL && strchr(structure, '.') == NULL && str_equal(name, STR("resourceType")) &&
        fhir_model_is_resource(str_of(structure))) {
        *ret = (struct fhir_element){.types = STR("code"), .required = true};
        return true;
    }
    while (at != NULL && !find_own(at, name, ret))
        at = at->base[0] == '\0' ? NULL : find_structure(str_of(at->base));
    return at != NULL;
}

const char *fhir_model_structure(struct str name)
{
    static const char *const ABSTRACT[] = {"Resource", "DomainResource", "Element",
                                           "BackboneElement"};
    for (size_t i = 0; i < sizeof ABSTRACT / sizeof ABSTRACT[0]; i++)
        if (str_equal(name, str_of(ABSTRACT[i])))
            return NULL;
    const struct structure *found = find_structure(name);
    return found == NULL ? NULL : found->name;
}

bool fhir_model_is_a(struct str type, struct str ancestor)
{
    static const struct {
        const char *type, *base;
    } PRIMITIVES[] = {{"code", "string"}, {"id", "string"},           {"markdown", "string"},
                      {"url", "uri"},     {"canonical", "uri"},       {"uuid", "uri"},
                      {"oid", "uri"},     {"positiveInt", "integer"}, {"unsignedInt", "integer"}};
    for (size_t i = 0; i < sizeof PRIMITIVES / sizeof PRIMITIVES[0]; i++)
        if (str_equal(type, str_of(PRIMITIVES[i].type)) &&
            str_equal(ancestor, str_of(PRIMITIVES[i].base)))
            return true;
    const struct structure *at = find_structure(type);
    while (at != NULL && !str_equal(str_of(at->name), ancestor))
        at = at->base[0] == '\0' ? NULL : find_structure(str_of(at->base));
    return at != NULL || str_equal(type, ancestor);
}

bool fhir_model_is_resource(struct str name)
{
    return fhir_model_is_a(name, STR("Resource"));
}

/* ---- choices -----------------------------------------------------------------------------------
 */

bool fhir_model_is_choice(struct str name)
{
    size_t low = 0, high = CHOICE_COUNT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(name, str_of(CHOICES[middle]));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static size_t add_types(struct str types, struct str *list, size_t count, size_t most)
{
    for (struct str rest = types; rest.len > 0;) {
        const char *bar = memchr(rest.ptr, '|', rest.len);
        struct str type = {rest.ptr, bar != NULL ? (size_t)(bar - rest.ptr) : rest.len};
        size_t at = 0;
        while (at < count && !str_equal(list[at], type))
            at++;
        if (at == count && count < most)
            list[count++] = type;
        rest.ptr += type.len + (bar != NULL);
        rest.len -= type.len + (bar != NULL);
    }
    return count;
}

size_t fhir_model_choice_types(struct str name, struct str *ret, size_t most)
{
    struct fhir_element element;
    size_t count = 0;
    for (size_t i = 0; i < STRUCTURE_COUNT; i++)
        if (find_own(&STRUCTURES[i], name, &element) && element.choice)
            count = add_types(element.types, ret, count, most);
    return count;
}

const char *fhir_model_choice_type(struct str element, struct str member)
{
    char lower[32];
    if (member.len <= element.len || memcmp(member.ptr, element.ptr, element.len) != 0)
        return NULL;
    struct str type = {member.ptr + element.len, member.len - element.len};
    if (type.len >= sizeof lower || type.ptr[0] < 'A' || type.ptr[0] > 'Z')
        return NULL;
    memcpy(lower, type.ptr, type.len);
    lower[0] = (char)(lower[0] | 0x20);
    enum fhir_type primitive = fhir_type_find((struct str){lower, type.len});
    if (primitive != FHIR_TYPE_UNKNOWN)
        return fhir_type_name(primitive);
    for (size_t i = 0; i < sizeof LATER_TYPES / sizeof LATER_TYPES[0]; i++)
        if (str_equal(type, str_of(LATER_TYPES[i])))
            return LATER_TYPES[i];
    if (fhir_model_is_resource(type) || memchr(type.ptr, '.', type.len) != NULL)
        return NULL;
    return fhir_model_structure(type);
}

bool fhir_model_has_type(struct str types, struct str type)
{
    size_t begin = 0;
    for (size_t i = 0; i <= types.len; i++)
        if (i == types.len || types.ptr[i] == '|') {
            if (str_equal((struct str){types.ptr + begin, i - begin}, type))
                return true;
            begin = i + 1;
        }
    return false;
}

/* ---- nearest -----------------------------------------------------------------------------------
 */

#define NAME_BYTES 64 /* every element's name is shorter */

const char *fhir_model_nearest(const char *structure, struct str name, char ret[64])
{
    AUTO(buf_done) struct buf asked = BUF_INIT;
    buf_add_str(&asked, name);
    struct nearest nearest = {.asked = buf_text(&asked)};
    const struct structure *at = find_structure(str_of(structure));
    while (at != NULL) {
        for (const char *line = at->elements; *line != '\0'; line += strlen(line) + 1) {
            char candidate[NAME_BYTES] = {0};
            struct str own = line_name(line);
            memcpy(candidate, own.ptr, own.len < NAME_BYTES ? own.len : NAME_BYTES - 1);
            nearest_offer(&nearest, candidate);
            if (nearest.best == candidate)
                nearest.best = memcpy(ret, candidate, NAME_BYTES);
        }
        at = at->base[0] == '\0' ? NULL : find_structure(str_of(at->base));
    }
    return nearest_text(&nearest);
}

const char *fhir_model_nearest_structure(struct str name)
{
    AUTO(buf_done) struct buf asked = BUF_INIT;
    buf_add_str(&asked, name);
    struct nearest nearest = {.asked = buf_text(&asked)};
    for (size_t i = 0; i < STRUCTURE_COUNT; i++)
        if (strchr(STRUCTURES[i].name, '.') == NULL)
            nearest_offer(&nearest, STRUCTURES[i].name);
    return nearest_text(&nearest);
}
