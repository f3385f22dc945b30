/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Policies: what rules say of calls, and what is said of rules. */
#include <errno.h>
#include <stdio.h>
#include "tests/unit/unit.h"
#include "hostcall/policy.h"

#define TEXT_AT 1u

static unsigned fetched;

static const char *fetch(void *context, unsigned index)
{
    fetched += index == TEXT_AT;
    return index == TEXT_AT ? context : NULL;
}

/* A call of three arguments, of which the second is a text. */
static struct policy_subject subject_of(const char *name, uint64_t first, const char *text, uint64_t third)
{
    fetched = 0;
    return (struct policy_subject){.table = POLICY_LINUX,
                                   .name = name,
                                   .count = 3,
                                   .numbers = {first, 0x1000, third},
                                   .fetch = fetch,
                                   .context = (void *)text};
}

static struct policy *parse(const char *text)
{
    struct error error = {""};
    struct policy *policy = policy_parse("rules", text, &error);
    if (!policy)
        fail_msg("%s", error.text);
    return policy;
}

/* What the rules say of openat(5, "/etc/passwd", 0x241). */
static struct policy_verdict judge(const char *rules, struct policy_subject *subject)
{
    struct policy *policy = parse(rules);
    *subject = subject_of("openat", 5, "/etc/passwd", 0x241);
    struct policy_verdict verdict = policy_judge(policy, subject);
    for (unsigned i = 0; i < 3; i++) /* the rules' texts are the policy's */
        if (subject->rewritten & 1u << i && subject->texts[i]) {
            static char copy[64];
            snprintf(copy, sizeof copy, "%s", subject->texts[i]);
            subject->texts[i] = copy;
        }
    policy_free(policy);
    return verdict;
}

static void expect_denied(const char *rules, int error)
{
    struct policy_subject subject;
    struct policy_verdict verdict = judge(rules, &subject);
    if (verdict.kind != POLICY_DENY || verdict.error != error)
        fail_msg("%s: verdict %d, error %d", rules, verdict.kind, verdict.error);
}

static void expect_passed(const char *rules)
{
    struct policy_subject subject;
    if (judge(rules, &subject).kind != POLICY_GO || subject.rewritten)
        fail_msg("%s: does not let the call pass", rules);
}

static void test_conditions(void **state)
{
    expect_denied("linux openat deny", EPERM);
    expect_denied("* * deny ENOENT # all", ENOENT);
    expect_denied("linux open?t if 0 = 5 and 2 & 0x40 deny EACCES", EACCES);
    expect_denied("linux * if 0 > -1 and 0 < 6 deny", EPERM);
    expect_denied("linux openat if 1 = \"/etc/*\" deny", EPERM);
    expect_denied("linux openat if 1 = \"*/*/*w?\" deny", EPERM);
    expect_denied("linux openat if 1 != \"/home*\" deny", EPERM);
    expect_denied("\n# first\n\n  linux\topenat\tif 2 != 0 deny EBUSY\r\n", EBUSY);
    expect_denied("linux openat if 0 = 6 deny EBUSY\nlinux openat deny EAGAIN\nlinux openat deny EIO", EAGAIN);
    expect_passed("linux openat if 0 = 6 deny");
    expect_passed("linux open deny");
    expect_passed("linux openatx deny");
    expect_passed("hyper openat deny");
    expect_passed("linux openat if 1 = \"/etc/passw\" deny");
    expect_passed("linux openat if 1 = \"etc/*\" deny");
    expect_passed("linux openat if 1 = 0 deny");    /* a text is no number */
    expect_passed("linux openat if 0 = \"5\" deny"); /* nor the other way round */
    expect_passed("linux openat if 3 = 0 deny");    /* there is none */
    expect_passed("linux openat if 0 = 5 and 2 = 1 deny");
    expect_passed("linux openat allow\nlinux * deny");
}

static void test_changes(void **state)
{
    struct policy_subject subject;
    struct policy_verdict verdict =
        judge("linux openat rewrite 1 \"/a \\\"b\\\"\"\nlinux openat rewrite 2 -1", &subject);
    assert_int_equal(verdict.kind, POLICY_GO);
    assert_string_equal(subject.texts[1], "/a \"b\"");
    assert_true(subject.numbers[2] == UINT64_MAX);
    assert_int_equal(subject.rewritten, 6);
    /* A rule behind sees what one before made of it. */
    assert_int_equal(judge("linux * rewrite 1 \"/x\"\nlinux * if 1 = \"/x\" deny", &subject).kind, POLICY_DENY);
    assert_int_equal(judge("linux * rewrite 0 7\nlinux * if 0 = 7 return 0x10", &subject).kind, POLICY_RETURN);
    verdict = judge("linux openat return -2", &subject);
    assert_true(verdict.kind == POLICY_RETURN && (int64_t)verdict.value == -2);
    /* A number is not put where a text was, or the other way round. */
    verdict = judge("linux * rewrite 1 7\nlinux * rewrite 0 \"x\"\nlinux * rewrite 9 1", &subject);
    assert_int_equal(verdict.kind, POLICY_GO);
    assert_int_equal(subject.rewritten, 0);
}

