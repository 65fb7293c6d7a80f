/* A temporary folder of a test, and its removal with all that is in it. */
#ifndef SAT_TESTS_BACKENDS_FOLDER_H
#define SAT_TESTS_BACKENDS_FOLDER_H

#include "support/test.h"

#include <stdlib.h>

#include "core/os.h"

enum { FOLDER_SIZE = 32 };

static inline void folder_make(char path[FOLDER_SIZE])
{
    memcpy(path, "/tmp/satchel-backends-XXXXXX", 29);
    assert_non_null(mkdtemp(path));
}

static inline void folder_remove_at(int dirfd, const char *name)
{
    struct sat_os_dir *dir;
    const char *entry;
    if (sat_os_unlink(dirfd, name, 0) == 0 || sat_os_dir_open(dirfd, name, &dir) < 0)
        return;
    while (sat_os_dir_next(dir, &entry, NULL) == 1)
        folder_remove_at(sat_os_dir_fd(dir), entry);
    sat_os_dir_close(dir);
    (void)sat_os_unlink(dirfd, name, AT_REMOVEDIR);
}

static inline void folder_remove(const char *path)
{
    folder_remove_at(AT_FDCWD, path);
}

#endif
