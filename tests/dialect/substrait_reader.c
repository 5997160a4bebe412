/* Protocol buffers read by a table of messages and fields. Expressions and types are printed in one
 * line, relations in a line each, all else where it stands. */
#include "substrait_reader.h"

#include <string.h>

enum kind {
    NUMBER,
    DOUBLE,
    TEXT,
    BYTES,
    PACKED,
    MESSAGE,
    INLINE /* a message without its braces */
};
static const struct field {
    const char *message;
    unsigned number;
    const char *name;
    enum kind kind;
    const char *of; /* a message's kind */
} FIELDS[] = {
    {"Plan", 2, "", INLINE, "Declaration"},
    {"Plan", 3, "", INLINE, "PlanRel"},
    {"Plan", 6, "version", MESSAGE, "Version"},
    {"Plan", 8, "", INLINE, "Urn"},
    {"Version", 2, "minor", NUMBER, NULL},
    {"Version", 5, "producer", TEXT, NULL},
    {"Urn", 1, "urn", NUMBER, NULL},
    {"Urn", 2, "", TEXT, NULL},
    {"Declaration", 3, "", INLINE, "Function"},
    {"Function", 2, "function", NUMBER, NULL},
    {"Function", 3, "", TEXT, NULL},
    {"Function", 4, "of", NUMBER, NULL},
    {"PlanRel", 2, "", INLINE, "Root"},
    {"Root", 1, "", INLINE, "Rel"},
    {"Root", 2, "name", TEXT, NULL},
    {"Rel", 1, "read", MESSAGE, "Read"},
    {"Rel", 2, "filter", MESSAGE, "Filter"},
    {"Rel", 3, "fetch", MESSAGE, "Fetch"},
    {"Rel", 4, "aggregate", MESSAGE, "Aggregate"},
    {"Rel", 5, "sort", MESSAGE, "Sort"},
    {"Rel", 6, "join", MESSAGE, "Join"},
    {"Rel", 7, "project", MESSAGE, "Project"},
    {"Rel", 8, "set", MESSAGE, "Set"},
    {"Rel", 12, "cross", MESSAGE, "Join"},
    {"Common", 2, "", INLINE, "Emit"},
    {"Emit", 1, "emit", PACKED, NULL},
    {"Read", 2, "", INLINE, "NamedStruct"},
    {"Read", 5, "rows", MESSAGE, "VirtualTable"},
    {"Read", 7, "", INLINE, "NamedTable"},
    {"NamedTable", 1, "table", TEXT, NULL},
    {"VirtualTable", 2, "row", MESSAGE, "Row"},
    {"Row", 1, "", INLINE, "Expression"},
    {"NamedStruct", 1, "", TEXT, NULL},
    {"NamedStruct", 2, "", MESSAGE, "StructType"},
    {"Filter", 2, "input", INLINE, "Rel"},
    {"Filter", 3, "condition", INLINE, "Expression"},
    {"Fetch", 2, "input", INLINE, "Rel"},
    {"Fetch", 5, "offset", INLINE, "Expression"},
    {"Fetch", 6, "count", INLINE, "Expression"},
    {"Sort", 2, "input", INLINE, "Rel"},
    {"Sort", 3, "key", MESSAGE, "SortField"},
    {"SortField", 1, "", INLINE, "Expression"},
    {"SortField", 2, "direction", NUMBER, NULL},
    {"Set", 2, "input", INLINE, "Rel"},
    {"Set", 3, "op", NUMBER, NULL},
    {"Join", 2, "input", INLINE, "Rel"},
    {"Join", 3, "input", INLINE, "Rel"},
    {"Join", 4, "on", INLINE, "Expression"},
    {"Join", 6, "type", NUMBER, NULL},
    {"Project", 1, "", INLINE, "Common"},
    {"Project", 2, "input", INLINE, "Rel"},
    {"Project", 3, "", INLINE, "Expression"},
    {"Aggregate", 2, "input", INLINE, "Rel"},
    {"Aggregate", 3, "", INLINE, "Grouping"},
    {"Aggregate", 4, "measure", MESSAGE, "Measure"},
    {"Aggregate", 5, "key", INLINE, "Expression"},
    {"Grouping", 2, "grouping", PACKED, NULL},
    {"Measure", 1, "", INLINE, "AggregateFunction"},
    {"Measure", 2, "where", INLINE, "Expression"},
    {"AggregateFunction", 1, "call", NUMBER, NULL},
    {"AggregateFunction", 3, "order", MESSAGE, "SortField"},
    {"AggregateFunction", 4, "phase", NUMBER, NULL},
    {"AggregateFunction", 5, "gives", MESSAGE, "Type"},
    {"AggregateFunction", 6, "invocation", NUMBER, NULL},
    {"AggregateFunction", 7, "", INLINE, "Argument"},
    {"Argument", 3, "", INLINE, "Expression"},
    {"Expression", 1, "", INLINE, "Literal"},
    {"Expression", 2, "", INLINE, "FieldReference"},
    {"Expression", 3, "", MESSAGE, "ScalarFunction"},
    {"Expression", 5, "window", MESSAGE, "WindowFunction"},
    {"Expression", 6, "if", MESSAGE, "IfThen"},
    {"Expression", 8, "in", MESSAGE, "InList"},
    {"Expression", 11, "cast", MESSAGE, "Cast"},
    {"FieldReference", 1, "", INLINE, "Segment"},
    {"FieldReference", 4, "", INLINE, "RootReference"},
    {"Segment", 2, "$", INLINE, "StructField"},
    {"StructField", 1, "", NUMBER, NULL},
    {"ScalarFunction", 1, "call", NUMBER, NULL},
    {"ScalarFunction", 3, "gives", MESSAGE, "Type"},
    {"ScalarFunction", 4, "", INLINE, "Argument"},
    {"WindowFunction", 1, "call", NUMBER, NULL},
    {"WindowFunction", 2, "partition", INLINE, "Expression"},
    {"WindowFunction", 3, "order", MESSAGE, "SortField"},
    {"WindowFunction", 4, "upper", MESSAGE, "Bound"},
    {"WindowFunction", 5, "lower", MESSAGE, "Bound"},
    {"WindowFunction", 6, "phase", NUMBER, NULL},
    {"WindowFunction", 7, "gives", MESSAGE, "Type"},
    {"WindowFunction", 9, "", INLINE, "Argument"},
    {"WindowFunction", 10, "invocation", NUMBER, NULL},
    {"WindowFunction", 12, "bounds", NUMBER, NULL},
    {"Bound", 1, "before", INLINE, "Offset"},
    {"Bound", 2, "after", INLINE, "Offset"},
    {"Bound", 3, "current", INLINE, "Offset"},
    {"Bound", 4, "unbounded", INLINE, "Offset"},
    {"Offset", 1, "", NUMBER, NULL},
    {"IfThen", 1, "when", MESSAGE, "Clause"},
    {"IfThen", 2, "else", INLINE, "Expression"},
    {"Clause", 1, "", INLINE, "Expression"},
    {"Clause", 2, "then", INLINE, "Expression"},
    {"InList", 1, "", INLINE, "Expression"},
    {"InList", 2, "of", INLINE, "Expression"},
    {"Cast", 1, "", MESSAGE, "Type"},
    {"Cast", 2, "", INLINE, "Expression"},
    {"Cast", 3, "failure", NUMBER, NULL},
    {"Literal", 1, "boolean", NUMBER, NULL},
    {"Literal", 5, "i32", NUMBER, NULL},
    {"Literal", 7, "i64", NUMBER, NULL},
    {"Literal", 11, "fp64", DOUBLE, NULL},
    {"Literal", 12, "", TEXT, NULL},
    {"Literal", 16, "date", NUMBER, NULL},
    {"Literal", 24, "decimal", MESSAGE, "DecimalLiteral"},
    {"Literal", 29, "null", MESSAGE, "Type"},
    {"Literal", 34, "timestamp", MESSAGE, "Moment"},
    {"Literal", 35, "timestamp_tz", MESSAGE, "Moment"},
    {"Literal", 36, "interval", MESSAGE, "Interval"},
    {"Literal", 37, "time", MESSAGE, "Moment"},
    {"Literal", 50, NULL, NUMBER, NULL},
    {"Literal", 51, "variation", NUMBER, NULL},
    {"DecimalLiteral", 1, "", BYTES, NULL},
    {"DecimalLiteral", 2, "precision", NUMBER, NULL},
    {"DecimalLiteral", 3, "scale", NUMBER, NULL},
    {"Moment", 1, "precision", NUMBER, NULL},
    {"Moment", 2, "", NUMBER, NULL},
    {"Interval", 1, "", INLINE, "Months"},
    {"Interval", 2, "", INLINE, "DaySeconds"},
    {"Months", 2, "months", NUMBER, NULL},
    {"DaySeconds", 1, "days", NUMBER, NULL},
    {"DaySeconds", 2, "seconds", NUMBER, NULL},
    {"DaySeconds", 4, "precision", NUMBER, NULL},
    {"DaySeconds", 5, "subseconds", NUMBER, NULL},
    {"Type", 1, "bool", INLINE, "PlainType"},
    {"Type", 5, "i32", INLINE, "PlainType"},
    {"Type", 7, "i64", INLINE, "PlainType"},
    {"Type", 11, "fp64", INLINE, "PlainType"},
    {"Type", 12, "string", INLINE, "PlainType"},
    {"Type", 13, "binary", INLINE, "PlainType"},
    {"Type", 16, "date", INLINE, "PlainType"},
    {"Type", 24, "decimal", INLINE, "DecimalType"},
    {"Type", 25, "struct", MESSAGE, "StructType"},
    {"Type", 27, "list", MESSAGE, "StructType"},
    {"Type", 33, "timestamp", INLINE, "MomentType"},
    {"Type", 34, "timestamp_tz", INLINE, "MomentType"},
    {"Type", 35, "interval", INLINE, "IntervalType"},
    {"Type", 36, "time", INLINE, "MomentType"},
    {"PlainType", 2, NULL, NUMBER, NULL},
    {"DecimalType", 1, "scale", NUMBER, NULL},
    {"DecimalType", 2, "", NUMBER, NULL},
    {"DecimalType", 4, NULL, NUMBER, NULL},
    {"StructType", 1, "", INLINE, "Type"},
    {"StructType", 3, NULL, NUMBER, NULL},
    {"MomentType", 1, "", NUMBER, NULL},
    {"MomentType", 2, "variation", NUMBER, NULL},
    {"MomentType", 3, NULL, NUMBER, NULL},
    {"IntervalType", 2, NULL, NUMBER, NULL},
    {"IntervalType", 3, "", NUMBER, NULL},
};

