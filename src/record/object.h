/* The object that one version of a record becomes: its body, its tags and its metadata. */
#ifndef SAT_RECORD_OBJECT_H
#define SAT_RECORD_OBJECT_H

#include "record/db.h"

struct sat_object {
    struct sat_doc_body body;
    struct sat_tags tags; /* empty where the store keeps none or the database wants none */
    struct sat_tags metadata;
};

/*
 * Makes the object of a record for `db`, in the form that stamp->form says. Each one made has a
 * write id of its own (SAT_META_WRITER), so that a lost response can be settled. *object is zeroed
 * or made before, and holds nothing after a failure; release it with sat_object_fini().
 */
int sat_object_make(const struct satchel_db *db, const struct sat_doc_input *input,
                    const struct sat_doc_stamp *stamp, struct sat_object *object,
                    satchel_error *err);
/* Leaves it zeroed; a zeroed one is fine. */
void sat_object_fini(struct sat_object *object);

#endif
