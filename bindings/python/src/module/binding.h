/*
 * What the files of the module share: errors, text, handles that close on last use.
 *
 * (1) A handle is a shared_ptr. A call works on a copy of it and drops the copy before it takes the
 *     interpreter lock again, so that close() in one thread never pulls it from under another.
 * (2) The last owner closes without the interpreter lock: closing waits for the library's threads.
 * (3) In a forked child handles go on working: the library sees to that. What a call of the
 * parent's held then is never released there.
 */
#ifndef SAT_PYTHON_BINDING_H
#define SAT_PYTHON_BINDING_H

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>

#include <satchel/satchel.h>

#include "gil.h"

namespace satchel_python
{

namespace nb = nanobind;

/* A failed call on its way to Python, where it becomes a satchel.Error. */
struct Failure {
    satchel_error err;
};

/* The Python exception for an error, not raised. */
nb::object exception_of(const satchel_error &err);

/* Throws Failure unless `code` is SATCHEL_OK. */
void check(int code, const satchel_error &err);

/* Throws Failure with a code and text of our own. */
[[noreturn]] void fail(int code, const char *text);

/* UTF-8 of a str: without NUL, which C would take for the end; INVALID names `what`. */
std::string text_of(nb::handle value, const char *what);

/* The same where None stands for "not given". */
std::optional<std::string> optional_text(nb::handle value, const char *what);

inline const char *pointer(const std::optional<std::string> &text)
{
    return text ? text->c_str() : nullptr;
}

inline satchel_span span_of(const nb::bytes &bytes)
{
    return {bytes.c_str(), bytes.size()};
}

/* bytes of C text; a code point cut at the end of a fixed array is replaced, not refused. */
nb::object str_of(const char *text);

template <class T, void (*Close)(T *)> class Handle
{
  public:
    explicit Handle(T *raw) : shared_(raw, Close)
    {
    }
    Handle(Handle &&) = default;
    Handle &operator=(Handle &&) = default;
    ~Handle()
    {
        close();
    }

    void close()
    {
        if (!shared_)
            return;
        std::shared_ptr<T> last = std::move(shared_);
        shared_ = nullptr;
        Released released; /* (2) */
        last.reset();
    }

    bool closed() const
    {
        return !shared_;
    }

    std::shared_ptr<T> share() const
    {
        if (!shared_)
            fail(SATCHEL_INVALID, "the handle is closed");
        return shared_;
    }

    /* call(T *, satchel_error *) without the interpreter lock; throws Failure on failure. */
    template <class Call> void run(Call &&call) const
    {
        satchel_error err{};
        check(try_run(std::forward<Call>(call), err), err);
    }

    /* The same, but the code is the caller's to judge. */
    template <class Call> int try_run(Call &&call, satchel_error &err) const
    {
        std::shared_ptr<T> used = share();
        Released released;
        int code = call(used.get(), &err);
        used.reset(); /* (1) */
        return code;
    }

  private:
    std::shared_ptr<T> shared_;
};

using DbHandle = Handle<satchel_db, satchel_db_close>;
using StoreHandle = Handle<satchel_store, satchel_store_close>;
using JobHandle = Handle<satchel_job, satchel_job_free>;
using QueryHandle = Handle<satchel_query, satchel_query_free>;

struct Config {
    std::shared_ptr<satchel_config> shared;
};

/* Bytes that the library handed out, or a part of them; shared by slices. */
struct Buffer {
    std::shared_ptr<satchel_buf> bytes;
    size_t offset;
    size_t size;

    const char *data() const
    {
        return size == 0 ? "" : static_cast<const char *>(bytes->data) + offset;
    }
};

/* Takes what `raw` owns. */
Buffer buffer_take(satchel_buf &raw);

/* The requests of a door as {kind: number, "total": number}. */
nb::dict stats_dict(const satchel_count *counts, size_t rows, uint64_t total);

void bind_buffer(nb::module_ &module);
void bind_config(nb::module_ &module);
void bind_db(nb::module_ &module);
void bind_error(nb::module_ &module);
void bind_job(nb::module_ &module);
void bind_log(nb::module_ &module);
void bind_query(nb::module_ &module);
void bind_store(nb::module_ &module);

} // namespace satchel_python

#endif
