/* One XML part through expat. A part may not declare a document type, so no entity can be defined
 * (no billion laughs, no outside reference); names lose their namespace prefix; depth is bounded.
 */
#include <string.h>

#include "ingest/expat_library.h"
#include "ingest/xlsx_priv.h"

struct part_reader {
    struct xlsx_xml *xml;
    const struct xlsx_place *place;
    const char *part;
};

static const char *local_name(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon != NULL ? colon + 1 : name;
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct xlsx_xml *xml = user;
    if (xml->code != ERR_OK)
        return;
    if (++xml->depth > XLSX_LIMIT_DEPTH) {
        xlsx_xml_fail(
            xml, err_set(xml->err, ERR_LIMIT, "elements lie more than %d deep", XLSX_LIMIT_DEPTH));
        return;
    }
    if (xml->start != NULL)
        xml->start(xml, local_name(name), attributes);
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct xlsx_xml *xml = user;
    if (xml->code != ERR_OK)
        return;
    xml->depth--;
    if (xml->end != NULL)
        xml->end(xml, local_name(name));
}

static void XMLCALL on_text(void *user, const XML_Char *text, int length)
{
    struct xlsx_xml *xml = user;
    if (xml->code == ERR_OK && xml->text != NULL)
        xml->text(xml, text, (size_t)length);
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int internal)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)internal;
    struct xlsx_xml *xml = user;
    xlsx_xml_fail(
        xml, err_set(xml->err, ERR_INPUT, "a document type declaration, which no workbook has"));
}

void xlsx_xml_fail(struct xlsx_xml *xml, enum err_code code)
{
    if (xml->code == ERR_OK)
        xml->code = code;
    XML_StopParser(xml->parser, XML_FALSE);
}

const char *xlsx_xml_attribute(const char **attributes, const char *name)
{
    bool any_prefix = strncmp(name, "r:", 2) == 0;
    for (; *attributes != NULL; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
        const char *colon = any_prefix ? strchr(attributes[0], ':') : NULL;
        if (colon != NULL && strcmp(colon + 1, name + 2) == 0)
            return attributes[1];
    }
    return NULL;
}

static enum err_code feed(void *user, const char *bytes, size_t count, bool last, struct err *err)
{
    struct part_reader *reader = user;
    struct xlsx_xml *xml = reader->xml;
    enum XML_Status status = XML_Parse(xml->parser, bytes, (int)count, last);
    if (status == XML_STATUS_OK && xml->code == ERR_OK)
        return ERR_OK;
    int64_t line = (int64_t)XML_GetCurrentLineNumber(xml->parser);
    int64_t column = (int64_t)XML_GetCurrentColumnNumber(xml->parser) + 1;
    if (xml->code != ERR_OK) {
        if (xml->code == ERR_INPUT && err != NULL && err->source[0] == '\0')
            (void)err_at(err, reader->part, line, column);
        return xml->code;
    }
    enum XML_Error problem = XML_GetErrorCode(xml->parser);
    if (problem == XML_ERROR_NO_MEMORY)
        return err_set(err, ERR_MEMORY, "no memory to read %s", reader->place->origin);
    (void)err_set(err, ERR_INPUT, "%s: part %s is no well-formed XML: %s", reader->place->origin,
                  reader->part, XML_ErrorString(problem));
    (void)err_hint(err, "open it in a spreadsheet program and save it again as .xlsx");
    return err_at(err, reader->part, line, column);
}

enum err_code xlsx_xml_read(const struct xlsx_place *place, const char *part, struct xlsx_xml *xml,
                            bool *ret_found, struct err *err)
{
    TRY(libexpat_load(err));
    XML_Parser parser = XML_ParserCreate(NULL);
    if (parser == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", place->origin);
    xml->parser = parser;
    xml->err = err;
    xml->code = ERR_OK;
    xml->depth = 0;
    XML_SetUserData(parser, xml);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    struct part_reader reader = {xml, place, part};
    enum err_code code = xlsx_part_read(place, part, feed, &reader, ret_found, err);
    XML_ParserFree(parser);
    xml->parser = NULL;
    return code;
}