static void test_negative_words(void **state)
{
    struct policy *policy = parse("linux openat if 0 = -100 deny");
    struct policy_subject subject = subject_of("openat", (uint32_t)-100, "x", 0);
    assert_int_equal(policy_judge(policy, &subject).kind, POLICY_DENY);
    policy_free(policy);
}

/* The text is fetched once, and only for rules that want it. */
static void test_fetching(void **state)
{
    struct policy *policy = parse("linux openat if 0 = 9 and 1 = \"a\" deny\nlinux read if 1 = \"a\" deny");
    struct policy_subject subject = subject_of("openat", 5, "a", 0);
    assert_int_equal(policy_judge(policy, &subject).kind, POLICY_GO);
    assert_int_equal(fetched, 0);
    policy_free(policy);
    policy = parse("linux openat if 1 = \"b\" deny\nlinux openat if 1 = \"a\" deny");
    assert_int_equal(policy_judge(policy, &subject).kind, POLICY_DENY);
    assert_int_equal(fetched, 1);
    policy_free(policy);
}

static const char *row(const void *context, unsigned index, unsigned *arguments)
{
    static const char *const names[] = {"read", "", "readv"};
    *arguments = index == 2 ? 4 : 3;
    return index < 3 ? names[index] : NULL;
}

static bool checks(const char *rules, struct error *error)
{
    struct policy *policy = parse(rules);
    bool good = policy_check(policy, POLICY_LINUX, row, NULL, error);
    policy_free(policy);
    return good;
}

static void test_checking(void **state)
{
    struct error error = {""};
    assert_true(policy_check(NULL, POLICY_LINUX, row, NULL, &error));
    assert_true(checks("linux read* if 3 = 1 log\nlinux read if 2 = 1 log\nhyper what log\n"
                       "* what if 9 = 1 log",
                       &error));
    assert_false(checks("\nlinux write log", &error));
    assert_string_equal(error.text, "policy rules: line 2: linux has no call write");
    assert_false(checks("linux read rewrite 3 1", &error));
    assert_string_equal(error.text, "policy rules: line 1: read has no argument 3; it has 3, and the first is 0");
}

static void test_bad_lines(void **state)
{
    static const struct {
        const char *rule, *words;
    } bad[] = {
        {"kernel read log", "expected linux, hyper, semihosting, 9p or *, not 'kernel'"},
        {"linux", "expected the name of a call"},
        {"linux \"read\" log", "expected the name of a call"},
        {"linux read", "not ''"},
        {"linux read drop", "not 'drop'"},
        {"linux read log 1", "'1' is one word too many"},
        {"linux read if log", "expected the number of an argument"},
        {"linux read if 20 = 1 log", "expected the number of an argument"},
        {"linux read if 1 == 1 log", "expected one of = != < > &"},
        {"linux read if 1 = x log", "expected a number, or a text in quotes, not 'x'"},
        {"linux read if 1 = 0x log", "not '0x'"},
        {"linux read if 1 = 99999999999999999999 log", "not '99999999999999999999'"},
        {"linux read if 1 = 1 and log", "expected the number of an argument"},
        {"linux read if 1 & \"x\" log", "a text is compared by = or !=, not &"},
        {"linux read if 1 = \"x log", "a text does not end"},
        {"linux read deny EVERYTHING", "'EVERYTHING' is no error's name"},
        {"linux read return", "expected a number"},
        {"linux read return \"x\"", "return expects a number"},
        {"9p read return 1", "it can be denied"},
        {"* read return 1", "it can be denied"},
        {"linux read rewrite 1", "expected a number"},
        {"linux a if 0=1 log", "expected the number of an argument, 0 to 19, not '0=1'"},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error error = {""};
        assert_null(policy_parse("rules", bad[i].rule, &error));
        if (!strstr(error.text, bad[i].words) || strncmp(error.text, "policy rules: line 1: ", 22))
            fail_msg("%s: %s", bad[i].rule, error.text);
    }
    struct error error = {""};
    char many[POLICY_RULES_MAX * 12 + 64] = "", *at = many;
    for (unsigned i = 0; i <= POLICY_RULES_MAX; i++)
        at += sprintf(at, "9p read log\n");
    assert_null(policy_parse("rules", many, &error));
    assert_non_null(strstr(error.text, "line 1025: more than 1024 rules"));
    assert_null(policy_read("/not/there", &error));
    assert_non_null(strstr(error.text, "/not/there"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions), cmocka_unit_test(test_changes),  cmocka_unit_test(test_negative_words),
        cmocka_unit_test(test_fetching),   cmocka_unit_test(test_checking), cmocka_unit_test(test_bad_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
