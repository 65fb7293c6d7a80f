/* Record databases: records cross as JSON bytes, results as plain tuples. */
#include "binding.h"

#include <vector>

namespace satchel_python
{

namespace
{

enum { COUNTS = 64 };

using ResultsHandle = Handle<satchel_results, satchel_results_close>;

DbHandle open(nb::str uri, const Config &config)
{
    satchel_db *raw = nullptr;
    satchel_error err{};
    std::string text = text_of(uri, "the URI");
    int code;
    {
        Released released;
        code = satchel_db_open(text.c_str(), config.shared.get(), &raw, &err);
    }
    check(code, err);
    return DbHandle(raw);
}

/* (id, json or None, version, token) */
nb::tuple tuple_of(const satchel_record &record)
{
    nb::object json = nb::none();
    if (record.json != nullptr)
        json = nb::bytes(record.json, record.json_len);
    nb::object token = record.token == nullptr ? nb::none() : str_of(record.token);
    return nb::make_tuple(str_of(record.id), json, record.version, token);
}

/* A record that is freed with its scope. */
struct Owned {
    satchel_record record{};
    ~Owned()
    {
        satchel_record_free(&record);
    }
};

/* ---- single records */

nb::tuple create(const DbHandle &self, nb::object id, const nb::bytes &record, bool replace)
{
    auto given = optional_text(id, "the id");
    satchel_span span = span_of(record);
    Owned out;
    self.run([&](satchel_db *db, satchel_error *err) {
        auto call = replace ? satchel_db_upsert : satchel_db_create;
        return call(db, pointer(given), span, &out.record, err);
    });
    return tuple_of(out.record);
}

nb::tuple update(const DbHandle &self, nb::str id, const nb::bytes &record, nb::object expected)
{
    std::string name = text_of(id, "the id");
    auto token = optional_text(expected, "the expected version");
    satchel_span span = span_of(record);
    Owned out;
    self.run([&](satchel_db *db, satchel_error *err) {
        return satchel_db_update(db, name.c_str(), span, pointer(token), &out.record, err);
    });
    return tuple_of(out.record);
}

nb::tuple read(const DbHandle &self, nb::str id)
{
    std::string name = text_of(id, "the id");
    Owned out;
    self.run([&](satchel_db *db, satchel_error *err) {
        return satchel_db_read(db, name.c_str(), &out.record, err);
    });
    return tuple_of(out.record);
}

bool remove(const DbHandle &self, nb::str id, nb::object expected, bool exact)
{
    std::string name = text_of(id, "the id");
    auto token = optional_text(expected, "the expected version");
    satchel_delete_options options{};
    options.struct_size = sizeof options;
    options.exact = exact ? 1 : 0;
    options.expected = pointer(token);
    int existed = 0;
    self.run([&](satchel_db *db, satchel_error *err) {
        return satchel_db_delete(db, name.c_str(), &options, &existed, err);
    });
    return existed != 0;
}

bool exists(const DbHandle &self, nb::str id)
{
    std::string name = text_of(id, "the id");
    int found = 0;
    self.run([&](satchel_db *db, satchel_error *err) {
        return satchel_db_exists(db, name.c_str(), &found, err);
    });
    return found != 0;
}

/* ---- batches */

using BatchCall = int (*)(satchel_db *, const satchel_batch *, satchel_item **, satchel_error *);

/* The arrays of a batch, and what they point into. */
class Batch
{
  public:
    Batch(const nb::list &ids, const nb::list &records, const nb::list &expected) : raw_{}
    {
        take_text(ids, "an id", id_text_, ids_);
        take_text(expected, "an expected version", expected_text_, expected_);
        for (nb::handle record : records) {
            kept_.push_back(nb::cast<nb::bytes>(record)); /* the list may change meanwhile */
            spans_.push_back(span_of(kept_.back()));
        }
        raw_.struct_size = sizeof raw_;
        raw_.count = ids_.size();
        raw_.ids = ids_.data();
        raw_.records = spans_.empty() ? nullptr : spans_.data();
        raw_.expected = expected_.empty() ? nullptr : expected_.data();
    }
    const satchel_batch *get() const
    {
        return &raw_;
    }

  private:
    static void take_text(const nb::list &values, const char *what,
                          std::vector<std::optional<std::string>> &text,
                          std::vector<const char *> &pointers)
    {
        for (nb::handle value : values)
            text.push_back(optional_text(value, what));
        for (const auto &one : text)
            pointers.push_back(pointer(one));
    }

    satchel_batch raw_;
    std::vector<std::optional<std::string>> id_text_;
    std::vector<std::optional<std::string>> expected_text_;
    std::vector<const char *> ids_;
    std::vector<const char *> expected_;
    std::vector<nb::bytes> kept_;
    std::vector<satchel_span> spans_;
};

struct Items {
    satchel_item *raw = nullptr;
    size_t count = 0;
    ~Items()
    {
        satchel_items_free(raw, count);
    }
};

/* For each item an exception, or what the single call gives (delete: 1, 0 or -1). */
template <BatchCall Call, bool Deletes>
nb::list batch(const DbHandle &self, const nb::list &ids, const nb::list &records,
               const nb::list &expected)
{
    Batch input(ids, records, expected);
    Items items;
    satchel_error err{};
    items.count = input.get()->count;
    if (items.count == 0)
        return nb::list();
    int code = self.try_run(
        [&](satchel_db *db, satchel_error *why) { return Call(db, input.get(), &items.raw, why); },
        err);
    if (items.raw == nullptr)
        check(code, err);
    nb::list result;
    for (size_t i = 0; i < items.count; i++) {
        const satchel_item &item = items.raw[i];
        if (item.err.code != SATCHEL_OK)
            result.append(exception_of(item.err));
        else if (Deletes)
            result.append(item.existed);
        else
            result.append(tuple_of(item.record));
    }
    return result;
}

/* ---- searching */

struct Search {
    std::shared_ptr<satchel_db> db;       /* outlives the results, */
    std::shared_ptr<satchel_query> query; /* as does the query: its projection is borrowed */
    ResultsHandle results;

