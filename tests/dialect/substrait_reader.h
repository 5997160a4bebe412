/* A reader of Substrait plans for tests, independent of the encoder: it knows the messages by a table of its own, written from
 * substrait.io's .proto files, and prints a plan for people. */
#ifndef TESTS_SUBSTRAIT_READER_H
#define TESTS_SUBSTRAIT_READER_H

#include "base/str.h"

/* The plan in lines: a relation a line, its inputs indented below it, expressions within. Functions go by their names. False: the bytes are
 * not well-formed, or hold a field that the table does not know; out says which. */
bool substrait_print(struct str plan, struct buf *out);

#endif
