/*
 * The copy job.
 *
 * The running thread coordinates: it lets a worker plan a batch of items while others copy, keeps
 * both busy, and is the only one that touches the queue, the counters and the callbacks. Light
 * copies (transfer/light.c) it begins and ends itself, listening to their ops.
 *
 * (1) The workers are the job's own: a copy waits for ops, whose hashing needs the engine's
 *     workers; were they the same, all of them could wait for each other. They are as many as there
 *     may be copies at once; as many more are in line, so that a worker that is done goes on with
 *     the next without waiting for the running thread. The planner has a worker of its own.
 * (2) At most one batch is planned at a time, and only while the queue is short: memory stays
 *     bounded however much there is to copy. (3) Where two sources could land on one name, all
 * items are planned and compared before the first is copied; this alone takes memory for all of
 * them. (4) Copies are started while their memory fits into max_memory; one alone always is.
 */
#include "transfer/job.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/job.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/str.h"
#include "core/vec.h"
#include "core/worker.h"
#include "transfer/copy.h"
#include "transfer/feed.h"
#include "transfer/plan.h"
#include "transfer/target.h"

enum {
    IN_FLIGHT_DEFAULT = 32,
    IN_FLIGHT_MAX = 256,
    QUEUE_LOW = 256, /* a shorter queue wants more items */
    TICK_MS = 100,
    ENDED_AT_ONCE = 64,
    ENOUGH_OF = 8, /* an eighth of the light copies under way */
};

#define RANGES_FROM ((uint64_t)16 * 1024 * 1024)

/* The feed is the worker's while its task is under way, else the running thread's. */
struct batch {
    struct sat_task task; /* first */
    struct copy_job *owner;
    struct sat_feed feed;
};

struct copy_job {
    struct satchel_job job; /* first */
    char **sources;
    size_t count;
    char *destination;
    char *canonical; /* the destination, comparable */
    struct sat_place place;
    satchel_copy_options options;
    struct sat_config *config;
    uint64_t max_memory;
    /* ---- the run */
    struct sat_conns source_conns; /* the planner's */
    struct sat_conns target_conns;
    struct sat_target target;
    struct sat_copy_rules rules;
    struct sat_workers *workers; /* (1) */
    struct sat_workers *planner;
    struct batch batch;
    bool planning;
    bool plan_ended;
    bool whole_plan;      /* (3) */
    struct sat_vec queue; /* struct sat_feed_item; from `head` on */
    size_t head;
    struct sat_copy *running; /* list by `next`, of `in_flight` copies */
    unsigned in_flight;       /* at most `most_started`, those in line included */
    unsigned most_started;
    unsigned lights;        /* of them; with any of them at most max_in_flight */
    struct sat_lights shop; /* what they share; its queue is poked by workers */
    uint64_t memory;
    bool stopping;
    satchel_error fatal;
    struct sat_mutex lock;
    struct {
        struct sat_vec done; /* struct sat_copy * */
        bool planned;
    } locked;
};

/* ---- the planner, on a worker */

static void run_batch(struct sat_task *task)
{
    struct batch *batch = (struct batch *)(void *)task;
    struct copy_job *copy = batch->owner;
    sat_feed_fill(&batch->feed);
    sat_mutex_lock(&copy->lock);
    copy->locked.planned = true;
    sat_mutex_unlock(&copy->lock);
    sat_queue_poke(copy->shop.queue);
}

/* ---- the queue, in the running thread */

static struct sat_feed_item *queue_first(const struct copy_job *copy)
{
    return copy->head < copy->queue.len ? sat_vec_at(&copy->queue, copy->head) : NULL;
}

static void queue_drop_first(struct copy_job *copy)
{
    copy->head++;
    if (copy->head == copy->queue.len) {
        copy->queue.len = 0;
        copy->head = 0;
    }
}

static void stop(struct copy_job *copy, const satchel_error *why)
{
    copy->stopping = true;
    if (copy->fatal.code == SATCHEL_OK)
        copy->fatal = *why;
}

static int append(struct copy_job *copy, const struct sat_feed_item *queued, satchel_error *err)
{
    if (sat_vec_push(&copy->queue, queued) == NULL)
        return sat_error_nomem(err);
    atomic_fetch_add(&copy->job.objects_total, 1);
    if (queued->landing != NULL)
        atomic_fetch_add(&copy->job.bytes_total, queued->item.size);
    return SATCHEL_OK;
}

