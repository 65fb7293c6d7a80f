/* Log lines to standard error. The callback runs on the library's threads: no Python in it. */
#include "binding.h"

#include <cstdio>

namespace satchel_python
{

namespace
{

void to_stderr(void *, int level, const char *line)
{
    static const char *const names[] = {"", "error", "warning", "info", "debug", "trace"};
    std::fprintf(stderr, "satchel %s: %s\n", names[level], line);
}

} // namespace

void bind_log(nb::module_ &module)
{
    module.def(
        "log_to_stderr",
        [](int level) {
            Released released; /* a line being written holds the library's log lock */
            satchel_log_set(level, to_stderr, nullptr);
        },
        nb::arg("level"), "Log lines of this level (0 = off ... 5 = trace) and above.");
}

} // namespace satchel_python
