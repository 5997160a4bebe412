/* FHIR R4's elements as a table (model_r4.def, made from HL7's published StructureDefinitions by tools/fhir_model.py): for each structure
 * its elements with type and cardinality. It lets a path be checked before any data is seen (a misspelt element, several values where
 * one is meant), gives columns their types, resolves choice elements, and tells the lowering which steps need a flattening. What it does
 * not know (an element of R5, a custom resource) is dynamic: many items of unknown type. */
#ifndef MARROW_FHIR_MODEL_PRIV_H
#define MARROW_FHIR_MODEL_PRIV_H

#include "fhir/path_priv.h"

struct fhir_element {
    const char *structure;  /* that has it: "Patient", "HumanName", "Patient.contact"; elements of Element, DomainResource … are found in each that inherits them */
    const char *name;       /* "birthDate"; of a choice without [x]: "value" */
    const char *const *types; /* names of types, NULL-ended: one, or a choice's: "Quantity", "CodeableConcept" …; a backbone's is "Patient.contact" */
    bool many;              /* max > 1 */
    bool required;          /* min ≥ 1 */
    bool choice;
};
/* The element, or NULL. structure may be a resource, a type, or a backbone element's path. */
const struct fhir_element *fhir_model_find(const char *structure, struct str name);
bool fhir_model_has_structure(struct str name);
/* The typed member of a JSON object that a choice element may stand in: "value" and "valueQuantity" → "Quantity"; NULL: none. */
const char *fhir_model_choice_type(struct str element, struct str member);
/* The element's name nearest to name, for "did you mean"; NULL: none is near. */
const char *fhir_model_nearest(const char *structure, struct str name);

#endif
