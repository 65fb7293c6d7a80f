/* The module satchel._core: the public C header for the Python package, and nothing else. */
#include "binding.h"

using namespace satchel_python;

NB_MODULE(_core, module)
{
    module.doc() = "The compiled part of satchel; the package satchel is what to use.";
    bind_error(module);
    bind_buffer(module);
    bind_config(module);
    bind_log(module);
    bind_query(module);
    bind_store(module);
    bind_db(module);
    bind_job(module);
    module.def("version", &satchel_version, "The version of the library.");
    module.def(
        "forked",
        [] {
            forked();
            nanobind::set_leak_warnings(false); /* nor is what the parent's threads hold */
        },
        "In a child: other threads, if there were any, do not come back.");
    module.def(
        "interpreter_ends",
        [](bool others) {
            interpreter_ends();
            if (others)
                nanobind::set_leak_warnings(false); /* what those threads hold is no leak */
        },
        nb::arg("others"),
        "Ends the library's threads; other threads, if there are any, stay out of Python.");
}
