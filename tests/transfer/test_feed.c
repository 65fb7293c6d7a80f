/* Items on their way from the plan to the copies. */
#include "transfer/feed.h"

#include <unistd.h>

#include "backends/registry.h"
#include "core/str.h"
#include "transfer/fixture.h"

static struct sat_feed feed;
static struct sat_target target;
static atomic_bool cancelled;

static void open_feed(const char *const *sources, size_t count, const char *destination)
{
    const struct sat_plan_options options = {.sources = sources, .count = count, .conns = &conns};
    struct sat_place place;
    atomic_store(&cancelled, false);
    assert_int_equal(sat_place_parse(destination, sat_backend_find, &place, NULL), SATCHEL_OK);
    assert_int_equal(sat_target_open(&place, true, &conns, &target, NULL), SATCHEL_OK);
    sat_place_fini(&place);
    sat_feed_init(&feed);
    feed.target = &target;
    feed.cancelled = &cancelled;
    assert_int_equal(sat_plan_new(&options, &feed.plan, NULL), SATCHEL_OK);
}

static const struct sat_feed_item *item(size_t i)
{
    return sat_vec_at(&feed.items, i);
}

static void drop_items(void)
{
    for (size_t i = 0; i < feed.items.len; i++)
        sat_feed_item_fini(sat_vec_at(&feed.items, i));
    feed.items.len = 0;
}

static void close_feed(void)
{
    drop_items();
    sat_feed_fini(&feed);
    sat_target_fini(&target);
}

static void items_come_with_their_landings(void **state)
{
    (void)state;
    put("d/a", "");
    put("d/sub/b", "");
    const char *const sources[] = {at("d/")};
    open_feed(sources, 1, "mem://feed/x");
    sat_feed_fill(&feed);
    assert_int_equal(feed.items.len, 2);
    assert_string_equal(item(0)->landing, "x/a");
    assert_string_equal(item(1)->landing, "x/sub/b");
    assert_true(feed.ended);
    close_feed();
}

static void batches_are_bounded(void **state)
{
    enum { COUNT = 700 };
    size_t sum = 0;
    (void)state;
    for (int i = 0; i < COUNT; i++)
        put(text_of("d/%d", i), "");
    const char *const sources[] = {at("d/")};
    open_feed(sources, 1, "mem://feed/");
    while (!feed.ended) {
        sat_feed_fill(&feed);
        assert_in_range(feed.items.len, 0, 512);
        sum += feed.items.len;
        drop_items();
    }
    assert_int_equal(sum, COUNT);
    close_feed();
}

static void hostile_names_are_failures(void **state)
{
    (void)state;
    put_object("mem://hostile/d/../../x", "1", NULL);
    put_object("mem://hostile/d/good", "1", NULL);
    const char *const sources[] = {"mem://hostile/d/"};
    open_feed(sources, 1, at("out"));
    sat_feed_fill(&feed);
    assert_int_equal(feed.items.len, 2);
    assert_int_equal(item(0)->item.state, SAT_ITEM_FAILED);
    assert_int_equal(item(0)->item.err->code, SATCHEL_INVALID);
    assert_null(item(0)->landing);
    assert_string_equal(item(1)->landing, "good");
    close_feed();
}

static void a_cancelled_feed_stops(void **state)
{
    (void)state;
    put("a", "");
    const char *const sources[] = {at("a")};
    open_feed(sources, 1, "mem://feed/");
    atomic_store(&cancelled, true);
    sat_feed_fill(&feed);
    assert_int_equal(feed.items.len, 0);
    assert_false(feed.ended);
    close_feed();
}

static void the_bucket_is_made_with_the_first_item(void **state)
{
    (void)state;
    const char *const missing[] = {at("none")};
    open_feed(missing, 1, text_of("file://%s/", at("bucket")));
    feed.make_bucket = true;
    sat_feed_fill(&feed);
    assert_int_equal(item(0)->item.state, SAT_ITEM_FAILED);
    assert_missing("bucket");
    close_feed();
    put("a", "");
    const char *const there[] = {at("a")};
    open_feed(there, 1, text_of("file://%s/", at("bucket")));
    feed.make_bucket = true;
    sat_feed_fill(&feed);
    assert_int_equal(access(at("bucket"), F_OK), 0);
    assert_false(feed.make_bucket);
    close_feed();
}

static void collisions_name_both_sources(void **state)
{
    satchel_error err = {0};
    (void)state;
    put("a/x", "");
    put("b/x", "");
    const char *const sources[] = {at("a/x"), at("none"), at("b/x")};
    open_feed(sources, 3, "mem://feed/");
    sat_feed_fill(&feed);
    assert_int_equal(sat_feed_collisions(feed.items.data, feed.items.len, &target, &err),
                     SATCHEL_INVALID);
    assert_non_null(strstr(err.text, at("a/x")));
    assert_non_null(strstr(err.text, at("b/x")));
    assert_int_equal(sat_feed_collisions(feed.items.data, 1, &target, &err), SATCHEL_OK);
    close_feed();
}

static void collisions_are_foreseen(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool collide;
    } rows[] = {
        {"x/a", "x/b", false},     {"x/a", "y/a", true},       {"x/", "y", true},
        {"x/*", "y", true},        {"s3://a", "s3://b", true}, {".", "x", true},
        {"s3://b/k", "k2", false}, {"x/\\d", "y", true},       {"x/a$", "y", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const sources[] = {rows[i].a, rows[i].b};
        const struct sat_plan_options options = {.sources = sources, .count = 2};
        if (sat_feed_may_collide(&options) != rows[i].collide)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        const struct sat_plan_options one = {.sources = sources, .count = 1};
        assert_false(sat_feed_may_collide(&one));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(items_come_with_their_landings),
        CASE(batches_are_bounded),
        CASE(hostile_names_are_failures),
        CASE(a_cancelled_feed_stops),
        CASE(the_bucket_is_made_with_the_first_item),
        CASE(collisions_name_both_sources),
        cmocka_unit_test(collisions_are_foreseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
