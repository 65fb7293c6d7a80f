/* Programs that are run for what they print: their words, their output, and every way they end. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/os.h"
#include "core/process.h"
#include "core/str.h"
#include "support/forked.h"

enum { LONG_S = 60, SOON_MS = 100, OUT_MAX = 1024 * 1024 };

static struct sat_buf out;
static satchel_error err;

/* Every descriptor that is open now, but for the one that looks. */
static unsigned descriptors(void)
{
    struct sat_os_dir *dir = NULL;
    const char *name;
    unsigned count = 0;
    assert_int_equal(sat_os_dir_open(AT_FDCWD, "/proc/self/fd", &dir), 0);
    while (sat_os_dir_next(dir, &name, NULL) == 1)
        count++;
    sat_os_dir_close(dir);
    return count;
}

static unsigned open_before;

static int begin(void **state)
{
    (void)state;
    sat_buf_init(&out, OUT_MAX);
    err = (satchel_error){0};
    open_before = descriptors();
    return 0;
}

/* Whatever a test did, nothing of it stays open and no child is left to be waited for. */
static int end(void **state)
{
    (void)state;
    sat_alloc_fail_nth(0);
    sat_os_fail_kind(NULL, 0);
    sat_buf_fini(&out);
    bool clean = descriptors() == open_before && waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
    return clean ? 0 : -1;
}

static int run_until(const char *command, int64_t ms)
{
    err = (satchel_error){0};
    int code = sat_process_run(command, sat_clock_now_ns() + ms * SAT_NS_PER_MS, &out, &err);
    assert_int_equal(err.code, code);
    return code;
}

static int run(const char *command)
{
    return run_until(command, LONG_S * 1000);
}

static void assert_out(const char *text)
{
    assert_string_equal(sat_buf_str(&out), text);
}

/* ---- words; more of them in test_process.py */

/* The words, each with a '|' behind it. */
static const char *words_of(const char *command)
{
    static char joined[200];
    SAT_AUTO_BUF struct sat_buf text;
    struct sat_vec words;
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    sat_vec_init(&words, sizeof(size_t));
    err = (satchel_error){0};
    joined[0] = '\0';
    if (sat_process_words(command, &text, &words, &err) == SATCHEL_OK) {
        size_t used = 0;
        for (size_t i = 0; i < words.len; i++)
            used += (size_t)snprintf(joined + used, sizeof joined - used, "%s|",
                                     text.data + *(const size_t *)sat_vec_at(&words, i));
    }
    sat_vec_fini(&words);
    return err.code == SATCHEL_OK ? joined : err.text;
}

/* As Python's shlex.split() does, which botocore uses. */
static void a_command_is_split_as_a_shell_would(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a", "a|"},
        {"/bin/a b", "/bin/a|b|"},
        {" \t\r\n a \t b \n", "a|b|"},
        {"'a b' \"c d\"", "a b|c d|"},
        {"a'b'\"c\"d", "abcd|"},
        {"'' \"\" a''", "||a|"},
        {"'a\"b' \"c'd\"", "a\"b|c'd|"},
        {"'a\\' b", "a\\|b|"},
        {"a\\ b \\'c\\'", "a b|'c'|"},
        {"\\a\\\\b", "a\\b|"},
        {"\"a\\\"b\\\\c\\d\\$\"", "a\"b\\c\\d\\$|"},
        {"$HOME `x` a;b >c |d *", "$HOME|`x`|a;b|>c||d|*|"},
        {"a # b", "a|#|b|"},
        {"\xc3\xa9 'gr\xc3\xbc\xc3\x9f'", "\xc3\xa9|gr\xc3\xbc\xc3\x9f|"},
        {"a\\\nb", "a\nb|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(words_of(cases[i][0]), cases[i][1]);
}

static void a_command_without_words_or_an_end_is_refused(void **state)
{
    (void)state;
    static const char *const unfinished[] = {"'a", "a \"b", "\"a\\\"", "a\\", "a 'b\"", "\"a\\"};
    static const char *const empty[] = {"", " \t\r\n"};
    for (size_t i = 0; i < sizeof unfinished / sizeof unfinished[0]; i++) {
        assert_string_equal(words_of(unfinished[i]), "a quotation in the command does not end");
        assert_int_equal(err.code, SATCHEL_INVALID);
        assert_int_equal(run(unfinished[i]), SATCHEL_INVALID);
    }
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        assert_string_equal(words_of(empty[i]), "the command is empty");
        assert_int_equal(run(empty[i]), SATCHEL_INVALID);
    }
}

