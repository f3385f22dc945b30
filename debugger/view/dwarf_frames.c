/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Call frame information, and the operations (DWARF 5, section 2.5) that it and locations are made of. */
#include <stdlib.h>
#include <string.h>
#include "debugger/view/dwarf_file.h"

#define STACK_MAX 64u
#define STEPS_MAX 10000u
#define REG_SP_NUMBER 31u
#define REG_V_NUMBER  64u

bool dwarf_register(const struct frame *frame, unsigned number, uint64_t *value)
{
    *value = number == REG_SP_NUMBER ? frame->sp : number < REG_SP_NUMBER ? frame->x[number] : 0;
    return number == REG_SP_NUMBER || (number < REG_SP_NUMBER && frame->known >> number & 1);
}

/* --- operations ------------------------------------------------------------------------------------ */

struct machine_stack {
    uint64_t numbers[STACK_MAX];
    unsigned depth;
};

static struct dwarf_place nothing(const char *why)
{
    return (struct dwarf_place){.kind = PLACE_NONE, .why = why};
}

/* Binary operators take two numbers; false: it is none. */
static bool binary(unsigned op, uint64_t a, uint64_t b, uint64_t *result)
{
    const int64_t x = (int64_t)a, y = (int64_t)b;
    switch (op) {
    case DW_OP_and: *result = a & b; return true;
    case DW_OP_or: *result = a | b; return true;
    case DW_OP_xor: *result = a ^ b; return true;
    case DW_OP_plus: *result = a + b; return true;
    case DW_OP_minus: *result = a - b; return true;
    case DW_OP_mul: *result = a * b; return true;
    case DW_OP_div: *result = !b ? 0 : y == -1 ? -a : (uint64_t)(x / y); return true;
    case DW_OP_mod: *result = b ? a % b : 0; return true;
    case DW_OP_shl: *result = b < 64 ? a << b : 0; return true;
    case DW_OP_shr: *result = b < 64 ? a >> b : 0; return true;
    case DW_OP_shra: *result = (uint64_t)(x >> (b < 63 ? b : 63)); return true;
    case DW_OP_eq: *result = a == b; return true;
    case DW_OP_ne: *result = a != b; return true;
    case DW_OP_lt: *result = x < y; return true;
    case DW_OP_le: *result = x <= y; return true;
    case DW_OP_gt: *result = x > y; return true;
    case DW_OP_ge: *result = x >= y; return true;
    default: return false;
    }
}

/* Operators on what is on the stack alone; false: it is none, or there is too little. */
static bool on_stack(struct machine_stack *stack, const Dwarf_Op *op)
{
    uint64_t *top = stack->numbers + stack->depth, result;
    const unsigned depth = stack->depth;
    if (depth >= 2 && binary(op->atom, top[-2], top[-1], &result)) {
        top[-2] = result;
        stack->depth--;
        return true;
    }
    switch (op->atom) {
    case DW_OP_nop: return true;
    case DW_OP_drop: stack->depth -= depth > 0; return depth > 0;
    case DW_OP_dup: *top = depth ? top[-1] : 0; stack->depth++; return depth > 0;
    case DW_OP_over: *top = depth >= 2 ? top[-2] : 0; stack->depth++; return depth >= 2;
    case DW_OP_pick:
        if (op->number >= depth)
            return false;
        *top = top[-1 - (int64_t)op->number];
        stack->depth++;
        return true;
    case DW_OP_swap:
        if (depth < 2)
            return false;
        result = top[-1], top[-1] = top[-2], top[-2] = result;
        return true;
    case DW_OP_rot:
        if (depth < 3)
            return false;
        result = top[-1], top[-1] = top[-2], top[-2] = top[-3], top[-3] = result;
        return true;
    case DW_OP_abs: if (depth && (int64_t)top[-1] < 0) top[-1] = -top[-1]; return depth > 0;
    case DW_OP_neg: if (depth) top[-1] = -top[-1]; return depth > 0;
    case DW_OP_not: if (depth) top[-1] = ~top[-1]; return depth > 0;
    case DW_OP_plus_uconst: if (depth) top[-1] += op->number; return depth > 0;
    default: return false;
    }
}

