/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Policies: reading rules, and judging calls by them. */
#include "hostcall/policy.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/call_text.h"
#include "machine/file.h"

#define CONDITIONS_MAX 8u
#define FILE_MAX       (1u << 20)
#define BLANKS         " \t\r"
#define ERRNO_MAX      134 /* one above the last that Linux has */

enum operator { OP_EQUAL, OP_UNEQUAL, OP_LESS, OP_MORE, OP_BITS };
enum action { ACTION_LOG, ACTION_REWRITE, ACTION_DENY, ACTION_RETURN, ACTION_ALLOW };

static const char *const table_names[POLICY_TABLES] = {"linux", "hyper", "semihosting", "9p"};
static const char *const operator_names[] = {"=", "!=", "<", ">", "&"};
static const char *const action_names[] = {"log", "rewrite", "deny", "return", "allow"};

/* A number, or a text of the policy's own. */
struct value {
    uint64_t number;
    char *text; /* NULL: it is the number */
};

struct condition {
    uint8_t argument, operator;
    struct value value;
};

struct rule {
    unsigned line;
    uint8_t tables; /* a bit each */
    char *call;
    unsigned condition_count;
    struct condition conditions[CONDITIONS_MAX];
    uint8_t action;
    uint8_t argument;   /* REWRITE */
    struct value value; /* REWRITE, RETURN, and DENY's errno */
};

struct policy {
    char *path;
    unsigned count, capacity;
    struct rule *rules;
};

/* --- words ------------------------------------------------------------------------------------------- */

/* A line that is being taken apart. */
struct line {
    const char *path, *at;
    unsigned number;
    bool quoted; /* the last word was a text in quotes */
    char word[POLICY_TEXT_MAX];
    struct error *error;
};

#define wrong(line, format, ...)                                                                             \
    error_set((line)->error, "policy %s: line %u: " format, (line)->path, (line)->number, __VA_ARGS__)

/* In quotes, a backslash stands before a quote or another one. False: the text does not end, or is too long. */
static bool take_quoted(struct line *line)
{
    size_t length = 0;
    for (line->at++; *line->at && *line->at != '"'; line->at++) {
        if (line->at[0] == '\\' && (line->at[1] == '"' || line->at[1] == '\\'))
            line->at++;
        if (length + 1 == sizeof line->word)
            return wrong(line, "a text is longer than %u bytes", POLICY_TEXT_MAX - 1);
        line->word[length++] = *line->at;
    }
    line->word[length] = 0;
    return *line->at++ == '"' || (line->at--, wrong(line, "a text does not end: \"%.40s", line->word));
}

/* The next word; "" and not quoted at the end. */
static bool take_word(struct line *line)
{
    line->at += strspn(line->at, BLANKS);
    line->quoted = *line->at == '"';
    if (line->quoted)
        return take_quoted(line);
    const size_t length = *line->at == '#' ? 0 : strcspn(line->at, BLANKS "#\"");
    if (length >= sizeof line->word)
        return wrong(line, "a word is longer than %u bytes", POLICY_TEXT_MAX - 1);
    memcpy(line->word, line->at, length);
    line->word[length] = 0;
    line->at += length;
    return true;
}

static bool is_end(const struct line *line)
{
    return !line->quoted && !line->word[0];
}

static int find_name(const char *const *names, unsigned count, const struct line *line)
{
    for (unsigned i = 0; i < count && !line->quoted; i++)
        if (!strcmp(names[i], line->word))
            return (int)i;
    return -1;
}

/* Decimal, with 0x or 0 before it another base; a sign is allowed. */
static bool parse_number(const char *text, uint64_t *number)
{
    const char *digits = text + (*text == '-');
    char *end;
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    *number = strtoull(digits, &end, 0);
    if (*text == '-')
        *number = 0 - *number;
    return !*end && !errno;
}