static void a_command_of_any_length_is_refused(void **state)
{
    (void)state;
    enum { LENGTH = 70000 };
    static char command[LENGTH + 1];
    memset(command, 'a', LENGTH);
    assert_int_equal(run(command), SATCHEL_LIMIT);
}

/* ---- output */

static void what_it_prints_is_collected(void **state)
{
    (void)state;
    assert_int_equal(run("printf '%s-%s' 'a b' c"), SATCHEL_OK);
    assert_out("a b-c");
}

static void there_is_no_shell(void **state)
{
    (void)state;
    assert_int_equal(run("echo $HOME ';' * \"`x`\" '>y'"), SATCHEL_OK);
    assert_out("$HOME ; * `x` >y\n");
}

static void much_on_both_pipes_comes_through(void **state)
{
    (void)state;
    enum { SIZE = 500000 };
    assert_int_equal(run("sh -c 'head -c 500000 /dev/zero >&2; head -c 500000 /dev/zero'"),
                     SATCHEL_OK);
    assert_int_equal(out.len, SIZE);
}

static void its_input_is_empty(void **state)
{
    (void)state;
    assert_int_equal(run("cat"), SATCHEL_OK);
    assert_out("");
}

static void output_over_the_limit_is_refused(void **state)
{
    (void)state;
    sat_buf_fini(&out);
    sat_buf_init(&out, 10);
    assert_int_equal(run("printf 1234567890"), SATCHEL_OK);
    assert_int_equal(run("printf x"), SATCHEL_LIMIT);
    assert_string_equal(err.text, "what it prints is over 10 bytes");
    assert_int_equal(run("yes"), SATCHEL_LIMIT); /* is killed, else this waits for its end */
}

/* ---- how it ends */

static void a_status_is_told_with_what_it_says(void **state)
{
    (void)state;
    assert_int_equal(run("sh -c 'exit 3'"), SATCHEL_IO);
    assert_string_equal(err.text, "it ended with status 3");
    assert_int_equal(run("sh -c 'echo secret; echo no keys today >&2; echo more >&2; exit 1'"),
                     SATCHEL_IO);
    assert_string_equal(err.text, "it ended with status 1: no keys today");
    assert_int_equal(run("sh -c \"printf 'a\\tb\\033c\\r' >&2; exit 255\""), SATCHEL_IO);
    assert_string_equal(err.text, "it ended with status 255: a?b?c");
    assert_int_equal(run("sh -c 'yes | head -c 100000 | tr -d \"\\n\" >&2; exit 2'"), SATCHEL_IO);
    assert_true(sat_str_starts(err.text, "it ended with status 2: yyyyyyyy"));
}

static void what_it_says_is_no_failure(void **state)
{
    (void)state;
    assert_int_equal(run("sh -c 'echo careful >&2; echo out'"), SATCHEL_OK);
    assert_out("out\n");
}

static void a_signal_is_told(void **state)
{
    (void)state;
    assert_int_equal(run("sh -c 'echo now >&2; kill -9 $$'"), SATCHEL_IO);
    assert_string_equal(err.text, "it was ended by signal 9: now");
}

static void a_missing_program_is_told(void **state)
{
    (void)state;
    assert_int_equal(run("/nope/program --token=secret"), SATCHEL_NOT_FOUND);
    assert_string_equal(err.text, "no such program: '/nope/program'");
    assert_int_equal(run("satchel-has-no-such-program"), SATCHEL_NOT_FOUND);
    assert_int_equal(run("/bin/sh/x"), SATCHEL_NOT_FOUND);
    assert_int_equal(run("''"), SATCHEL_NOT_FOUND);
    assert_int_equal(run("/dev/null"), SATCHEL_DENIED);
    assert_string_equal(err.text, "starting '/dev/null': Permission denied");
}

