/* A temporary folder and a small configuration, for tests that see the public headers only. */
#include "api/fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

satchel_config *config;
satchel_error err;

static char folder[64];

int case_begin(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    snprintf(folder, sizeof folder, "/tmp/satchel-api-XXXXXX");
    if (mkdtemp(folder) == NULL || satchel_config_new(&config, &err) != SATCHEL_OK)
        return -1;
    return satchel_config_set(config, "cache_dir", ":memory:", &err);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

int case_end(void **state)
{
    (void)state;
    satchel_config_free(config);
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *keep(const char *prefix, const char *name)
{
    static char kept[8][512];
    static unsigned next;
    char *text = kept[next++ % 8];
    snprintf(text, sizeof kept[0], "%s%s/%s", prefix, folder, name);
    return text;
}

const char *at(const char *name)
{
    return keep("", name);
}

const char *uri_of(const char *name)
{
    return keep("file://", name);
}

satchel_span span(const char *text)
{
    return (satchel_span){text, strlen(text)};
}

void put(const char *name, const char *content)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

void assert_file(const char *name, const char *content)
{
    char found[4096];
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
}

void ok_(int code, int line)
{
    if (code != SATCHEL_OK)
        fail_msg("line %d: %s: %s", line, satchel_code_name(code), err.text);
}
