/* The stores of mem://: order of objects, bounds, the list of stores. */
#include "support/test.h"

#include "backends/mem_store.h"
#include "core/alloc.h"
#include "core/str.h"

static struct sat_mem_store *registry;

static void insert(struct sat_mem_store *store, const char *key)
{
    struct sat_mem_object *object = sat_calloc(1, sizeof *object);
    assert_non_null(object);
    object->key = sat_strdup(key);
    size_t at = sat_mem_bound(store, key, strlen(key) + 1, false);
    assert_int_equal(sat_mem_insert(store, object, at), SATCHEL_OK);
}

static void objects_stay_in_byte_order(void **state)
{
    static const char *const order[] = {"a", "a/b", "ab", "b", "\xc3\xa9"};
    (void)state;
    struct sat_mem_store *store = sat_mem_need(&registry, "s");
    for (size_t i = 0; i < 5; i++)
        insert(store, order[(i * 3) % 5]);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(sat_mem_at(store, i)->key, order[i]);
    sat_mem_remove(store, 1);
    assert_string_equal(sat_mem_at(store, 1)->key, "ab");
    assert_int_equal(store->objects.len, 4);
    sat_mem_drop(&registry, store);
    assert_null(registry);
}

static void bounds_know_prefixes_and_whole_keys(void **state)
{
    (void)state;
    struct sat_mem_store *store = sat_mem_need(&registry, "s");
    insert(store, "a");
    insert(store, "a/1");
    insert(store, "a/2");
    insert(store, "b");
    assert_int_equal(sat_mem_bound(store, "a/", 2, false), 1);
    assert_int_equal(sat_mem_bound(store, "a/", 2, true), 3);
    assert_int_equal(sat_mem_bound(store, "a", 2, true), 1);
    assert_int_equal(sat_mem_bound(store, "a", 1, true), 3);
    assert_int_equal(sat_mem_bound(store, "", 0, false), 0);
    assert_int_equal(sat_mem_bound(store, "z", 2, false), 4);
    sat_mem_drop(&registry, store);
}

static void stores_are_found_by_name_and_kept_in_order(void **state)
{
    (void)state;
    struct sat_mem_store *b = sat_mem_need(&registry, "b");
    struct sat_mem_store *a = sat_mem_need(&registry, "a");
    struct sat_mem_store *c = sat_mem_need(&registry, "c");
    assert_ptr_equal(registry, a);
    assert_ptr_equal(a->next, b);
    assert_ptr_equal(b->next, c);
    assert_ptr_equal(sat_mem_need(&registry, "b"), b);
    sat_mem_drop(&registry, b);
    assert_null(sat_mem_find(registry, "b"));
    assert_ptr_equal(sat_mem_find(registry, "c"), c);
    sat_mem_drop(&registry, a);
    sat_mem_drop(&registry, c);
}

static void want_of_memory_leaves_the_list_as_it_was(void **state)
{
    (void)state;
    for (long n = 1; n <= 2; n++) {
        sat_alloc_fail_nth(n);
        assert_null(sat_mem_need(&registry, "s"));
        sat_alloc_fail_nth(0);
        assert_null(registry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_stay_in_byte_order),
        cmocka_unit_test(bounds_know_prefixes_and_whole_keys),
        cmocka_unit_test(stores_are_found_by_name_and_kept_in_order),
        cmocka_unit_test(want_of_memory_leaves_the_list_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
