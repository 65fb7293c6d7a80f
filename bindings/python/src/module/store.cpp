/* Stores: objects by key, listings page by page. */
#include "binding.h"

#include <vector>

namespace satchel_python
{

namespace
{

enum { COUNTS = 64 };

StoreHandle open(nb::str uri, const Config &config)
{
    satchel_store *raw = nullptr;
    satchel_error err{};
    std::string text = text_of(uri, "the URI");
    int code;
    {
        Released released;
        code = satchel_store_open(text.c_str(), config.shared.get(), &raw, &err);
    }
    check(code, err);
    return StoreHandle(raw);
}

Buffer get(const StoreHandle &self, nb::str key)
{
    std::string name = text_of(key, "the key");
    satchel_buf raw{};
    self.run([&](satchel_store *store, satchel_error *err) {
        return satchel_get(store, name.c_str(), &raw, err);
    });
    return buffer_take(raw);
}

/* Name-value pairs of a dict of str; the strings live here. */
class Pairs
{
  public:
    Pairs(const nb::dict &values, const char *what)
    {
        text_.reserve(values.size()); /* c_str() stays where it is */
        for (auto [key, value] : values)
            text_.emplace_back(text_of(key, what), text_of(value, what));
        for (const auto &pair : text_)
            pairs_.push_back({pair.first.c_str(), pair.second.c_str()});
    }
    const satchel_pair *data() const
    {
        return pairs_.data();
    }
    size_t size() const
    {
        return pairs_.size();
    }

  private:
    std::vector<std::pair<std::string, std::string>> text_;
    std::vector<satchel_pair> pairs_;
};

/* The keywords of put(): those that are absent keep their default. */
nb::object keyword(const nb::kwargs &kwargs, const char *name)
{
    return kwargs.contains(name) ? nb::object(kwargs[name]) : nb::none();
}

nb::dict dict_keyword(const nb::kwargs &kwargs, const char *name)
{
    nb::object value = keyword(kwargs, name);
    return value.is_none() ? nb::dict() : nb::cast<nb::dict>(value);
}

void put(const StoreHandle &self, nb::str key, nb::object data, const nb::kwargs &kwargs)
{
    std::string name = text_of(key, "the key");
    auto if_match = optional_text(keyword(kwargs, "if_match"), "if_match");
    auto content_type = optional_text(keyword(kwargs, "content_type"), "content_type");
    Pairs metadata(dict_keyword(kwargs, "metadata"), "metadata");
    Pairs tags(dict_keyword(kwargs, "tags"), "tags");
    satchel_put_options options{};
    options.struct_size = sizeof options;
    options.if_absent = nb::bool_(keyword(kwargs, "if_absent")) ? 1 : 0;
    options.if_match = pointer(if_match);
    options.content_type = pointer(content_type);
    options.metadata = metadata.data();
    options.metadata_count = metadata.size();
    options.tags = tags.data();
    options.tag_count = tags.size();
    Py_buffer view;
    if (PyObject_GetBuffer(data.ptr(), &view, PyBUF_SIMPLE) != 0)
        throw nb::python_error();
    satchel_span span{view.buf, static_cast<size_t>(view.len)};
    satchel_error err{};
    int code = SATCHEL_OK;
    try {
        code = self.try_run(
            [&](satchel_store *store, satchel_error *why) {
                return satchel_put(store, name.c_str(), span, &options, why);
            },
            err);
    } catch (...) {
        PyBuffer_Release(&view);
        throw;
    }
    PyBuffer_Release(&view);
    check(code, err);
}

nb::object text_or_none(const char *text)
{
    return text == nullptr ? nb::none() : str_of(text);
}

/* (size, mtime_ns, etag, content_type, metadata) */
nb::tuple stat(const StoreHandle &self, nb::str key)
{
    std::string name = text_of(key, "the key");
    satchel_info raw{};
    self.run([&](satchel_store *store, satchel_error *err) {
        return satchel_stat(store, name.c_str(), &raw, err);
    });
    std::unique_ptr<satchel_info, void (*)(satchel_info *)> info(&raw, satchel_info_free);
    nb::dict metadata;
    for (size_t i = 0; i < info->metadata.count; i++) {
        const satchel_pair &pair = info->metadata.items[i];
        metadata[str_of(pair.key)] = str_of(pair.value);
    }
    return nb::make_tuple(info->size, info->mtime_ns, text_or_none(info->etag),
                          text_or_none(info->content_type), metadata);
}

void remove(const StoreHandle &self, nb::str key)
{
    std::string name = text_of(key, "the key");
    self.run([&](satchel_store *store, satchel_error *err) {
        return satchel_delete(store, name.c_str(), nullptr, err);
    });
}

/* One None or exception for each key. */
nb::list remove_many(const StoreHandle &self, const nb::list &keys)
{
    std::vector<std::string> names;
    std::vector<const char *> pointers;
    for (nb::handle key : keys)
        names.push_back(text_of(key, "a key"));
    for (const std::string &name : names)
        pointers.push_back(name.c_str());
    std::vector<satchel_error> results(names.size());
    satchel_error err{};
    int code = self.try_run(
        [&](satchel_store *store, satchel_error *why) {
            return satchel_delete_many(store, pointers.data(), pointers.size(), results.data(),
                                       why);
        },
        err);
    nb::list outcome;
    bool told = false;
    for (const satchel_error &result : results) {
        told = told || result.code != SATCHEL_OK;
        outcome.append(result.code == SATCHEL_OK ? nb::none() : exception_of(result));
    }
    if (!told)
        check(code, err); /* it failed as a whole */
    return outcome;
}

nb::dict stats(const StoreHandle &self)
{
    satchel_count counts[COUNTS];
    uint64_t total = satchel_store_stats(self.share().get(), counts, COUNTS);
    return stats_dict(counts, COUNTS, total);
}

/* ---- listings */

struct Listing {
    std::shared_ptr<satchel_store> store; /* outlives the cursor */
    satchel_cursor *cursor;

