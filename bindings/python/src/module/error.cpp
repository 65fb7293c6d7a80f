/* Errors and text on their way between C and Python. */
#include "binding.h"

#include <cstring>

namespace satchel_python
{

nb::object str_of(const char *text)
{
    Py_ssize_t len = static_cast<Py_ssize_t>(std::strlen(text));
    return nb::steal(PyUnicode_DecodeUTF8(text, len, "replace"));
}

nb::object exception_of(const satchel_error &err)
{
    Nested nested(true);
    nb::object make = nb::module_::import_("satchel.errors").attr("from_core");
    nb::dict details;
    details["os_errno"] = err.os_errno;
    details["http_status"] = err.http_status;
    details["attempts"] = err.attempts;
    details["request_id"] = str_of(err.request_id);
    details["endpoint"] = str_of(err.endpoint);
    return make(satchel_code_name(err.code), str_of(err.text), details);
}

void check(int code, const satchel_error &err)
{
    if (code != SATCHEL_OK)
        throw Failure{err};
}

void fail(int code, const char *text)
{
    satchel_error err{};
    err.code = code;
    std::strncpy(err.text, text, sizeof err.text - 1);
    throw Failure{err};
}

std::string text_of(nb::handle value, const char *what)
{
    Py_ssize_t len = 0;
    const char *text = PyUnicode_AsUTF8AndSize(value.ptr(), &len);
    if (text == nullptr)
        throw nb::python_error();
    std::string copy(text, static_cast<size_t>(len));
    if (copy.find('\0') != std::string::npos)
        fail(SATCHEL_INVALID, (std::string(what) + " contains a NUL character").c_str());
    return copy;
}

std::optional<std::string> optional_text(nb::handle value, const char *what)
{
    if (value.is_none())
        return std::nullopt;
    return text_of(value, what);
}

namespace
{

void raise(const satchel_error &err)
{
    try {
        nb::object exception = exception_of(err);
        PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(exception.ptr())), exception.ptr());
    } catch (nb::python_error &other) {
        other.restore();
    }
}

void translate(const std::exception_ptr &thrown, void *)
{
    try {
        std::rethrow_exception(thrown);
    } catch (const Failure &failure) {
        raise(failure.err);
    }
}

nb::list codes()
{
    nb::list rows;
#define SAT_PYTHON_CODE(name, value, text) rows.append(nb::make_tuple(#name, value, text));
    SATCHEL_ERROR_MAP(SAT_PYTHON_CODE)
#undef SAT_PYTHON_CODE
    return rows;
}

} // namespace

void bind_error(nb::module_ &module)
{
    nb::register_exception_translator(translate);
    module.def("codes", &codes, "Every error code: (name, value, one-line meaning).");
}

} // namespace satchel_python