#define NAMES_MOST 200
struct reading {
    struct buf *out;
    struct str functions[NAMES_MOST];
    int indent;
    bool ok;
};

static uint64_t varint(struct str *rest, bool *ok)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (rest->len == 0)
            break;
        unsigned char byte = (unsigned char)*rest->ptr;
        rest->ptr++;
        rest->len--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    *ok = false;
    return 0;
}

static struct str cut(struct str *rest, uint64_t length, bool *ok)
{
    if (length > rest->len) {
        *ok = false;
        length = rest->len;
    }
    struct str part = {rest->ptr, (size_t)length};
    rest->ptr += length;
    rest->len -= (size_t)length;
    return part;
}

/* The next field: its number, and its value as a number or as bytes. */
static bool next(struct str *rest, unsigned *ret_number, uint64_t *ret_value, struct str *ret_bytes,
                 bool *ok)
{
    if (rest->len == 0 || !*ok)
        return false;
    uint64_t tag = varint(rest, ok);
    *ret_number = (unsigned)(tag >> 3);
    *ret_bytes = (struct str){NULL, 0};
    *ret_value = 0;
    if ((tag & 7) == 0)
        *ret_value = varint(rest, ok);
    else if ((tag & 7) == 1)
        *ret_bytes = cut(rest, 8, ok);
    else if ((tag & 7) == 2)
        *ret_bytes = cut(rest, varint(rest, ok), ok);
    else
        *ok = false;
    return *ok;
}

