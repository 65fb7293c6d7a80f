/* A file:// connection on a folder of its own, for the tests of the file backend's parts. */
#ifndef SAT_TESTS_BACKENDS_FILE_FIXTURE_H
#define SAT_TESTS_BACKENDS_FILE_FIXTURE_H

#include "backends/folder.h"

#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/registry.h"
#include "core/backend.h"
#include "core/config.h"
#include "core/str.h"

static const struct sat_option *const file_tables[] = {sat_options_common, NULL};
static char folder[FOLDER_SIZE];
static struct sat_conn *conn;

static inline int open_conn(void **state)
{
    char uri[64];
    struct sat_config *config;
    (void)state;
    folder_make(folder);
    (void)snprintf(uri, sizeof uri, "file://%s", folder);
    assert_int_equal(sat_config_new(file_tables, &config, NULL), SATCHEL_OK);
    assert_int_equal(sat_conn_open(uri, config, sat_backend_find, &conn, NULL), SATCHEL_OK);
    sat_config_free(config);
    return 0;
}

static inline int close_conn(void **state)
{
    (void)state;
    sat_os_fail_nth(0, 0);
    sat_os_fail_kind(NULL, 0);
    sat_os_record(NULL, NULL);
    sat_conn_close(conn);
    folder_remove(folder);
    return 0;
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, open_conn, close_conn)

/* The path of a name in the folder; the key is the same without the first byte. Four at a time. */
static inline const char *path_of(const char *name)
{
    static _Thread_local char paths[4][512];
    static _Thread_local unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline const char *file_key(const char *name)
{
    return path_of(name) + 1;
}

/* A file that satchel did not write. */
static inline void write_foreign(const char *name, const char *text)
{
    int fd = sat_os_open(AT_FDCWD, path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(sat_os_write_all(fd, text, strlen(text)), 0);
    assert_int_equal(sat_os_close(fd), 0);
}

static inline void assert_content(const char *name, const char *text)
{
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, 100000);
    assert_int_equal(sat_os_read_file(AT_FDCWD, path_of(name), 100000, &buf), 0);
    assert_string_equal(sat_buf_str(&buf), text);
}

static inline bool path_exists(const char *name)
{
    struct stat info;
    return sat_os_stat(AT_FDCWD, path_of(name), AT_SYMLINK_NOFOLLOW, &info) == 0;
}

/* Puts text; the code. *etag (may be NULL) is filled on success. */
static inline int put_file(const char *name, const char *text, const char *if_match,
                           char etag[SAT_FILE_ETAG_SIZE])
{
    struct sat_op op = {.kind = SAT_OP_PUT, .conn = conn, .if_match = if_match};
    char key[512];
    (void)snprintf(key, sizeof key, "%s", file_key(name));
    op.key = key;
    op.source = sat_source_span(sat_span_of(text));
    int code = sat_op_run(&op, NULL);
    if (code == SATCHEL_OK && etag != NULL)
        (void)snprintf(etag, SAT_FILE_ETAG_SIZE, "%s", op.info.etag);
    sat_op_fini(&op);
    return code;
}

/* The ETag that STAT gives. */
static inline void stat_etag(const char *name, char etag[SAT_FILE_ETAG_SIZE])
{
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = file_key(name)};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    (void)snprintf(etag, SAT_FILE_ETAG_SIZE, "%s", op.info.etag);
    sat_op_fini(&op);
}

/* No file in the making is left in the folder, whatever happened. */
static inline void assert_no_temp(void)
{
    struct sat_os_dir *dir;
    const char *name;
    assert_int_equal(sat_os_dir_open(AT_FDCWD, folder, &dir), 0);
    while (sat_os_dir_next(dir, &name, NULL) == 1)
        assert_false(sat_os_is_temp_name(name));
    sat_os_dir_close(dir);
}

#endif
