/* Side-cars: an object comes with its own attributes or none, whatever happens in between. */
#include "backends/file_fixture.h"

#include <errno.h>
#include <sys/wait.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/str.h"

enum { LONG_TAGS = 10, LONG_VALUE = 200 };

/* ---- worlds */

static int open_without_xattrs(void **state)
{
    int result = open_conn(state);
    sat_os_fail_kind("xattr", EOPNOTSUPP);
    return result;
}

#define BARE_TEST(f) cmocka_unit_test_setup_teardown(f, open_without_xattrs, close_conn)

/* Tags that say `value`: one, or so many that no attribute holds them. */
static void make_tags(struct sat_tags *tags, const char *value, bool large)
{
    char filler[LONG_VALUE + 1];
    char key[8];
    *tags = (struct sat_tags){0};
    memset(filler, '/', LONG_VALUE); /* three bytes each, once it is encoded */
    filler[LONG_VALUE] = '\0';
    assert_int_equal(sat_tags_add_str(tags, "v", value, NULL), SATCHEL_OK);
    for (int i = 1; large && i < LONG_TAGS; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(sat_tags_add_str(tags, key, filler, NULL), SATCHEL_OK);
    }
}

static int put_tagged(const char *name, const char *text, bool large)
{
    struct sat_tags tags;
    struct sat_op op = {.kind = SAT_OP_PUT, .conn = conn, .key = file_key(name), .tags = &tags};
    make_tags(&tags, text, large);
    op.source = sat_source_span(sat_span_of(text));
    int code = sat_op_run(&op, NULL);
    sat_op_fini(&op);
    sat_tags_fini(&tags);
    return code;
}

static int set_tags(const char *name, const char *value, const char *if_match, bool large)
{
    struct sat_tags tags;
    struct sat_op op = {.kind = SAT_OP_TAGS_SET, .conn = conn, .key = file_key(name)};
    make_tags(&tags, value, large);
    op.tags = &tags;
    op.if_match = if_match;
    int code = sat_op_run(&op, NULL);
    sat_op_fini(&op);
    sat_tags_fini(&tags);
    return code;
}

static int delete_file(const char *name)
{
    struct sat_op op = {.kind = SAT_OP_DELETE, .conn = conn, .key = file_key(name)};
    int code = sat_op_run(&op, NULL);
    sat_op_fini(&op);
    return code;
}

/* What the tag "v" says; "" without it. */
static void tag_of(const char *name, char out[32])
{
    struct sat_op op = {.kind = SAT_OP_TAGS_GET, .conn = conn, .key = file_key(name)};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    const struct sat_tag *tag = sat_tags_find(&op.found_tags, sat_span_of("v"));
    (void)snprintf(out, 32, "%s", tag == NULL ? "" : tag->value);
    sat_op_fini(&op);
}

static void assert_tag(const char *name, const char *want)
{
    char found[32];
    tag_of(name, found);
    assert_string_equal(found, want);
}

static void assert_weak(const char *name)
{
    char etag[SAT_FILE_ETAG_SIZE];
    stat_etag(name, etag);
    assert_true(sat_str_starts(etag, "W/"));
    assert_tag(name, "");
}

/* Side-cars in the folder; the path of the last one. */
static int side_cars(char path[512])
{
    struct sat_os_dir *dir;
    const char *name;
    int found = 0;
    assert_int_equal(sat_os_dir_open(AT_FDCWD, folder, &dir), 0);
    while (sat_os_dir_next(dir, &name, NULL) == 1) {
        if (!sat_os_is_side_name(name))
            continue;
        found++;
        if (path != NULL)
            (void)snprintf(path, 512, "%s", path_of(name));
    }
    sat_os_dir_close(dir);
    return found;
}

static bool has_attribute(const char *name)
{
    return getxattr(path_of(name), "user.satchel", NULL, 0) >= 0;
}

/* ---- a day in the life */

