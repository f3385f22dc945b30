/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters and local variables of a frame (DWARF 5, section 4.1): those of its function, or of one inlined in it. */
#include <string.h>
#include "debugger/view/dwarf_file.h"

/* The scopes between the level's function and the function that is inlined in it. */
static bool choose_level(struct dwarf_view *view)
{
    unsigned level = 0;
    view->end = view->scopes.count;
    for (unsigned i = view->scopes.count; i-- > 0;) {
        if (dwarf_tag(&view->scopes.dies[i]) == DW_TAG_lexical_block)
            continue;
        if (level++ == view->frame->level) {
            view->first = i;
            return true;
        }
        view->end = i;
    }
    return false;
}

static void find_frame_base(struct dwarf_view *view)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t count;
    if (dw_cfa(&view->space, view->frame, &view->cfa))
        view->context.cfa = &view->cfa;
    if (!dwarf_attr(&view->scopes.dies[0], DW_AT_frame_base, &attribute) ||
        dwarf_getlocation_addr(&attribute, view->context.at, &ops, &count, 1) != 1)
        return;
    struct dwarf_place place = dwarf_compute(&view->context, ops, count);
    view->frame_base = place.number;
    if (place.kind == PLACE_REGISTER
            ? dwarf_register(view->frame, (unsigned)place.number, &view->frame_base)
            : place.kind == PLACE_MEMORY || place.kind == PLACE_VALUE)
        view->context.frame_base = &view->frame_base;
}

bool dwarf_look_into(struct session *session, const struct frame *frame, unsigned depth, struct dwarf_view *view)
{
    const uint64_t code = frame_code(frame);
    *view = (struct dwarf_view){.frame = frame, .space = session_space(session)};
    view->context = (struct dwarf_context){.file = dwarf_find_unit(code, &view->unit),
                                           .space = &view->space,
                                           .frame = frame,
                                           .session = session,
                                           .depth = depth};
    if (!view->context.file)
        return false;
    view->context.at = code - view->context.file->bias;
    if (!dwarf_find_scopes(&view->unit, view->context.at, &view->scopes) || !choose_level(view))
        return false;
    view->context.function = &view->scopes.dies[0];
    find_frame_base(view);
    return true;
}

/* --- entry points ---------------------------------------------------------------------------------- */

/* Each variable of the level, from the innermost block out, until `each` returns false. */
static void visit(struct dwarf_view *view,
                  bool (*each)(void *context, struct dwarf_view *view, Dwarf_Die *die, const char *name), void *context)
{
    for (unsigned i = view->end; i-- > view->first;) {
        Dwarf_Die child;
        if (dwarf_child(&view->scopes.dies[i], &child))
            continue;
        do {
            int tag = dwarf_tag(&child);
            const char *name;
            if ((tag != DW_TAG_variable && tag != DW_TAG_formal_parameter) || !(name = dwarf_diename(&child)) ||
                dwarf_hasattr(&child, DW_AT_declaration))
                continue;
            if (!each(context, view, &child, name))
                return;
        } while (!dwarf_siblingof(&child, &child));
    }
}

struct listing {
    bool parameters;
    dwarf_each *each;
    void *context;
};

static bool list_one(void *context, struct dwarf_view *view, Dwarf_Die *die, const char *name)
{
    const struct listing *listing = context;
    struct value value;
    if ((dwarf_tag(die) == DW_TAG_formal_parameter) != listing->parameters)
        return true;
    const char *why = dwarf_value(&view->context, die, &value);
    return listing->each(listing->context, name, why ? NULL : &value, why);
}

bool dw_variables(struct session *session, const struct frame *frame, bool parameters, dwarf_each *each,
                     void *context)
{
    struct dwarf_view view;
    struct listing listing = {parameters, each, context};
    if (!dwarf_look_into(session, frame, 0, &view))
        return false;
    visit(&view, list_one, &listing);
    return true;
}

struct wanted {
    const char *name;
    struct value *value;
    const char *why;
    bool found;
};

static bool look_for(void *context, struct dwarf_view *view, Dwarf_Die *die, const char *name)
{
    struct wanted *wanted = context;
    if (strcmp(name, wanted->name))
        return true;
    wanted->found = true;
    wanted->why = dwarf_value(&view->context, die, wanted->value);
    return false;
}

bool dw_variable(struct session *session, const struct frame *frame, const char *name, struct value *value,
                    bool *found, struct error *error)
{
    struct dwarf_view view;
    struct wanted wanted = {.name = name, .value = value};
    *found = false;
    if (!dwarf_look_into(session, frame, 0, &view))
        return false;
    visit(&view, look_for, &wanted);
    *found = wanted.found;
    if (wanted.why)
        error_set(error, "%s has no value here: %s", name, wanted.why);
    return wanted.found && !wanted.why;
}
