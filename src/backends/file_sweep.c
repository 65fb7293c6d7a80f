/*
 * The sweep: temporary files and side-cars that killed writers left in a folder.
 *
 * A folder is swept while it is listed, and at the first write of a handle into it. (1) Nothing is
 * removed that a live process could hold: see sat_os_sweep_temp() and sat_file_side_sweep(). (2) A
 * sweep is worth little, so it costs little: a handle remembers folders in a table without chains,
 * and what does not fit there is not swept by writes; a write reads no more than a part of a huge
 * folder. (3) It never fails: what it cannot remove, the next one may.
 */
#include "backends/file.h"

#include "core/clock.h"

enum { READ_MAX = 20000 };
static const int64_t age_ns = 60 * SAT_NS_PER_S;

/* The folder's place in the table; NULL when it cannot be told. */
static atomic_uint_least64_t *slot_of(struct sat_file_state *state, int dirfd, uint64_t *folder)
{
    struct stat info;
    if (sat_os_fstat(dirfd, &info) < 0)
        return NULL;
    *folder = (uint64_t)info.st_ino ^ (uint64_t)info.st_dev << 48;
    return &state->swept[*folder % SAT_FILE_SWEPT];
}

bool sat_file_sweep_listed(struct sat_file_state *state, int dirfd)
{
    uint64_t folder;
    atomic_uint_least64_t *slot = slot_of(state, dirfd, &folder);
    return slot != NULL && atomic_exchange(slot, folder) != folder;
}

void sat_file_sweep_name(int dirfd, const char *name)
{
    if (sat_os_is_temp_name(name))
        sat_os_sweep_temp(dirfd, name, age_ns);
    else if (sat_os_is_side_name(name))
        sat_file_side_sweep(dirfd, name, age_ns);
}

void sat_file_sweep_folder(struct sat_file_state *state, int dirfd)
{
    uint64_t folder;
    uint64_t none = 0;
    struct sat_os_dir *dir = NULL;
    const char *name;
    atomic_uint_least64_t *slot = slot_of(state, dirfd, &folder);
    if (slot == NULL || !atomic_compare_exchange_strong(slot, &none, folder) ||
        sat_os_dir_open(dirfd, ".", &dir) < 0)
        return;
    for (int i = 0; i < READ_MAX && sat_os_dir_next(dir, &name, NULL) == 1; i++)
        sat_file_sweep_name(dirfd, name);
    sat_os_dir_close(dir);
}