/* Moves the finished batch into the queue. */
static void take_batch(struct copy_job *copy)
{
    struct sat_feed *feed = &copy->batch.feed;
    satchel_error why = feed->err;
    int code = why.code;
    for (size_t i = 0; i < feed->items.len; i++) {
        struct sat_feed_item *queued = sat_vec_at(&feed->items, i);
        if (code == SATCHEL_OK)
            code = append(copy, queued, &why);
        if (code != SATCHEL_OK)
            sat_feed_item_fini(queued);
    }
    feed->items.len = 0;
    copy->planning = false;
    copy->plan_ended = feed->ended;
    if (code == SATCHEL_OK && copy->plan_ended && copy->whole_plan)
        code = sat_feed_collisions(copy->queue.data, copy->queue.len, &copy->target, &why);
    atomic_store(&copy->job.total_is_final, copy->plan_ended);
    if (code != SATCHEL_OK)
        stop(copy, &why);
}

/* ---- events */

static void tell(struct copy_job *copy, const struct sat_item *item, const char *destination,
                 const char *status, const satchel_error *err)
{
    const satchel_event event = {
        .op = "copy",
        .source = item->source,
        .destination = destination,
        .status = status,
        .err = err,
    };
    sat_job_event(&copy->job, &event);
}

static void tell_done(struct copy_job *copy, struct sat_copy *done)
{
    bool failed = sat_str_eq(done->status, "failed");
    sat_redact(done->err.text);
    const satchel_event event = {
        .op = "copy",
        .source = done->item.source,
        .destination = done->destination,
        .status = done->status,
        .bytes = done->bytes,
        .elapsed_ns = (uint64_t)done->elapsed_ns,
        .err = failed ? &done->err : NULL,
    };
    atomic_fetch_add(&copy->job.bytes_done, done->bytes);
    /* What was cut short by the cancellation is not what went wrong. */
    if (failed && done->err.code == SATCHEL_CANCELLED && sat_job_is_cancelled(&copy->job))
        return;
    sat_job_event(&copy->job, &event);
}

/* ---- copies */

/* The last thing a copy's task does: after it the copy is the running thread's. */
static void copy_done(struct sat_copy *done)
{
    struct copy_job *copy = done->user;
    sat_mutex_lock(&copy->lock);
    bool first = copy->locked.done.len == 0;
    /* Room for it was made before it was started. */
    (void)sat_vec_push(&copy->locked.done, &done);
    sat_mutex_unlock(&copy->lock);
    /* Else the running thread was woken before. The job stays until this worker has ended. */
    if (first)
        sat_queue_poke(copy->shop.queue);
}

static void run_copy(struct sat_task *task)
{
    struct sat_copy *copy = (struct sat_copy *)(void *)task;
    sat_copy_run(copy);
    copy->done(copy);
}

static void unlink_running(struct copy_job *copy, struct sat_copy *done)
{
    struct sat_copy **link = &copy->running;
    while (*link != done)
        link = &(*link)->next;
    *link = done->next;
    copy->in_flight--;
    copy->memory -= done->memory;
}

static void end_copy(struct copy_job *copy, struct sat_copy *done)
{
    unlink_running(copy, done);
    tell_done(copy, done);
    sat_copy_free(done);
}

static void give_to_worker(struct copy_job *copy, struct sat_copy *started)
{
    satchel_error why = {0};
    if (sat_workers_submit(copy->workers, &started->task, &why) == SATCHEL_OK)
        return;
    unlink_running(copy, started);
    sat_copy_free(started);
    stop(copy, &why);
}

/* What a step of a light copy led to; `begun_ns` is when it began. */
static void take_step(struct copy_job *copy, struct sat_copy *light, enum sat_copy_step step,
                      int64_t begun_ns)
{
    sat_lights_score(&copy->shop, sat_clock_now_ns() - begun_ns);
    if (step == SAT_COPY_UNDER_WAY)
        return;
    copy->lights--;
    if (step == SAT_COPY_HEAVY)
        give_to_worker(copy, light);
    else
        end_copy(copy, light);
}

