/* sat_backend_find: schemes of this build, schemes to come, and all others. */
#include "support/test.h"

#include "backends/registry.h"

static void every_backend_is_found_by_its_schemes(void **state)
{
    (void)state;
    size_t count = 0;
    for (; sat_backend_at(count) != NULL; count++) {
        const struct sat_backend *backend = sat_backend_at(count);
        for (const char *const *scheme = backend->schemes; *scheme != NULL; scheme++) {
            const struct sat_backend *found = NULL;
            assert_int_equal(sat_backend_find(*scheme, &found, NULL), SATCHEL_OK);
            assert_ptr_equal(found, backend);
        }
    }
    assert_int_equal(count, 3);
}

static void an_unknown_scheme_names_the_known_ones(void **state)
{
    const struct sat_backend *found = NULL;
    satchel_error err;
    (void)state;
    assert_int_equal(sat_backend_find("ftp", &found, &err), SATCHEL_UNSUPPORTED);
    assert_string_equal(err.text, "unsupported URI scheme 'ftp' (known: s3, az, azure, file, "
                                  "direct, mem)");
    assert_null(found);
}

static void schemes_to_come_say_so(void **state)
{
    static const char *const coming[] = {"az", "azure", "direct"};
    const struct sat_backend *found = NULL;
    satchel_error err;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sat_backend_find(coming[i], &found, &err), SATCHEL_UNSUPPORTED);
        assert_non_null(strstr(err.text, coming[i]));
        assert_non_null(strstr(err.text, "not available in this version (known: s3, az, azure, "
                                         "file, direct, mem)"));
    }
    assert_null(found);
}

/* What a slot may rely on: a backend is either local or HTTP, never half of one. */
static void slots_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; sat_backend_at(i) != NULL; i++) {
        const struct sat_backend *backend = sat_backend_at(i);
        assert_non_null(backend->open);
        for (int kind = 0; kind < SAT_OP_KINDS; kind++) {
            const struct sat_slot *slot = &backend->slots[kind];
            assert_int_equal(slot->build != NULL, slot->accept != NULL);
            assert_false(slot->run != NULL && slot->build != NULL);
            assert_true(slot->head == NULL || kind == SAT_OP_GET);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backend_is_found_by_its_schemes),
        cmocka_unit_test(an_unknown_scheme_names_the_known_ones),
        cmocka_unit_test(schemes_to_come_say_so),
        cmocka_unit_test(slots_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
