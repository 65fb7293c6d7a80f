/*
 * Light copies: a small object between a local file and a store, in two short steps around one op.
 *
 * (1) Whatever turns out to need more (a file that grew, an op that would go in parts) is HEAVY,
 *     before anything was written. (2) The steps block for local files only.
 */
#include "transfer/copy.h"

#include "core/alloc.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/op.h"
#include "core/os.h"
#include "transfer/object.h"

enum { SLOW_SCORE = 16, SCORE_MAX = 32, ONE_OF = 64 };

/* A busy machine makes some steps as slow, a slow file system makes most. */
#define SLOW_NS SAT_NS_PER_MS

struct sat_light {
    struct sat_op op;
    struct sat_local_file file; /* an upload's; fd -1 = none */
    char *key;                  /* an upload's */
    struct sat_buf bytes;
    int64_t begun_ns;
};

/* Where the op goes, NULL when neither or both sides are stores. */
static struct sat_conn *store_of(const struct sat_copy *copy)
{
    struct sat_conn *to = copy->rules->target->conn;
    if ((copy->item.conn == NULL) == (to == NULL))
        return NULL;
    return to != NULL ? to : copy->item.conn;
}

bool sat_copy_is_light(const struct sat_copy *copy)
{
    const struct sat_conn *conn = store_of(copy);
    bool upload = copy->item.conn == NULL;
    if (conn == NULL || copy->rules->verify || copy->item.size > SAT_OBJECT_SMALL ||
        copy->item.size > conn->multipart_threshold)
        return false;
    /* Else the store is asked first whether there is such an object. */
    if (upload && copy->rules->if_exists != SATCHEL_IF_EXISTS_OVERWRITE)
        return false;
    return conn->backend->slots[upload ? SAT_OP_PUT : SAT_OP_GET].build != NULL;
}

bool sat_lights_take(struct sat_lights *lights, const struct sat_copy *copy)
{
    if (!sat_copy_is_light(copy))
        return false;
    if (lights->score >= SLOW_SCORE && ++lights->others < ONE_OF)
        return false;
    lights->others = 0;
    return true;
}

void sat_lights_score(struct sat_lights *lights, int64_t took_ns)
{
    bool slow = took_ns > SLOW_NS;
    if (slow && lights->score < SCORE_MAX)
        lights->score++;
    else if (!slow && lights->score > 0)
        lights->score--;
}

static void light_free(struct sat_copy *copy)
{
    struct sat_light *light = copy->light;
    sat_op_fini(&light->op);
    sat_local_file_close(&light->file);
    sat_buf_fini(&light->bytes);
    sat_free(light->key);
    sat_free(light);
    copy->light = NULL;
}

static enum sat_copy_step conclude(struct sat_copy *copy, int code)
{
    int64_t begun_ns = copy->light->begun_ns;
    light_free(copy);
    sat_copy_conclude(copy, code, begun_ns);
    return SAT_COPY_ENDED;
}

static enum sat_copy_step give_up(struct sat_copy *copy)
{
    light_free(copy);
    copy->err = (satchel_error){0};
    atomic_store(&copy->moved, 0);
    return SAT_COPY_HEAVY;
}

/* ---- begin */

/* (1): OK with *heavy when the file is not what the listing said. */
static int prepare_put(struct sat_copy *copy, struct sat_root *root, bool *heavy,
                       satchel_error *err)
{
    struct sat_light *light = copy->light;
    int code = sat_copy_open_source(copy, root, &light->file, err);
    if (code != SATCHEL_OK)
        return code;
    *heavy = (uint64_t)light->file.info.st_size > copy->item.size;
    if (*heavy)
        return SATCHEL_OK;
    light->key = sat_copy_target_key(copy);
    if (light->key == NULL)
        return sat_error_nomem(err);
    light->op.kind = SAT_OP_PUT;
    light->op.key = light->key;
    code = sat_local_file_read(&light->file, &light->bytes, err);
    light->op.source = sat_source_span(sat_buf_span(&light->bytes));
    return code;
}

