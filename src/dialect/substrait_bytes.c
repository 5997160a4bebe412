/* Protocol buffers' wire format, as far as a plan needs it: varints, doubles, texts, messages.
 *
 *     wire_open(w, 2) … wire_number(w, 1, 7) … wire_close     →     12 02 08 07
 *
 * The length of a message is known when it is closed; what is behind its tag then moves up. */
#include <string.h>

#include "dialect/substrait_priv.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2 };

static size_t varint_of(uint64_t value, char ret[10])
{
    size_t length = 0;
    do {
        ret[length++] = (char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    return length;
}

static void varint(struct wire *wire, uint64_t value)
{
    char bytes[10];
    size_t length = varint_of(value, bytes);
    buf_add(&wire->bytes, bytes, length);
}

static void tag(struct wire *wire, unsigned field, unsigned kind)
{
    varint(wire, (uint64_t)field << 3 | kind);
}

size_t wire_open(struct wire *wire, unsigned field)
{
    tag(wire, field, WIRE_BYTES);
    wire->depth++;
    if (wire->depth > wire->deepest)
        wire->deepest = wire->depth;
    return wire->bytes.len;
}

void wire_close(struct wire *wire, size_t opened)
{
    char bytes[10];
    size_t length = wire->bytes.len - opened, prefix = varint_of(length, bytes);
    wire->depth--;
    buf_add(&wire->bytes, bytes, prefix); /* makes room */
    if (wire->bytes.failed)
        return;
    memmove(wire->bytes.ptr + opened + prefix, wire->bytes.ptr + opened, length);
    memcpy(wire->bytes.ptr + opened, bytes, prefix);
}

void wire_number(struct wire *wire, unsigned field, int64_t value)
{
    tag(wire, field, WIRE_VARINT);
    varint(wire, (uint64_t)value);
}

void wire_double(struct wire *wire, unsigned field, double value)
{
    uint64_t bits;
    char bytes[8];
    memcpy(&bits, &value, sizeof bits);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(bits >> (8 * i));
    tag(wire, field, WIRE_64);
    buf_add(&wire->bytes, bytes, sizeof bytes);
}

void wire_text(struct wire *wire, unsigned field, struct str text)
{
    tag(wire, field, WIRE_BYTES);
    varint(wire, text.len);
    buf_add_str(&wire->bytes, text);
}

void wire_numbers(struct wire *wire, unsigned field, const uint32_t *values, size_t count)
{
    size_t opened = wire_open(wire, field);
    for (size_t i = 0; i < count; i++)
        varint(wire, values[i]);
    wire_close(wire, opened);
}

void wire_add(struct wire *wire, const struct wire *part)
{
    unsigned deepest = wire->depth + part->deepest;
    buf_add_str(&wire->bytes, buf_view(&part->bytes));
    wire->bytes.failed = wire->bytes.failed || part->bytes.failed;
    if (deepest > wire->deepest)
        wire->deepest = deepest;
}