static void start_copy(struct copy_job *copy, struct sat_copy *started)
{
    started->task.run = run_copy;
    started->done = copy_done;
    started->user = copy;
    started->next = copy->running;
    copy->running = started;
    copy->in_flight++;
    copy->memory += started->memory;
    bool room = copy->in_flight <= copy->options.max_in_flight; /* else it waits for a worker */
    if (!room || !sat_lights_take(&copy->shop, started)) {
        give_to_worker(copy, started);
        return;
    }
    int64_t begun_ns = sat_clock_now_ns();
    copy->lights++;
    take_step(copy, started, sat_copy_begin(started, &copy->shop), begun_ns);
}

static void plan_dry(struct copy_job *copy, const struct sat_feed_item *queued)
{
    SAT_AUTO_FREE char *text = sat_strf("%s%s", copy->target.base, queued->landing);
    tell(copy, &queued->item, text == NULL ? queued->landing : text, "planned", NULL);
}

/* Deals with the first of the queue; false when it has to wait for others to end. */
static bool start_first(struct copy_job *copy)
{
    struct sat_feed_item *first = queue_first(copy);
    struct sat_item *item = &first->item;
    satchel_error why = {0};
    if (item->state == SAT_ITEM_FAILED) {
        sat_redact(item->err->text);
        tell(copy, item, copy->destination, "failed", item->err);
    } else if (item->state == SAT_ITEM_SKIPPED) {
        tell(copy, item, copy->destination, "skipped", NULL);
    } else if (copy->options.dry_run) {
        plan_dry(copy, first);
    } else {
        uint64_t wants = sat_copy_memory(&copy->rules, item);
        if (copy->in_flight > 0 && copy->memory + wants > copy->max_memory)
            return false;
        struct sat_copy *started = NULL;
        int code = sat_copy_new(&copy->rules, item, first->landing, &started, &why);
        first->landing = NULL;
        if (code == SATCHEL_OK)
            start_copy(copy, started);
        else
            stop(copy, &why);
    }
    sat_feed_item_fini(first);
    queue_drop_first(copy);
    return true;
}

/* Those in line wait for a worker; a light copy waits for nothing. */
static bool has_room(const struct copy_job *copy)
{
    unsigned most = copy->lights > 0 ? copy->options.max_in_flight : copy->most_started;
    return copy->in_flight < most;
}

static void start_copies(struct copy_job *copy)
{
    bool may_start = !copy->whole_plan || copy->plan_ended;
    while (may_start && !copy->stopping && !sat_job_is_cancelled(&copy->job) && has_room(copy) &&
           queue_first(copy) != NULL)
        may_start = start_first(copy);
}

static void start_planning(struct copy_job *copy)
{
    bool wanted = copy->whole_plan || copy->queue.len - copy->head < QUEUE_LOW;
    if (copy->planning || copy->plan_ended || copy->stopping || !wanted)
        return;
    satchel_error why = {0};
    copy->planning = true;
    if (sat_workers_submit(copy->planner, &copy->batch.task, &why) != SATCHEL_OK) {
        copy->planning = false;
        stop(copy, &why);
    }
}

/* ---- the run */

/* Waits for something to happen, a tick at most; ends the light copies whose ops came out. */
static void listen(struct copy_job *copy)
{
    int64_t now = sat_clock_now_ns();
    size_t enough = copy->lights / ENOUGH_OF + 1;
    struct sat_op *op = sat_queue_listen(copy->shop.queue, enough, now + TICK_MS * SAT_NS_PER_MS);
    for (unsigned i = 0; op != NULL; i++) {
        struct sat_copy *light = op->user;
        int64_t begun_ns = sat_clock_now_ns();
        take_step(copy, light, sat_copy_end(light, &copy->shop), begun_ns);
        op = i < ENDED_AT_ONCE ? sat_queue_wait_until(copy->shop.queue, 0) : NULL;
    }
}

/* A copy that a worker finished, or NULL. */
static struct sat_copy *take_done(struct copy_job *copy)
{
    SAT_LOCKED(&copy->lock);
    if (copy->locked.done.len == 0)
        return NULL;
    size_t last = copy->locked.done.len - 1;
    struct sat_copy *done = *(struct sat_copy **)sat_vec_at(&copy->locked.done, last);
    copy->locked.done.len = last;
    return done;
}

static bool take_planned(struct copy_job *copy)
{
    SAT_LOCKED(&copy->lock);
    bool planned = copy->locked.planned;
    copy->locked.planned = false;
    return planned;
}

