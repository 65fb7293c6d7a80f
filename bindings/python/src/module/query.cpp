/* Queries: parsed once, usable from any thread. */
#include "binding.h"

namespace satchel_python
{

namespace
{

using Parse = int (*)(const char *, satchel_query **, satchel_error *);

QueryHandle parse(Parse parser, nb::handle text)
{
    satchel_query *raw = nullptr;
    satchel_error err{};
    check(parser(text_of(text, "the query").c_str(), &raw, &err), err);
    return QueryHandle(raw);
}

bool matches(const QueryHandle &self, const nb::bytes &record)
{
    int matched = 0;
    satchel_span span = span_of(record);
    self.run([&](satchel_query *query, satchel_error *err) {
        return satchel_query_match(query, span, &matched, err);
    });
    return matched != 0;
}

} // namespace

void bind_query(nb::module_ &module)
{
    nb::class_<QueryHandle>(module, "Query", "A parsed query.")
        .def_static(
            "parse_json", [](nb::str text) { return parse(satchel_query_parse_json, text); },
            nb::arg("text"), "From the JSON form.")
        .def_static(
            "parse_where", [](nb::str text) { return parse(satchel_query_parse_where, text); },
            nb::arg("text"), "From an expression in the style of SQL's WHERE.")
        .def("matches", &matches, nb::arg("record"),
             "Whether a record, given as JSON, passes the filter.");
}

} // namespace satchel_python