static void everything_is_as_with_attributes(void **state)
{
    char put[SAT_FILE_ETAG_SIZE];
    char seen[SAT_FILE_ETAG_SIZE];
    (void)state;
    assert_int_equal(put_file("a", "x", NULL, put), SATCHEL_OK);
    assert_false(sat_str_starts(put, "W/"));
    stat_etag("a", seen);
    assert_string_equal(seen, put);
    assert_int_equal(side_cars(NULL), 1);
    struct sat_op list = {.kind = SAT_OP_LIST, .conn = conn, .list = {.prefix = conn->root}};
    assert_int_equal(sat_op_run(&list, NULL), SATCHEL_OK);
    assert_int_equal(list.page.entries.len, 1);
    assert_string_equal(sat_page_etag(&list.page, 0), put);
    sat_op_fini(&list);
}

static void a_side_car_goes_with_its_object(void **state)
{
    char etag[SAT_FILE_ETAG_SIZE];
    (void)state;
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    stat_etag("a", etag);
    assert_int_equal(put_tagged("a", "two", false), SATCHEL_OK);
    assert_int_equal(side_cars(NULL), 1);
    assert_tag("a", "two");
    assert_int_equal(put_file("a", "late", etag, NULL), SATCHEL_CONFLICT);
    stat_etag("a", etag);
    assert_non_null(strstr(etag, "-2-"));
    assert_int_equal(put_file("a", "three", etag, etag), SATCHEL_OK);
    assert_tag("a", "");
    assert_int_equal(side_cars(NULL), 1);
    assert_int_equal(delete_file("a"), SATCHEL_OK);
    assert_int_equal(side_cars(NULL), 0);
}

static void creating_is_decided_once(void **state)
{
    (void)state;
    write_foreign("a", "theirs");
    struct sat_op op = {.kind = SAT_OP_PUT, .conn = conn, .key = file_key("a"), .if_absent = true};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_EXISTS);
    sat_op_fini(&op);
    struct sat_op fresh = {
        .kind = SAT_OP_PUT, .conn = conn, .key = file_key("b"), .if_absent = true};
    assert_int_equal(sat_op_run(&fresh, NULL), SATCHEL_OK);
    sat_op_fini(&fresh);
    assert_content("a", "theirs");
    assert_int_equal(side_cars(NULL), 1);
}

static void tags_change_and_the_version_stays(void **state)
{
    char before[SAT_FILE_ETAG_SIZE];
    char after[SAT_FILE_ETAG_SIZE];
    (void)state;
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    stat_etag("a", before);
    assert_int_equal(set_tags("a", "two", before, false), SATCHEL_OK);
    assert_tag("a", "two");
    stat_etag("a", after);
    assert_string_equal(after, before);
    assert_int_equal(side_cars(NULL), 1);
    assert_int_equal(put_file("a", "new", before, NULL), SATCHEL_OK);
}

static void large_tags_leave_the_attribute(void **state)
{
    char before[SAT_FILE_ETAG_SIZE];
    char after[SAT_FILE_ETAG_SIZE];
    (void)state;
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    assert_true(has_attribute("a"));
    assert_int_equal(side_cars(NULL), 0);
    stat_etag("a", before);
    assert_int_equal(set_tags("a", "two", NULL, true), SATCHEL_OK);
    assert_false(has_attribute("a"));
    assert_tag("a", "two");
    stat_etag("a", after);
    assert_string_equal(after, before);
    assert_int_equal(set_tags("a", "three", NULL, false), SATCHEL_OK);
    assert_tag("a", "three");
    assert_int_equal(put_tagged("a", "four", false), SATCHEL_OK);
    assert_true(has_attribute("a"));
    assert_tag("a", "four");
    assert_int_equal(side_cars(NULL), 0);
}

