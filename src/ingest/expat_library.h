/* libexpat, loaded when it is first needed: as engine/duckdb/library.h, which tells how it works. */
#ifndef MARROW_INGEST_EXPAT_LIBRARY_H
#define MARROW_INGEST_EXPAT_LIBRARY_H

#include <expat.h>

#include "base/err.h"

/* clang-format off */
#define LIBEXPAT_FUNCTIONS(X) \
    X(ErrorString) X(GetCurrentColumnNumber) X(GetCurrentLineNumber) X(GetErrorCode) X(Parse) \
    X(ParserCreate) X(ParserFree) X(SetCharacterDataHandler) X(SetElementHandler) \
    X(SetStartDoctypeDeclHandler) X(SetUserData) X(StopParser)
/* clang-format on */

struct libexpat_functions {
#define LIBEXPAT_MEMBER(name) __typeof__(XML_##name) *name;
    LIBEXPAT_FUNCTIONS(LIBEXPAT_MEMBER)
#undef LIBEXPAT_MEMBER
};
extern struct libexpat_functions libexpat; /* filled by libexpat_load, constant from then on */

/* Fill it (base/library.h): before any other call. ERR_UNSUPPORTED: not found, or too old. Any
 * thread. */
enum err_code libexpat_load(struct err *err) WARN_UNUSED;

#define XML_ErrorString libexpat.ErrorString
#define XML_GetCurrentColumnNumber libexpat.GetCurrentColumnNumber
#define XML_GetCurrentLineNumber libexpat.GetCurrentLineNumber
#define XML_GetErrorCode libexpat.GetErrorCode
#define XML_Parse libexpat.Parse
#define XML_ParserCreate libexpat.ParserCreate
#define XML_ParserFree libexpat.ParserFree
#define XML_SetCharacterDataHandler libexpat.SetCharacterDataHandler
#define XML_SetElementHandler libexpat.SetElementHandler
#define XML_SetStartDoctypeDeclHandler libexpat.SetStartDoctypeDeclHandler
#define XML_SetUserData libexpat.SetUserData
#define XML_StopParser libexpat.StopParser

#endif