static void cancel_all(struct copy_job *copy)
{
    copy->stopping = true;
    for (struct sat_copy *at = copy->running; at != NULL; at = at->next)
        sat_copy_cancel(at);
}

/* Of the copies under way; not more than each of them was to have. */
static uint64_t bytes_moving(const struct copy_job *copy)
{
    uint64_t sum = 0;
    for (struct sat_copy *at = copy->running; at != NULL; at = at->next) {
        uint64_t moved = atomic_load(&at->moved);
        sum += moved < at->item.size ? moved : at->item.size;
    }
    return sum;
}

static bool is_finished(const struct copy_job *copy)
{
    bool forked = copy->job.generation != sat_fork_generation();
    if (!forked && (copy->planning || copy->in_flight > 0))
        return false;
    return copy->stopping || (copy->plan_ended && queue_first(copy) == NULL);
}

static void coordinate(struct copy_job *copy)
{
    while (!is_finished(copy)) {
        start_planning(copy);
        start_copies(copy);
        if (copy->planning || copy->in_flight > 0)
            listen(copy);
        for (struct sat_copy *done = take_done(copy); done != NULL; done = take_done(copy))
            end_copy(copy, done);
        if (take_planned(copy))
            take_batch(copy);
        atomic_store(&copy->job.bytes_moving, bytes_moving(copy));
        if (sat_job_tick(&copy->job, NULL) != SATCHEL_OK && !copy->stopping)
            cancel_all(copy);
    }
}

/* Room for every copy that may be under way, so that none can fail to report. */
static int reserve_done(struct copy_job *copy, satchel_error *err)
{
    struct sat_copy *none = NULL;
    for (unsigned i = 0; i < copy->most_started; i++) {
        if (sat_vec_push(&copy->locked.done, &none) == NULL)
            return sat_error_nomem(err);
    }
    copy->locked.done.len = 0;
    return SATCHEL_OK;
}

static int prepare(struct copy_job *copy, satchel_error *err)
{
    const satchel_copy_options *options = &copy->options;
    const struct sat_plan_options plan = {
        .sources = (const char *const *)copy->sources,
        .count = copy->count,
        .recursive = options->recursive != 0,
        .pattern = (enum satchel_pattern)options->pattern,
        .destination = copy->canonical,
        .conns = &copy->source_conns,
    };
    copy->whole_plan = sat_feed_may_collide(&plan);
    copy->rules = (struct sat_copy_rules){
        .target = &copy->target,
        .if_exists = (enum satchel_if_exists)options->if_exists,
        .verify = options->verify != 0,
        .durability = (enum sat_landing_durability)sat_config_enum(copy->config, "durability"),
        .max_memory = copy->max_memory,
        .ranges_from = RANGES_FROM,
    };
    bool folder = options->to_folder != 0 || copy->count > 1;
    int code = sat_target_open(&copy->place, folder, &copy->target_conns, &copy->target, err);
    if (code == SATCHEL_OK)
        code = sat_plan_new(&plan, &copy->batch.feed.plan, err);
    copy->batch.feed.target = &copy->target;
    copy->batch.feed.cancelled = &copy->job.cancelled;
    copy->batch.feed.make_bucket =
        options->create_bucket && !options->dry_run && copy->target.conn != NULL;
    if (code == SATCHEL_OK)
        code = sat_queue_new(&copy->shop.queue, err);
    if (code == SATCHEL_OK)
        code = sat_workers_new(options->max_in_flight, &copy->workers, err);
    if (code == SATCHEL_OK)
        code = sat_workers_new(1, &copy->planner, err);
    return code == SATCHEL_OK ? reserve_done(copy, err) : code;
}

static int run_job(struct satchel_job *job, satchel_error *err)
{
    struct copy_job *copy = (struct copy_job *)(void *)job;
    int code = prepare(copy, err);
    if (code != SATCHEL_OK)
        return code;
    coordinate(copy);
    if (copy->fatal.code != SATCHEL_OK)
        return sat_error_copy(err, &copy->fatal);
    if (sat_job_is_cancelled(job))
        return sat_error_set(err, SATCHEL_CANCELLED, "cancelled");
    return sat_job_result(job, err);
}

/* ---- making and freeing */

