/* Forked children: whose handles are these? */
#include "fork.h"

#include <unistd.h>

#include <atomic>

namespace satchel_python
{

namespace
{

std::atomic<int> handles{0};
std::atomic<pid_t> owner{0}; /* of those handles */

} // namespace

void handle_begins()
{
    owner.store(getpid());
    handles++;
}

void handle_ends()
{
    handles--;
}

bool forked_with_handles()
{
    return handles.load() > 0 && owner.load() != getpid();
}

} // namespace satchel_python
