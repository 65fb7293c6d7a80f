/*
 * Runs a command and writes what it cost: metered FILE COMMAND... The figures are of the command
 * and its children. Why a program of its own: a child's peak memory begins with that of the process
 * that started it, and this one has next to none.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/wait.h>

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static int write_figures(const char *path, int status, double wall)
{
    struct rusage used;
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return 1;
    (void)getrusage(RUSAGE_CHILDREN, &used);
    (void)fprintf(file,
                  "{\"status\": %d, \"wall\": %.6f, \"cpu\": %.6f, \"rss\": %ld,"
                  " \"switches\": %ld}\n",
                  status, wall, seconds(used.ru_utime) + seconds(used.ru_stime),
                  used.ru_maxrss * 1024, used.ru_nvcsw + used.ru_nivcsw);
    return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    int status = 0;
    if (argc < 3) {
        (void)fputs("usage: metered FILE COMMAND...\n", stderr);
        return 2;
    }
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        (void)execvp(argv[2], argv + 2);
        (void)fprintf(stderr, "metered: cannot run %s\n", argv[2]);
        _exit(127);
    }
    if (child < 0)
        return 1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return write_figures(argv[1], status, now() - start);
}
