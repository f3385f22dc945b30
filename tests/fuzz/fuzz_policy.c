/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: a policy's text, and a call judged by whatever rules came of it. An input is the text; words of the
 * language stand for bytes above 127, so that rules come about. What is refused is so with one line that names one. */
#include <stdlib.h>
#include <string.h>
#include "hostcall/policy.h"
#include "tests/fuzz/feed.h"

#define TEXT_MAX 8192u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {
    "linux ", "hyper ",  "semihosting ", "9p ",     "* ",  "read ", "if ",   "and ", "= ",    "!= ",  "< ",
    "> ",     "& ",      "log\n",        "rewrite ", "deny ", "return ", "allow\n", "\"",  "\\\"", "0 ", "1 ",
    "-1 ",    "EACCES\n", "\"/etc/*\" ", "\n",      "#",   "re* ",  "\"*a*a*a*b\" ", "\"x\"\n", "0x10\n", "19 ",
};

static const char *fetch(void *context, unsigned index)
{
    return index % 2 ? context : NULL;
}

static const char *row(const void *context, unsigned index, unsigned *arguments)
{
    *arguments = 3;
    return index ? NULL : "read";
}

static void judge(const struct policy *policy, enum policy_table table)
{
    static char text[] = "/etc/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct policy_subject subject = {
        .table = table, .name = "read", .count = 3, .numbers = {1, 2, 3}, .fetch = fetch, .context = text};
    FILE *const errors = stderr; /* what rules log is of no interest */
    static FILE *nowhere;
    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    stderr = nowhere;
    struct policy_verdict verdict = policy_judge(policy, &subject);
    stderr = errors;
    check(verdict.kind != POLICY_DENY || verdict.error > 0, "a denial without an error");
    check(verdict.kind != POLICY_RETURN || table != POLICY_9P, "a request of 9p was answered by a number");
    for (unsigned i = 0; i < 3; i++)
        check(!(subject.rewritten & 1u << i) || !subject.texts[i] == !(i % 2), "a number became a text");
    check(!(subject.rewritten & ~7u), "an argument that there is none was rewritten");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT_MAX];
    struct error error = {""};
    size_t length = 0;
    for (size_t i = 0; i < size && length + 32 < sizeof text; i++) {
        const char *word = words[data[i] % (sizeof words / sizeof *words)];
        if (data[i] < 128)
            text[length++] = (char)data[i];
        else
            length = (size_t)(stpcpy(text + length, word) - text);
    }
    text[length] = 0;
    struct policy *policy = policy_parse("rules", text, &error);
    if (!policy) {
        check(!strncmp(error.text, "policy rules: line ", 19), "a refusal that names no line");
        return 0;
    }
    for (unsigned table = 0; table < POLICY_TABLES; table++) {
        policy_check(policy, (enum policy_table)table, row, NULL, &error);
        judge(policy, (enum policy_table)table);
    }
    policy_free(policy);
    return 0;
}