/* Who may read the object may read its tags, and nobody else. */
static void a_side_car_has_the_mode_of_its_object(void **state)
{
    char path[512] = "";
    struct stat info;
    (void)state;
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    assert_int_equal(chmod(path_of("a"), 0440), 0);
    assert_int_equal(put_tagged("a", "two", false), SATCHEL_OK);
    assert_int_equal(side_cars(path), 1);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0440);
    assert_int_equal(chmod(path_of("a"), 0600), 0);
    assert_int_equal(set_tags("a", "three", NULL, false), SATCHEL_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

/* ---- what others do to the files */

static void a_renamed_file_has_no_attributes_of_ours(void **state)
{
    (void)state;
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    assert_int_equal(put_tagged("b", "two", false), SATCHEL_OK);
    assert_int_equal(rename(path_of("a"), path_of("c")), 0);
    assert_weak("c");
    assert_int_equal(rename(path_of("c"), path_of("b")), 0);
    assert_weak("b");
    assert_content("b", "one");
}

static void a_change_in_place_voids_the_side_car(void **state)
{
    char ours[SAT_FILE_ETAG_SIZE];
    (void)state;
    assert_int_equal(put_tagged("a", "12345", false), SATCHEL_OK);
    stat_etag("a", ours);
    write_foreign("a", "54321");
    assert_weak("a");
    assert_int_equal(put_file("a", "late", ours, NULL), SATCHEL_CONFLICT);
    assert_int_equal(set_tags("a", "new", NULL, false), SATCHEL_OK);
    stat_etag("a", ours);
    assert_true(sat_str_starts(ours, "W/"));
    assert_tag("a", "new");
}

static void a_touched_file_keeps_its_version_for_a_swap(void **state)
{
    static const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    char ours[SAT_FILE_ETAG_SIZE];
    (void)state;
    assert_int_equal(put_tagged("a", "12345", false), SATCHEL_OK);
    stat_etag("a", ours);
    assert_int_equal(utimensat(AT_FDCWD, path_of("a"), times, 0), 0);
    assert_weak("a");
    assert_int_equal(put_file("a", "new", ours, NULL), SATCHEL_OK);
}

/* Whatever lies under the name of a side-car: no attributes, and no harm. */
static void a_side_car_of_another_form_counts_as_none(void **state)
{
    char path[512] = "";
    (void)state;
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    assert_int_equal(side_cars(path), 1);
    const char *name = strrchr(path, '/') + 1;
    write_foreign(name, "v=1&stamp=1-2-3&name=a\n\n");
    assert_weak("a");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_weak("a");
}

/* Two names with one hash: the name inside decides. */
static void a_side_car_that_names_another_object_counts_as_none(void **state)
{
    char path[512] = "";
    SAT_AUTO_BUF struct sat_buf text;
    (void)state;
    sat_buf_init(&text, SAT_FILE_SIDE_MAX);
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    assert_int_equal(side_cars(path), 1);
    assert_int_equal(sat_os_read_file(AT_FDCWD, path, SAT_FILE_SIDE_MAX, &text), 0);
    char *name = strstr(text.data, "name=a");
    assert_non_null(name);
    name[strlen("name=")] = 'b';
    write_foreign(strrchr(path, '/') + 1, text.data);
    assert_weak("a");
}

static void an_unreadable_side_car_is_an_error(void **state)
{
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn};
    char path[512] = "";
    (void)state;
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    assert_int_equal(side_cars(path), 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("a", path), 0);
    op.key = file_key("a");
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_IO);
    assert_non_null(strstr(op.err.text, "attributes"));
    sat_op_fini(&op);
}

/* ---- readers amid a replacement */

/* Another process replaces "a" when told to, and tells when it has. */
struct writer {
    pid_t child;
    int go[2];
    int done[2];
    bool told;
};

static void start_writer(struct writer *writer)
{
    char byte = 0;
    *writer = (struct writer){.child = -1};
    assert_int_equal(pipe(writer->go), 0);
    assert_int_equal(pipe(writer->done), 0);
    writer->child = fork();
    if (writer->child != 0)
        return;
    bool good = read(writer->go[0], &byte, 1) == 1 && put_tagged("a", "new", false) == SATCHEL_OK &&
                write(writer->done[1], &byte, 1) == 1;
    _exit(good ? 0 : 1);
}

