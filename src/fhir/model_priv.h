/* FHIR R4's elements as a table (model_r4.def, made from HL7's published StructureDefinitions by tools/fhir_model.py): for each structure
 * its elements with type and cardinality. It lets a path be checked before any data is seen (a misspelt element, several values where
 * one is meant), gives columns their types, resolves choice elements, and tells the lowering which steps need a flattening. What it does
 * not know (an element of R5, a custom resource) is dynamic: many items of unknown type. */
#ifndef MARROW_FHIR_MODEL_PRIV_H
#define MARROW_FHIR_MODEL_PRIV_H

#include "fhir/path_priv.h"

struct fhir_element {
    struct str types; /* names of types, between them '|': "date", of a choice "boolean|dateTime"; of a backbone "Patient.contact" */
    bool many;        /* max > 1 */
    bool required;    /* min ≥ 1 */
    bool choice;      /* found by its name without [x]: "value" */
};
/* The element of a structure (a resource, a type, or a backbone element's path) or of what it inherits; false: there is none. */
bool fhir_model_find(const char *structure, struct str name, struct fhir_element *ret);
/* The structure's name, static; NULL: there is none. Abstract ones (Resource, Element …), of which any may stand there, are none. */
const char *fhir_model_structure(struct str name);
bool fhir_model_is_resource(struct str name);
/* Is the type, primitive or structure, of that type or of one that derives from it: a code is a string, an Age a Quantity. */
bool fhir_model_is_a(struct str type, struct str ancestor);
/* Is it the name of a choice of any structure: "value", "onset"? */
bool fhir_model_is_choice(struct str name);
/* The types that choices of that name have, over all structures, each once (static), at most `most`; how many. */
size_t fhir_model_choice_types(struct str name, struct str *ret, size_t most);
/* The type (static) of the typed member of a JSON object that a choice element may stand in: "value" and "valueQuantity" → "Quantity"; NULL: none. */
const char *fhir_model_choice_type(struct str element, struct str member);
/* Is T one of types ("boolean|dateTime")? */
bool fhir_model_has_type(struct str types, struct str type);
/* The element's, the structure's name nearest to name, for "did you mean", into ret (≥ 64 bytes); NULL: none is near. */
const char *fhir_model_nearest(const char *structure, struct str name, char ret[64]);
const char *fhir_model_nearest_structure(struct str name);

#endif
