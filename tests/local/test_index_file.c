/* Whatever happens to the files: rebuilt or right, never a wrong answer, never a crash. */
#include "fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

static const struct object three[] = {
    {"a.json", "\"1\"", 1}, {"b.json", "\"2\"", 2}, {"c.json", "\"3\"", 3}};

struct files {
    char db[PATH_SIZE];
    char wal[PATH_SIZE + 8];
    char shm[PATH_SIZE + 8];
    char mark[PATH_SIZE];
};

static struct files files_of(const char *db)
{
    struct files files;
    (void)snprintf(files.db, sizeof files.db, "%s", db);
    (void)snprintf(files.wal, sizeof files.wal, "%s-wal", db);
    (void)snprintf(files.shm, sizeof files.shm, "%s-shm", db);
    /* FOLDER/STEM.EPOCH.db and FOLDER/STEM.mark */
    (void)snprintf(files.mark, sizeof files.mark, "%s", db);
    char *slash = strrchr(files.mark, '/');
    memcpy(strchr(slash, '.'), ".mark", sizeof ".mark");
    return files;
}

/* A closed index of three rows, written by one refresh and one write after it. */
static struct files make_closed(void **state)
{
    char path[PATH_SIZE];
    struct sat_index *index = open_index(state);
    refresh_with(index, three, 2);
    store(index, "c.json", "\"3\"", 3);
    path_and_close(index, path);
    return files_of(path);
}

static void must_be_empty_then_work(struct sat_index *index)
{
    assert_false(sat_index_is_fresh(index, -1));
    assert_int_equal(count_of(index), 0);
    assert_int_equal(refresh_with(index, three, 3), 3);
    assert_int_equal(count_of(index), 3);
}