static bool take_argument(struct line *line, uint8_t *argument)
{
    uint64_t number;
    if (!take_word(line))
        return false;
    if (line->quoted || !parse_number(line->word, &number) || number >= POLICY_ARGUMENTS_MAX)
        return wrong(line, "expected the number of an argument, 0 to %u, not '%.40s'", POLICY_ARGUMENTS_MAX - 1,
                     line->word);
    *argument = (uint8_t)number;
    return true;
}

static bool take_value(struct line *line, struct value *value)
{
    if (!take_word(line))
        return false;
    if (line->quoted)
        return (value->text = strdup(line->word)) || wrong(line, "no memory on the %s", "host");
    return parse_number(line->word, &value->number) ||
           wrong(line, "expected a number, or a text in quotes, not '%.40s'", line->word);
}

/* --- rules ------------------------------------------------------------------------------------------- */

static bool take_condition(struct line *line, struct rule *rule)
{
    if (rule->condition_count == CONDITIONS_MAX)
        return wrong(line, "more than %u conditions", CONDITIONS_MAX);
    struct condition *condition = &rule->conditions[rule->condition_count++];
    if (!take_argument(line, &condition->argument) || !take_word(line))
        return false;
    const int operator = find_name(operator_names, sizeof operator_names / sizeof *operator_names, line);
    if (operator < 0)
        return wrong(line, "expected one of = != < > & behind the argument's number, not '%.40s'", line->word);
    condition->operator = (uint8_t)operator;
    if (!take_value(line, &condition->value))
        return false;
    return !condition->value.text || operator <= OP_UNEQUAL || wrong(line, "a text is compared by = or !=, not %s",
                                                                     operator_names[operator]);
}

static bool take_errno(struct line *line, struct rule *rule)
{
    rule->value.number = EPERM;
    if (!take_word(line))
        return false;
    if (is_end(line))
        return true;
    for (int error = 1; error < ERRNO_MAX; error++) {
        const char *name = strerrorname_np(error);
        if (name && !line->quoted && !strcmp(name, line->word)) {
            rule->value.number = (uint64_t)error;
            return true;
        }
    }
    return wrong(line, "'%.40s' is no error's name (EPERM, EACCES, ENOENT ...)", line->word);
}

static bool take_action(struct line *line, struct rule *rule)
{
    const int action = find_name(action_names, sizeof action_names / sizeof *action_names, line);
    if (action < 0)
        return wrong(line, "expected log, rewrite, deny, return or allow, not '%.40s'", line->word);
    rule->action = (uint8_t)action;
    switch (action) {
    case ACTION_REWRITE:
        if (!take_argument(line, &rule->argument) || !take_value(line, &rule->value))
            return false;
        break;
    case ACTION_DENY:
        if (!take_errno(line, rule))
            return false;
        break;
    case ACTION_RETURN:
        if (!take_value(line, &rule->value))
            return false;
        if (rule->value.text)
            return wrong(line, "%s expects a number", "return");
        if (rule->tables & 1u << POLICY_9P)
            return wrong(line, "a request of %s has no number for its result: it can be denied", "9p");
        break;
    default: break;
    }
    return take_word(line) && (is_end(line) || wrong(line, "'%.40s' is one word too many", line->word));
}

static bool take_rule(struct line *line, struct rule *rule)
{
    const int table = find_name(table_names, POLICY_TABLES, line);
    if (table < 0 && (line->quoted || strcmp(line->word, "*")))
        return wrong(line, "expected linux, hyper, semihosting, 9p or *, not '%.40s'", line->word);
    rule->tables = (uint8_t)(table < 0 ? (1u << POLICY_TABLES) - 1 : 1u << table);
    rule->line = line->number;
    if (!take_word(line))
        return false;
    if (line->quoted || !line->word[0])
        return wrong(line, "expected the name of %s", "a call");
    if (!(rule->call = strdup(line->word)))
        return wrong(line, "no memory on the %s", "host");
    if (!take_word(line))
        return false;
    for (const char *word = "if"; !line->quoted && !strcmp(line->word, word); word = "and")
        if (!take_condition(line, rule) || !take_word(line))
            return false;
    return take_action(line, rule);
}