    Listing(std::shared_ptr<satchel_store> from, satchel_cursor *raw)
        : store(std::move(from)), cursor(raw)
    {
    }
    Listing(Listing &&other) noexcept
        : store(std::move(other.store)), cursor(std::exchange(other.cursor, nullptr))
    {
    }
    ~Listing()
    {
        Released released;
        satchel_cursor_close(cursor);
        store.reset();
    }
};

struct Row {
    std::string key;
    uint64_t size;
    int64_t mtime_ns;
    bool is_prefix;
};

Listing list(const StoreHandle &self, nb::str prefix, bool recursive)
{
    std::string text = text_of(prefix, "the prefix");
    satchel_cursor *raw = nullptr;
    self.run([&](satchel_store *store, satchel_error *err) {
        return satchel_list(store, text.c_str(), recursive ? 1 : 0, &raw, err);
    });
    return {self.share(), raw};
}

int take_rows(satchel_cursor *cursor, size_t most, std::vector<Row> &rows, satchel_error *err)
{
    while (rows.size() < most) {
        const satchel_entry *entry = nullptr;
        int code = satchel_cursor_next(cursor, &entry, err);
        if (code != SATCHEL_OK || entry == nullptr)
            return code;
        rows.push_back({entry->key, entry->size, entry->mtime_ns, entry->is_prefix != 0});
    }
    return SATCHEL_OK;
}

/* At most `most` rows (key, size, mtime_ns, is_prefix); an empty list is the end. */
nb::list next_rows(Listing &self, size_t most)
{
    std::vector<Row> rows;
    satchel_error err{};
    int code;
    {
        Released released;
        code = take_rows(self.cursor, most, rows, &err);
    }
    check(code, err);
    nb::list result;
    for (const Row &row : rows)
        result.append(
            nb::make_tuple(str_of(row.key.c_str()), row.size, row.mtime_ns, row.is_prefix));
    return result;
}

} // namespace

nb::dict stats_dict(const satchel_count *counts, size_t rows, uint64_t total)
{
    nb::dict result;
    for (size_t i = 0; i < rows && counts[i].kind != nullptr; i++)
        result[counts[i].kind] = counts[i].requests;
    result["total"] = total;
    return result;
}

void bind_store(nb::module_ &module)
{
    nb::class_<Listing>(module, "Listing", "A listing under way; one thread at a time.")
        .def("next", &next_rows, nb::arg("most"),
             "Up to `most` rows (key, size, mtime_ns, is_prefix); an empty list is the end.");
    nb::class_<StoreHandle>(module, "Store", "Objects under one URI.", nb::is_weak_referenceable())
        .def_static("open", &open, nb::arg("uri"), nb::arg("config"), "Makes no request.")
        .def("close", &StoreHandle::close, "Calls under way end first; then it is closed.")
        .def("get", &get, nb::arg("key"), "A whole object.")
        .def("put", &put, nb::arg("key"), nb::arg("data"), nb::arg("kwargs"),
             "Stores bytes; keywords if_absent, if_match, content_type, metadata, tags.")
        .def("stat", &stat, nb::arg("key"), "(size, mtime_ns, etag, content_type, metadata)")
        .def("delete", &remove, nb::arg("key"), "Deletes one object, whether it is there or not.")
        .def("delete_many", &remove_many, nb::arg("keys"), "None or an exception for each key.")
        .def("list", &list, nb::arg("prefix"), nb::arg("recursive"), "The keys with a prefix.")
        .def("stats", &stats, "Requests made so far, by kind and in total.");
}

} // namespace satchel_python
