/*
 * Epochs of the database file: finding the one in use, checking it, putting a new one in its place.
 *
 * A damaged file is never repaired and its name never used again: a new, empty file gets a new
 * name, the mark is pointed to it, and the old one is unlinked. So a process that still has the old
 * file open can neither harm the new one nor be fooled for long: it reads the mark at each call.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/log.h"
#include "core/os.h"
#include "core/str.h"
#include "index_private.h"

char *sat_index_file_path(const struct sat_index *index, uint64_t epoch)
{
    if (index->dir == NULL)
        return sat_strdup(SAT_SQLITE_MEMORY);
    return sat_strf("%s/%s.%016llx.db", index->dir, index->stem, (unsigned long long)epoch);
}

/* ---- connections ---- */

void sat_index_conn_close(struct sat_index_conn *conn)
{
    sat_sqlite_close(conn->db);
    sat_free(conn);
}

void sat_index_conn_idle_locked(struct sat_index *index, struct sat_index_conn *conn)
{
    conn->next = index->locked.idle;
    index->locked.idle = conn;
    index->locked.idle_count++;
    atomic_store(&conn->db->busy, false);
}

static int open_epoch(struct sat_index *index, uint64_t epoch, struct sat_index_conn **out,
                      satchel_error *err)
{
    SAT_AUTO_FREE char *path = sat_index_file_path(index, epoch);
    struct sat_index_conn *conn = sat_calloc(1, sizeof *conn);
    if (conn == NULL || path == NULL) {
        sat_free(conn);
        return sat_error_nomem(err);
    }
    conn->epoch = epoch;
    int code = sat_sqlite_open(path, &conn->db, err);
    if (code != SATCHEL_OK) {
        sat_free(conn);
        return code;
    }
    *out = conn;
    return SATCHEL_OK;
}

int sat_index_file_connect(struct sat_index *index, uint64_t epoch, struct sat_index_conn **out,
                           satchel_error *err)
{
    struct sat_mark_head head;
    struct sat_index_conn *conn = NULL;
    int code = sat_mark_read(index->mark, &head, err);
    if (code != SATCHEL_OK)
        return code;
    code = open_epoch(index, epoch, &conn, err);
    if (code != SATCHEL_OK)
        return code;
    if (head.epoch == epoch)
        code = sat_index_schema_check(conn->db, &head, err);
    if (code != SATCHEL_OK) {
        sat_index_conn_close(conn);
        return code;
    }
    *out = conn;
    return SATCHEL_OK;
}

/* ---- a new epoch ---- */

/* Files of former epochs. An unlinked file stays whole for those who have it open. */
static void sweep(const struct sat_index *index, uint64_t keep)
{
    SAT_AUTO_FREE char *kept = sat_strf("%s.%016llx.db", index->stem, (unsigned long long)keep);
    struct sat_os_dir *dir = NULL;
    if (kept == NULL || sat_os_dir_open(AT_FDCWD, index->dir, &dir) < 0)
        return;
    size_t stem = strlen(index->stem);
    const char *name;
    while (sat_os_dir_next(dir, &name, NULL) == 1) {
        bool ours = strncmp(name, index->stem, stem) == 0 && name[stem] == '.' &&
                    strstr(name + stem, ".db") != NULL;
        if (ours && !sat_str_starts(name, kept))
            (void)sat_os_unlink(sat_os_dir_fd(dir), name, 0);
    }
    sat_os_dir_close(dir);
}

/*
 * Made and closed by us before anyone knows its name: SQLite would create it with other
 * permissions, and a file that SQLite has open must not be opened by others.
 */
static int make_file(const struct sat_index *index, uint64_t epoch, satchel_error *err)
{
    if (index->dir == NULL)
        return SATCHEL_OK;
    SAT_AUTO_FREE char *path = sat_index_file_path(index, epoch);
    if (path == NULL)
        return sat_error_nomem(err);
    int fd = sat_os_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd == -ENOENT && sat_os_mkdirs(AT_FDCWD, index->dir, 0700, 0) >= 0)
        fd = sat_os_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return sat_error_os(err, -fd, "record index: %s", path);
    (void)sat_os_close(fd);
    return SATCHEL_OK;
}

