/* Ops: their results, pages of listings, and the completion queues they come out of. */
#include "core/op.h"

#include "core/alloc.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/lock.h"
#include "core/os.h"
#include "core/part.h"

#define LINGER_NS SAT_NS_PER_MS

static const char *const kind_texts[] = {
#define KIND_TEXT(name, text) [SAT_OP_##name] = (text),
    SAT_OP_MAP(KIND_TEXT)
#undef KIND_TEXT
};

const char *sat_op_kind_text(enum sat_op_kind kind)
{
    return kind < SAT_OP_KINDS ? kind_texts[kind] : "?";
}

void sat_info_fini(struct sat_info *info)
{
    sat_free(info->etag);
    sat_free(info->content_type);
    sat_tags_fini(&info->metadata);
    *info = (struct sat_info){0};
}

uint32_t sat_op_patience(enum sat_op_kind kind)
{
    bool late = kind == SAT_OP_COPY || kind == SAT_OP_PART_COPY || kind == SAT_OP_PART_FINISH;
    return late ? 10 : 1;
}

void sat_op_allow_bytes(struct sat_op *op, uint64_t bytes)
{
    uint64_t seconds = bytes / SAT_OP_SLOWEST;
    uint64_t left = (uint64_t)((INT64_MAX - op->base_deadline_ns) / SAT_NS_PER_S);
    op->deadline_ns =
        seconds >= left ? INT64_MAX : op->base_deadline_ns + (int64_t)seconds * SAT_NS_PER_S;
}

/* ---- pages */

void sat_page_init(struct sat_page *page)
{
    *page = (struct sat_page){0};
    sat_vec_init(&page->entries, sizeof(struct sat_entry));
    sat_buf_init(&page->text, (size_t)64 * 1024 * 1024);
}

void sat_page_fini(struct sat_page *page)
{
    sat_vec_fini(&page->entries);
    sat_buf_fini(&page->text);
    sat_free(page->next);
    page->next = NULL;
}

void sat_page_reset(struct sat_page *page)
{
    if (page->entries.item_size == 0) {
        sat_page_init(page);
        return;
    }
    page->entries.len = 0;
    sat_buf_reset(&page->text);
    sat_free(page->next);
    page->next = NULL;
}

int sat_page_add(struct sat_page *page, satchel_span key, const char *etag,
                 const struct sat_entry *values)
{
    struct sat_entry entry = *values;
    entry.key = page->text.len;
    (void)sat_buf_add(&page->text, key.data, key.len);
    (void)sat_buf_add_char(&page->text, '\0');
    entry.etag = page->text.len;
    (void)sat_buf_add_str(&page->text, etag == NULL ? "" : etag);
    (void)sat_buf_add_char(&page->text, '\0');
    if (page->text.failed != SATCHEL_OK)
        return page->text.failed;
    return sat_vec_push(&page->entries, &entry) == NULL ? SATCHEL_NOMEM : SATCHEL_OK;
}

const struct sat_entry *sat_page_at(const struct sat_page *page, size_t i)
{
    return sat_vec_at(&page->entries, i);
}

const char *sat_page_key(const struct sat_page *page, size_t i)
{
    return page->text.data + sat_page_at(page, i)->key;
}

const char *sat_page_etag(const struct sat_page *page, size_t i)
{
    return page->text.data + sat_page_at(page, i)->etag;
}

/* ---- queues */

struct sat_queue {
    int event; /* set and cleared under the lock, so that it never contradicts the list; -1 = none
                */
    unsigned generation;
    struct sat_mutex lock;
    struct sat_cond ready;
    struct {
        size_t under_way; /* submitted and not yet taken out */
        size_t finished;  /* of them */
        size_t enough;    /* as many wake a listener; 0 = one does */
        bool poked;
        struct sat_op *first;
        struct sat_op **tail;
    } locked;
};

int sat_queue_new(struct sat_queue **queue, satchel_error *err)
{
    struct sat_queue *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->event = -1;
    made->generation = sat_fork_generation();
    sat_mutex_init(&made->lock);
    sat_cond_init(&made->ready);
    made->locked.tail = &made->locked.first;
    *queue = made;
    return SATCHEL_OK;
}

int sat_queue_new_polled(struct sat_queue **queue, satchel_error *err)
{
    int event = sat_os_event_new();
    if (event < 0)
        return sat_error_os(err, -event, "making an eventfd");
    int code = sat_queue_new(queue, err);
    if (code == SATCHEL_OK)
        (*queue)->event = event;
    else
        (void)sat_os_close(event);
    return code;
}

int sat_queue_fd(const struct sat_queue *queue)
{
    return queue->event;
}

void sat_queue_free(struct sat_queue *queue)
{
    if (queue == NULL)
        return;
    (void)sat_os_close(queue->event);
    sat_cond_fini(&queue->ready);
    sat_mutex_fini(&queue->lock);
    sat_free(queue);
}

