/*
 * Service replies through libxml2's SAX push parser: no tree, no DTD, no network, bounded memory.
 * Namespaces mean nothing here, so elements come by the plain callbacks, as they are written.
 *
 * (1) After a failure (`err.code`) no callback of the user runs again and nothing more is fed.
 * (2) libxml2 prints what it cannot route to a parser context, and character set conversion is
 *     such a place: only UTF-8 gets in, so a hostile reply cannot write to our stderr.
 * (3) libxml2 looks at a whole tag at once and compares its attributes pairwise: input without an
 *     event between is bounded, and input goes in by small pieces so that the bound holds.
 */
#include "xml.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <libxml/parser.h>

#include "alloc.h"
#include "error.h"
#include "str.h"

#ifndef LIBXML_SAX1_ENABLED
#error "this libxml2 was built without its plain element callbacks"
#endif

enum { PIECE = 16 * 1024 };

struct sat_xml {
    xmlParserCtxtPtr parser;
    struct sat_xml_handler handler;
    void *user;
    const char *want_root; /* or NULL */
    satchel_error err;     /* code is not OK after a failure, see (1) */
    size_t fed;            /* bytes so far */
    size_t quiet;          /* bytes fed since the last event, see (3) */
    bool started;          /* the first byte that is not white space was fed */
    bool leaf;             /* the innermost element has had no child yet */
    size_t depth;
    size_t name_at[SAT_XML_DEPTH_MAX + 1]; /* where the name of depth i begins in `path` */
    size_t path_len;
    char path[SAT_XML_PATH_MAX];
    char root[SAT_XML_PATH_MAX];
    struct sat_buf text; /* character data of the innermost element, while it is a leaf */
};

static pthread_once_t parser_ready = PTHREAD_ONCE_INIT;

/* Ends the parse after self->err was filled. */
static void stop(struct sat_xml *self)
{
    xmlStopParser(self->parser);
}

static void refuse(struct sat_xml *self, int code, const char *what)
{
    if (self->err.code != SATCHEL_OK)
        return;
    (void)sat_error_set(&self->err, code, "XML refused at line %d: %s",
                        xmlSAX2GetLineNumber(self->parser), what);
    stop(self);
}

/* Runs a callback of the user on the innermost element. */
static void deliver(struct sat_xml *self,
                    int (*callback)(void *, const struct sat_xml_node *, satchel_error *),
                    satchel_span text)
{
    if (callback == NULL)
        return;
    const struct sat_xml_node node = {
        .path = self->path,
        .name = self->path + self->name_at[self->depth],
        .depth = self->depth,
        .text = text.data,
        .len = text.len,
    };
    satchel_error err = {0};
    int code = callback(self->user, &node, &err);
    if (code == SATCHEL_OK)
        return;
    self->err = err;
    self->err.code = code;
    stop(self);
}

/* What stands behind the prefix. */
static const char *local_name(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon != NULL ? colon + 1 : name;
}

/* Adds the name to the path; false after a refusal. */
static bool enter(struct sat_xml *self, const char *name)
{
    size_t len = strlen(name);
    size_t slash = self->depth > 0 ? 1 : 0;
    if (self->depth == SAT_XML_DEPTH_MAX) {
        refuse(self, SATCHEL_LIMIT, "elements are nested too deep");
        return false;
    }
    if (len >= sizeof self->path - self->path_len - slash) {
        refuse(self, SATCHEL_LIMIT, "element names are too long");
        return false;
    }
    if (slash > 0)
        self->path[self->path_len++] = '/';
    self->name_at[++self->depth] = self->path_len;
    memcpy(self->path + self->path_len, name, len + 1);
    self->path_len += len;
    return true;
}

/* Refuses an error page before a callback takes it for the reply. */
static bool accept_root(struct sat_xml *self)
{
    memcpy(self->root, self->path, self->path_len + 1);
    if (self->want_root == NULL || sat_str_eq(self->root, self->want_root))
        return true;
    (void)sat_error_set(&self->err, SATCHEL_CORRUPT, "unexpected XML root '%.100s', want '%s'",
                        self->root, self->want_root);
    stop(self);
    return false;
}

