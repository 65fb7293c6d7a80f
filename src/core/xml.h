/* A streaming XML reader for service replies, and escaping for request bodies. */
#ifndef SAT_CORE_XML_H
#define SAT_CORE_XML_H

#include <stddef.h>

#include <satchel/types.h>

#include "buf.h"

/* Beyond any of these a document is refused with LIMIT. */
enum {
    SAT_XML_DEPTH_MAX = 32,
    SAT_XML_TEXT_MAX = 64 * 1024, /* text of one element; also one tag or comment */
    SAT_XML_PATH_MAX = 1024,
};

/*
 * One element, valid during the callback. `path` names the element from the root
 * ("ListBucketResult/Contents/Key"), `name` is its last segment; prefixes and namespaces are
 * dropped. `text` is the character data of an element without child elements, white space kept;
 * "" for an element with children and in `begin`. NUL-terminated.
 */
struct sat_xml_node {
    const char *path;
    const char *name;
    size_t depth; /* 1 for the root */
    const char *text;
    size_t len;
};

/*
 * Either may be NULL. A code other than SATCHEL_OK stops the parse: feed and finish then return
 * that code and what the callback put into *err (never NULL here).
 */
struct sat_xml_handler {
    int (*begin)(void *user, const struct sat_xml_node *node, satchel_error *err);
    int (*end)(void *user, const struct sat_xml_node *node, satchel_error *err);
};

/* One document. Not thread-safe; different documents are independent. */
struct sat_xml;

/* `handler` is copied. NULL when out of memory. */
struct sat_xml *sat_xml_new(const struct sat_xml_handler *handler, void *user, satchel_error *err);
void sat_xml_free(struct sat_xml *xml);

/*
 * The next bytes of the document (UTF-8; white space before it is legal), in pieces of any size.
 * CORRUPT: malformed, or with a DOCTYPE; LIMIT: over SAT_BUF_MAX_TEXT bytes or a limit above;
 * NOMEM; or a callback's code. A failure is final: every later call returns it again.
 */
int sat_xml_feed(struct sat_xml *xml, const void *data, size_t len, satchel_error *err);

/* The document ends here: CORRUPT when it is empty or truncated. */
int sat_xml_finish(struct sat_xml *xml, satchel_error *err);

/* Name of the root element without prefix; "" before it was seen. */
const char *sat_xml_root(const struct sat_xml *xml);

/*
 * A whole document at once. `root`, when not NULL, is the root element it must have, else CORRUPT
 * ("unexpected XML root 'html', want 'ListBucketResult'"), before any callback runs.
 */
int sat_xml_parse(satchel_span document, const char *root, const struct sat_xml_handler *handler,
                  void *user, satchel_error *err);

/*
 * Appends text as character data or attribute value, escaping & < > " ' tab LF CR. INVALID, with
 * the buffer as it was, when `text` is not UTF-8 or has a character XML 1.0 cannot carry.
 */
int sat_xml_escape(struct sat_buf *buf, satchel_span text, satchel_error *err);

#endif
