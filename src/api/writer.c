/* Objects written piece by piece. */
#include "core/writer.h"
#include "api/api.h"
#include "api/call.h"
#include "core/alloc.h"
#include "core/error.h"

struct satchel_writer {
    struct sat_call call; /* what the writer borrows from */
    struct sat_writer *writer;
};

int satchel_writer_open(satchel_store *store, const char *key, const satchel_put_options *options,
                        satchel_writer **writer, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(writer));
    if (code != SATCHEL_OK)
        return code;
    struct satchel_writer *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    code = sat_call_put(&made->call, store, key, (satchel_span){NULL, 0}, options, err);
    if (code == SATCHEL_OK)
        code = sat_writer_new(&made->call.op, store->max_memory, &made->writer, err);
    if (code == SATCHEL_OK) {
        *writer = made;
        return code;
    }
    code = sat_call_end(&made->call, code, err);
    sat_free(made);
    return code;
}

int satchel_writer_write(satchel_writer *writer, satchel_span data, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(writer));
    if (code == SATCHEL_OK && data.data == NULL && data.len > 0)
        code = sat_error_set(err, SATCHEL_INVALID, "satchel_writer_write: data is NULL");
    if (code == SATCHEL_OK)
        code = sat_writer_write(writer->writer, data.data, data.len, err);
    return sat_api_done(code, err);
}

void satchel_writer_abort(satchel_writer *writer)
{
    if (writer == NULL)
        return;
    sat_writer_free(writer->writer);
    (void)sat_call_end(&writer->call, SATCHEL_OK, NULL);
    sat_free(writer);
}

int satchel_writer_finish(satchel_writer *writer, satchel_info *info, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(writer));
    if (code != SATCHEL_OK)
        return code;
    code = sat_writer_finish(writer->writer, &writer->call.op.info, err);
    if (info != NULL)
        code = sat_call_info(&writer->call, code, info, err);
    code = sat_api_done(code, err);
    satchel_writer_abort(writer);
    return code;
}