/* The user's callbacks see an element begin, and end with the text of a leaf. */
static void on_start(void *user, const xmlChar *name, const xmlChar **attributes)
{
    (void)attributes;
    struct sat_xml *self = user;
    self->quiet = 0;
    if (self->err.code != SATCHEL_OK || !enter(self, local_name((const char *)name)))
        return;
    if (self->depth == 1 && !accept_root(self))
        return;
    sat_buf_reset(&self->text);
    self->leaf = true;
    deliver(self, self->handler.begin, sat_span_of(""));
}

static void on_end(void *user, const xmlChar *name)
{
    (void)name;
    struct sat_xml *self = user;
    self->quiet = 0;
    if (self->err.code != SATCHEL_OK)
        return;
    satchel_span text = sat_span_of("");
    if (self->leaf && self->text.len > 0)
        text = sat_buf_span(&self->text);
    deliver(self, self->handler.end, text);
    self->leaf = false; /* the parent now has a child */
    self->path_len = self->name_at[self->depth];
    self->path_len -= --self->depth > 0 ? 1 : 0;
    self->path[self->path_len] = '\0';
}

static void on_text(void *user, const xmlChar *data, int len)
{
    struct sat_xml *self = user;
    self->quiet = 0;
    if (self->err.code != SATCHEL_OK || !self->leaf)
        return;
    int code = sat_buf_add(&self->text, data, (size_t)len);
    if (code == SATCHEL_LIMIT) {
        refuse(self, code, "the text of an element is too long");
    } else if (code != SATCHEL_OK) {
        (void)sat_error_nomem(&self->err);
        stop(self);
    }
}

/* Comes before the first declaration inside is read, so no entity is ever defined. */
static void on_doctype(void *user, const xmlChar *name, const xmlChar *public_id,
                       const xmlChar *system_id)
{
    (void)name;
    (void)public_id;
    (void)system_id;
    refuse(user, SATCHEL_CORRUPT, "it has a DOCTYPE");
}

/* A fresh context a document: what one reply did to its parser cannot reach the next. */
static xmlParserCtxtPtr new_parser(struct sat_xml *self)
{
    xmlSAXHandler sax = {
        .internalSubset = on_doctype,
        .characters = on_text,
        .ignorableWhitespace = on_text, /* a key may be one space */
        .cdataBlock = on_text,
        /* Without XML_SAX2_MAGIC, libxml2 takes these and not the namespace-aware pair. */
        .startElement = on_start,
        .endElement = on_end,
    };
    xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&sax, self, NULL, 0, NULL);
    if (parser != NULL)
        (void)xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    return parser;
}

struct sat_xml *sat_xml_new(const struct sat_xml_handler *handler, void *user, satchel_error *err)
{
    (void)pthread_once(&parser_ready, xmlInitParser);
    struct sat_xml *self = sat_calloc(1, sizeof *self);
    if (self == NULL) {
        (void)sat_error_nomem(err);
        return NULL;
    }
    self->handler = *handler;
    self->user = user;
    sat_buf_init(&self->text, SAT_XML_TEXT_MAX);
    self->parser = new_parser(self);
    if (self->parser == NULL) {
        sat_xml_free(self);
        (void)sat_error_nomem(err);
        return NULL;
    }
    return self;
}

void sat_xml_free(struct sat_xml *xml)
{
    if (xml == NULL)
        return;
    xmlFreeParserCtxt(xml->parser);
    sat_buf_fini(&xml->text);
    sat_free(xml);
}

const char *sat_xml_root(const struct sat_xml *xml)
{
    return xml->root;
}

/* After libxml2 ran: its verdict. With no error callback set it prints nothing, see (2). */
static void judge(struct sat_xml *self)
{
    if (self->err.code != SATCHEL_OK || self->parser->wellFormed != 0)
        return;
    const xmlError *error = xmlCtxtGetLastError(self->parser);
    if (error == NULL || error->message == NULL) {
        (void)sat_error_set(&self->err, SATCHEL_CORRUPT, "malformed XML");
    } else if (error->code == XML_ERR_NO_MEMORY) {
        (void)sat_error_nomem(&self->err);
    } else {
        (void)sat_error_set(&self->err, SATCHEL_CORRUPT, "malformed XML at line %d: %.*s",
                            error->line, (int)strcspn(error->message, "\n"), error->message);
    }
}

