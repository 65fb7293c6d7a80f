/* satchel.Buffer: bytes of the library, read by Python in place. */
#include "binding.h"

#include <cstdlib>
#include <cstring>

#include <nanobind/operators.h>

namespace satchel_python
{

namespace
{

void release(satchel_buf *raw)
{
    satchel_buf_free(raw);
    delete raw;
}

/* Bytes of Python, for buffers that were not made by the library. */
void release_copy(satchel_buf *raw)
{
    std::free(raw->data);
    delete raw;
}

class View
{
  public:
    explicit View(nb::handle object)
    {
        if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0)
            throw nb::python_error();
    }
    ~View()
    {
        PyBuffer_Release(&view_);
    }
    View(const View &) = delete;
    View &operator=(const View &) = delete;
    const void *data() const
    {
        return view_.buf;
    }
    size_t size() const
    {
        return static_cast<size_t>(view_.len);
    }

  private:
    Py_buffer view_;
};

Buffer copy_of(const void *data, size_t size)
{
    auto *raw = new satchel_buf{nullptr, size};
    std::shared_ptr<satchel_buf> bytes(raw, release_copy);
    if (size > 0) {
        raw->data = std::malloc(size);
        if (raw->data == nullptr)
            throw std::bad_alloc();
        std::memcpy(raw->data, data, size);
    }
    return {bytes, 0, size};
}

int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
    auto *buffer = nb::inst_ptr<Buffer>(self);
    auto size = static_cast<Py_ssize_t>(buffer->size);
    return PyBuffer_FillInfo(view, self, const_cast<char *>(buffer->data()), size, 1, flags);
}

PyType_Slot slots[] = {
    {Py_bf_getbuffer, reinterpret_cast<void *>(get_buffer)},
    {0, nullptr},
};

nb::bytes to_bytes(const Buffer &self)
{
    return nb::bytes(self.data(), self.size);
}

nb::object item(const Buffer &self, Py_ssize_t index)
{
    auto size = static_cast<Py_ssize_t>(self.size);
    Py_ssize_t at = index < 0 ? index + size : index;
    if (at < 0 || at >= size)
        throw nb::index_error("buffer index out of range");
    return nb::int_(static_cast<unsigned char>(self.data()[at]));
}

/* Without a step the slice shares the bytes. */
nb::object slice(const Buffer &self, const nb::slice &range)
{
    auto [start, stop, step, length] = range.compute(self.size);
    static_cast<void>(stop);
    if (step == 1)
        return nb::cast(Buffer{self.bytes, self.offset + static_cast<size_t>(start), length});
    nb::object taken = to_bytes(self).attr("__getitem__")(range);
    return nb::cast(copy_of(nb::cast<nb::bytes>(taken).c_str(), length));
}

nb::object equals(const Buffer &self, nb::handle other)
{
    if (PyObject_CheckBuffer(other.ptr()) == 0)
        return nb::borrow(Py_NotImplemented);
    View view(other);
    bool same = view.size() == self.size && std::memcmp(view.data(), self.data(), self.size) == 0;
    return nb::bool_(same);
}

nb::object decode(const Buffer &self, const nb::str &encoding, const nb::str &errors)
{
    auto size = static_cast<Py_ssize_t>(self.size);
    PyObject *text = PyUnicode_Decode(self.data(), size, encoding.c_str(), errors.c_str());
    if (text == nullptr)
        throw nb::python_error();
    return nb::steal(text);
}

nb::str repr(const Buffer &self)
{
    return nb::str("<satchel.Buffer of {} bytes>").format(self.size);
}

#if PY_VERSION_HEX < 0x030C0000
/* What Python 3.12 and later make of the slot by themselves: the protocol as a method. */
void show_protocol(nb::class_<Buffer> &type)
{
    type.def("__buffer__", [](nb::handle self, int flags) {
        static_cast<void>(flags);
        return nb::steal(PyMemoryView_FromObject(self.ptr()));
    });
}
#else
void show_protocol(nb::class_<Buffer> & /*type*/)
{
}
#endif

} // namespace

Buffer buffer_take(satchel_buf &raw)
{
    std::shared_ptr<satchel_buf> bytes(new satchel_buf(raw), release);
    raw = {nullptr, 0};
    size_t size = bytes->len;
    return {bytes, 0, size};
}

void bind_buffer(nb::module_ &module)
{
    nb::class_<Buffer> type(module, "Buffer", nb::type_slots(slots),
                            "Read-only bytes, shared with the library without a copy.");
    type.def(
            "__init__",
            [](Buffer *self, nb::handle data) {
                View view(data);
                new (self) Buffer(copy_of(view.data(), view.size()));
            },
            nb::arg("data"), "A copy of any object with the buffer protocol.")
        .def("__len__", [](const Buffer &self) { return self.size; })
        .def("__bytes__", &to_bytes)
        .def("__getitem__", &item)
        .def("__getitem__", &slice)
        .def("__eq__", &equals, nb::is_operator())
        .def("__hash__", [](const Buffer &self) { return PyObject_Hash(to_bytes(self).ptr()); })
        .def("__repr__", &repr)
        .def("__reduce__",
             [](nb::handle self) {
                 nb::bytes content = to_bytes(nb::cast<const Buffer &>(self));
                 return nb::make_tuple(self.type(), nb::make_tuple(content));
             })
        .def("decode", &decode, nb::arg("encoding") = "utf-8", nb::arg("errors") = "strict",
             "The bytes as str, as bytes.decode() gives it.");
    show_protocol(type);
}

} // namespace satchel_python