/* Operators that put a number there. */
static bool pushed(const struct dwarf_context *c, const Dwarf_Op *op, uint64_t *number)
{
    const unsigned atom = op->atom;
    if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) {
        *number = atom - DW_OP_lit0;
        return true;
    }
    if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) {
        if (!dwarf_register(c->frame, atom - DW_OP_breg0, number))
            return false;
        *number += op->number;
        return true;
    }
    switch (atom) {
    case DW_OP_addr: *number = op->number + c->file->bias; return true;
    case DW_OP_const1u: case DW_OP_const2u: case DW_OP_const4u: case DW_OP_const8u: case DW_OP_constu:
    case DW_OP_const1s: case DW_OP_const2s: case DW_OP_const4s: case DW_OP_const8s: case DW_OP_consts:
        *number = op->number; /* libdw has extended it */
        return true;
    case DW_OP_addrx: {
        Dwarf_Attribute at;
        Dwarf_Addr address;
        if (!c->attribute || dwarf_getlocation_attr(c->attribute, op, &at) || dwarf_formaddr(&at, &address))
            return false;
        *number = address + c->file->bias;
        return true;
    }
    case DW_OP_bregx:
        if (op->number > REG_SP_NUMBER || !dwarf_register(c->frame, (unsigned)op->number, number))
            return false;
        *number += op->number2;
        return true;
    case DW_OP_fbreg:
        if (!c->frame_base)
            return false;
        *number = *c->frame_base + op->number;
        return true;
    case DW_OP_call_frame_cfa:
        if (!c->cfa)
            return false;
        *number = *c->cfa;
        return true;
    case DW_OP_entry_value:
    case DW_OP_GNU_entry_value: return dwarf_entry_value(c, op, number);
    default: return false;
    }
}

static bool load(const struct dwarf_context *c, uint64_t *number, uint64_t bytes)
{
    uint64_t value = 0;
    if (!bytes || bytes > 8 || space_read(c->space, *number, &value, bytes) != bytes)
        return false;
    *number = value;
    return true;
}

/* Where a jump goes: the operation whose offset it names. */
static bool jump(const Dwarf_Op *ops, size_t count, size_t *at)
{
    const Dwarf_Op *op = &ops[*at];
    uint64_t to = op->offset + 3 + op->number;
    for (size_t i = 0; i < count; i++)
        if (ops[i].offset == to) {
            *at = i;
            return true;
        }
    return false;
}

struct dwarf_place dwarf_compute(const struct dwarf_context *c, const Dwarf_Op *ops, size_t count)
{
    struct machine_stack stack = {.depth = 0};
    unsigned steps = 0;
    if (!count)
        return nothing("optimized out");
    for (size_t i = 0; i < count; i++) {
        const Dwarf_Op *op = &ops[i];
        uint64_t number;
        if (++steps > STEPS_MAX || stack.depth + 1 >= STACK_MAX)
            return nothing("its location never ends");
        if ((op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) || op->atom == DW_OP_regx) {
            number = op->atom == DW_OP_regx ? op->number : op->atom - (Dwarf_Word)DW_OP_reg0;
            return i + 1 == count ? (struct dwarf_place){.kind = PLACE_REGISTER, .number = number}
                                  : nothing("it lies in several parts");
        }
        if (on_stack(&stack, op))
            continue;
        if (pushed(c, op, &number)) {
            stack.numbers[stack.depth++] = number;
            continue;
        }
        uint64_t *top = stack.depth ? &stack.numbers[stack.depth - 1] : NULL;
        switch (op->atom) {
        case DW_OP_deref:
        case DW_OP_deref_size:
            if (!top || !load(c, top, op->atom == DW_OP_deref ? 8 : (uint64_t)op->number))
                return nothing("its memory is not there");
            break;
        case DW_OP_bra:
            if (!top || !stack.numbers[--stack.depth])
                break;
            /* fall through */
        case DW_OP_skip:
            if (!jump(ops, count, &i))
                return nothing("its location jumps outside");
            i--;
            break;
        case DW_OP_stack_value:
            return top && i + 1 == count ? (struct dwarf_place){.kind = PLACE_VALUE, .number = *top}
                                         : nothing("it lies in several parts");
        case DW_OP_implicit_value: {
            Dwarf_Block block;
            struct dwarf_place place = {.kind = PLACE_VALUE};
            if (i + 1 != count || !c->attribute || dwarf_getlocation_implicit_value(c->attribute, op, &block))
                return nothing("its value is not known here");
            if (block.length > sizeof place.number)
                return (struct dwarf_place){.kind = PLACE_BYTES, .number = block.length, .bytes = block.data};
            memcpy(&place.number, block.data, block.length);
            return place;
        }
        case DW_OP_entry_value:
        case DW_OP_GNU_entry_value: return nothing("optimized out"); /* what the caller knows no more either */
        case DW_OP_implicit_pointer:
        case DW_OP_GNU_implicit_pointer: return (struct dwarf_place){.kind = PLACE_POINTER, .op = op};
        case DW_OP_form_tls_address:
        case DW_OP_GNU_push_tls_address: return nothing("it is a thread's own");
        default: return nothing("its location is not known here");
        }
    }
    return stack.depth ? (struct dwarf_place){.kind = PLACE_MEMORY, .number = stack.numbers[stack.depth - 1]}
                       : nothing("optimized out");
}

