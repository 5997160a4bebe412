/* What a text must look like to be cast, the same in every dialect (whole text; RE2 and PostgreSQL's regular expressions read
 * these alike). Blanks around numbers and booleans are allowed; years are 0001 to 9999. */
#ifndef MARROW_DIALECT_CAST_PRIV_H
#define MARROW_DIALECT_CAST_PRIV_H

#define CAST_BIGINT " *[+-]?[0-9]+ *"
#define CAST_DECIMAL " *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+) *"
#define CAST_DOUBLE " *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})? *"
#define CAST_DOUBLE_WORD " *([Nn][Aa][Nn]|[+-]?[Ii][Nn][Ff]([Ii][Nn][Ii][Tt][Yy])?) *"
#define CAST_TRUE "'true', 't', 'yes', 'y', '1'"
#define CAST_FALSE "'false', 'f', 'no', 'n', '0'"
#define CAST_DATE "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
#define CAST_TIME "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
#define CAST_TIMESTAMP CAST_DATE "([ T]" CAST_TIME ")?"
#define CAST_TIMESTAMPTZ CAST_DATE "([ T]" CAST_TIME "(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?"

#endif