static void must_be_right(struct sat_index *index)
{
    assert_int_equal(count_of(index), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(etag_of(index, three[i].key), three[i].etag);
}

/* Reopens: everything is right, or it is empty and says so. Returns whether it was rebuilt. */
static bool right_or_empty(void **state)
{
    struct sat_index *index = open_index(state);
    bool rebuilt = !sat_index_is_fresh(index, -1);
    if (rebuilt) {
        must_be_empty_then_work(index);
    } else {
        must_be_right(index);
    }
    sat_index_close(index);
    return rebuilt;
}

static void an_untouched_index_is_not_rebuilt(void **state)
{
    (void)make_closed(state);
    assert_false(right_or_empty(state));
}

static void zero_bytes_are_rebuilt(void **state)
{
    struct files files = make_closed(state);
    assert_int_equal(truncate(files.db, 0), 0);
    (void)unlink(files.wal);
    assert_true(right_or_empty(state));
    assert_int_equal(file_size(files.db), -1);
}

static void a_truncated_file_is_rebuilt(void **state)
{
    struct files files = make_closed(state);
    outside_sql(files.db, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(truncate(files.db, file_size(files.db) / 2), 0);
    assert_true(right_or_empty(state));
}

static void garbage_is_rebuilt(void **state)
{
    struct files files = make_closed(state);
    char garbage[4096];
    memset(garbage, 'x', sizeof garbage);
    outside_sql(files.db, "PRAGMA wal_checkpoint(TRUNCATE)");
    overwrite(files.db, 0, garbage, sizeof garbage);
    assert_true(right_or_empty(state));
}

static void another_applications_database_is_rebuilt(void **state)
{
    struct files files = make_closed(state);
    (void)unlink(files.db);
    (void)unlink(files.wal);
    outside_sql(files.db, "CREATE TABLE obj(key); INSERT INTO obj VALUES ('a.json')");
    assert_true(right_or_empty(state));
}

static void another_application_id_is_rebuilt(void **state)
{
    outside_sql(make_closed(state).db, "PRAGMA application_id = 7");
    assert_true(right_or_empty(state));
}

static void another_version_is_rebuilt(void **state)
{
    outside_sql(make_closed(state).db, "PRAGMA user_version = 7");
    assert_true(right_or_empty(state));
}

static void a_lost_table_is_rebuilt(void **state)
{
    outside_sql(make_closed(state).db, "DROP TABLE meta");
    assert_true(right_or_empty(state));
}

static void a_lost_wal_is_rebuilt(void **state)
{
    struct files files = make_closed(state);
    assert_true(file_size(files.wal) > 0);
    assert_int_equal(unlink(files.wal), 0);
    assert_true(right_or_empty(state));
}

static void a_wal_lost_after_a_checkpoint_is_rebuilt(void **state)
{
    struct files files = make_closed(state);
    outside_sql(files.db, "PRAGMA wal_checkpoint(TRUNCATE)");
    struct sat_index *index = open_index(state);
    refresh_with(index, three, 3);
    store(index, "d.json", "\"4\"", 4);
    sat_index_close(index);
    assert_int_equal(unlink(files.wal), 0);
    assert_true(right_or_empty(state));
}

static void a_lost_database_is_rebuilt(void **state)
{
    assert_int_equal(unlink(make_closed(state).db), 0);
    assert_true(right_or_empty(state));
}

static void a_lost_shm_is_no_loss(void **state)
{
    (void)unlink(make_closed(state).shm);
    assert_false(right_or_empty(state));
}

static void a_lost_mark_is_rebuilt(void **state)
{
    assert_int_equal(unlink(make_closed(state).mark), 0);
    assert_true(right_or_empty(state));
}

static void a_damaged_mark_is_rebuilt(void **state)
{
    struct files files = make_closed(state);
    overwrite(files.mark, 0, "garbage!", 8);
    assert_true(right_or_empty(state));
    assert_int_equal(truncate(files.mark, 3), 0);
    assert_true(right_or_empty(state));
}

static void a_changed_row_is_found_at_the_next_open(void **state)
{
    outside_sql(make_closed(state).db, "UPDATE obj SET state = 1 WHERE key = 'a.json'");
    assert_true(right_or_empty(state));
}

/* One byte changed anywhere in database, WAL or mark. */
static void a_flipped_byte_is_never_believed(void **state)
{
    struct files files = make_closed(state);
    char copy[3][PATH_SIZE + 16];
    const char *names[3] = {files.db, files.wal, files.mark};
    char command[8 * PATH_SIZE];
    outside_sql(files.db, "PRAGMA wal_checkpoint(PASSIVE)");
    for (int i = 0; i < 3; i++)
        (void)snprintf(copy[i], sizeof copy[i], "%.*s/kept-%d",
                       (int)(strrchr(names[i], '/') - names[i]), names[i], i);
    (void)snprintf(command, sizeof command, "cp '%s' '%s'; cp '%s' '%s'; cp '%s' '%s'", names[0],
                   copy[0], names[1], copy[1], names[2], copy[2]);
    assert_int_equal(system(command), 0);
    (void)snprintf(command, sizeof command, "cp '%s' '%s'; cp '%s' '%s'; cp '%s' '%s'; rm -f '%s'",
                   copy[0], names[0], copy[1], names[1], copy[2], names[2], files.shm);
    unsigned seed = 20261121;
    for (int round = 0; round < 300; round++) {
        const char *name = names[round % 3];
        unsigned char byte;
        assert_int_equal(system(command), 0);
        seed = seed * 1103515245U + 12345U;
        long at = (long)(seed >> 8) % file_size(name);
        FILE *file = fopen(name, "rb");
        assert_non_null(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_equal(fread(&byte, 1, 1, file), 1);
        assert_int_equal(fclose(file), 0);
        byte = (unsigned char)(byte ^ (1U << (seed >> 29)));
        overwrite(name, at, &byte, 1);
        struct sat_index *index = open_index(state);
        /* A flip in what makes the freshness costs a listing, and nothing else. */
        if (!sat_index_is_fresh(index, -1))
            (void)refresh_with(index, three, 3);
        must_be_right(index);
        sat_index_close(index);
    }
}

/* ---- under an open handle ---- */

static void a_damaged_row_empties_the_index(void **state)
{
    char path[PATH_SIZE];
    const char *key = "a.json";
    satchel_error err;
    struct sat_index_rows *rows = NULL;
    struct sat_index *index = open_index(state);
    refresh_with(index, three, 3);
    sat_index_path(index, path, sizeof path);
    outside_sql(path, "UPDATE body SET body = replace(body, 'n', 'm')");
    assert_int_equal(sat_index_lookup(index, &key, 1, true, &rows, &err), SATCHEL_MODIFIED);
    assert_non_null(strstr(err.text, "a.json"));
    must_be_empty_then_work(index);
    sat_index_close(index);
}

static void a_removed_folder_is_made_anew(void **state)
{
    char command[PATH_SIZE + 32];
    const struct folder *folder = *state;
    struct sat_index *index = open_index(state);
    struct sat_index *other = open_index(state);
    refresh_with(index, three, 3);
    (void)snprintf(command, sizeof command, "rm -r '%s'", folder->path);
    assert_int_equal(system(command), 0);
    must_be_empty_then_work(index);
    /* The other handle follows, and sees what the first one wrote. */
    store(index, "d.json", "\"4\"", 4);
    assert_string_equal(etag_of(other, "d.json"), "\"4\"");
    sat_index_close(other);
    sat_index_close(index);
}

static void a_rebuild_by_one_handle_reaches_the_others(void **state)
{
    char path[PATH_SIZE];
    const char *key = "a.json";
    struct sat_index_rows *rows = NULL;
    struct sat_index *index = open_index(state);
    struct sat_index *other = open_index(state);
    refresh_with(index, three, 3);
    struct sat_index_refresh *refresh = begin_refresh(other);
    sat_index_path(index, path, sizeof path);
    outside_sql(path, "UPDATE body SET body = 'x'");
    assert_int_equal(sat_index_lookup(index, &key, 1, true, &rows, NULL), SATCHEL_MODIFIED);
    assert_int_equal(count_of(other), 0);
    /* A refresh of the old file cannot end on the new one. */
    assert_int_equal(sat_index_refresh_listed(refresh, NULL), SATCHEL_MODIFIED);
    sat_index_refresh_end(refresh);
    assert_int_equal(refresh_with(other, three, 3), 3);
    assert_int_equal(count_of(index), 3);
    sat_index_close(other);
    sat_index_close(index);
}

static void a_write_in_flight_over_a_rebuild_is_read_again(void **state)
{
    char path[PATH_SIZE];
    struct sat_index *index = open_index(state);
    struct sat_index_write write = begin_write(index, "a.json");
    sat_index_path(index, path, sizeof path);
    outside_sql(path, "UPDATE meta SET generation = 5");
    OK(settle_as(index, write, SAT_WRITE_STORED, &three[0]));
    assert_false(sat_index_is_fresh(index, -1));
    assert_int_equal(orphans_of(index), 1);
    sat_index_close(index);
}

/* ---- unclean closes ---- */

static void run_and_die(const struct folder *folder)
{
    struct sat_index_options options = {.cache_dir = folder->path, .identity = "test"};
    struct sat_index *index = NULL;
    if (sat_index_open(&options, &index, NULL) == SATCHEL_OK) {
        refresh_with(index, three, 3);
        (void)kill(getpid(), SIGKILL);
    }
    _exit(1);
}

static struct files make_killed(void **state)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        run_and_die(*state);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    char path[PATH_SIZE];
    char command[2 * PATH_SIZE];
    const struct folder *folder = *state;
    (void)snprintf(command, sizeof command, "ls %s/*.db", folder->path);
    FILE *list = popen(command, "r");
    assert_non_null(list);
    assert_non_null(fgets(path, sizeof path, list));
    (void)pclose(list);
    path[strcspn(path, "\n")] = '\0';
    return files_of(path);
}

static void a_killed_process_loses_nothing(void **state)
{
    (void)make_killed(state);
    assert_false(right_or_empty(state));
}

static void a_change_after_a_kill_is_found(void **state)
{
    outside_sql(make_killed(state).db, "UPDATE body SET body = 'x' WHERE oid = 2");
    assert_true(right_or_empty(state));
}

static void a_wal_lost_after_a_kill_is_found(void **state)
{
    assert_int_equal(unlink(make_killed(state).wal), 0);
    assert_true(right_or_empty(state));
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(a_killed_process_loses_nothing),
        ON_DISK(a_change_after_a_kill_is_found),
        ON_DISK(a_wal_lost_after_a_kill_is_found),
        ON_DISK(an_untouched_index_is_not_rebuilt),
        ON_DISK(zero_bytes_are_rebuilt),
        ON_DISK(a_truncated_file_is_rebuilt),
        ON_DISK(garbage_is_rebuilt),
        ON_DISK(another_applications_database_is_rebuilt),
        ON_DISK(another_application_id_is_rebuilt),
        ON_DISK(another_version_is_rebuilt),
        ON_DISK(a_lost_table_is_rebuilt),
        ON_DISK(a_lost_wal_is_rebuilt),
        ON_DISK(a_wal_lost_after_a_checkpoint_is_rebuilt),
        ON_DISK(a_lost_database_is_rebuilt),
        ON_DISK(a_lost_shm_is_no_loss),
        ON_DISK(a_lost_mark_is_rebuilt),
        ON_DISK(a_damaged_mark_is_rebuilt),
        ON_DISK(a_changed_row_is_found_at_the_next_open),
        ON_DISK(a_flipped_byte_is_never_believed),
        ON_DISK(a_damaged_row_empties_the_index),
        ON_DISK(a_removed_folder_is_made_anew),
        ON_DISK(a_rebuild_by_one_handle_reaches_the_others),
        ON_DISK(a_write_in_flight_over_a_rebuild_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
