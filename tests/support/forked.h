/* Running a part of a test in a forked child, which an alarm ends when it hangs. */
#ifndef SAT_TESTS_SUPPORT_FORKED_H
#define SAT_TESTS_SUPPORT_FORKED_H

#include <sys/wait.h>
#include <unistd.h>

enum { FORKED_S = 30 };

/* The child's process id; it exits with what `run` returns, without any clean-up. */
static inline pid_t fork_to(int (*run)(void *), void *arg)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)alarm(FORKED_S);
    _exit(run(arg));
}

/* What the child returned; 128 and more: a signal ended it. */
static inline int wait_for(pid_t pid)
{
    int status = 0;
    (void)waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int run_forked(int (*run)(void *), void *arg)
{
    return wait_for(fork_to(run, arg));
}

#endif