static struct sat_op *pop_locked(struct sat_queue *queue)
{
    struct sat_op *op = queue->locked.first;
    queue->locked.finished--;
    queue->locked.first = op->next;
    if (queue->locked.first == NULL) {
        queue->locked.tail = &queue->locked.first;
        if (queue->event >= 0)
            sat_os_event_clear(queue->event);
    }
    op->next = NULL;
    /* Other threads may wait for an op that does not come any more. */
    if (--queue->locked.under_way == 0)
        sat_cond_broadcast(&queue->ready);
    return op;
}

struct sat_op *sat_queue_wait_until(struct sat_queue *queue, int64_t deadline_ns)
{
    bool in_time = deadline_ns != 0;
    if (queue->generation != sat_fork_generation())
        return NULL;
    SAT_LOCKED(&queue->lock);
    while (queue->locked.first == NULL) {
        if (queue->locked.under_way == 0 || !in_time)
            return NULL;
        in_time = sat_cond_wait_until(&queue->ready, &queue->lock, deadline_ns);
    }
    return pop_locked(queue);
}

/* More of them will be there soon. */
static void linger_locked(struct sat_queue *queue, size_t enough)
{
    int64_t until = sat_clock_now_ns() + LINGER_NS;
    bool in_time = true;
    queue->locked.enough = enough;
    while (queue->locked.finished < enough && !queue->locked.poked && in_time)
        in_time = sat_cond_wait_until(&queue->ready, &queue->lock, until);
    queue->locked.enough = 0;
}

struct sat_op *sat_queue_listen(struct sat_queue *queue, size_t enough, int64_t deadline_ns)
{
    bool waited = false;
    bool in_time = true;
    if (queue->generation != sat_fork_generation())
        return NULL;
    SAT_LOCKED(&queue->lock);
    while (queue->locked.first == NULL && !queue->locked.poked && in_time) {
        in_time = sat_cond_wait_until(&queue->ready, &queue->lock, deadline_ns);
        waited = true;
    }
    if (waited && queue->locked.first != NULL)
        linger_locked(queue, enough);
    if (queue->locked.first != NULL)
        return pop_locked(queue);
    queue->locked.poked = false;
    return NULL;
}

void sat_queue_poke(struct sat_queue *queue)
{
    SAT_LOCKED(&queue->lock);
    queue->locked.poked = true;
    sat_cond_signal(&queue->ready);
}

struct sat_op *sat_queue_wait(struct sat_queue *queue)
{
    return sat_queue_wait_until(queue, -1);
}

static void queue_complete(struct sat_queue *queue, struct sat_op *op)
{
    SAT_LOCKED(&queue->lock);
    if (queue->event >= 0 && queue->locked.first == NULL)
        sat_os_event_set(queue->event);
    op->next = NULL;
    *queue->locked.tail = op;
    queue->locked.tail = &op->next;
    if (++queue->locked.finished >= queue->locked.enough)
        sat_cond_signal(&queue->ready);
}

static void queue_expect(struct sat_queue *queue)
{
    SAT_LOCKED(&queue->lock);
    queue->locked.under_way++;
}

/* ---- submission */

void sat_op_complete(struct sat_op *op)
{
    if (op->queue != NULL)
        queue_complete(op->queue, op);
    else
        op->done(op);
}

void sat_op_submit(struct sat_op *op, struct sat_queue *queue)
{
    op->queue = queue;
    if (queue != NULL)
        queue_expect(queue);
    op->err = (satchel_error){0};
    if (sat_door_check(op, &op->err) != SATCHEL_OK) {
        sat_op_complete(op);
        return;
    }
    sat_engine_submit(op->conn->engine, op);
}

int sat_op_run(struct sat_op *op, satchel_error *err)
{
    struct sat_queue *queue = NULL;
    op->err = (satchel_error){0};
    if (sat_door_check(op, &op->err) != SATCHEL_OK)
        return sat_error_copy(err, &op->err);
    if (op->conn->backend->slots[op->kind].run != NULL && !sat_part_wanted(op)) {
        /* A local slot needs no other thread: the caller is waiting anyway. */
        sat_engine_run_here(op);
    } else if (sat_queue_new(&queue, &op->err) == SATCHEL_OK) {
        op->queue = queue;
        queue_expect(queue);
        sat_engine_submit(op->conn->engine, op);
        (void)sat_queue_wait(queue);
        sat_queue_free(queue);
    }
    return op->err.code == SATCHEL_OK ? SATCHEL_OK : sat_error_copy(err, &op->err);
}

void sat_op_cancel(struct sat_op *op)
{
    /* From the store on the op may come out and be freed by whoever waits for it. */
    struct sat_engine *engine = op->conn->engine;
    atomic_store(&op->cancelled, true);
    sat_engine_wake(engine);
}

void sat_op_fini(struct sat_op *op)
{
    sat_info_fini(&op->info);
    sat_page_fini(&op->page);
    sat_tags_fini(&op->found_tags);
    sat_free(op->upload_id);
    op->upload_id = NULL;
    sat_free(op->many_result);
    op->many_result = NULL;
    sat_sink_fini(&op->sink);
    if (op->list_cursor != NULL && op->conn->backend->list_close != NULL)
        op->conn->backend->list_close(op->list_cursor);
    op->list_cursor = NULL;
}
