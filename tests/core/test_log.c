/* Levels, the callback, and above all the redactor. */
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/fork.h"
#include "core/log.h"
#include "support/forked.h"

static const char secret[] = "wJalrXUtnFEMI/K7MDENG/EXAMPLEKEY";

struct seen {
    int count;
    int level;
    char line[4096];
};

static void remember(void *user, int level, const char *line)
{
    struct seen *seen = user;
    seen->count++;
    seen->level = level;
    (void)snprintf(seen->line, sizeof seen->line, "%s", line);
}

static void without_a_callback_nothing_is_enabled(void **state)
{
    (void)state;
    struct seen seen = {0};
    assert_false(sat_log_enabled(SATCHEL_LOG_ERROR));
    satchel_log_set(SATCHEL_LOG_TRACE, remember, &seen);
    satchel_log_set(SATCHEL_LOG_TRACE, NULL, NULL);
    SAT_WARN("%s", "lost");
    assert_int_equal(seen.count, 0);
}

static void a_level_includes_those_above_it(void **state)
{
    (void)state;
    struct seen seen = {0};
    satchel_log_set(SATCHEL_LOG_INFO, remember, &seen);
    SAT_DEBUG("%s", "too fine");
    SAT_TRACE("%s", "too fine");
    assert_int_equal(seen.count, 0);
    SAT_INFO("%d files", 3);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.level, SATCHEL_LOG_INFO);
    assert_string_equal(seen.line, "3 files");
    SAT_WARN("%s", "w");
    assert_int_equal(seen.level, SATCHEL_LOG_WARN);
    satchel_log_set(SATCHEL_LOG_OFF, remember, &seen);
    SAT_WARN("%s", "off");
    assert_int_equal(seen.count, 2);
}

static void a_line_stays_one_line_without_secrets(void **state)
{
    (void)state;
    struct seen seen = {0};
    assert_true(sat_secret_add(secret));
    satchel_log_set(SATCHEL_LOG_TRACE, remember, &seen);
    SAT_TRACE("key %s\nfaked", secret);
    assert_string_equal(seen.line, "key ***?faked");
    SAT_TRACE("%4080s%s", "", secret);
    assert_int_equal(strlen(seen.line), 4083);
    assert_null(strstr(seen.line, "wJal"));
    satchel_log_set(SATCHEL_LOG_OFF, NULL, NULL);
    sat_secret_remove(secret);
}

static void log_again(void *user, int level, const char *line)
{
    int *count = user;
    (void)level;
    (void)line;
    (*count)++;
    SAT_WARN("%s", "from within");
}

static void what_a_callback_logs_is_dropped(void **state)
{
    (void)state;
    int count = 0;
    satchel_log_set(SATCHEL_LOG_TRACE, log_again, &count);
    SAT_WARN("%s", "first");
    SAT_WARN("%s", "second");
    assert_int_equal(count, 2);
    satchel_log_set(SATCHEL_LOG_OFF, NULL, NULL);
}

static void assert_redacted(const char *from, const char *to)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s", from);
    sat_redact(text);
    assert_string_equal(text, to);
}

static void names_of_secrets_hide_their_values(void **state)
{
    (void)state;
    assert_redacted("GET https://h/k?X-Amz-Credential=AKIA%2F2&X-Amz-Date=2&x-amz-signature=abcdef",
                    "GET https://h/k?X-Amz-Credential=***&X-Amz-Date=2&x-amz-signature=***");
    assert_redacted("https://a/c?sv=1&sig=Zm9v%3D&se=2 bad", "https://a/c?sv=1&sig=***&se=2 bad");
    assert_redacted("?X-Amz-Security-Token=abc\"", "?X-Amz-Security-Token=***\"");
    assert_redacted("AccountName=x;AccountKey=Zm9vYmFy==;Suffix=y",
                    "AccountName=x;AccountKey=***;Suffix=y");
    assert_redacted("> Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=b\r\n> Host: h",
                    "> Authorization: ***\r\n> Host: h");
    assert_redacted("authorization:Bearer abc", "authorization:***");
    assert_redacted("Proxy-Authorization: Basic abc", "Proxy-Authorization: ***");
    assert_redacted("x-amz-security-token: abc\nx-amz-date: 1",
                    "x-amz-security-token: ***\nx-amz-date: 1");
    assert_redacted("x-amz-server-side-encryption-customer-key: MDEy",
                    "x-amz-server-side-encryption-customer-key: ***");
    assert_redacted("http://me:word@host:9/p?a@b", "http://***@host:9/p?a@b");
}

