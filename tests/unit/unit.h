/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What cmocka.h wants included before it, in the order it wants. */
#ifndef ARMATURE_TESTS_UNIT_H
#define ARMATURE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#endif