/* --- frames ---------------------------------------------------------------------------------------- */

/* Also the file that knows it. The caller frees what is returned. */
static Dwarf_Frame *find_frame(uint64_t pc, struct dwarf_file **of)
{
    Dwarf_Frame *frame = NULL;
    for (struct dwarf_file *file = dwarf_files(); file; file = file->next)
        for (unsigned i = 0; i < 2; i++)
            if (file->cfi[i] && !dwarf_cfi_addrframe(file->cfi[i], pc - file->bias, &frame)) {
                *of = file;
                return frame;
            }
    return NULL;
}

bool dw_knows_frame(uint64_t pc)
{
    struct dwarf_file *file;
    Dwarf_Frame *frame = find_frame(pc, &file);
    free(frame);
    return frame != NULL;
}

static bool cfa_of(Dwarf_Frame *found, const struct dwarf_context *context, uint64_t *cfa)
{
    Dwarf_Op *ops;
    size_t count;
    if (dwarf_frame_cfa(found, &ops, &count) || !count)
        return false;
    struct dwarf_place place = dwarf_compute(context, ops, count);
    *cfa = place.number;
    return place.kind == PLACE_MEMORY || place.kind == PLACE_VALUE;
}

bool dw_cfa(const struct space *space, const struct frame *frame, uint64_t *cfa)
{
    struct dwarf_context context = {.space = space, .frame = frame};
    Dwarf_Frame *found = find_frame(frame_code(frame), &context.file);
    bool good = found && cfa_of(found, &context, cfa);
    free(found);
    return good;
}

/* A register of the caller: what the frame leaves alone is as it was. False: it cannot be told. */
static bool caller_register(Dwarf_Frame *found, const struct dwarf_context *context, unsigned number, uint64_t *value,
                            bool *undefined)
{
    Dwarf_Op room[3], *ops;
    size_t count;
    *undefined = false;
    if (dwarf_frame_register(found, (int)number, room, &ops, &count))
        return false;
    if (!count) { /* undefined (and room), or the same as before (and NULL) */
        *undefined = ops != NULL;
        return !ops && dwarf_register(context->frame, number, value);
    }
    struct dwarf_place place = dwarf_compute(context, ops, count);
    *value = place.number;
    switch (place.kind) {
    case PLACE_MEMORY: return space_read_u64(context->space, place.number, value);
    case PLACE_REGISTER: return dwarf_register(context->frame, (unsigned)place.number, value);
    case PLACE_VALUE: return true;
    default: return false;
    }
}

bool dw_unwind(const struct space *space, struct frame *frame)
{
    uint64_t cfa;
    bool undefined;
    struct dwarf_context context = {.space = space, .frame = frame};
    Dwarf_Frame *found = find_frame(frame_code(frame), &context.file);
    if (!found)
        return false;
    bool good = cfa_of(found, &context, &cfa);
    context.cfa = &cfa;
    struct frame caller = {.is_return = true};
    for (unsigned i = 0; good && i < 31; i++)
        if (caller_register(found, &context, i, &caller.x[i], &undefined))
            caller.known |= 1u << i;
        else if (i == 30 && undefined)
            caller.outermost = true;
    free(found);
    if (!good || (!caller.outermost && !(caller.known >> 30 & 1)) ||
        (cfa == frame->sp && caller.x[30] == frame->pc))
        return false;
    /* What calls leave alone is the caller's own (AAPCS64): x19 to x29 and SP, and what the CFI has restored. */
    caller.known &= 0x7ff80000u;
    caller.sp = cfa;
    caller.pc = caller.outermost ? 0 : caller.x[30];
    *frame = caller;
    return true;
}
