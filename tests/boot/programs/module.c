/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A module of Linux's kernel that imports nothing: it counts until the debugger sets `go`. The lines that
 * test_module.py names are marked. */
struct counted {
    const char *name;
    long rounds;
    struct {
        int low, high;
    } bounds;
};

static struct counted counted = {"a module", 0, {-3, 1000}};
volatile int go;

int init_module(void);

__attribute__((noinline)) static long add(struct counted *to, long step)
{
    long before = to->rounds;
    to->rounds += step; /* adding */
    return before;
}

int init_module(void)
{
    long last = 0;
    while (!go)
        last = add(&counted, 2); /* the call */
    return last < 0 ? -1 : 0;    /* behind */
}