static void feed_piece(struct sat_xml *self, const char *data, size_t len)
{
    self->fed += len;
    self->quiet += len;
    if (memchr(data, '\0', len) != NULL) {
        refuse(self, SATCHEL_CORRUPT, "it has a NUL byte"); /* UTF-16 and UTF-32 too, see (2) */
        return;
    }
    if (self->fed > SAT_BUF_MAX_TEXT) {
        refuse(self, SATCHEL_LIMIT, "the document is over 16 MiB");
        return;
    }
    (void)xmlParseChunk(self->parser, data, (int)len, 0);
    judge(self);
    if (self->quiet > SAT_XML_TEXT_MAX)
        refuse(self, SATCHEL_LIMIT, "a tag or comment is too long");
}

/* Number of leading bytes to skip: services send white space while a long request works. */
static size_t leading_space(const char *data, size_t len)
{
    size_t i = 0;
    while (i < len && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r' || data[i] == '\n'))
        i++;
    return i;
}

/* Looks at the first byte: neither EBCDIC nor plain text may start a guess at encodings, see (2).
 */
static void check_start(struct sat_xml *self, unsigned char first)
{
    self->started = true;
    if (first != '<' && first != 0xEF)
        refuse(self, SATCHEL_CORRUPT, "it does not start with '<'");
}

int sat_xml_feed(struct sat_xml *xml, const void *data, size_t len, satchel_error *err)
{
    const char *p = data;
    if (!xml->started) {
        size_t skip = leading_space(p, len);
        if (skip < len)
            check_start(xml, (unsigned char)p[skip]);
        p += skip;
        len -= skip;
    }
    while (len > 0 && xml->err.code == SATCHEL_OK) {
        size_t piece = len < PIECE ? len : PIECE;
        feed_piece(xml, p, piece);
        p += piece;
        len -= piece;
    }
    return sat_error_copy(err, &xml->err);
}

int sat_xml_finish(struct sat_xml *xml, satchel_error *err)
{
    if (xml->err.code == SATCHEL_OK && !xml->started) {
        (void)sat_error_set(&xml->err, SATCHEL_CORRUPT, "empty XML document");
    } else if (xml->err.code == SATCHEL_OK) {
        (void)xmlParseChunk(xml->parser, NULL, 0, 1);
        judge(xml);
    }
    return sat_error_copy(err, &xml->err);
}

int sat_xml_parse(satchel_span document, const char *root, const struct sat_xml_handler *handler,
                  void *user, satchel_error *err)
{
    struct sat_xml *xml = sat_xml_new(handler, user, err);
    if (xml == NULL)
        return SATCHEL_NOMEM;
    xml->want_root = root;
    int code = sat_xml_feed(xml, document.data, document.len, err);
    if (code == SATCHEL_OK)
        code = sat_xml_finish(xml, err);
    sat_xml_free(xml);
    return code;
}

/* The escape of a byte, or NULL where it stands for itself. */
static const char *escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return NULL;
    }
}

/* XML 1.0's Char production, for the code points of valid UTF-8. */
static bool is_xml_char(uint32_t c)
{
    if (c < 0x20)
        return c == '\t' || c == '\n' || c == '\r';
    return c != 0xFFFE && c != 0xFFFF;
}

/* The whole text is checked first, so that a refusal leaves the buffer alone. */
static bool is_xml_text(satchel_span text)
{
    if (!sat_utf8_valid(text.data, text.len))
        return false;
    for (size_t at = 0; at < text.len;) {
        if (!is_xml_char(sat_utf8_next(text.data, text.len, &at)))
            return false;
    }
    return true;
}

int sat_xml_escape(struct sat_buf *buf, satchel_span text, satchel_error *err)
{
    if (!is_xml_text(text))
        return sat_error_set(err, SATCHEL_INVALID,
                             "text with a control character or bytes that are not UTF-8 cannot be "
                             "sent in XML");
    const char *p = text.data;
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *escape = escape_of(p[i]);
        if (escape == NULL)
            continue;
        (void)sat_buf_add(buf, p + from, i - from);
        (void)sat_buf_add_str(buf, escape);
        from = i + 1;
    }
    if (text.len > from)
        (void)sat_buf_add(buf, p + from, text.len - from);
    return sat_buf_check(buf, "XML body", err);
}
