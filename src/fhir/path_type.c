/* The tables of type.def and function.def, looked up by value and by name. */
#include "fhir/path_build_priv.h"

static const struct {
    const char *name;
    enum fhir_system system;
    enum data_kind kind;
} TYPES[] = {
#define FHIR_TYPE(id, name, system, sql) {name, FHIR_SYSTEM_##system, DATA_##sql},
#include "fhir/type.def"
#undef FHIR_TYPE
};
static const struct fhir_function_info FUNCTIONS[] = {
#define FHIR_FUNCTION(id, name, low, high, rule, result)                                           \
    {name, low, high, FHIR_ARGUMENT_##rule, FHIR_RESULT_##result},
#include "fhir/function.def"
#undef FHIR_FUNCTION
};

const char *fhir_type_name(enum fhir_type type)
{
    return TYPES[type].name;
}
enum fhir_system fhir_type_system(enum fhir_type type)
{
    return TYPES[type].system;
}
enum data_kind fhir_type_kind(enum fhir_type type)
{
    return TYPES[type].kind;
}

/* A URI's last part: "http://hl7.org/fhir/StructureDefinition/string" is string,
 * "http://hl7.org/fhirpath/System.Date" is Date. */
static struct str last_part(struct str name)
{
    static const char *const URIS[] = {"http://hl7.org/fhirpath/System.",
                                       "http://hl7.org/fhir/StructureDefinition/", "System.",
                                       "FHIR."};
    for (size_t i = 0; i < sizeof URIS / sizeof URIS[0]; i++)
        if (str_has_prefix(name, URIS[i])) {
            size_t length = str_of(URIS[i]).len;
            return (struct str){name.ptr + length, name.len - length};
        }
    return name;
}

enum fhir_type fhir_type_find(struct str name)
{
    static const struct {
        const char *name;
        enum fhir_type type;
    } SYSTEM[] = {
        {"String", FHIR_TYPE_STRING},     {"Boolean", FHIR_TYPE_BOOLEAN},
        {"Integer", FHIR_TYPE_INTEGER},   {"Long", FHIR_TYPE_INTEGER64},
        {"Decimal", FHIR_TYPE_DECIMAL},   {"Date", FHIR_TYPE_DATE},
        {"DateTime", FHIR_TYPE_DATETIME}, {"Time", FHIR_TYPE_TIME},
    };
    struct str part = last_part(name);
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++)
        if (part.len > 0 && str_equal(part, str_of(TYPES[i].name)))
            return (enum fhir_type)i;
    for (size_t i = 0; i < sizeof SYSTEM / sizeof SYSTEM[0]; i++)
        if (str_equal(part, str_of(SYSTEM[i].name)))
            return SYSTEM[i].type;
    return FHIR_TYPE_UNKNOWN;
}
struct str fhir_type_local_name(struct str name)
{
    enum fhir_type type = fhir_type_find(name);
    return type != FHIR_TYPE_UNKNOWN ? str_of(TYPES[type].name) : last_part(name);
}

const char *fhir_function_name(enum fhir_function function)
{
    return FUNCTIONS[function].name;
}
const struct fhir_function_info *fhir_function_info(enum fhir_function function)
{
    return &FUNCTIONS[function];
}
enum fhir_function fhir_function_find(struct str name)
{
    for (size_t i = 0; i < FHIR_FUNCTIONS_END; i++)
        if (str_equal(name, str_of(FUNCTIONS[i].name)))
            return (enum fhir_function)i;
    return FHIR_FUNCTIONS_END;
}