static struct rule *new_rule(struct policy *policy)
{
    if (policy->count == policy->capacity) {
        const unsigned capacity = policy->capacity ? 2 * policy->capacity : 16;
        struct rule *rules = realloc(policy->rules, capacity * sizeof *rules);
        if (!rules)
            return NULL;
        policy->rules = rules;
        policy->capacity = capacity;
    }
    return memset(&policy->rules[policy->count++], 0, sizeof *policy->rules);
}

static bool parse(struct policy *policy, char *text, struct error *error)
{
    struct line line = {.path = policy->path, .error = error};
    for (char *at; (at = strsep(&text, "\n"));) {
        line.at = at;
        line.number++;
        if (!take_word(&line))
            return false;
        if (is_end(&line))
            continue;
        struct rule *rule = policy->count < POLICY_RULES_MAX ? new_rule(policy) : NULL;
        if (!rule)
            return wrong(&line, "more than %u rules", POLICY_RULES_MAX);
        if (!take_rule(&line, rule))
            return false;
    }
    return true;
}

/* --- judging ----------------------------------------------------------------------------------------- */

/* Whether * and ? of the pattern can stand for what the text has. Quadratic at worst: at a mismatch only the last *
 * takes one more. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *from = text;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    return !pattern[strspn(pattern, "*")];
}

static const char *text_of(struct policy_subject *subject, unsigned index)
{
    if (!subject->texts[index] && subject->fetch && !(subject->rewritten & 1u << index))
        subject->texts[index] = subject->fetch(subject->context, index);
    return subject->texts[index];
}

static bool is_true(const struct condition *condition, struct policy_subject *subject)
{
    const unsigned index = condition->argument;
    if (index >= subject->count)
        return false;
    const uint64_t number = subject->numbers[index], value = condition->value.number;
    if (condition->value.text) {
        const char *text = text_of(subject, index);
        return text && matches(condition->value.text, text) == (condition->operator == OP_EQUAL);
    }
    switch (condition->operator) {
    case OP_EQUAL:
    case OP_UNEQUAL: /* a negative number of 32 bits has zeroes above in a register */
        return (number == value || ((int64_t)value < 0 && (int64_t)value >= INT32_MIN && number == (uint32_t)value)) ==
               (condition->operator == OP_EQUAL);
    case OP_LESS: return (int64_t)number < (int64_t)value;
    case OP_MORE: return (int64_t)number > (int64_t)value;
    default: return number & value;
    }
}

static bool applies(const struct rule *rule, struct policy_subject *subject)
{
    bool all = rule->tables & 1u << subject->table && matches(rule->call, subject->name);
    for (unsigned i = 0; i < rule->condition_count && all; i++)
        all = is_true(&rule->conditions[i], subject);
    return all;
}

static void tell(const struct policy *policy, const struct rule *rule, struct policy_subject *subject)
{
    struct call_text line = {.length = 0};
    call_text_add(&line, "%s %s(", table_names[subject->table], subject->name);
    for (unsigned i = 0; i < subject->count; i++) {
        const char *text = text_of(subject, i);
        const int64_t number = (int64_t)subject->numbers[i];
        call_text_add(&line, i ? ", " : "");
        if (text)
            call_text_quote(&line, text, strlen(text), false);
        else
            call_text_add(&line, number > -4096 && number < 1 << 24 ? "%lld" : "%#llx", (long long)number);
    }
    fprintf(stderr, "armature: policy %s:%u: %s)\n", policy->path, rule->line, line.text);
}

