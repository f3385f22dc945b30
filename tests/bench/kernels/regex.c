/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Regular expressions: compiled to a machine of states, of which all that are possible are followed at once. */
#include <string.h>
#include "../kernel.h"

#define BYTES  12288
#define STATES 62

enum kind { CHARACTER, ANY, CLASS, SPLIT, MATCH };

struct state {
    enum kind kind;
    unsigned char character, set; /* which character; which of the sets */
    int next, other;              /* SPLIT goes to both */
};

struct machine {
    struct state states[STATES];
    unsigned char sets[4][32];
    int count, sets_used, start;
};

static char text[BYTES + 1];
static const char *const patterns[] = {"in(ter)+upt", "[0-9]+ the", "(when|not)+ .*level", "w[a-z]*s (of|to) [b-m]+",
                                       "e.?c?e.*timer [0-9]*1"};

static void prepare(void)
{
    text_make(text, BYTES);
}

static int add(struct machine *machine, struct state state)
{
    must(machine->count < STATES, "regex: too many states");
    machine->states[machine->count] = state;
    return machine->count++;
}

static int choice(struct machine *machine, const char **at, int next);

/* One character, set or group, that goes on to `next`; the state it starts with. */
static int atom(struct machine *machine, const char **at, int next)
{
    char c = *(*at)++;
    if (c == '(') {
        int start = choice(machine, at, next);
        ++*at;
        return start;
    }
    if (c == '.')
        return add(machine, (struct state){ANY, 0, 0, next, -1});
    if (c != '[')
        return add(machine, (struct state){CHARACTER, (unsigned char)c, 0, next, -1});
    unsigned char *set = machine->sets[machine->sets_used];
    for (; **at != ']'; ++*at) {
        unsigned from = (unsigned char)**at, to = from;
        if ((*at)[1] == '-') {
            to = (unsigned char)(*at)[2];
            *at += 2;
        }
        for (; from <= to; from++)
            set[from / 8] |= (unsigned char)(1 << from % 8);
    }
    ++*at;
    return add(machine, (struct state){CLASS, 0, (unsigned char)machine->sets_used++, next, -1});
}

/* Atoms with *, + or ? up to the end, a | or a ). Each goes to a joint, which is led on when the next one is known. */
static int sequence(struct machine *machine, const char **at, int next)
{
    int start = -1, *last = &start;
    while (**at && **at != '|' && **at != ')') {
        int joint = add(machine, (struct state){SPLIT, 0, 0, -1, -1}), first = atom(machine, at, joint);
        *last = first;
        if (**at == '*' || **at == '?')
            *last = add(machine, (struct state){SPLIT, 0, 0, first, joint});
        if (**at == '*' || **at == '+')
            machine->states[joint].other = first;
        if (**at == '*' || **at == '+' || **at == '?')
            ++*at;
        last = &machine->states[joint].next;
    }
    *last = next;
    return start;
}

static int choice(struct machine *machine, const char **at, int next)
{
    int start = sequence(machine, at, next);
    while (**at == '|') {
        ++*at;
        int other = sequence(machine, at, next);
        start = add(machine, (struct state){SPLIT, 0, 0, start, other});
    }
    return start;
}

/* The set `states` with `index` and what splits lead to. */
static uint64_t reach(const struct machine *machine, uint64_t states, int index)
{
    while (index >= 0 && !(states >> index & 1)) {
        const struct state *state = &machine->states[index];
        states |= 1ull << index;
        if (state->kind != SPLIT)
            break;
        if (state->other >= 0)
            states = reach(machine, states, state->other);
        index = state->next;
    }
    return states;
}

/* How many matches end somewhere in the text. */
static unsigned count_matches(const struct machine *machine, const char *from)
{
    unsigned found = 0;
    uint64_t states = 0;
    for (; *from; from++) {
        unsigned char c = (unsigned char)*from;
        uint64_t after = 0;
        for (states = reach(machine, states, machine->start); states; states &= states - 1) {
            const struct state *state = &machine->states[__builtin_ctzll(states)];
            if (state->kind == MATCH)
                found++;
            else if (state->kind == ANY ? c != '\n'
                     : state->kind == CLASS ? machine->sets[state->set][c / 8] >> c % 8 & 1
                                            : state->kind == CHARACTER && state->character == c)
                after = reach(machine, after, state->next);
        }
        states = after;
    }
    return found;
}

static uint64_t run(unsigned round)
{
    uint64_t sum = 0;
    text[round * 31 % BYTES] = (char)('a' + round % 26);
    for (unsigned i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct machine machine = {.count = 0};
        const char *at = patterns[i];
        int end = add(&machine, (struct state){MATCH, 0, 0, -1, -1});
        machine.start = choice(&machine, &at, end);
        sum = mix(sum, count_matches(&machine, text));
    }
    return sum;
}

KERNEL("regex", "integer", 340)