static void prepare_get(struct sat_copy *copy)
{
    struct sat_light *light = copy->light;
    light->op.kind = SAT_OP_GET;
    light->op.key = copy->item.key;
    light->op.expected_size = copy->item.size;
    light->op.sink = sat_sink_memory(&light->bytes);
}

static int prepare(struct sat_copy *copy, struct sat_root *root, bool *heavy, satchel_error *err)
{
    struct sat_light *light = copy->light;
    *heavy = false;
    light->begun_ns = sat_clock_now_ns();
    light->file.fd = -1;
    sat_buf_init(&light->bytes, SAT_OBJECT_SMALL);
    light->op.conn = store_of(copy);
    light->op.moved = &copy->moved;
    light->op.user = copy;
    if (atomic_load(&copy->cancelled))
        return sat_error_set(err, SATCHEL_CANCELLED, "cancelled");
    if (copy->item.conn == NULL)
        return prepare_put(copy, root, heavy, err);
    prepare_get(copy);
    return sat_copy_check_free(copy, NULL, err);
}

enum sat_copy_step sat_copy_begin(struct sat_copy *copy, struct sat_lights *lights)
{
    bool heavy;
    copy->err = (satchel_error){0};
    copy->light = sat_calloc(1, sizeof *copy->light);
    if (copy->light == NULL) {
        sat_copy_conclude(copy, sat_error_nomem(&copy->err), sat_clock_now_ns());
        return SAT_COPY_ENDED;
    }
    int code = prepare(copy, &lights->source, &heavy, &copy->err);
    if (code != SATCHEL_OK)
        return conclude(copy, code);
    if (heavy)
        return give_up(copy);
    sat_copy_set_op(copy, &copy->light->op);
    sat_op_submit(&copy->light->op, lights->queue);
    return SAT_COPY_UNDER_WAY;
}

/* ---- end */

static int end_put(struct sat_copy *copy, satchel_error *err)
{
    struct sat_light *light = copy->light;
    copy->bytes = light->bytes.len;
    if (light->op.err.code != SATCHEL_OK)
        return sat_error_copy(err, &light->op.err);
    return sat_local_file_same(&light->file, err);
}

static int end_get(struct sat_copy *copy, struct sat_root *root, satchel_error *err)
{
    struct sat_light *light = copy->light;
    struct sat_landing landing;
    const struct sat_copy_content content = {
        .size = light->bytes.len, .crc64 = light->op.sink.crc64, .has_crc64 = true};
    if (light->op.err.code != SATCHEL_OK)
        return sat_error_copy(err, &light->op.err);
    int code = sat_copy_begin_landing(copy, root, 0, &landing, err);
    if (code != SATCHEL_OK)
        return code;
    landing.reserved = content.size; /* its length is what is written */
    int result = sat_os_pwrite_all(landing.fd, light->bytes.data, light->bytes.len, 0);
    if (result < 0)
        code = sat_error_os(err, -result, "writing '%s'", landing.path);
    return sat_copy_end_landing(copy, code, &landing, &content, err);
}

enum sat_copy_step sat_copy_end(struct sat_copy *copy, struct sat_lights *lights)
{
    struct sat_light *light = copy->light;
    sat_copy_set_op(copy, NULL);
    /* (1): it grew since it was listed. */
    if (light->op.kind == SAT_OP_GET && light->bytes.failed == SATCHEL_LIMIT)
        return give_up(copy);
    return conclude(copy, light->op.kind == SAT_OP_PUT
                              ? end_put(copy, &copy->err)
                              : end_get(copy, &lights->target, &copy->err));
}

void sat_lights_close(struct sat_lights *lights)
{
    sat_root_close(&lights->source);
    sat_root_close(&lights->target);
}