static void other_text_stays(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "xsig=abc my_sig=abc e-sig=abc",
        "not found: s3://bucket/a@b",
        "https://host/path@x",
        "sig",
        "Authorization",
        "sig=",
        "option 'region' must be one of a|b, not 'c'",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_redacted(rows[i], rows[i]);
    assert_redacted("sig=a", "sig=*");
    assert_redacted("sig=***", "sig=***");
}

static void registered_secrets_go_wherever_they_stand(void **state)
{
    (void)state;
    assert_true(sat_secret_add(secret));
    assert_redacted("a wJalrXUtnFEMI/K7MDENG/EXAMPLEKEY b wJalrXUtnFEMI/K7MDENG/EXAMPLEKEY",
                    "a *** b ***");
    assert_redacted("cut: wJalrXUtnFEM", "cut: ***");
    assert_redacted("short: wJal", "short: wJal");
    sat_secret_remove(secret);
    assert_redacted(secret, secret);
}

static void registrations_are_counted(void **state)
{
    (void)state;
    assert_true(sat_secret_add(secret));
    assert_true(sat_secret_add(secret));
    assert_true(sat_secret_add("another secret"));
    sat_secret_remove(secret);
    assert_redacted(secret, "***");
    sat_secret_remove(secret);
    sat_secret_remove(secret);
    assert_redacted(secret, secret);
    assert_redacted("another secret", "***");
    sat_secret_remove("another secret");
}

static void short_values_are_not_taken(void **state)
{
    (void)state;
    assert_true(sat_secret_add("test"));
    assert_redacted("a test of test", "a test of test");
    sat_secret_remove("test");
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    sat_alloc_fail_nth(1);
    assert_false(sat_secret_add(secret));
    sat_alloc_fail_nth(0);
    assert_redacted(secret, secret);
}

static atomic_bool logging;
static atomic_bool forked;

static void wait_for_the_fork(void *user, int level, const char *line)
{
    (void)user;
    (void)level;
    (void)line;
    atomic_store(&logging, true);
    while (!atomic_load(&forked))
        (void)usleep(1000);
}

static void *log_one(void *unused)
{
    SAT_WARN("one");
    return unused;
}

static int log_in_child(void *unused)
{
    (void)unused;
    atomic_store(&forked, true);
    SAT_WARN("two");
    return 0;
}

/* As Python does, whose callback waits for a lock that the forking thread holds. */
static void a_callback_does_not_hold_a_fork(void **state)
{
    (void)state;
    pthread_t threads[2];
    assert_int_equal(sat_fork_start(NULL), SATCHEL_OK);
    satchel_log_set(SATCHEL_LOG_WARN, wait_for_the_fork, NULL);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_one, NULL), 0);
    while (!atomic_load(&logging))
        (void)sched_yield();
    int64_t start = sat_clock_now_ns();
    pid_t child = fork_to(log_in_child, NULL);
    assert_true(sat_clock_now_ns() - start < SAT_NS_PER_S);
    atomic_store(&forked, true);
    assert_int_equal(wait_for(child), 0);
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    satchel_log_set(SATCHEL_LOG_OFF, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_callback_nothing_is_enabled),
        cmocka_unit_test(a_level_includes_those_above_it),
        cmocka_unit_test(a_line_stays_one_line_without_secrets),
        cmocka_unit_test(what_a_callback_logs_is_dropped),
        cmocka_unit_test(names_of_secrets_hide_their_values),
        cmocka_unit_test(other_text_stays),
        cmocka_unit_test(registered_secrets_go_wherever_they_stand),
        cmocka_unit_test(registrations_are_counted),
        cmocka_unit_test(short_values_are_not_taken),
        cmocka_unit_test(out_of_memory_is_told),
        cmocka_unit_test(a_callback_does_not_hold_a_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