static void one_that_never_ends_is_killed(void **state)
{
    (void)state;
    int64_t started = sat_clock_now_ns();
    assert_int_equal(run_until("sleep 60", SOON_MS), SATCHEL_TIMEOUT);
    assert_string_equal(err.text, "it did not end in time and was killed");
    assert_true(sat_clock_now_ns() - started >= (SOON_MS - 1) * SAT_NS_PER_MS);
    assert_true(sat_clock_now_ns() - started < LONG_S * SAT_NS_PER_S / 2);
    assert_int_equal(run_until("sleep 60", 0), SATCHEL_TIMEOUT);
    assert_int_equal(run_until("sh -c 'trap \"\" TERM INT HUP; exec sleep 60'", SOON_MS),
                     SATCHEL_TIMEOUT);
}

/* No read finds the pipe empty. */
static void wait_for_more(void *user, const struct sat_os_call *call)
{
    struct pollfd pipe_end = {.fd = call->fd, .events = POLLIN};
    (void)user;
    if (sat_str_eq(call->op, "read") && call->result > 0)
        (void)poll(&pipe_end, 1, LONG_S * 1000);
}

static void one_that_never_stops_talking_is_killed(void **state)
{
    (void)state;
    sat_os_record(wait_for_more, NULL);
    int code = run_until("sh -c 'exec yes >&2'", SOON_MS);
    sat_os_record(NULL, NULL);
    assert_int_equal(code, SATCHEL_TIMEOUT);
}

static void one_that_closed_its_pipes_is_still_waited_for(void **state)
{
    (void)state;
    assert_int_equal(run_until("sh -c 'exec sleep 60 >&- 2>&-'", SOON_MS), SATCHEL_TIMEOUT);
    assert_int_equal(run("sh -c 'echo a; exec >&- 2>&-; exit 7'"), SATCHEL_IO);
    assert_string_equal(err.text, "it ended with status 7");
    assert_out("a\n");
}

static void kill_the_one_printed(void)
{
    int pid = 0;
    assert_int_equal(sscanf(sat_buf_str(&out), "%d", &pid), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
}

static void what_it_left_behind_does_not_keep_us(void **state)
{
    (void)state;
    int64_t started = sat_clock_now_ns();
    assert_int_equal(run("sh -c 'sleep 60 & echo $!'"), SATCHEL_OK);
    assert_true(sat_clock_now_ns() - started < LONG_S * SAT_NS_PER_S / 2);
    kill_the_one_printed();
}

/* ---- signals */

/* A line of /proc/self/status of the program; the mask in it. */
static unsigned long long mask_of(const char *name)
{
    unsigned long long mask = 0;
    char command[64];
    char format[32];
    (void)snprintf(command, sizeof command, "grep %s: /proc/self/status", name);
    (void)snprintf(format, sizeof format, "%s: %%llx", name);
    sat_buf_reset(&out);
    assert_int_equal(run(command), SATCHEL_OK);
    assert_int_equal(sscanf(sat_buf_str(&out), format, &mask), 1);
    return mask;
}

static void ours_are_blocked_and_its_are_not(void **state)
{
    (void)state;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &all, &before), 0);
    unsigned long long blocked = mask_of("SigBlk");
    int code = run("sh -c 'kill -TERM $$; echo still here'");
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(blocked, 0);
    assert_int_equal(code, SATCHEL_IO);
    assert_string_equal(err.text, "it was ended by signal 15");
}

#define BIT_OF(signal) (1ULL << ((signal) - 1))

static void the_host_may_ignore_some(void **state)
{
    (void)state;
    void (*chld)(int) = signal(SIGCHLD, SIG_IGN);
    void (*pipes)(int) = signal(SIGPIPE, SIG_IGN);
    unsigned long long ignored = mask_of("SigIgn");
    sat_buf_reset(&out);
    int code = run("sh -c 'echo out; exit 3'");
    (void)signal(SIGCHLD, chld);
    (void)signal(SIGPIPE, pipes);
    assert_int_equal(ignored & (BIT_OF(SIGCHLD) | BIT_OF(SIGPIPE)), 0);
    assert_int_equal(code, SATCHEL_OK); /* the kernel dropped the status */
    assert_out("out\n");
}

