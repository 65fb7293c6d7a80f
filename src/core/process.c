/*
 * A program and its two pipes.
 *
 * (1) Nobody forks between the making of the pipes and the closing of their writing ends here: a
 *     child that kept one would keep us waiting for an end that does not come.
 * (2) The program is waited for whatever happens; late or too talkative, it is killed first.
 * (3) It ends when it ends: what it left running may keep its pipes open.
 */
#include "core/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/os.h"
#include "core/str.h"

enum {
    COMMAND_MAX = 64 * 1024,
    SAID_MAX = 512, /* of what it says on its standard error */
    BLOCK = 4096,
    BLOCKS = 256, /* 1 MiB: the most that a pipe holds, unless an administrator says otherwise */
    LOOK_MS = 20, /* between looks where no descriptor tells of its end */
};

extern char **environ;

/* ---- words */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One quoted stretch, from behind its quote; NULL when it does not end. */
static const char *add_quoted(const char *at, char quote, struct sat_buf *text)
{
    for (; *at != '\0' && *at != quote; at++) {
        if (quote == '"' && *at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        (void)sat_buf_add_char(text, *at);
    }
    return *at == quote ? at + 1 : NULL;
}

/* One word; NULL when a quotation in it does not end. */
static const char *add_word(const char *at, struct sat_buf *text)
{
    while (at != NULL && *at != '\0' && !is_blank(*at)) {
        if (*at == '\'' || *at == '"') {
            at = add_quoted(at + 1, *at, text);
            continue;
        }
        if (*at == '\\' && *++at == '\0')
            return NULL;
        (void)sat_buf_add_char(text, *at++);
    }
    (void)sat_buf_add_char(text, '\0');
    return at;
}

int sat_process_words(const char *command, struct sat_buf *text, struct sat_vec *words,
                      satchel_error *err)
{
    for (const char *at = command;;) {
        while (is_blank(*at))
            at++;
        if (*at == '\0')
            break;
        size_t offset = text->len;
        if (sat_vec_push(words, &offset) == NULL)
            return sat_error_nomem(err);
        at = add_word(at, text);
        if (at == NULL)
            return sat_error_set(err, SATCHEL_INVALID, "a quotation in the command does not end");
    }
    if (words->len == 0)
        return sat_error_set(err, SATCHEL_INVALID, "the command is empty");
    return sat_buf_check(text, "the command", err);
}

/* The words as exec takes them. */
static char **make_argv(const struct sat_buf *text, const struct sat_vec *words)
{
    char **argv = sat_calloc(words->len + 1, sizeof *argv);
    for (size_t i = 0; argv != NULL && i < words->len; i++)
        argv[i] = text->data + *(const size_t *)sat_vec_at(words, i);
    return argv;
}

/* ---- the program */

/* What is polled; fd < 0 = ended, or not to be had. */
enum end { OUTPUT, ERRORS, LIFE, ENDS };

struct process {
    pid_t pid;
    struct pollfd ends[ENDS];
    struct sat_buf *out;
    char said[SAID_MAX];
    size_t said_len;
};

/* The actions that give the program its three descriptors. */
static int plan_descriptors(posix_spawn_file_actions_t *actions, int out, int said)
{
    int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, out, 1);
    return rc == 0 ? posix_spawn_file_actions_adddup2(actions, said, 2) : rc;
}

/* Our threads block signals, the host may ignore some; the program is to get its own. */
static int plan_signals(posix_spawnattr_t *attr)
{
    sigset_t none;
    sigset_t usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGCHLD); /* else it could not wait for programs of its own */
    int rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &usual);
    return rc == 0 ? posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
                   : rc;
}

static int spawn_with(pid_t *pid, char **argv, int out, int said)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = plan_descriptors(&actions, out, said);
        if (rc == 0)
            rc = plan_signals(&attr);
        if (rc == 0)
            rc = posix_spawnp(pid, argv[0], &actions, &attr, argv, environ);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* 0 or an errno. */
static int start_gated(struct process *process, char **argv)
{
    int out[2] = {-1, -1};
    int said[2] = {-1, -1};
    int rc = pipe2(out, O_CLOEXEC) != 0 || pipe2(said, O_CLOEXEC) != 0 ? errno : 0;
    if (rc == 0)
        rc = spawn_with(&process->pid, argv, out[1], said[1]);
    (void)sat_os_close(out[1]);
    (void)sat_os_close(said[1]);
    process->ends[OUTPUT] = (struct pollfd){.fd = out[0], .events = POLLIN};
    process->ends[ERRORS] = (struct pollfd){.fd = said[0], .events = POLLIN};
    if (rc == 0) /* kernels before 5.3 have none, and some sandboxes: then we look now and then */
        process->ends[LIFE].fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    return rc;
}

/* (1) */
static int start(struct process *process, char **argv, satchel_error *err)
{
    sat_fork_enter();
    int rc = start_gated(process, argv);
    sat_fork_leave();
    if (rc == ENOENT || rc == ENOTDIR)
        return sat_error_set(err, SATCHEL_NOT_FOUND, "no such program: '%.200s'", argv[0]);
    return rc == 0 ? SATCHEL_OK : sat_error_os(err, rc, "starting '%.200s'", argv[0]);
}