/* Once, when the reader has found that the open file has no attribute. */
static void let_it_write(void *user, const struct sat_os_call *call)
{
    struct writer *writer = user;
    char byte = 'x';
    if (writer->told || !sat_str_eq(call->op, "fgetxattr"))
        return;
    writer->told = true;
    assert_int_equal(write(writer->go[1], &byte, 1), 1);
    assert_int_equal(read(writer->done[0], &byte, 1), 1);
}

/* Runs the op while "a" is replaced under it. */
static void run_amid_replacement(struct sat_op *op)
{
    struct writer writer;
    int status = -1;
    assert_int_equal(put_tagged("a", "old", false), SATCHEL_OK);
    start_writer(&writer);
    sat_os_record(let_it_write, &writer);
    assert_int_equal(sat_op_run(op, NULL), SATCHEL_OK);
    sat_os_record(NULL, NULL);
    assert_true(writer.told);
    assert_int_equal(waitpid(writer.child, &status, 0), writer.child);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        (void)close(writer.go[i]);
        (void)close(writer.done[i]);
    }
}

static void a_reader_sees_one_version_with_its_attributes(void **state)
{
    (void)state;
    struct sat_op tags = {.kind = SAT_OP_TAGS_GET, .conn = conn, .key = file_key("a")};
    run_amid_replacement(&tags);
    assert_string_equal(sat_tags_find(&tags.found_tags, sat_span_of("v"))->value, "new");
    sat_op_fini(&tags);
}

static void a_listing_shows_one_version_with_its_etag(void **state)
{
    char etag[SAT_FILE_ETAG_SIZE];
    (void)state;
    struct sat_op list = {.kind = SAT_OP_LIST, .conn = conn, .list = {.prefix = conn->root}};
    run_amid_replacement(&list);
    stat_etag("a", etag);
    assert_string_equal(sat_page_etag(&list.page, 0), etag);
    sat_op_fini(&list);
}

/* ---- what happens on the way */

struct order {
    char text[300];
};

static void note(void *user, const struct sat_os_call *call)
{
    static const char *const kinds[] = {"fsync", "link", "rename", "fremovexattr", "unlink"};
    struct order *order = user;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t used = strlen(order->text);
        if (sat_str_eq(call->op, kinds[i]))
            (void)snprintf(order->text + used, sizeof order->text - used, "%s ", kinds[i]);
    }
}

static void a_side_car_is_synced_before_the_name_and_goes_after_it(void **state)
{
    struct order made = {""};
    struct order replaced = {""};
    struct order deleted = {""};
    (void)state;
    sat_os_record(note, &made);
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    sat_os_record(note, &replaced);
    assert_int_equal(put_tagged("a", "two", false), SATCHEL_OK);
    sat_os_record(note, &deleted);
    assert_int_equal(delete_file("a"), SATCHEL_OK);
    sat_os_record(NULL, NULL);
    assert_string_equal(made.text, "fsync rename fsync fsync link fsync ");
    assert_string_equal(replaced.text, "fsync rename fsync fsync link rename fsync unlink fsync ");
    assert_string_equal(deleted.text, "unlink fsync unlink fsync ");
}

static void an_attribute_goes_after_the_side_car_is_synced(void **state)
{
    struct order order = {""};
    (void)state;
    assert_int_equal(put_tagged("a", "one", false), SATCHEL_OK);
    sat_os_record(note, &order);
    assert_int_equal(set_tags("a", "two", NULL, true), SATCHEL_OK);
    sat_os_record(NULL, NULL);
    assert_string_equal(order.text, "fsync rename fsync fremovexattr fsync ");
}

/* ---- ends in the middle: every kernel call is the last one, once, or fails */

/* What is done to the object "a" that says "old", as does its tag. */
struct scene {
    int (*act)(const struct scene *scene);
    bool old_large;
    bool new_large;
};

static int act_put(const struct scene *scene)
{
    return put_tagged("a", "new", scene->new_large);
}

