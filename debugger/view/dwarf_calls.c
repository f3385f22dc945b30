/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a register was when the function was entered (DW_OP_entry_value): what the caller put there, as its call site
 * says (DWARF 5, section 3.4). That holds only if it was this very call that led here, not one that a tail call
 * followed. */
#include <string.h>
#include "debugger/view/dwarf_file.h"

#define DEPTH_MAX 8u

static int register_of(const Dwarf_Op *ops, size_t count)
{
    if (count != 1 || ((ops->atom < DW_OP_reg0 || ops->atom > DW_OP_reg31) && ops->atom != DW_OP_regx))
        return -1;
    return ops->atom == DW_OP_regx ? (int)ops->number : ops->atom - DW_OP_reg0;
}

/* One of two attributes: of DWARF 5, and what GCC had before. */
static Dwarf_Attribute *either(Dwarf_Die *die, unsigned name, unsigned other, Dwarf_Attribute *attribute)
{
    Dwarf_Attribute *found = dwarf_attr(die, name, attribute);
    return found ? found : dwarf_attr(die, other, attribute);
}

/* The call in `die`, of which the next instruction is at `back` (of the file). */
static bool find_call(Dwarf_Die *die, uint64_t back, Dwarf_Die *call)
{
    Dwarf_Die child;
    Dwarf_Attribute attribute;
    Dwarf_Addr at;
    if (dwarf_child(die, &child))
        return false;
    do {
        const int tag = dwarf_tag(&child);
        if ((tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site) &&
            either(&child, DW_AT_call_return_pc, DW_AT_low_pc, &attribute) && !dwarf_formaddr(&attribute, &at) &&
            at == back) {
            *call = child;
            return true;
        }
    } while (!dwarf_siblingof(&child, &child));
    return false;
}

static bool calls(Dwarf_Die *call, const Dwarf_Die *function)
{
    Dwarf_Attribute attribute;
    Dwarf_Die called;
    const char *wanted = dwarf_diename((Dwarf_Die *)function);
    const char *name = either(call, DW_AT_call_origin, DW_AT_abstract_origin, &attribute) &&
                               dwarf_formref_die(&attribute, &called)
                           ? dwarf_diename(&called)
                           : NULL;
    return wanted && name && !strcmp(wanted, name);
}

/* What the call put into the register. */
static bool argument(Dwarf_Die *call, int number, Dwarf_Attribute *value)
{
    Dwarf_Die child;
    if (dwarf_child(call, &child))
        return false;
    do {
        Dwarf_Attribute location;
        Dwarf_Op *ops;
        size_t count;
        const int tag = dwarf_tag(&child);
        if ((tag == DW_TAG_call_site_parameter || tag == DW_TAG_GNU_call_site_parameter) &&
            dwarf_attr(&child, DW_AT_location, &location) && !dwarf_getlocation(&location, &ops, &count) &&
            register_of(ops, count) == number)
            return either(&child, DW_AT_call_value, DW_AT_GNU_call_site_value, value);
    } while (!dwarf_siblingof(&child, &child));
    return false;
}

bool dwarf_entry_value(const struct dwarf_context *c, const Dwarf_Op *op, uint64_t *number)
{
    Dwarf_Attribute inner, value;
    Dwarf_Op *ops;
    size_t count;
    Dwarf_Die call;
    struct frame frame = *c->frame;
    struct dwarf_view caller;
    if (c->depth > DEPTH_MAX || !c->attribute || !c->function || dwarf_getlocation_attr(c->attribute, op, &inner) ||
        dwarf_getlocation(&inner, &ops, &count))
        return false;
    const int wanted = register_of(ops, count);
    frame.level = 0;
    if (wanted < 0 || !dw_unwind(c->space, &frame) || frame.outermost)
        return false;
    frame.pc = backtrace_strip(frame.pc);
    if (!dwarf_look_into(c->session, &frame, c->depth + 1, &caller))
        return false;
    bool found = false;
    for (unsigned i = caller.scopes.count; i-- > 0 && !found;)
        found = find_call(&caller.scopes.dies[i], frame.pc - caller.context.file->bias, &call);
    if (!found || !calls(&call, c->function) || !argument(&call, wanted, &value) ||
        dwarf_getlocation(&value, &ops, &count))
        return false;
    caller.context.attribute = &value;
    const struct dwarf_place place = dwarf_compute(&caller.context, ops, count);
    *number = place.number;
    if (place.kind == PLACE_REGISTER)
        return dwarf_register(&frame, (unsigned)place.number, number);
    return place.kind == PLACE_MEMORY || place.kind == PLACE_VALUE; /* a number on the stack is the value here */
}