static void learn_functions(struct reading *reading, struct str plan)
{
    unsigned number;
    uint64_t value;
    struct str bytes, name = {NULL, 0};
    while (next(&plan, &number, &value, &bytes, &reading->ok)) {
        struct str declaration = bytes;
        uint64_t anchor = 0;
        if (number != 2 || !next(&declaration, &number, &value, &bytes, &reading->ok))
            continue;
        declaration = bytes;
        while (next(&declaration, &number, &value, &bytes, &reading->ok)) {
            anchor = number == 2 ? value : anchor;
            name = number == 3 ? bytes : name;
        }
        if (anchor < NAMES_MOST)
            reading->functions[anchor] = name;
    }
}

static void new_line(struct reading *reading)
{
    buf_putc(reading->out, '\n');
    for (int i = 0; i < reading->indent; i++)
        buf_puts(reading->out, "  ");
}

static void print_number(struct reading *reading, const struct field *field, uint64_t value)
{
    buf_puts(reading->out, field->name);
    if (strcmp(field->name, "call") == 0 && value < NAMES_MOST &&
        reading->functions[value].ptr != NULL) {
        buf_putc(reading->out, ' ');
        buf_add_str(reading->out, reading->functions[value]);
    } else {
        buf_printf(reading->out, "%s%lld", field->name[0] != '\0' ? " " : "", (long long)value);
    }
}