static int act_tag(const struct scene *scene)
{
    return set_tags("a", "new", NULL, scene->new_large);
}

static int act_delete(const struct scene *scene)
{
    (void)scene;
    return delete_file("a");
}

static const struct scene small_scenes[] = {
    {act_put, false, false}, {act_tag, false, false}, {act_delete, false, false}};
static const struct scene large_scenes[] = {
    {act_put, true, true}, {act_tag, true, true}, {act_tag, false, true}, {act_delete, true, true}};

static void die_at(void *user, const struct sat_os_call *call)
{
    long *left = user;
    (void)call;
    if (--*left == 0)
        _exit(0);
}

/* Syncs that are not what is tested cost time: to the processes of one kernel they mean nothing. */
static void set_durability(enum sat_durability durability)
{
    ((struct sat_file_state *)conn->state)->durability = durability;
}

/* Lets a child die after its n-th kernel call; false when it had done by then. */
static bool die_in_child(const struct scene *scene, long n)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        sat_os_record(die_at, &n);
        _exit(scene->act(scene) == SATCHEL_OK ? 1 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 0;
}

/* The old object with its attributes, or the new one with its own. */
static void assert_whole(const struct scene *scene)
{
    char tag[32];
    if (scene->act == act_delete && !path_exists("a"))
        return;
    tag_of("a", tag);
    if (!sat_str_eq(tag, "old"))
        assert_string_equal(tag, "new");
    assert_content("a", scene->act == act_put ? tag : "old");
}

/* A minute later somebody lists the folder. */
static void sweep(void)
{
    struct sat_op list = {.kind = SAT_OP_LIST, .conn = conn, .list = {.prefix = conn->root}};
    struct sat_file_state *state = conn->state;
    for (size_t i = 0; i < SAT_FILE_SWEPT; i++)
        atomic_store(&state->swept[i], 0);
    sat_clock_fake_wall(sat_clock_wall_ns() + 61 * SAT_NS_PER_S);
    assert_int_equal(sat_op_run(&list, NULL), SATCHEL_OK);
    sat_clock_fake_wall(SAT_CLOCK_REAL);
    assert_true(list.page.entries.len <= 1);
    sat_op_fini(&list);
}

/* Whole at every end, and nothing is left that the sweep and a deletion do not remove. */
static void play_dying(const struct scene *scene)
{
    bool died = true;
    long n = 0;
    set_durability(SAT_DURABLE_NONE);
    while (died) {
        assert_int_equal(put_tagged("a", "old", scene->old_large), SATCHEL_OK);
        died = die_in_child(scene, ++n);
        assert_whole(scene);
        sweep();
        assert_whole(scene);
        assert_no_temp();
        assert_true(side_cars(NULL) <= (path_exists("a") ? 1 : 0));
        assert_int_equal(delete_file("a"), SATCHEL_OK);
        assert_int_equal(side_cars(NULL), 0);
    }
    assert_true(n > 10);
}

static void play_failing(const struct scene *scene)
{
    int failed = 0;
    bool reached = true;
    for (long n = 1; reached; n++) {
        set_durability(SAT_DURABLE_NONE);
        assert_int_equal(put_tagged("a", "old", scene->old_large), SATCHEL_OK);
        set_durability(SAT_DURABLE_FULL);
        sat_os_fail_nth(n, EIO);
        int code = scene->act(scene);
        reached = sat_os_call_count() >= n;
        sat_os_fail_nth(0, 0);
        failed += code != SATCHEL_OK;
        assert_whole(scene);
        assert_no_temp();
    }
    assert_true(failed > 5);
    sweep();
    assert_true(side_cars(NULL) <= 1);
    assert_int_equal(delete_file("a"), SATCHEL_OK);
}

static void an_end_at_any_call_leaves_a_whole_object(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small_scenes / sizeof *small_scenes; i++)
        play_dying(&small_scenes[i]);
}

