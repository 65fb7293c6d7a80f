/* Forked children: the library's threads are not in them, so its handles cannot be used there. */
#ifndef SAT_PYTHON_FORK_H
#define SAT_PYTHON_FORK_H

namespace satchel_python
{

/* Counts a handle that holds the library's threads, until handle_ends(). */
void handle_begins();
void handle_ends();

/*
 * Whether this is the child of a process that had handles open when it forked: nothing may be
 * opened, used or closed then. A child of a process without open handles starts afresh.
 */
bool forked_with_handles();

} // namespace satchel_python

#endif
