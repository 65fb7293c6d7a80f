/*
 * Side-cars: what an extended attribute cannot hold, in a hidden file beside the object.
 *
 * (1) A side-car is named by the hash of its object's name and inode, and says the name inside. A
 *     new version of an object has another inode, so another side-car: neither is ever taken for
 *     the other's. (2) Whoever writes or removes one holds the lock on the object's name.
 * (3) It is complete and synced, and so is the folder, before its object gets the name; it goes
 *     after the folder is synced without the object. A crash in between leaves a side-car too many,
 *     never one too few; file_sweep.c removes it. (4) A reader that misses the side-car of the file
 *     it has open looks whether the name is still that file's: else both were replaced.
 */
#include <errno.h>
#include <string.h>

#include "backends/file.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/str.h"

static void side_name(const char *name, ino_t inode, char out[SAT_OS_TEMP_NAME_SIZE])
{
    uint64_t number = inode;
    sat_os_side_name(sat_crc64(sat_crc64(0, &number, sizeof number), name, strlen(name)), out);
}

/* ---- reading */

static int read_open(int dirfd, const char *path, struct sat_buf *text, struct stat *info)
{
    SAT_AUTO_FD int fd = sat_os_open_beneath(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    int result = fd < 0 ? fd : sat_os_fstat(fd, info);
    if (result < 0)
        return result;
    /* No side-car is so long, or a folder: somebody else's, and none of ours is there. */
    result = S_ISREG(info->st_mode) ? sat_os_read_rest(fd, SAT_FILE_SIDE_MAX, text) : -EFBIG;
    return result == -EFBIG ? -ENODATA : result;
}

int sat_file_side_read(const struct sat_file_place *place, const struct stat *info,
                       struct sat_buf *text)
{
    struct stat seen;
    char path[PATH_MAX];
    const char *slash = strrchr(place->name, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash + 1 - place->name);
    if (folder + SAT_OS_TEMP_NAME_SIZE > sizeof path)
        return -ENODATA;
    memcpy(path, place->name, folder);
    side_name(place->name + folder, info->st_ino, path + folder);
    int result = read_open(place->dirfd, path, text, &seen);
    if (result != -ENOENT)
        return result;
    /* (4) */
    result = sat_os_stat(place->dirfd, place->name, AT_SYMLINK_NOFOLLOW, &seen);
    if (result < 0 && result != -ENOENT)
        return result;
    return result == 0 && seen.st_ino == info->st_ino ? -ENODATA : -ESTALE;
}

/* ---- writing */

int sat_file_adopt(int fd, const struct stat *like)
{
    struct stat own;
    int result = sat_os_fstat(fd, &own);
    if (result == 0 && (own.st_uid != like->st_uid || own.st_gid != like->st_gid))
        result = sat_os_chown(fd, like->st_uid, like->st_gid);
    if (result < 0 && result != -EPERM)
        return result;
    unsigned mode = like->st_mode & 0777;
    return mode == (own.st_mode & 0777) ? 0 : sat_os_chmod(fd, mode);
}

static int fill(const struct sat_file_state *state, int fd, const struct stat *like,
                satchel_span text)
{
    int result = sat_os_write_all(fd, text.data, text.len);
    if (result == 0 && like != NULL)
        result = sat_file_adopt(fd, like);
    if (result == 0 && state->durability != SAT_DURABLE_NONE)
        result = sat_os_sync(fd);
    return result;
}

int sat_file_side_write(const struct sat_file_state *state, const struct sat_file_place *place,
                        ino_t inode, const struct stat *like, satchel_span text)
{
    char temp[SAT_OS_TEMP_NAME_SIZE];
    char side[SAT_OS_TEMP_NAME_SIZE];
    SAT_AUTO_FD int fd = sat_os_temp_file(place->dirfd, 0666, temp);
    if (fd < 0)
        return fd;
    side_name(place->name, inode, side);
    int result = fill(state, fd, like, text);
    if (result == 0)
        result = sat_os_rename(place->dirfd, temp, place->dirfd, side, 0);
    if (result < 0)
        (void)sat_os_unlink(place->dirfd, temp, 0);
    if (result == 0 && state->durability == SAT_DURABLE_FULL)
        result = sat_os_sync(place->dirfd);
    return result;
}

/* ---- removing */

/* Whether the name is not, or no longer, that of the file with this inode. */
static bool is_alone(const struct sat_file_place *place, ino_t inode)
{
    struct stat now;
    int result = sat_os_stat(place->dirfd, place->name, AT_SYMLINK_NOFOLLOW, &now);
    return result == -ENOENT || (result == 0 && now.st_ino != inode);
}

int sat_file_side_forget(const struct sat_file_state *state, const struct sat_file_place *place,
                         ino_t inode, const char *key, satchel_error *err)
{
    char side[SAT_OS_TEMP_NAME_SIZE];
    struct stat info;
    side_name(place->name, inode, side);
    if (sat_os_stat(place->dirfd, side, AT_SYMLINK_NOFOLLOW, &info) < 0 || !is_alone(place, inode))
        return SATCHEL_OK;
    int code = sat_file_sync_folder(state, place->dirfd, key, err);
    if (code == SATCHEL_OK)
        (void)sat_os_unlink(place->dirfd, side, 0);
    return code;
}

void sat_file_side_sweep(int dirfd, const char *side, int64_t age_ns)
{
    char name[NAME_MAX + 1];
    char expected[SAT_OS_TEMP_NAME_SIZE];
    ino_t inode = 0;
    struct stat info;
    struct sat_file_lock lock;
    const struct sat_op at_once = {.kind = SAT_OP_DELETE, .deadline_ns = 1};
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_FILE_SIDE_MAX);
    if (read_open(dirfd, side, &text, &info) < 0 || !sat_os_is_older(&info, age_ns))
        return;
    if (!sat_file_attr_owner(sat_buf_span(&text), name, &inode)) {
        (void)sat_os_unlink(dirfd, side, 0);
        return;
    }
    const struct sat_file_place place = {.dirfd = dirfd, .name = name};
    side_name(name, inode, expected);
    if (sat_file_lock_take(&at_once, &place, &lock, NULL) != SATCHEL_OK)
        return;
    if (!sat_str_eq(side, expected) || is_alone(&place, inode))
        (void)sat_os_unlink(dirfd, side, 0);
    sat_file_lock_drop(&lock);
}
