/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of keys, and which makes what character: the American layout (linux/input-event-codes.h). */
#include "machine/keys.h"
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const struct {
    uint8_t code;
    const char *name;
    char plain, shifted; /* 0: none */
} keys[] = {
    {1, "esc", 27, 0},
    {2, "1", '1', '!'},
    {3, "2", '2', '@'},
    {4, "3", '3', '#'},
    {5, "4", '4', '$'},
    {6, "5", '5', '%'},
    {7, "6", '6', '^'},
    {8, "7", '7', '&'},
    {9, "8", '8', '*'},
    {10, "9", '9', '('},
    {11, "0", '0', ')'},
    {12, "minus", '-', '_'},
    {13, "equal", '=', '+'},
    {14, "backspace", 8, 0},
    {15, "tab", '\t', 0},
    {16, "q", 'q', 'Q'},
    {17, "w", 'w', 'W'},
    {18, "e", 'e', 'E'},
    {19, "r", 'r', 'R'},
    {20, "t", 't', 'T'},
    {21, "y", 'y', 'Y'},
    {22, "u", 'u', 'U'},
    {23, "i", 'i', 'I'},
    {24, "o", 'o', 'O'},
    {25, "p", 'p', 'P'},
    {26, "leftbrace", '[', '{'},
    {27, "rightbrace", ']', '}'},
    {28, "enter", '\n', 0},
    {29, "ctrl", 0, 0},
    {30, "a", 'a', 'A'},
    {31, "s", 's', 'S'},
    {32, "d", 'd', 'D'},
    {33, "f", 'f', 'F'},
    {34, "g", 'g', 'G'},
    {35, "h", 'h', 'H'},
    {36, "j", 'j', 'J'},
    {37, "k", 'k', 'K'},
    {38, "l", 'l', 'L'},
    {39, "semicolon", ';', ':'},
    {40, "apostrophe", '\'', '"'},
    {41, "grave", '`', '~'},
    {42, "shift", 0, 0},
    {43, "backslash", '\\', '|'},
    {44, "z", 'z', 'Z'},
    {45, "x", 'x', 'X'},
    {46, "c", 'c', 'C'},
    {47, "v", 'v', 'V'},
    {48, "b", 'b', 'B'},
    {49, "n", 'n', 'N'},
    {50, "m", 'm', 'M'},
    {51, "comma", ',', '<'},
    {52, "dot", '.', '>'},
    {53, "slash", '/', '?'},
    {54, "rightshift", 0, 0},
    {55, "kpasterisk", 0, 0},
    {56, "alt", 0, 0},
    {57, "space", ' ', 0},
    {58, "capslock", 0, 0},
    {59, "f1", 0, 0},
    {60, "f2", 0, 0},
    {61, "f3", 0, 0},
    {62, "f4", 0, 0},
    {63, "f5", 0, 0},
    {64, "f6", 0, 0},
    {65, "f7", 0, 0},
    {66, "f8", 0, 0},
    {67, "f9", 0, 0},
    {68, "f10", 0, 0},
    {69, "numlock", 0, 0},
    {70, "scrolllock", 0, 0},
    {87, "f11", 0, 0},
    {88, "f12", 0, 0},
    {96, "kpenter", 0, 0},
    {97, "rightctrl", 0, 0},
    {98, "kpslash", 0, 0},
    {99, "sysrq", 0, 0},
    {100, "altgr", 0, 0},
    {102, "home", 0, 0},
    {103, "up", 0, 0},
    {104, "pageup", 0, 0},
    {105, "left", 0, 0},
    {106, "right", 0, 0},
    {107, "end", 0, 0},
    {108, "down", 0, 0},
    {109, "pagedown", 0, 0},
    {110, "insert", 0, 0},
    {111, "delete", 0, 0},
    {113, "mute", 0, 0},
    {114, "volumedown", 0, 0},
    {115, "volumeup", 0, 0},
    {116, "power", 0, 0},
    {119, "pause", 0, 0},
    {125, "meta", 0, 0},
    {126, "rightmeta", 0, 0},
    {127, "menu", 0, 0},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

unsigned key_by_name(const char *name, size_t length)
{
    for (unsigned i = 0; i < KEY_COUNT; i++)
        if (strlen(keys[i].name) == length && !strncasecmp(keys[i].name, name, length))
            return keys[i].code;
    return 0;
}

char key_character(unsigned code, bool shift)
{
    for (unsigned i = 0; i < KEY_COUNT; i++)
        if (keys[i].code == code)
            return shift && keys[i].shifted ? keys[i].shifted : keys[i].plain;
    return 0;
}

unsigned key_by_character(char character, bool *shift)
{
    for (unsigned i = 0; character && i < KEY_COUNT; i++)
        if (keys[i].plain == character || keys[i].shifted == character) {
            *shift = keys[i].shifted == character;
            return keys[i].code;
        }
    return 0;
}
