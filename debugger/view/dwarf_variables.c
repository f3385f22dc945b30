/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters and local variables of a frame: where they are (DWARF 5, sections 2.6 and 4.1), and so their values. */
#include <string.h>
#include "debugger/view/dwarf_file.h"

#define REG_V_NUMBER 64u

/* What is needed to look into a frame. */
struct view {
    struct session *session;
    struct space space;
    const struct frame *frame;
    struct dwarf_context context;
    Dwarf_Die unit;
    struct dwarf_scopes scopes;
    unsigned first, end; /* the scopes that are of the frame's level */
    uint64_t cfa, frame_base;
    uint64_t at;         /* the code's address in the file */
};

/* The scopes between the level's function and the function that is inlined in it. */
static bool choose_level(struct view *view)
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

static void find_frame_base(struct view *view)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t count;
    if (dw_cfa(&view->space, view->frame, &view->cfa))
        view->context.cfa = &view->cfa;
    if (!dwarf_attr(&view->scopes.dies[0], DW_AT_frame_base, &attribute) ||
        dwarf_getlocation_addr(&attribute, view->at, &ops, &count, 1) != 1)
        return;
    struct dwarf_place place = dwarf_compute(&view->context, ops, count);
    view->frame_base = place.number;
    if (place.kind == PLACE_REGISTER
            ? dwarf_register(view->frame, (unsigned)place.number, &view->frame_base)
            : place.kind == PLACE_MEMORY || place.kind == PLACE_VALUE)
        view->context.frame_base = &view->frame_base;
}

static bool look_into(struct session *session, const struct frame *frame, struct view *view)
{
    const uint64_t code = frame_code(frame);
    *view = (struct view){.session = session, .frame = frame, .space = session_space(session)};
    view->context = (struct dwarf_context){
        .file = dwarf_find_unit(code, &view->unit), .space = &view->space, .frame = frame};
    if (!view->context.file)
        return false;
    view->at = code - view->context.file->bias;
    if (!dwarf_find_scopes(&view->unit, view->at, &view->scopes) || !choose_level(view))
        return false;
    find_frame_base(view);
    return true;
}

/* --- values ---------------------------------------------------------------------------------------- */

/* Registers of the innermost frame can be set by the variable's name. */
static const char *value_in_register(const struct view *view, unsigned number, struct value *value)
{
    uint8_t bytes[16] = {0};
    unsigned size;
    const struct type *type = type_strip(value->type);
    bool vector = number >= REG_V_NUMBER && number < REG_V_NUMBER + 32;
    if (!type_is_scalar(type) || type->size > 8)
        return "it lies in registers, and is no number";
    if (vector && view->frame->is_return)
        return "the register that it is in was not kept";
    if (!view->frame->is_return)
        snprintf(value->reg, sizeof value->reg,
                 vector ? type->size == 4 ? "s%u" : "d%u" : number == 31 ? "sp" : "x%u", number & 31);
    if (vector ? !register_read(session_cpu(view->session), value->reg, bytes, &size)
               : !dwarf_register(view->frame, number, &value->number))
        return "the register that it is in was not kept";
    if (vector)
        memcpy(&value->number, bytes, sizeof value->number);
    return NULL;
}

/* Of its low bytes alone. */
static void fit(struct value *value)
{
    const struct type *type = type_strip(value->type);
    unsigned bits = type->size < 8 ? (unsigned)type->size * 8 : 64;
    if (bits == 64 || !bits)
        return;
    value->number &= (1ull << bits) - 1;
    if (type->is_signed && value->number >> (bits - 1))
        value->number |= ~0ull << bits;
}

/* NULL: the value is there; else why not. */
static const char *value_of(struct view *view, Dwarf_Die *die, struct value *value)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t count;
    *value = (struct value){.type = dwarf_type_of(view->context.file, die)};
    if (dwarf_attr_integrate(die, DW_AT_const_value, &attribute)) {
        Dwarf_Word plain;
        Dwarf_Sword with_sign;
        Dwarf_Block block;
        bool is_signed = type_strip(value->type)->is_signed;
        if (type_is_scalar(value->type) && !dwarf_formblock(&attribute, &block) && block.length <= 8) {
            memcpy(&value->number, block.data, block.length); /* of a floating-point number */
            return NULL;
        }
        if (!type_is_scalar(value->type) ||
            (is_signed ? dwarf_formsdata(&attribute, &with_sign) : dwarf_formudata(&attribute, &plain)))
            return "its value is no number";
        value->number = is_signed ? (uint64_t)with_sign : plain;
        return NULL;
    }
    if (!dwarf_attr_integrate(die, DW_AT_location, &attribute) ||
        dwarf_getlocation_addr(&attribute, view->at, &ops, &count, 1) != 1)
        return "optimized out";
    view->context.attribute = &attribute;
    struct dwarf_place place = dwarf_compute(&view->context, ops, count);
    view->context.attribute = NULL;
    const char *why = NULL;
    switch (place.kind) {
    case PLACE_NONE: return place.why;
    case PLACE_MEMORY:
        value->in_memory = true;
        value->address = place.number;
        return NULL;
    case PLACE_REGISTER: why = value_in_register(view, (unsigned)place.number, value); break;
    case PLACE_VALUE:
        value->number = place.number;
        why = type_is_scalar(value->type) ? NULL : "it is computed, and is no number";
        break;
    }
    fit(value);
    return why;
}

/* --- entry points ---------------------------------------------------------------------------------- */

/* Each variable of the level, from the innermost block out, until `each` returns false. */
static void visit(struct view *view, bool (*each)(void *context, struct view *view, Dwarf_Die *die, const char *name),
                  void *context)
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

static bool list_one(void *context, struct view *view, Dwarf_Die *die, const char *name)
{
    const struct listing *listing = context;
    struct value value;
    if ((dwarf_tag(die) == DW_TAG_formal_parameter) != listing->parameters)
        return true;
    const char *why = value_of(view, die, &value);
    return listing->each(listing->context, name, why ? NULL : &value, why);
}

bool dw_variables(struct session *session, const struct frame *frame, bool parameters, dwarf_each *each,
                     void *context)
{
    struct view view;
    struct listing listing = {parameters, each, context};
    if (!look_into(session, frame, &view))
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

static bool look_for(void *context, struct view *view, Dwarf_Die *die, const char *name)
{
    struct wanted *wanted = context;
    if (strcmp(name, wanted->name))
        return true;
    wanted->found = true;
    wanted->why = value_of(view, die, wanted->value);
    return false;
}

bool dw_variable(struct session *session, const struct frame *frame, const char *name, struct value *value,
                    bool *found, struct error *error)
{
    struct view view;
    struct wanted wanted = {.name = name, .value = value};
    *found = false;
    if (!look_into(session, frame, &view))
        return false;
    visit(&view, look_for, &wanted);
    *found = wanted.found;
    if (wanted.why)
        error_set(error, "%s has no value here: %s", name, wanted.why);
    return wanted.found && !wanted.why;
}