/* Fills `head` for a new, empty database and puts its connection among the idle ones. */
static int make_epoch(struct sat_index *index, struct sat_mark_head *head, satchel_error *err)
{
    struct sat_index_conn *conn = NULL;
    *head = (struct sat_mark_head){.clean = 0};
    head->epoch = sat_random_u64() | 1U;
    head->drop = sat_random_u64();
    /* Higher than what the old file had counted: writes in flight carry its generations. */
    head->intent = head->committed = sat_clock_wall_ns() / 1000;
    (void)snprintf(head->boot, sizeof head->boot, "%s", sat_os_boot_id());
    int code = make_file(index, head->epoch, err);
    if (code == SATCHEL_OK)
        code = open_epoch(index, head->epoch, &conn, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_index_schema_create(conn->db, head->committed, err);
    if (code == SATCHEL_OK)
        code = sat_mark_write(index->mark, head, err);
    if (code != SATCHEL_OK) {
        sat_index_conn_close(conn);
        return code;
    }
    sat_index_conn_idle_locked(index, conn);
    index->locked.epoch = head->epoch;
    if (index->dir != NULL)
        sweep(index, head->epoch);
    return SATCHEL_OK;
}

int sat_index_file_renew_locked(struct sat_index *index, uint64_t bad_epoch, satchel_error *err)
{
    struct sat_mark_head head;
    int code = sat_mark_lock(index->mark, SAT_MARK_EPOCH, true, SAT_MARK_WAIT_MS, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_mark_read(index->mark, &head, err);
    if (code == SATCHEL_OK && head.epoch != 0 && head.epoch != bad_epoch)
        index->locked.epoch = head.epoch;
    else if (code == SATCHEL_OK) {
        code = make_epoch(index, &head, err);
        if (code == SATCHEL_OK)
            SAT_INFO("record index %s is made anew", index->stem);
    }
    sat_mark_unlock(index->mark, SAT_MARK_EPOCH);
    return code;
}

/* ---- opening and closing ---- */

/* Sizes and times of the database and its WAL: what no process has touched looks the same. */
static uint64_t look_of(const struct sat_index *index, uint64_t epoch)
{
    SAT_AUTO_FREE char *path = sat_index_file_path(index, epoch);
    SAT_AUTO_FREE char *wal = path == NULL ? NULL : sat_strf("%s-wal", path);
    const char *names[] = {path, wal};
    uint64_t crc = 0;
    for (size_t i = 0; i < 2; i++) {
        struct stat info;
        if (names[i] == NULL || sat_os_stat(AT_FDCWD, names[i], AT_SYMLINK_NOFOLLOW, &info) < 0)
            memset(&info, 0, sizeof info);
        /* The time of change as well: that of modification can be set back. */
        int64_t facts[6] = {(int64_t)info.st_ino, info.st_size,        info.st_mtim.tv_sec,
                            info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
        crc = sat_crc64(crc, facts, sizeof facts);
    }
    return crc;
}

/*
 * Checks the file of `head`. Whoever shares it with living processes trusts it; who is alone looks
 * how it was left. After a crash of the machine the last transactions may be missing without trace,
 * so the freshness goes.
 */
static int check_file(struct sat_index *index, const struct sat_mark_head *head, bool alone,
                      satchel_error *err)
{
    bool rebooted = !sat_str_eq(head->boot, sat_os_boot_id());
    bool touched = head->clean == 1 && head->look != look_of(index, head->epoch);
    struct sat_index_conn *conn = NULL;
    int code = sat_index_file_connect(index, head->epoch, &conn, err);
    if (code != SATCHEL_OK)
        return code;
    if (alone && (head->clean != 1 || touched || rebooted))
        code = sat_index_schema_verify(conn->db, touched || rebooted, err);
    if (code == SATCHEL_OK && alone && head->clean != 1 && rebooted)
        code = sat_mark_set_drop(index->mark);
    if (code != SATCHEL_OK) {
        sat_index_conn_close(conn);
        return code;
    }
    sat_index_conn_idle_locked(index, conn);
    index->locked.epoch = head->epoch;
    return SATCHEL_OK;
}

/* Takes the file into use; hold EPOCH. */
static int settle_file(struct sat_index *index, bool alone, satchel_error *err)
{
    struct sat_mark_head head;
    int code = sat_mark_read(index->mark, &head, err);
    if (code != SATCHEL_OK)
        return code;
    satchel_error reason = {.code = SATCHEL_OK};
    code = head.epoch == 0 ? SATCHEL_MODIFIED : check_file(index, &head, alone, &reason);
    if (code == SATCHEL_MODIFIED) {
        if (reason.code != SATCHEL_OK)
            SAT_INFO("%s", reason.text);
        return make_epoch(index, &head, err);
    }
    if (code != SATCHEL_OK)
        return sat_error_copy(err, &reason);
    if (!alone)
        return SATCHEL_OK;
    code = sat_mark_read(index->mark, &head, err); /* `drop` may have changed */
    head.clean = 0;
    (void)snprintf(head.boot, sizeof head.boot, "%s", sat_os_boot_id());
    return code == SATCHEL_OK ? sat_mark_write(index->mark, &head, err) : code;
}

int sat_index_file_open(struct sat_index *index, satchel_error *err)
{
    int code = sat_mark_lock(index->mark, SAT_MARK_EPOCH, true, SAT_MARK_WAIT_MS, err);
    if (code != SATCHEL_OK)
        return code;
    bool alone = sat_mark_lock(index->mark, SAT_MARK_OPEN, true, 0, NULL) == SATCHEL_OK;
    code = settle_file(index, alone, err);
    if (code == SATCHEL_OK)
        code = sat_mark_lock(index->mark, SAT_MARK_OPEN, false, SAT_MARK_WAIT_MS, err);
    sat_mark_unlock(index->mark, SAT_MARK_EPOCH);
    return code;
}

void sat_index_file_close(struct sat_index *index)
{
    struct sat_mark_head head;
    if (index->dir == NULL ||
        sat_mark_lock(index->mark, SAT_MARK_EPOCH, true, SAT_MARK_WAIT_MS, NULL) != SATCHEL_OK)
        return;
    bool last = sat_mark_lock(index->mark, SAT_MARK_OPEN, true, 0, NULL) == SATCHEL_OK;
    if (last && sat_mark_read(index->mark, &head, NULL) == SATCHEL_OK &&
        head.epoch == index->locked.epoch) {
        head.clean = 1;
        head.look = look_of(index, head.epoch);
        (void)sat_mark_write(index->mark, &head, NULL);
    }
    sat_mark_unlock(index->mark, SAT_MARK_OPEN);
    sat_mark_unlock(index->mark, SAT_MARK_EPOCH);
}
