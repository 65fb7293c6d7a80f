/* Jobs: they run without the interpreter lock and take it for each callback. */
#include "binding.h"

#include <vector>

namespace satchel_python
{

namespace
{

/* A job and what must outlive it. */
struct Job {
    JobHandle handle;
    std::shared_ptr<satchel_db> source;
    std::shared_ptr<satchel_db> destination;
    std::shared_ptr<satchel_query> where;

    explicit Job(satchel_job *raw) : handle(raw)
    {
    }
    Job(Job &&) = default;
    ~Job()
    {
        handle.close();
        Released released;
        source.reset();
        destination.reset();
    }
};

int flag(const nb::dict &flags, const char *name)
{
    return flags.contains(name) ? nb::cast<int>(flags[name]) : 0;
}

Job copy(const nb::list &sources, nb::str destination, const Config &config, const nb::dict &flags)
{
    std::vector<std::string> text;
    std::vector<const char *> pointers;
    for (nb::handle source : sources)
        text.push_back(text_of(source, "a source"));
    for (const std::string &one : text)
        pointers.push_back(one.c_str());
    std::string target = text_of(destination, "the destination");
    satchel_copy_options options{};
    options.struct_size = sizeof options;
    options.recursive = flag(flags, "recursive");
    options.create_bucket = flag(flags, "create_bucket");
    options.pattern = flag(flags, "pattern");
    options.if_exists = flag(flags, "if_exists");
    options.verify = flag(flags, "verify");
    options.to_folder = flag(flags, "to_folder");
    options.dry_run = flag(flags, "dry_run");
    options.max_in_flight = static_cast<unsigned>(flag(flags, "max_in_flight"));
    options.config = config.shared.get();
    satchel_job *raw = nullptr;
    satchel_error err{};
    int code;
    {
        Released released;
        code = satchel_job_copy(pointers.data(), pointers.size(), target.c_str(), &options, &raw,
                                &err);
    }
    check(code, err);
    return Job(raw);
}

Job migrate(const DbHandle &source, const DbHandle &destination, const QueryHandle *where,
            const nb::dict &flags)
{
    auto from = source.share();
    auto to = destination.share();
    auto query = where == nullptr ? nullptr : where->share();
    satchel_migrate_options options{};
    options.struct_size = sizeof options;
    options.where = query.get();
    options.delete_source = flag(flags, "delete_source");
    options.no_verify = flag(flags, "no_verify");
    options.on_conflict = flag(flags, "on_conflict");
    satchel_job *raw = nullptr;
    satchel_error err{};
    check(satchel_job_migrate(from.get(), to.get(), &options, &raw, &err), err);
    Job job(raw);
    job.source = std::move(from);
    job.destination = std::move(to);
    job.where = std::move(query);
    return job;
}

/* (done, failed, skipped, total, bytes_done, bytes_total, elapsed_ns, total_is_final) */
nb::tuple tuple_of(const satchel_progress &progress)
{
    return nb::make_tuple(progress.objects_done, progress.objects_failed, progress.objects_skipped,
                          progress.objects_total, progress.bytes_done, progress.bytes_total,
                          progress.elapsed_ns, progress.total_is_final != 0);
}

/* The callback of Python during one run, and what it raised. */
struct Listener {
    nb::object callback;
    std::exception_ptr raised;
};

void tell(Listener &listener, const satchel_progress &progress)
{
    if (PyErr_CheckSignals() != 0)
        throw nb::python_error();
    if (!listener.callback.is_none())
        listener.callback(tuple_of(progress));
}

/* No exception leaves this function: its caller is C. */
int on_progress(void *user, const satchel_progress *progress)
{
    auto *listener = static_cast<Listener *>(user);
    Nested nested(false);
    nb::gil_scoped_acquire held;
    if (listener->raised)
        return 1;
    try {
        tell(*listener, *progress);
        return 0;
    } catch (...) {
        listener->raised = std::current_exception();
        return 1;
    }
}

/* None, or the exception of the first failure. */
nb::object run(const Job &self, nb::object callback)
{
    Listener listener{std::move(callback), nullptr};
    satchel_job_callbacks callbacks{};
    callbacks.struct_size = sizeof callbacks;
    callbacks.user = &listener;
    callbacks.progress = on_progress;
    satchel_error err{};
    int code = self.handle.try_run(
        [&](satchel_job *job, satchel_error *why) { return satchel_job_run(job, &callbacks, why); },
        err);
    if (listener.raised)
        std::rethrow_exception(listener.raised);
    return code == SATCHEL_OK ? nb::none() : exception_of(err);
}

nb::tuple progress(const Job &self)
{
    satchel_progress state{};
    satchel_job_stats(self.handle.share().get(), &state);
    return tuple_of(state);
}

/* (source, destination, exception) */
nb::list failures(const Job &self)
{
    auto job = self.handle.share();
    nb::list rows;
    for (size_t i = 0;; i++) {
        const satchel_failure *failure = satchel_job_failure(job.get(), i);
        if (failure == nullptr)
            return rows;
        nb::object source = failure->source == nullptr ? nb::none() : str_of(failure->source);
        nb::object destination =
            failure->destination == nullptr ? nb::none() : str_of(failure->destination);
        rows.append(nb::make_tuple(source, destination, exception_of(failure->err)));
    }
}

} // namespace

void bind_job(nb::module_ &module)
{
    nb::class_<Job>(module, "Job", "A job: made, run once, asked for its outcome.")
        .def_static("copy", &copy, nb::arg("sources"), nb::arg("destination"), nb::arg("config"),
                    nb::arg("flags"), "Copies files and objects; flags as satchel_copy_options.")
        .def_static("migrate", &migrate, nb::arg("source"), nb::arg("destination"),
                    nb::arg("where").none(), nb::arg("flags"),
                    "Copies records; flags as satchel_migrate_options.")
        .def("run", &run, nb::arg("progress").none(),
             "Runs it; None or the exception of the first failure.")
        .def("progress", &progress, "Where it stands, as the callback is told.")
        .def("failures", &failures, "(source, destination, exception) of what failed.");
}

} // namespace satchel_python
