/*
 * Descriptors that a forked child closes at once: sockets, which are the parent's conversations,
 * and those that carry a lock, which would outlive the parent's hold of it.
 */
#ifndef SAT_CORE_OWNFD_H
#define SAT_CORE_OWNFD_H

/* Inside the fork gate (core/fork.h), together with the opening. A negative one is passed over. */
void sat_ownfd_add(int fd);
/*
 * Closes one that was added; does nothing when a fork did so before, for its number may be
 * another's now. A negative one is passed over.
 */
void sat_ownfd_close(int fd);

#endif