static void print_leaf(struct reading *reading, const struct field *field, uint64_t value,
                       struct str bytes)
{
    struct buf *out = reading->out;
    double real = 0;
    char text[32];
    if (field->kind == NUMBER) {
        print_number(reading, field, value);
        return;
    }
    buf_printf(out, "%s%s", field->name, field->name[0] != '\0' ? " " : "");
    if (field->kind == TEXT)
        buf_add_json(out, bytes);
    else if (field->kind == DOUBLE && bytes.len == sizeof real)
        buf_puts(out, str_from_double(*(double *)memcpy(&real, bytes.ptr, sizeof real), text));
    else if (field->kind == BYTES)
        for (size_t i = bytes.len; i-- > 0;) /* as a number is read */
            buf_printf(out, "%02x", (unsigned char)bytes.ptr[i]);
    else
        while (bytes.len > 0 && reading->ok)
            buf_printf(out, "%s%llu", out->ptr[out->len - 1] == ' ' ? "" : ",",
                       (unsigned long long)varint(&bytes, &reading->ok));
}

static void print_message(struct reading *reading, const char *message, struct str rest);

static void print_field(struct reading *reading, const struct field *field, uint64_t value,
                        struct str bytes)
{
    bool relation = field->kind == MESSAGE && strcmp(field->message, "Rel") == 0;
    bool braces = field->kind == MESSAGE && !relation;
    bool input = field->of != NULL && strcmp(field->of, "Rel") == 0;
    if (field->kind != MESSAGE && field->kind != INLINE) {
        print_leaf(reading, field, value, bytes);
        return;
    }
    reading->indent += input;
    if (input)
        new_line(reading);
    if (!input)
        buf_printf(reading->out, "%s%s", field->name,
                   field->name[0] != '\0' && strcmp(field->name, "$") != 0 ? " " : "");
    if (strcmp(field->name, "$") == 0 && bytes.len == 0)
        buf_putc(reading->out, '0');
    buf_puts(reading->out, braces ? "(" : "");
    print_message(reading, field->of, bytes);
    buf_puts(reading->out, braces ? ")" : "");
    reading->indent -= input;
}

/* What a relation reads is printed last, below it. */
static bool is_late(const struct field *field)
{
    return field->of != NULL && strcmp(field->of, "Rel") == 0;
}

static const struct field *find(const char *message, unsigned number)
{
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
        if (FIELDS[i].number == number && strcmp(FIELDS[i].message, message) == 0)
            return &FIELDS[i];
    return NULL;
}

static void print_message(struct reading *reading, const char *message, struct str whole)
{
    bool top = strcmp(message, "Plan") == 0, first = true;
    for (int late = 0; late < 2; late++) {
        struct str rest = whole, bytes;
        unsigned number;
        uint64_t value;
        while (next(&rest, &number, &value, &bytes, &reading->ok)) {
            const struct field *field = find(message, number);
            if (field == NULL) {
                buf_printf(reading->out, "UNKNOWN %s.%u", message, number);
                reading->ok = false;
                return;
            }
            if (field->name == NULL || is_late(field) != (late == 1))
                continue;
            if (top && !first)
                new_line(reading);
            else if (!first && !is_late(field))
                buf_puts(reading->out,
                         field->name[0] == '\0' || field->kind == NUMBER ? " " : ", ");
            first = false;
            print_field(reading, field, value, bytes);
        }
    }
}

bool substrait_print(struct str plan, struct buf *out)
{
    struct reading reading = {.out = out, .ok = true};
    learn_functions(&reading, plan);
    print_message(&reading, "Plan", plan);
    buf_putc(out, '\n');
    return reading.ok;
}
