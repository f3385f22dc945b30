/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints what it is called and its arguments, a line each, and ends with their number. */
#include <stdio.h>

int main(int count, char **arguments)
{
    for (int i = 0; i < count; i++)
        puts(arguments[i]);
    return count;
}
