/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a user lets calls of the guest do (`--policy FILE`): rules that log, deny, answer or change them, whichever way
 * they come: calls of the kernel, hypercalls, semihosting, requests to a shared folder. A line is a rule:
 *
 *     TABLE CALL [if ARGUMENT OPERATOR VALUE [and ...]] ACTION
 *
 * TABLE: linux, hyper, semihosting, 9p, or * for all. CALL: a name of that table, in which * and ? stand for others.
 * ARGUMENT: its number, from 0 on. OPERATOR: = != < > on numbers, & (any of these bits), and = != on texts, where * and
 * ? stand for others. VALUE: a number, or a text in quotes. ACTION:
 *
 *     log                     a line on standard error; the rules behind it are looked at
 *     rewrite ARGUMENT VALUE  the same, with another argument
 *     deny [ERRNO]            the guest gets that error (EPERM), and the host is not asked
 *     return VALUE            the guest gets that result, and the host is not asked
 *     allow                   it is done, and no rule behind this one is looked at
 *
 * A '#' outside of quotes begins a comment. */
#ifndef ARMATURE_POLICY_H
#define ARMATURE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/error.h"

#define POLICY_ARGUMENTS_MAX 20u
#define POLICY_RULES_MAX     1024u
#define POLICY_TEXT_MAX      4096u /* with its NUL */

enum policy_table { POLICY_LINUX, POLICY_HYPER, POLICY_SEMIHOSTING, POLICY_9P, POLICY_TABLES };

struct policy;

/** Reads a policy from a file, or from text. NULL: `error` names the line. */
struct policy *policy_read(const char *path, struct error *error);
struct policy *policy_parse(const char *path, const char *text, struct error *error);
void policy_free(struct policy *policy);

/** Call number `index` of a table, and how many arguments it has; NULL behind the last. Numbers that are nobody's have
 * the name "". */
typedef const char *policy_row(const void *context, unsigned index, unsigned *arguments);

/** Whether what the rules say of a table is true of it: calls of that name, with such arguments. NULL is a policy. */
bool policy_check(const struct policy *policy, enum policy_table table, policy_row *row, const void *context,
                  struct error *error);

/** A call as rules see it. */
struct policy_subject {
    enum policy_table table;
    const char *name;
    unsigned count;
    uint64_t numbers[POLICY_ARGUMENTS_MAX];
    const char *texts[POLICY_ARGUMENTS_MAX]; /* of arguments that are texts and were looked at; else NULL */
    /** Fetches the text of an argument, which is what the call will see from then on; NULL: it is a number. May be NULL
     *  itself: all texts are there. */
    const char *(*fetch)(void *context, unsigned index);
    void *context;
    uint32_t rewritten; /* bits: arguments that rules changed */
};

struct policy_verdict {
    enum { POLICY_GO, POLICY_DENY, POLICY_RETURN } kind;
    int error;      /* DENY: an errno */
    uint64_t value; /* RETURN */
};

/** What the rules say of a call; the subject then has its arguments as they are to be. */
struct policy_verdict policy_judge(const struct policy *policy, struct policy_subject *subject);

#endif