static void close_end(struct pollfd *end)
{
    (void)sat_os_close(end->fd);
    end->fd = -1;
}

static void keep_said(struct process *process, const char *text, size_t len)
{
    size_t room = sizeof process->said - 1 - process->said_len;
    size_t kept = len < room ? len : room;
    memcpy(process->said + process->said_len, text, kept);
    process->said_len += kept;
}

/* Takes what is there from one of the ends; no more than a pipe holds, for it may never end. */
static int drain(struct process *process, enum end which, satchel_error *err)
{
    char block[BLOCK];
    struct pollfd *end = &process->ends[which];
    int code = SATCHEL_OK;
    for (unsigned i = 0; code == SATCHEL_OK && end->fd >= 0 && i < BLOCKS; i++) {
        if (poll(end, 1, 0) <= 0)
            break;
        int64_t got = sat_os_read_some(end->fd, block, sizeof block);
        if (got < 0) {
            code = sat_error_os(err, (int)-got, "reading what it prints");
        } else if (got == 0) {
            close_end(end);
        } else if (which == ERRORS) {
            keep_said(process, block, (size_t)got);
        } else {
            (void)sat_buf_add(process->out, block, (size_t)got);
            code = sat_buf_check(process->out, "what it prints", err);
        }
    }
    sat_cleanse(block, sizeof block);
    return code;
}

/* (3) */
static bool has_ended(const struct process *process)
{
    siginfo_t info = {0};
    if (process->ends[LIFE].fd >= 0)
        return process->ends[LIFE].revents != 0;
    return waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid != 0;
}

static int read_all(struct process *process, int64_t deadline_ns, satchel_error *err)
{
    int code = SATCHEL_OK;
    int64_t longest_ms = process->ends[LIFE].fd >= 0 ? INT_MAX : LOOK_MS;
    for (bool ended = false; code == SATCHEL_OK && !ended;) {
        int64_t left_ms = (deadline_ns - sat_clock_now_ns()) / SAT_NS_PER_MS;
        if (left_ms <= 0)
            return sat_error_set(err, SATCHEL_TIMEOUT, "it did not end in time and was killed");
        (void)poll(process->ends, ENDS, (int)(left_ms < longest_ms ? left_ms : longest_ms));
        ended = has_ended(process); /* before its last words are taken */
        code = drain(process, OUTPUT, err);
        if (code == SATCHEL_OK)
            code = drain(process, ERRORS, err);
    }
    return code;
}

/* By its descriptor where there is one: its number may be another's once somebody waited for it. */
static void kill_it(const struct process *process)
{
    if (process->ends[LIFE].fd >= 0)
        (void)syscall(SYS_pidfd_send_signal, process->ends[LIFE].fd, SIGKILL, NULL, 0);
    else
        (void)kill(process->pid, SIGKILL);
}

/* The wait status; 0 where the host program lets the kernel drop it (SIGCHLD ignored). */
static int wait_for_end(pid_t pid)
{
    int status = 0;
    pid_t got;
    do
        got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    return got < 0 ? 0 : status;
}

static int judge(struct process *process, int status, satchel_error *err)
{
    char *said = process->said;
    said[strcspn(said, "\r\n")] = '\0';
    sat_error_printable(said);
    const char *glue = *said == '\0' ? "" : ": ";
    if (WIFSIGNALED(status))
        return sat_error_set(err, SATCHEL_IO, "it was ended by signal %d%s%s", WTERMSIG(status),
                             glue, said);
    if (WEXITSTATUS(status) != 0)
        return sat_error_set(err, SATCHEL_IO, "it ended with status %d%s%s", WEXITSTATUS(status),
                             glue, said);
    return SATCHEL_OK;
}

static int run_words(char **argv, int64_t deadline_ns, struct sat_buf *out, satchel_error *err)
{
    struct process process = {.pid = -1, .out = out};
    process.ends[LIFE] = (struct pollfd){.fd = -1, .events = POLLIN};
    int code = start(&process, argv, err);
    if (code == SATCHEL_OK) {
        code = read_all(&process, deadline_ns, err);
        if (code != SATCHEL_OK)
            kill_it(&process); /* (2) */
        int status = wait_for_end(process.pid);
        if (code == SATCHEL_OK)
            code = judge(&process, status, err);
    }
    for (size_t i = 0; i < ENDS; i++)
        close_end(&process.ends[i]);
    return code;
}

int sat_process_run(const char *command, int64_t deadline_ns, struct sat_buf *out,
                    satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf text;
    struct sat_vec words;
    sat_buf_init(&text, COMMAND_MAX);
    sat_vec_init(&words, sizeof(size_t));
    int code = sat_process_words(command, &text, &words, err);
    if (code == SATCHEL_OK) {
        SAT_AUTO_FREE char **argv = make_argv(&text, &words);
        code = argv == NULL ? sat_error_nomem(err) : run_words(argv, deadline_ns, out, err);
    }
    sat_vec_fini(&words);
    return code;
}