    ~Search()
    {
        results.close();
        Released released;
        db.reset();
    }
    Search(std::shared_ptr<satchel_db> from, std::shared_ptr<satchel_query> parsed,
           satchel_results *raw)
        : db(std::move(from)), query(std::move(parsed)), results(raw)
    {
    }
    Search(Search &&) = default;
};

/* The parsed query for the time of a call; NULL when there is none. */
std::shared_ptr<satchel_query> borrow(const QueryHandle *query)
{
    return query == nullptr ? nullptr : query->share();
}

Search search(const DbHandle &self, const QueryHandle *query)
{
    auto parsed = borrow(query);
    satchel_results *raw = nullptr;
    self.run([&](satchel_db *db, satchel_error *err) {
        return satchel_db_search(db, parsed.get(), &raw, err);
    });
    return {self.share(), std::move(parsed), raw};
}

struct Found {
    std::string id;
    std::string json;
    int64_t version;
    std::string token;
};

int take_found(satchel_results *results, size_t most, std::vector<Found> &found, satchel_error *err)
{
    while (found.size() < most) {
        const satchel_record *record = nullptr;
        int code = satchel_results_next(results, &record, err);
        if (code != SATCHEL_OK || record == nullptr)
            return code;
        found.push_back({record->id, std::string(record->json, record->json_len), record->version,
                         record->token});
    }
    return SATCHEL_OK;
}

nb::list next_found(Search &self, size_t most)
{
    std::vector<Found> found;
    self.results.run([&](satchel_results *results, satchel_error *err) {
        return take_found(results, most, found, err);
    });
    nb::list result;
    for (const Found &one : found)
        result.append(nb::make_tuple(str_of(one.id.c_str()),
                                     nb::bytes(one.json.data(), one.json.size()), one.version,
                                     str_of(one.token.c_str())));
    return result;
}

uint64_t count(const DbHandle &self, const QueryHandle *query)
{
    auto parsed = borrow(query);
    uint64_t number = 0;
    self.run([&](satchel_db *db, satchel_error *err) {
        return satchel_db_count(db, parsed.get(), &number, err);
    });
    return number;
}

nb::object explain(const DbHandle &self, const QueryHandle *query)
{
    auto parsed = borrow(query);
    char *json = nullptr;
    self.run([&](satchel_db *db, satchel_error *err) {
        return satchel_db_explain(db, parsed.get(), &json, err);
    });
    std::unique_ptr<char, void (*)(char *)> owned(json, satchel_string_free);
    return str_of(json);
}

uint64_t clear(const DbHandle &self)
{
    uint64_t deleted = 0;
    self.run(
        [&](satchel_db *db, satchel_error *err) { return satchel_db_clear(db, &deleted, err); });
    return deleted;
}

nb::dict stats(const DbHandle &self)
{
    satchel_count counts[COUNTS];
    uint64_t total = satchel_db_stats(self.share().get(), counts, COUNTS);
    return stats_dict(counts, COUNTS, total);
}

template <BatchCall Call, bool Deletes> void def_batch(nb::class_<DbHandle> &type, const char *name)
{
    type.def(name, &batch<Call, Deletes>, nb::arg("ids"), nb::arg("records"), nb::arg("expected"),
             "For each item an exception or what the single call gives, in input order.");
}

} // namespace

void bind_db(nb::module_ &module)
{
    nb::class_<Search>(module, "Search", "Records found; one thread at a time.")
        .def("next", &next_found, nb::arg("most"),
             "Up to `most` tuples (id, json, version, token); an empty list is the end.");
    nb::class_<DbHandle> type(module, "Db", "An open record database.",
                              nb::is_weak_referenceable());
    type.def_static("open", &open, nb::arg("uri"), nb::arg("config"), "Opens a database.")
        .def("close", &DbHandle::close, "Calls under way end first; then it is closed.")
        .def_prop_ro("closed", &DbHandle::closed, "Whether close() was called.")
        .def("create", &create, nb::arg("id").none(), nb::arg("record"), nb::arg("replace"),
             "Stores a record: (id, None, version, token).")
        .def("update", &update, nb::arg("id"), nb::arg("record"), nb::arg("expected").none(),
             "Replaces a record: (id, None, version, token).")
        .def("read", &read, nb::arg("id"), "(id, json, version, token)")
        .def("delete", &remove, nb::arg("id"), nb::arg("expected").none(), nb::arg("exact"),
             "Whether it was there.")
        .def("exists", &exists, nb::arg("id"), "Whether it is there, by one request.")
        .def("search", &search, nb::arg("query").none(), "Finds records.")
        .def("count", &count, nb::arg("query").none(), "How many records a query finds.")
        .def("explain", &explain, nb::arg("query").none(), "How it would be answered, as JSON.")
        .def("clear", &clear, "Deletes every record; their number.")
        .def("stats", &stats, "Requests made so far, by kind and in total.")
        .def(
            "refresh", [](const DbHandle &self) { self.run(satchel_db_refresh); },
            "Brings the index up to date.");
    def_batch<satchel_db_create_batch, false>(type, "create_batch");
    def_batch<satchel_db_read_batch, false>(type, "read_batch");
    def_batch<satchel_db_update_batch, false>(type, "update_batch");
    def_batch<satchel_db_upsert_batch, false>(type, "upsert_batch");
    def_batch<satchel_db_delete_batch, true>(type, "delete_batch");
}

} // namespace satchel_python
