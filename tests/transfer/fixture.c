/* What the transfer tests share. Files are made and looked at with plain system calls. */
#include "transfer/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/op.h"
#include "core/vec.h"

struct sat_config *config;
struct sat_conns conns;

static char root[64];
static struct sat_vec texts; /* char * */

int case_begin(void **state)
{
    static const struct sat_option *const tables[] = {sat_options_common, NULL};
    (void)state;
    snprintf(root, sizeof root, "/tmp/satchel-transfer-XXXXXX");
    sat_vec_init(&texts, sizeof(char *));
    if (mkdtemp(root) == NULL || sat_config_new(tables, &config, NULL) != SATCHEL_OK)
        return -1;
    sat_conns_init(&conns, config, sat_backend_find);
    return 0;
}

/* Removes everything below `path`, and itself; counts what is named like a file in the making. */
static int sweep(const char *path, int remove_it)
{
    int temps = 0;
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char inner[4096];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        temps += strncmp(entry->d_name, ".satchel-", 9) == 0;
        if (lstat(inner, &info) == 0 && S_ISDIR(info.st_mode))
            temps += sweep(inner, remove_it);
        else if (remove_it)
            (void)unlink(inner);
    }
    if (dir != NULL)
        closedir(dir);
    if (remove_it)
        (void)rmdir(path);
    return temps;
}

int case_end(void **state)
{
    (void)state;
    sat_conns_fini(&conns);
    sat_config_free(config);
    for (size_t i = 0; i < texts.len; i++)
        sat_free(*(char **)sat_vec_at(&texts, i));
    sat_vec_fini(&texts);
    (void)sweep(root, 1);
    return 0;
}

const char *folder(void)
{
    return root;
}

const char *text_of(const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_in_range(len, 0, sizeof text - 1);
    char *kept = sat_malloc((size_t)len + 1);
    assert_non_null(kept);
    memcpy(kept, text, (size_t)len + 1);
    assert_non_null(sat_vec_push(&texts, &kept));
    return kept;
}

const char *at(const char *name)
{
    return text_of("%s/%s", root, name);
}

/* ---- files */

static void make_parents(const char *path)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(copy, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

void put_bytes(const char *name, const void *data, size_t len)
{
    const char *path = at(name);
    make_parents(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

void put(const char *name, const char *content)
{
    put_bytes(name, content, strlen(content));
}

void make_folder(const char *name)
{
    make_parents(at(name));
    assert_int_equal(mkdir(at(name), 0755), 0);
}

void make_link(const char *name, const char *leads_to)
{
    make_parents(at(name));
    assert_int_equal(symlink(leads_to, at(name)), 0);
}

void assert_file(const char *name, const char *content)
{
    char found[4096];
    struct stat info;
    assert_int_equal(lstat(at(name), &info), 0);
    assert_true(S_ISREG(info.st_mode));
    int fd = open(at(name), O_RDONLY);
    assert_true(fd >= 0);
    ssize_t len = read(fd, found, sizeof found - 1);
    close(fd);
    assert_true(len >= 0);
    found[len] = '\0';
    assert_string_equal(found, content);
}

void assert_missing(const char *name)
{
    struct stat info;
    assert_int_equal(lstat(at(name), &info), -1);
    assert_int_equal(errno, ENOENT);
}

void assert_no_temps(void)
{
    assert_int_equal(sweep(root, 0), 0);
}

/* ---- objects */

struct sat_conn *reach_object(const char *uri, const char **key)
{
    struct sat_place place;
    struct sat_reach reach;
    assert_int_equal(sat_place_parse(uri, sat_backend_find, &place, NULL), SATCHEL_OK);
    const char *path = place.uri.path;
    size_t cut = sat_path_folder(path, strlen(path));
    assert_int_equal(sat_conns_reach(&conns, &place, path, cut, &reach, NULL), SATCHEL_OK);
    *key = text_of("%s%s", reach.conn->root, path + reach.base_len);
    sat_place_fini(&place);
    return reach.conn;
}

void keep_store(const char *uri)
{
    const char *key;
    (void)reach_object(uri, &key);
}

void put_object(const char *uri, const char *content, const char *type)
{
    struct sat_op op = {.kind = SAT_OP_PUT, .content_type = type};
    satchel_error err = {0};
    op.conn = reach_object(uri, &op.key);
    op.source = sat_source_span((satchel_span){content, strlen(content)});
    if (sat_op_run(&op, &err) != SATCHEL_OK)
        fail_msg("%s: %s", uri, err.text);
    sat_op_fini(&op);
}

void assert_object(const char *uri, const char *content)
{
    struct sat_op op = {.kind = SAT_OP_GET};
    satchel_error err = {0};
    struct sat_buf memory;
    sat_buf_init(&memory, 1 << 20);
    op.conn = reach_object(uri, &op.key);
    op.sink = sat_sink_memory(&memory);
    if (sat_op_run(&op, &err) != SATCHEL_OK)
        fail_msg("%s: %s", uri, err.text);
    assert_string_equal(sat_buf_str(&memory), content);
    sat_op_fini(&op);
    sat_buf_fini(&memory);
}

void assert_no_object(const char *uri)
{
    struct sat_op op = {.kind = SAT_OP_STAT};
    op.conn = reach_object(uri, &op.key);
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_NOT_FOUND);
    sat_op_fini(&op);
}
