/* Configurations: the options the library knows, and a set of values for them. */
#include "binding.h"

namespace satchel_python
{

namespace
{

Config make(const nb::dict &options, nb::handle file, nb::handle database)
{
    satchel_config *raw = nullptr;
    satchel_error err{};
    std::optional<std::string> path = optional_text(file, "file");
    std::optional<std::string> name = optional_text(database, "database");
    check(satchel_config_new(&raw, &err), err);
    Config config{std::shared_ptr<satchel_config>(raw, satchel_config_free)};
    if (path)
        check(satchel_config_load_file(raw, path->c_str(), pointer(name), &err), err);
    for (auto [key, value] : options) {
        std::string name = text_of(key, "an option's name");
        std::string text = text_of(value, name.c_str());
        check(satchel_config_set(raw, name.c_str(), text.c_str(), &err), err);
    }
    return config;
}

/* Rows (key, type, environment variables, help). */
nb::list options()
{
    nb::list rows;
    size_t cursor = 0;
    satchel_option row{};
    row.struct_size = sizeof row;
    while (satchel_option_next(&cursor, &row) == 1)
        rows.append(nb::make_tuple(row.key, row.type, row.env, row.help));
    return rows;
}

} // namespace

void bind_config(nb::module_ &module)
{
    nb::class_<Config>(module, "Config",
                       "Values of options, text by name, over a file and the environment.")
        .def(
            "__init__",
            [](Config *self, const nb::dict &values, nb::object file, nb::object database) {
                new (self) Config(make(values, file, database));
            },
            nb::arg("options"), nb::arg("file") = nb::none(), nb::arg("database") = nb::none())
        .def_prop_ro(
            "uri", [](const Config &self) { return str_of(satchel_config_uri(self.shared.get())); },
            "The URI of the database that the file describes, or \"\".")
        .def(
            "get",
            [](const Config &self, nb::str key) -> nb::object {
                const char *value =
                    satchel_config_get(self.shared.get(), text_of(key, "key").c_str());
                return value == nullptr ? nb::none() : str_of(value);
            },
            nb::arg("key"), "The effective value as text, or None for an unknown key.");
    module.def("options", &options, "Every option: (key, type, environment variables, help).");
}

} // namespace satchel_python
