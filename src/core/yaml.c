/*
 * YAML through libyaml's events: the only home of libyaml.
 *
 * libyaml has its own heap and bounds neither depth nor number of nodes. Events are taken one at a
 * time and the builder refuses what is too much, so that it never runs far ahead.
 */
#include "yaml.h"

#include <stdbool.h>
#include <string.h>

#include <yaml.h>

#include "error.h"
#include "str.h"

struct reader {
    yaml_parser_t parser;
    struct sat_setting_builder builder;
    satchel_span text;
    bool begun; /* a document has */
    satchel_error *err;
};

static satchel_span span_of(const yaml_char_t *text, size_t len)
{
    return (satchel_span){.data = text, .len = len};
}

static void go_to(struct reader *reader, const yaml_mark_t *mark)
{
    reader->builder.line = mark->line + 1;
    reader->builder.column = mark->column + 1;
}

static int refuse(const struct reader *reader, const char *what)
{
    return sat_error_set(reader->err, SATCHEL_INVALID, "line %zu, column %zu: %s",
                         reader->builder.line, reader->builder.column, what);
}

/* An error of libyaml's own. */
static int parse_failed(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return sat_error_nomem(reader->err);
    if (parser->error == YAML_READER_ERROR) { /* it knows the byte, and no line */
        reader->builder.line = reader->builder.column = 1;
        sat_text_place(reader->text.data, parser->problem_offset, &reader->builder.line,
                       &reader->builder.column);
    } else {
        go_to(reader, &parser->problem_mark);
    }
    const char *context = parser->context == NULL ? "" : parser->context;
    return sat_error_set(reader->err, SATCHEL_INVALID, "line %zu, column %zu: %s%s%s",
                         reader->builder.line, reader->builder.column, context,
                         *context == '\0' ? "" : ", ", parser->problem);
}

static int take_scalar(struct reader *reader, const yaml_event_t *event)
{
    satchel_span text = span_of(event->data.scalar.value, event->data.scalar.length);
    bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (!sat_setting_wants_key(&reader->builder))
        return sat_setting_scalar(&reader->builder, text, quoted, reader->err);
    if (text.len == 0)
        return refuse(reader, "an empty key");
    if (!quoted && sat_span_eq(text, "<<"))
        return refuse(reader, "merge keys (<<) are not supported");
    return sat_setting_key(&reader->builder, text, reader->err);
}

static int take_container(struct reader *reader, enum sat_setting_kind kind)
{
    if (sat_setting_wants_key(&reader->builder))
        return refuse(reader, "a key must be text");
    return sat_setting_begin(&reader->builder, kind, reader->err);
}

/* A node's anchor and tag, NULL where it has none. */
static int check_properties(const struct reader *reader, const yaml_char_t *anchor,
                            const yaml_char_t *tag)
{
    if (anchor != NULL)
        return refuse(reader, "anchors (&) and aliases (*) are not supported");
    return tag != NULL ? refuse(reader, "tags (!) are not supported") : SATCHEL_OK;
}

static int take_event(struct reader *reader, const yaml_event_t *event)
{
    int code = SATCHEL_OK;
    go_to(reader, &event->start_mark);
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        code = check_properties(reader, event->data.scalar.anchor, event->data.scalar.tag);
        return code == SATCHEL_OK ? take_scalar(reader, event) : code;
    case YAML_SEQUENCE_START_EVENT:
        code = check_properties(reader, event->data.sequence_start.anchor,
                                event->data.sequence_start.tag);
        return code == SATCHEL_OK ? take_container(reader, SAT_SETTING_LIST) : code;
    case YAML_MAPPING_START_EVENT:
        code = check_properties(reader, event->data.mapping_start.anchor,
                                event->data.mapping_start.tag);
        return code == SATCHEL_OK ? take_container(reader, SAT_SETTING_MAP) : code;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        sat_setting_end(&reader->builder);
        return SATCHEL_OK;
    case YAML_ALIAS_EVENT:
        return check_properties(reader, event->data.alias.anchor, NULL);
    case YAML_DOCUMENT_START_EVENT:
        if (reader->begun)
            return refuse(reader, "a second document");
        reader->begun = true;
        return SATCHEL_OK;
    default:
        return SATCHEL_OK;
    }
}

static int read_events(struct reader *reader)
{
    int code = SATCHEL_OK;
    for (bool ended = false; code == SATCHEL_OK && !ended;) {
        yaml_event_t event;
        if (yaml_parser_parse(&reader->parser, &event) == 0)
            return parse_failed(reader);
        code = take_event(reader, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    if (code == SATCHEL_OK && reader->builder.root == NULL)
        return sat_setting_scalar(&reader->builder, (satchel_span){0}, false, reader->err);
    return code;
}

int sat_yaml_read(satchel_span text, struct sat_setting **root, satchel_error *err)
{
    struct reader reader = {.text = text, .err = err};
    if (text.len > SAT_SETTING_BYTES_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "it is over %zu bytes", SAT_SETTING_BYTES_MAX);
    if (yaml_parser_initialize(&reader.parser) == 0)
        return sat_error_nomem(err);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    /* libyaml wants a pointer, also to nothing. */
    yaml_parser_set_input_string(&reader.parser, text.len > 0 ? text.data : (yaml_char_t *)"",
                                 text.len);
    int code = read_events(&reader);
    yaml_parser_delete(&reader.parser);
    if (code == SATCHEL_OK) {
        *root = reader.builder.root;
        reader.builder.root = NULL;
    }
    sat_setting_builder_fini(&reader.builder);
    return code;
}