static void fini_job(struct satchel_job *job)
{
    struct copy_job *copy = (struct copy_job *)(void *)job;
    sat_workers_free(copy->planner);
    sat_workers_free(copy->workers);
    for (size_t i = copy->head; i < copy->queue.len; i++)
        sat_feed_item_fini(sat_vec_at(&copy->queue, i));
    sat_vec_fini(&copy->queue);
    sat_feed_fini(&copy->batch.feed);
    sat_vec_fini(&copy->locked.done);
    sat_target_fini(&copy->target);
    sat_conns_fini(&copy->source_conns);
    sat_conns_fini(&copy->target_conns);
    sat_place_fini(&copy->place);
    sat_config_free(copy->config);
    for (size_t i = 0; i < copy->count; i++)
        sat_free(copy->sources[i]);
    sat_free(copy->sources);
    sat_free(copy->destination);
    sat_free(copy->canonical);
    sat_lights_close(&copy->shop);
    sat_queue_free(copy->shop.queue);
    sat_mutex_fini(&copy->lock);
}

static const struct sat_job_kind copy_kind = {.run = run_job, .fini = fini_job};

static int check_options(const satchel_copy_options *options, satchel_error *err)
{
    if (options->pattern < SATCHEL_PATTERN_AUTO || options->pattern > SATCHEL_PATTERN_REGEX)
        return sat_error_set(err, SATCHEL_INVALID, "pattern is %d: no enum satchel_pattern",
                             options->pattern);
    if (options->if_exists < SATCHEL_IF_EXISTS_OVERWRITE ||
        options->if_exists > SATCHEL_IF_EXISTS_ERROR)
        return sat_error_set(err, SATCHEL_INVALID, "if_exists is %d: no enum satchel_if_exists",
                             options->if_exists);
    return SATCHEL_OK;
}

/* Texts and schemes of all places, before anything runs. */
static int take_places(struct copy_job *copy, const struct sat_copy_request *request,
                       satchel_error *err)
{
    int code = sat_place_parse(request->destination, request->find, &copy->place, err);
    if (code != SATCHEL_OK)
        return code;
    copy->destination = sat_strdup(request->destination);
    copy->canonical = sat_place_canonical(&copy->place);
    copy->sources = sat_calloc(request->count, sizeof *copy->sources);
    if (copy->destination == NULL || copy->canonical == NULL || copy->sources == NULL)
        return sat_error_nomem(err);
    for (size_t i = 0; i < request->count && code == SATCHEL_OK; i++) {
        struct sat_place place;
        code = sat_place_parse(request->sources[i], request->find, &place, err);
        if (code != SATCHEL_OK)
            return code;
        sat_place_fini(&place);
        copy->sources[copy->count] = sat_strdup(request->sources[i]);
        if (copy->sources[copy->count++] == NULL)
            return sat_error_nomem(err);
    }
    return SATCHEL_OK;
}

static void set_limits(struct copy_job *copy)
{
    unsigned *most = &copy->options.max_in_flight;
    if (*most == 0)
        *most = IN_FLIGHT_DEFAULT;
    if (*most > IN_FLIGHT_MAX)
        *most = IN_FLIGHT_MAX;
    copy->most_started = 2 * *most;
    copy->max_memory = sat_config_size(copy->config, "max_memory");
}

int sat_copy_job(const struct sat_copy_request *request, struct satchel_job **job,
                 satchel_error *err)
{
    int code = check_options(request->options, err);
    if (code != SATCHEL_OK)
        return code;
    struct copy_job *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    sat_job_init(&made->job, &copy_kind);
    sat_mutex_init(&made->lock);
    sat_vec_init(&made->queue, sizeof(struct sat_feed_item));
    sat_feed_init(&made->batch.feed);
    sat_vec_init(&made->locked.done, sizeof(struct sat_copy *));
    made->batch.task.run = run_batch;
    made->batch.owner = made;
    made->options = *request->options;
    made->options.config = NULL;
    code = sat_config_copy(request->config, &made->config, err);
    sat_conns_init(&made->source_conns, made->config, request->find);
    sat_conns_init(&made->target_conns, made->config, request->find);
    if (code == SATCHEL_OK) {
        set_limits(made);
        code = take_places(made, request, err);
    }
    if (code == SATCHEL_OK)
        *job = &made->job;
    else
        satchel_job_free(&made->job);
    return code;
}
