/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the compiler is given to compile: a few functions, many times over. It needs no headers. */
typedef unsigned long word;

struct list {
    struct list *next;
    word key, value;
};

#define FUNCTIONS(n)                                                                                         \
    word hash_##n(const char *text)                                                                          \
    {                                                                                                        \
        word hash = n;                                                                                       \
        while (*text)                                                                                        \
            hash = (hash << 5 | hash >> 59) ^ (word)*text++ * (2 * n + 1);                                   \
        return hash;                                                                                         \
    }                                                                                                        \
    struct list *find_##n(struct list *at, word key)                                                         \
    {                                                                                                        \
        for (; at; at = at->next)                                                                            \
            if (at->key % (n + 3) == key % (n + 3) && at->value > n)                                         \
                return at;                                                                                   \
        return (struct list *)0;                                                                             \
    }                                                                                                        \
    void multiply_##n(double a[][8], double b[][8], double c[][8])                                           \
    {                                                                                                        \
        for (int i = 0; i < 8; i++)                                                                          \
            for (int j = 0; j < 8; j++) {                                                                    \
                double sum = n;                                                                              \
                for (int k = 0; k < 8; k++)                                                                  \
                    sum += a[i][k] * b[k][j];                                                                \
                c[i][j] = sum;                                                                               \
            }                                                                                                \
    }                                                                                                        \
    int choose_##n(int a, int b)                                                                             \
    {                                                                                                        \
        switch ((a ^ b) % 11) {                                                                              \
        case 0: return a * n;                                                                                \
        case 1: return b / (n + 1);                                                                          \
        case 2: return choose_##n(b, a - 1);                                                                 \
        case 5: return a << n % 8;                                                                           \
        case 7: return (int)hash_##n("seven") + a;                                                           \
        default: return a > b ? a - n : b + n;                                                               \
        }                                                                                                    \
    }

FUNCTIONS(1)
FUNCTIONS(2)