static void an_end_at_any_call_leaves_a_whole_object_with_large_tags(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof large_scenes / sizeof *large_scenes; i++)
        play_dying(&large_scenes[i]);
}

static void any_failing_call_leaves_a_whole_object(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small_scenes / sizeof *small_scenes; i++)
        play_failing(&small_scenes[i]);
}

static void any_failing_call_leaves_a_whole_object_with_large_tags(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof large_scenes / sizeof *large_scenes; i++)
        play_failing(&large_scenes[i]);
}

/* Where no object was made there is no side-car either. */
static void a_failed_creation_takes_its_side_car_back(void **state)
{
    int failed = 0;
    bool reached = true;
    (void)state;
    for (long n = 1; reached; n++) {
        sat_os_fail_nth(n, EIO);
        int code = put_tagged("a", "new", false);
        reached = sat_os_call_count() >= n;
        sat_os_fail_nth(0, 0);
        failed += code != SATCHEL_OK;
        assert_int_equal(side_cars(NULL), path_exists("a") ? 1 : 0);
        assert_int_equal(delete_file("a"), SATCHEL_OK);
    }
    assert_true(failed > 10);
}

static void any_failed_allocation_leaves_a_whole_object(void **state)
{
    (void)state;
    set_durability(SAT_DURABLE_NONE);
    for (size_t i = 0; i < sizeof small_scenes / sizeof *small_scenes; i++) {
        int code = SATCHEL_NOMEM;
        for (long n = 1; code != SATCHEL_OK; n++) {
            assert_int_equal(put_tagged("a", "old", false), SATCHEL_OK);
            sat_alloc_fail_nth(n + 4); /* the first are of the test's own tags */
            code = small_scenes[i].act(&small_scenes[i]);
            sat_alloc_fail_nth(0);
            assert_true(code == SATCHEL_OK || code == SATCHEL_NOMEM);
            assert_whole(&small_scenes[i]);
            assert_no_temp();
        }
        assert_int_equal(delete_file("a"), SATCHEL_OK);
        assert_int_equal(side_cars(NULL), 0);
    }
}

/* A disk with no room for the side-car; the object is empty. */
static void a_side_car_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    sat_os_fail_kind("write", ENOSPC);
    assert_int_equal(put_tagged("a", "", true), SATCHEL_IO);
    assert_false(path_exists("a"));
    assert_no_temp();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BARE_TEST(everything_is_as_with_attributes),
        BARE_TEST(a_side_car_goes_with_its_object),
        BARE_TEST(creating_is_decided_once),
        BARE_TEST(tags_change_and_the_version_stays),
        FILE_TEST(large_tags_leave_the_attribute),
        BARE_TEST(a_side_car_has_the_mode_of_its_object),
        BARE_TEST(a_renamed_file_has_no_attributes_of_ours),
        BARE_TEST(a_change_in_place_voids_the_side_car),
        BARE_TEST(a_touched_file_keeps_its_version_for_a_swap),
        BARE_TEST(a_side_car_of_another_form_counts_as_none),
        BARE_TEST(a_side_car_that_names_another_object_counts_as_none),
        BARE_TEST(an_unreadable_side_car_is_an_error),
        BARE_TEST(a_reader_sees_one_version_with_its_attributes),
        BARE_TEST(a_listing_shows_one_version_with_its_etag),
        BARE_TEST(a_side_car_is_synced_before_the_name_and_goes_after_it),
        FILE_TEST(an_attribute_goes_after_the_side_car_is_synced),
        BARE_TEST(an_end_at_any_call_leaves_a_whole_object),
        FILE_TEST(an_end_at_any_call_leaves_a_whole_object_with_large_tags),
        BARE_TEST(any_failing_call_leaves_a_whole_object),
        FILE_TEST(any_failing_call_leaves_a_whole_object_with_large_tags),
        BARE_TEST(a_failed_creation_takes_its_side_car_back),
        BARE_TEST(any_failed_allocation_leaves_a_whole_object),
        FILE_TEST(a_side_car_that_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