static void rewrite(const struct rule *rule, struct policy_subject *subject)
{
    const unsigned index = rule->argument;
    if (index >= subject->count)
        return;
    /* a text takes a text's place, a number a number's: what else an argument is, the call could not make sense of */
    if ((text_of(subject, index) != NULL) != (rule->value.text != NULL))
        return;
    if (rule->value.text)
        subject->texts[index] = rule->value.text;
    else
        subject->numbers[index] = rule->value.number;
    subject->rewritten |= 1u << index;
}

struct policy_verdict policy_judge(const struct policy *policy, struct policy_subject *subject)
{
    for (unsigned i = 0; policy && i < policy->count; i++) {
        const struct rule *rule = &policy->rules[i];
        if (!applies(rule, subject))
            continue;
        switch (rule->action) {
        case ACTION_LOG: tell(policy, rule, subject); break;
        case ACTION_REWRITE: rewrite(rule, subject); break;
        case ACTION_DENY: return (struct policy_verdict){POLICY_DENY, (int)rule->value.number, 0};
        case ACTION_RETURN: return (struct policy_verdict){POLICY_RETURN, 0, rule->value.number};
        default: return (struct policy_verdict){POLICY_GO, 0, 0};
        }
    }
    return (struct policy_verdict){POLICY_GO, 0, 0};
}

/* --- checking ---------------------------------------------------------------------------------------- */

/* The highest argument that a rule names, plus 1. */
static unsigned arguments_of(const struct rule *rule)
{
    unsigned count = rule->action == ACTION_REWRITE ? rule->argument + 1u : 0;
    for (unsigned i = 0; i < rule->condition_count; i++)
        if (rule->conditions[i].argument >= count)
            count = rule->conditions[i].argument + 1u;
    return count;
}

bool policy_check(const struct policy *policy, enum policy_table table, policy_row *row, const void *context,
                  struct error *error)
{
    for (unsigned i = 0; policy && i < policy->count; i++) {
        const struct rule *rule = &policy->rules[i];
        const char *name;
        unsigned most = 0, arguments;
        bool any = false;
        if (rule->tables != 1u << table) /* a rule for all tables need not be true of each */
            continue;
        for (unsigned at = 0; (name = row(context, at, &arguments)); at++)
            if (*name && matches(rule->call, name)) {
                any = true;
                most = arguments > most ? arguments : most;
            }
        if (!any)
            return error_set(error, "policy %s: line %u: %s has no call %s", policy->path, rule->line,
                             table_names[table], rule->call);
        if (arguments_of(rule) > most)
            return error_set(error, "policy %s: line %u: %s has no argument %u; it has %u, and the first is 0",
                             policy->path, rule->line, rule->call, arguments_of(rule) - 1, most);
    }
    return true;
}

/* --- life -------------------------------------------------------------------------------------------- */

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    for (unsigned i = 0; i < policy->count; i++) {
        struct rule *rule = &policy->rules[i];
        for (unsigned at = 0; at < rule->condition_count; at++)
            free(rule->conditions[at].value.text);
        free(rule->value.text);
        free(rule->call);
    }
    free(policy->rules);
    free(policy->path);
    free(policy);
}

struct policy *policy_parse(const char *path, const char *text, struct error *error)
{
    struct policy *policy = host_alloc(1, sizeof *policy);
    char *copy = strdup(text);
    *policy = (struct policy){.path = strdup(path)};
    bool good = copy && policy->path ? parse(policy, copy, error) : error_set(error, "no memory on the host");
    free(copy);
    if (good)
        return policy;
    policy_free(policy);
    return NULL;
}

struct policy *policy_read(const char *path, struct error *error)
{
    struct file file;
    if (!file_read(&file, "policy", path, FILE_MAX, "a policy is shorter", error))
        return NULL;
    char *text = file.length ? strndup((const char *)file.bytes, file.length) : strdup("");
    struct policy *policy = NULL;
    if (!text)
        error_set(error, "no memory on the host");
    else if (strlen(text) != file.length)
        error_set(error, "policy %s: is no text", path);
    else
        policy = policy_parse(path, text, error);
    free(text);
    file_free(&file);
    return policy;
}
