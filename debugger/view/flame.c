/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tree of functions: a node's width in the picture is how many samples were taken in it and what it called. */
#include "debugger/view/flame.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH      1200.0
#define ROW        17.0
#define LEAST      0.3 /* narrower than that is not drawn */
#define DEPTH_MAX  256u

struct node {
    char *name;
    uint64_t samples, own; /* with what it called, and by itself */
    struct node *children, *next; /* in order of names */
};

struct flame {
    struct node root;
};

struct flame *flame_create(void)
{
    return host_alloc(1, sizeof(struct flame));
}

static void free_nodes(struct node *node)
{
    while (node) {
        struct node *next = node->next;
        free_nodes(node->children);
        free(node->name);
        free(node);
        node = next;
    }
}

void flame_free(struct flame *flame)
{
    if (flame)
        free_nodes(flame->root.children);
    free(flame);
}

static struct node *child_of(struct node *node, const char *name, size_t length)
{
    struct node **at = &node->children;
    int order = -1;
    while (*at && ((order = strncmp((*at)->name, name, length)) < 0 || (order == 0 && strlen((*at)->name) < length)))
        at = &(*at)->next;
    if (*at && order == 0 && strlen((*at)->name) == length)
        return *at;
    struct node *child = host_alloc(1, sizeof *child);
    child->name = strndup(name, length);
    child->next = *at;
    *at = child;
    return child;
}

void flame_add(struct flame *flame, const char *stack)
{
    struct node *node = &flame->root;
    node->samples++;
    for (unsigned depth = 0; *stack && depth < DEPTH_MAX; depth++) {
        size_t length = strcspn(stack, ";");
        node = child_of(node, stack, length);
        node->samples++;
        stack += length + (stack[length] == ';');
    }
    node->own++;
}

static void write_folded(FILE *to, const struct node *node, char *text, size_t used, size_t capacity)
{
    for (; node; node = node->next) {
        size_t end = used + (size_t)snprintf(text + used, capacity - used, "%s%s", used ? ";" : "", node->name);
        if (end >= capacity)
            continue;
        if (node->own)
            fprintf(to, "%s %llu\n", text, (unsigned long long)node->own);
        write_folded(to, node->children, text, end, capacity);
        text[used] = 0;
    }
}

static void write_escaped(FILE *to, const char *text, size_t length)
{
    for (size_t i = 0; i < length && text[i]; i++)
        switch (text[i]) {
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '&': fputs("&amp;", to); break;
        case '"': fputs("&quot;", to); break;
        default: fputc((unsigned char)text[i] < ' ' ? '?' : text[i], to);
        }
}

static unsigned depth_of(const struct node *node)
{
    unsigned deepest = 0;
    for (; node; node = node->next) {
        unsigned depth = 1 + depth_of(node->children);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* The colour is the name's, so that a function is found again in another picture. */
static unsigned colour_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return (200u + hash % 55) << 16 | (60u + hash / 64 % 130) << 8 | (20u + hash / 16384 % 40);
}

static void draw(FILE *to, const struct node *node, double x, double scale, double y, uint64_t whole)
{
    for (; node; node = node->next) {
        double width = (double)node->samples * scale;
        if (width >= LEAST) {
            fprintf(to, "<g><title>");
            write_escaped(to, node->name, SIZE_MAX);
            fprintf(to,
                    " (%llu samples, %.2f%%)</title><rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"16\" "
                    "fill=\"#%06x\"/>",
                    (unsigned long long)node->samples, 100.0 * (double)node->samples / (double)whole, x, y, width,
                    colour_of(node->name));
            if (width > 30) {
                fprintf(to, "<text x=\"%.2f\" y=\"%.1f\">", x + 2, y + 12);
                write_escaped(to, node->name, (size_t)(width / 7));
                fputs("</text>", to);
            }
            fputs("</g>\n", to);
            draw(to, node->children, x, scale, y - ROW, whole);
        }
        x += width;
    }
}

static void write_svg(FILE *to, const struct flame *flame)
{
    double height = (depth_of(flame->root.children) + 2) * ROW;
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" font-family=\"monospace\" "
            "font-size=\"11\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"4\" y=\"13\">%llu samples</text>\n",
            WIDTH, height, (unsigned long long)flame->root.samples);
    if (flame->root.samples)
        draw(to, flame->root.children, 0, WIDTH / (double)flame->root.samples, height - ROW, flame->root.samples);
    fputs("</svg>\n", to);
}

static bool close_good(FILE *file, const char *path, struct error *error)
{
    bool good = !ferror(file);
    return (fclose(file) == 0 && good) || error_set(error, "%s could not be written to its end", path);
}

bool flame_write(const struct flame *flame, const char *path, struct error *error)
{
    char folded[4096], text[16384] = "";
    snprintf(folded, sizeof folded, "%s.folded", path);
    FILE *to = fopen(path, "we");
    if (!to)
        return error_set(error, "%s cannot be written: %s", path, strerror(errno));
    write_svg(to, flame);
    if (!close_good(to, path, error))
        return false;
    if (!(to = fopen(folded, "we")))
        return error_set(error, "%s cannot be written: %s", folded, strerror(errno));
    write_folded(to, flame->root.children, text, 0, sizeof text);
    return close_good(to, folded, error);
}
