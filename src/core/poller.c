/*
 * Sockets on an epoll.
 *
 * An adopted socket that is of no interest stays registered for what it was: a connection is idle
 * for microseconds, and wanted again for the same. Only if something happens to it meanwhile (the
 * other side closes it) it is taken out, for it would be reported for ever.
 *
 * A wake costs a system call only while somebody waits: the waiter says so before it looks for
 * wakes, and a waker leaves its mark before it looks for the waiter, so that one of them sees the
 * other.
 */
#include "core/poller.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/os.h"
#include "core/ownfd.h"

enum { EVENTS_MAX = 64, FD_STEP = 64 };

struct entry {
    unsigned char wanted;
    unsigned char registered; /* 0 = it is not in the epoll */
    bool adopted;
};

struct sat_poller {
    int epoll;
    int event;
    atomic_bool waits;
    atomic_bool woken;
    struct entry *entries; /* by descriptor */
    size_t count;
};

static uint32_t epoll_of(unsigned what)
{
    uint32_t events = (what & SAT_POLLER_READ) != 0 ? (uint32_t)EPOLLIN : 0;
    return events | ((what & SAT_POLLER_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0);
}

static unsigned what_of(uint32_t events)
{
    unsigned what = (events & EPOLLIN) != 0 ? SAT_POLLER_READ : 0;
    what |= (events & EPOLLOUT) != 0 ? SAT_POLLER_WRITE : 0;
    return what | ((events & (EPOLLERR | EPOLLHUP)) != 0 ? SAT_POLLER_FAULT : 0);
}

static int control(const struct sat_poller *poller, int op, int fd, unsigned what)
{
    struct epoll_event event = {.events = epoll_of(what), .data.fd = fd};
    return epoll_ctl(poller->epoll, op, fd, &event) == 0 ? 0 : errno;
}

static int open_epoll(struct sat_poller *poller, satchel_error *err)
{
    sat_fork_enter();
    poller->event = sat_os_event_new();
    poller->epoll = epoll_create1(EPOLL_CLOEXEC);
    int rc = poller->event < 0 ? -poller->event : poller->epoll < 0 ? errno : 0;
    sat_ownfd_add(poller->epoll);
    sat_fork_leave();
    if (rc == 0)
        rc = control(poller, EPOLL_CTL_ADD, poller->event, SAT_POLLER_READ);
    return rc == 0 ? SATCHEL_OK : sat_error_os(err, rc, "making an epoll");
}

int sat_poller_new(struct sat_poller **poller, satchel_error *err)
{
    struct sat_poller *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    int code = open_epoll(made, err);
    if (code == SATCHEL_OK)
        *poller = made;
    else
        sat_poller_free(made);
    return code;
}

void sat_poller_free(struct sat_poller *poller)
{
    if (poller == NULL)
        return;
    sat_ownfd_close(poller->epoll);
    (void)sat_os_close(poller->event);
    sat_free(poller->entries);
    sat_free(poller);
}

static struct entry *entry_of(struct sat_poller *poller, int fd)
{
    if ((size_t)fd >= poller->count) {
        size_t count = ((size_t)fd / FD_STEP + 1) * FD_STEP;
        struct entry *grown = sat_realloc(poller->entries, count * sizeof *grown);
        if (grown == NULL)
            return NULL;
        for (size_t i = poller->count; i < count; i++)
            grown[i] = (struct entry){0};
        poller->entries = grown;
        poller->count = count;
    }
    return &poller->entries[fd];
}

int sat_poller_adopt(struct sat_poller *poller, int fd, satchel_error *err)
{
    struct entry *entry = fd < 0 ? NULL : entry_of(poller, fd);
    if (entry == NULL)
        return sat_error_nomem(err);
    *entry = (struct entry){.adopted = true};
    return SATCHEL_OK;
}

static void take_out(const struct sat_poller *poller, struct entry *entry, int fd)
{
    if (entry->registered != 0)
        (void)control(poller, EPOLL_CTL_DEL, fd, 0);
    entry->registered = 0;
}

int sat_poller_want(struct sat_poller *poller, int fd, unsigned what, satchel_error *err)
{
    struct entry *entry = entry_of(poller, fd);
    if (entry == NULL)
        return sat_error_nomem(err);
    entry->wanted = (unsigned char)what;
    if (what == 0 && !entry->adopted)
        take_out(poller, entry, fd);
    if (what == 0 || entry->registered == what)
        return SATCHEL_OK;
    int op = entry->registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    int rc = control(poller, op, fd, what);
    if (rc == ENOENT || rc == EEXIST) /* it was closed, or taken over, behind our back */
        rc = control(poller, rc == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, what);
    if (rc != 0)
        return sat_error_os(err, rc, "waiting for a socket");
    entry->registered = (unsigned char)what;
    return SATCHEL_OK;
}

void sat_poller_forget(struct sat_poller *poller, int fd)
{
    if (fd < 0 || (size_t)fd >= poller->count)
        return;
    take_out(poller, &poller->entries[fd], fd);
    poller->entries[fd] = (struct entry){0};
}

/* What is wanted of what came; what is registered beyond that is taken out. */
static unsigned sift(struct sat_poller *poller, const struct epoll_event *event)
{
    struct entry *entry = &poller->entries[event->data.fd];
    unsigned what = what_of(event->events);
    unsigned wanted = what & (entry->wanted | SAT_POLLER_FAULT);
    if (entry->wanted == 0) {
        take_out(poller, entry, event->data.fd);
        return 0;
    }
    return wanted;
}

size_t sat_poller_wait(struct sat_poller *poller, int timeout_ms, struct sat_poller_event *events,
                       size_t room)
{
    struct epoll_event came[EVENTS_MAX];
    size_t count = 0;
    int most = room < EVENTS_MAX ? (int)room : EVENTS_MAX;
    atomic_store(&poller->waits, true);
    int got = epoll_wait(poller->epoll, came, most, atomic_load(&poller->woken) ? 0 : timeout_ms);
    atomic_store(&poller->waits, false);
    atomic_store(&poller->woken, false);
    for (int i = 0; i < got; i++) {
        if (came[i].data.fd == poller->event) {
            sat_os_event_clear(poller->event);
            continue;
        }
        unsigned what = sift(poller, &came[i]);
        if (what != 0)
            events[count++] = (struct sat_poller_event){.fd = came[i].data.fd, .what = what};
    }
    return count;
}

void sat_poller_wake(struct sat_poller *poller)
{
    atomic_store(&poller->woken, true);
    if (atomic_load(&poller->waits))
        sat_os_event_set(poller->event);
}