/* ---- faults */

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    int code = SATCHEL_NOMEM;
    for (long nth = 1; code != SATCHEL_OK; nth++) {
        assert_true(nth < 20);
        sat_buf_fini(&out);
        sat_buf_init(&out, OUT_MAX);
        sat_alloc_fail_nth(nth);
        code = run("echo 'a b' c");
        sat_alloc_fail_nth(0);
        assert_true(code == SATCHEL_OK || code == SATCHEL_NOMEM);
    }
    assert_out("a b c\n");
}

static void a_failing_read_is_not_the_end(void **state)
{
    (void)state;
    sat_os_fail_kind("read", EIO);
    int code = run("echo a");
    sat_os_fail_kind(NULL, 0);
    assert_int_equal(code, SATCHEL_IO);
    assert_string_equal(err.text, "reading what it prints: Input/output error");
}

/* With room for more descriptors each time: an error, or all of the output. */
static void a_full_table_of_descriptors_is_told(void **state)
{
    (void)state;
    struct rlimit before;
    int code = SATCHEL_IO;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t most = open_before - 1; code != SATCHEL_OK; most++) {
        assert_true(most < open_before + 6);
        const struct rlimit few = {.rlim_cur = most, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        code = run("echo a");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (code != SATCHEL_OK)
            assert_string_equal(err.text, "starting 'echo': Too many open files");
    }
    assert_out("a\n");
}

/* ---- kernels and sandboxes without pidfd_open() */

static void refuse_pidfds(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = 4, .filter = filter};
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    assert_int_equal(syscall(SYS_pidfd_open, getpid(), 0), -1);
}

/* The number of the step that went wrong, or 0. */
static int run_without_pidfds(void *arg)
{
    (void)arg;
    refuse_pidfds();
    if (run("sh -c 'head -c 300000 /dev/zero; echo x >&2; exit 3'") != SATCHEL_IO ||
        out.len != 300000 || !sat_str_eq(err.text, "it ended with status 3: x"))
        return 1;
    sat_buf_reset(&out);
    if (run("sh -c 'sleep 60 & echo $!'") != SATCHEL_OK)
        return 2;
    kill_the_one_printed();
    if (run_until("sleep 60", SOON_MS) != SATCHEL_TIMEOUT)
        return 3;
    if (run_until("sh -c 'exec sleep 60 >&- 2>&-'", SOON_MS) != SATCHEL_TIMEOUT)
        return 4;
    (void)signal(SIGCHLD, SIG_IGN);
    sat_buf_reset(&out);
    return run("echo a") == SATCHEL_OK && sat_str_eq(sat_buf_str(&out), "a\n") ? 0 : 5;
}

static void without_pidfds_all_is_the_same(void **state)
{
    (void)state;
    assert_int_equal(run_forked(run_without_pidfds, NULL), 0);
}

#define PROCESS_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROCESS_TEST(a_command_is_split_as_a_shell_would),
        PROCESS_TEST(a_command_without_words_or_an_end_is_refused),
        PROCESS_TEST(a_command_of_any_length_is_refused),
        PROCESS_TEST(what_it_prints_is_collected),
        PROCESS_TEST(there_is_no_shell),
        PROCESS_TEST(much_on_both_pipes_comes_through),
        PROCESS_TEST(its_input_is_empty),
        PROCESS_TEST(output_over_the_limit_is_refused),
        PROCESS_TEST(a_status_is_told_with_what_it_says),
        PROCESS_TEST(what_it_says_is_no_failure),
        PROCESS_TEST(a_signal_is_told),
        PROCESS_TEST(a_missing_program_is_told),
        PROCESS_TEST(one_that_never_ends_is_killed),
        PROCESS_TEST(one_that_never_stops_talking_is_killed),
        PROCESS_TEST(one_that_closed_its_pipes_is_still_waited_for),
        PROCESS_TEST(what_it_left_behind_does_not_keep_us),
        PROCESS_TEST(ours_are_blocked_and_its_are_not),
        PROCESS_TEST(the_host_may_ignore_some),
        PROCESS_TEST(out_of_memory_leaves_nothing),
        PROCESS_TEST(a_failing_read_is_not_the_end),
        PROCESS_TEST(a_full_table_of_descriptors_is_told),
        PROCESS_TEST(without_pidfds_all_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
