/* Where an index may live: private, local, writable folders; fallbacks of the default. */
#include "fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/log.h"
#include "local/index_place.h"

static void a_missing_folder_is_made_for_the_owner(void **state)
{
    const struct folder *folder = *state;
    char path[PATH_SIZE + 16];
    char *real = NULL;
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/x/y", folder->path);
    OK(sat_index_place_check(path, &real, NULL));
    assert_string_equal(real, path);
    sat_free(real);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void a_folder_others_may_write_is_refused(void **state)
{
    const struct folder *folder = *state;
    char *real = NULL;
    satchel_error err;
    assert_int_equal(chmod(folder->path, 0770), 0);
    assert_int_equal(sat_index_place_check(folder->path, &real, &err), SATCHEL_DENIED);
    assert_non_null(strstr(err.text, folder->path));
    assert_null(real);
    struct sat_index_options options = {.cache_dir = folder->path, .identity = "test"};
    struct sat_index *index = NULL;
    assert_int_equal(sat_index_open(&options, &index, NULL), SATCHEL_DENIED);
}

static void a_file_is_no_folder(void **state)
{
    const struct folder *folder = *state;
    char path[PATH_SIZE + 16];
    char *real = NULL;
    (void)snprintf(path, sizeof path, "%s/file", folder->path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_not_equal(sat_index_place_check(path, &real, NULL), SATCHEL_OK);
}

static void a_link_is_followed_to_the_real_folder(void **state)
{
    const struct folder *folder = *state;
    char target[PATH_SIZE + 16];
    char link[PATH_SIZE + 16];
    char *real = NULL;
    (void)snprintf(target, sizeof target, "%s/target", folder->path);
    (void)snprintf(link, sizeof link, "%s/link", folder->path);
    assert_int_equal(mkdir(target, 0700), 0);
    assert_int_equal(symlink(target, link), 0);
    OK(sat_index_place_check(link, &real, NULL));
    assert_string_equal(real, target);
    sat_free(real);
}

/* In a child, because setenv is not for threads and root must become somebody. */
static int as_user(const char *home, char path[PATH_SIZE])
{
    struct sat_index_options options = {.identity = "test"};
    struct sat_index *index = NULL;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 2;
    if (unsetenv("XDG_CACHE_HOME") != 0 || setenv("HOME", home, 1) != 0)
        return 3;
    if (sat_index_open(&options, &index, NULL) != SATCHEL_OK)
        return 4;
    path_and_close(index, path);
    return 0;
}

static void open_as_user(const char *home, char path[PATH_SIZE])
{
    int result[2];
    int status = 0;
    assert_int_equal(pipe(result), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char found[PATH_SIZE] = "";
        int code = as_user(home, found);
        if (write(result[1], found, sizeof found) != (ssize_t)sizeof found)
            code = 5;
        _exit(code);
    }
    assert_int_equal(read(result[0], path, PATH_SIZE), PATH_SIZE);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    (void)close(result[0]);
    (void)close(result[1]);
}

static void the_default_is_the_users_cache(void **state)
{
    const struct folder *folder = *state;
    char path[PATH_SIZE];
    char want[PATH_SIZE + 32];
    assert_int_equal(chown(folder->path, geteuid() == 0 ? 65534 : geteuid(), (gid_t)-1), 0);
    open_as_user(folder->path, path);
    (void)snprintf(want, sizeof want, "%s/.cache/satchel/", folder->path);
    assert_int_equal(strncmp(path, want, strlen(want)), 0);
}

static void an_unsuitable_home_falls_back_to_var_tmp(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    char want[64];
    char command[96];
    unsigned uid = geteuid() == 0 ? 65534 : (unsigned)geteuid();
    open_as_user("/proc", path);
    (void)snprintf(want, sizeof want, "/var/tmp/satchel-%u/", uid);
    assert_int_equal(strncmp(path, want, strlen(want)), 0);
    path[strlen(path) - strlen("0123456789abcdef.db")] = '\0';
    (void)snprintf(command, sizeof command, "rm -f %.70s*", path);
    assert_int_equal(system(command), 0);
    /* Another program may keep files there: then the folder stays. */
    want[strlen(want) - 1] = '\0';
    (void)rmdir(want);
}

static void default_places_follow_the_environment(void **state)
{
    (void)state;
    char want[64];
    char *place = sat_index_place_default(1);
    (void)snprintf(want, sizeof want, "/var/tmp/satchel-%u", (unsigned)geteuid());
    assert_string_equal(place, want);
    sat_free(place);
    assert_int_equal(setenv("XDG_CACHE_HOME", "/xdg", 1), 0);
    place = sat_index_place_default(0);
    assert_string_equal(place, "/xdg/satchel");
    sat_free(place);
    assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
    assert_int_equal(setenv("HOME", "/home/me", 1), 0);
    place = sat_index_place_default(0);
    assert_string_equal(place, "/home/me/.cache/satchel");
    sat_free(place);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_null(sat_index_place_default(0));
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(the_default_is_the_users_cache),
        cmocka_unit_test(an_unsuitable_home_falls_back_to_var_tmp),
        ON_DISK(a_missing_folder_is_made_for_the_owner),
        ON_DISK(a_folder_others_may_write_is_refused),
        ON_DISK(a_file_is_no_folder),
        ON_DISK(a_link_is_followed_to_the_real_folder),
        cmocka_unit_test(default_places_follow_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
