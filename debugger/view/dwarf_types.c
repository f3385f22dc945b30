/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Types from DWARF. At first only names are taken, each with an empty type; a type is read when it is asked for, with
 * all that it is made of. A kernel has some hundred thousand of them, in each unit again: of those of one name the
 * first is taken. */
#include <stdlib.h>
#include <string.h>
#include "debugger/view/dwarf_file.h"

#define SMALLEST_MAP   1024u
#define DIMENSIONS_MAX 16u
#define BITS_MAX       64u

/* A type as it was found. `type` is first, so that one leads to the other. */
struct entry {
    struct type type;
    Dwarf_Die die;
    struct entry *next; /* of those that wait */
    bool asked_for;
};

struct dwarf_types {
    struct types *set;
    struct entry **map; /* by the DIE's address in memory: open addressing */
    size_t map_size, count;
    struct entry *waiting, *made;
};

static const struct type void_type = {.kind = TYPE_VOID, .name = "void"};

/* --- entries --------------------------------------------------------------------------------------- */

static size_t slot_of(const struct dwarf_types *types, const void *address)
{
    return ((uintptr_t)address * 0x9e3779b97f4a7c15ull >> 20) & (types->map_size - 1);
}

static bool grow(struct dwarf_types *types)
{
    struct dwarf_types larger = *types;
    larger.map_size = types->map_size ? types->map_size * 2 : SMALLEST_MAP;
    larger.map = calloc(larger.map_size, sizeof *larger.map);
    if (!larger.map)
        return false;
    for (size_t i = 0; i < types->map_size; i++)
        if (types->map[i]) {
            size_t slot = slot_of(&larger, types->map[i]->die.addr);
            while (larger.map[slot])
                slot = (slot + 1) & (larger.map_size - 1);
            larger.map[slot] = types->map[i];
        }
    free(types->map);
    *types = larger;
    return true;
}

static enum type_kind kind_of(Dwarf_Die *die)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_base_type: {
        Dwarf_Attribute attribute;
        Dwarf_Word encoding;
        bool floats = dwarf_attr(die, DW_AT_encoding, &attribute) && !dwarf_formudata(&attribute, &encoding) &&
                      (encoding == DW_ATE_float || encoding == DW_ATE_complex_float);
        return floats ? TYPE_FLOAT : TYPE_INT;
    }
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
    case DW_TAG_ptr_to_member_type: return TYPE_POINTER;
    case DW_TAG_array_type: return TYPE_ARRAY;
    case DW_TAG_structure_type:
    case DW_TAG_class_type: return dwarf_hasattr(die, DW_AT_declaration) ? TYPE_FORWARD : TYPE_STRUCT;
    case DW_TAG_union_type: return dwarf_hasattr(die, DW_AT_declaration) ? TYPE_FORWARD : TYPE_UNION;
    case DW_TAG_enumeration_type: return TYPE_ENUM;
    case DW_TAG_subroutine_type: return TYPE_FUNCTION;
    case DW_TAG_typedef:
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type: return TYPE_ALIAS;
    default: return TYPE_VOID;
    }
}

/* The entry of a DIE, empty but for its kind and name. NULL: no memory. */
static struct entry *entry_of(struct dwarf_types *types, Dwarf_Die *die)
{
    if (types->count * 2 >= types->map_size && !grow(types))
        return NULL;
    size_t slot = slot_of(types, die->addr);
    for (; types->map[slot]; slot = (slot + 1) & (types->map_size - 1))
        if (types->map[slot]->die.addr == die->addr)
            return types->map[slot];
    struct entry *entry = types_room(types->set, 1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->die = *die;
    entry->type.kind = kind_of(die);
    entry->type.name = dwarf_diename(die);
    entry->type.is_typedef = dwarf_tag(die) == DW_TAG_typedef;
    types->map[slot] = entry;
    types->count++;
    return entry;
}

/* The same, to be read with what is asked for now. */
static const struct type *ask(struct dwarf_types *types, Dwarf_Die *die)
{
    struct entry *entry = entry_of(types, die);
    if (!entry)
        return &void_type;
    if (!entry->asked_for) {
        entry->asked_for = true;
        entry->next = types->waiting;
        types->waiting = entry;
    }
    return &entry->type;
}

static bool type_die(Dwarf_Die *die, Dwarf_Die *type)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, DW_AT_type, &attribute) && dwarf_formref_die(&attribute, type);
}

static const struct type *target_of(struct dwarf_types *types, Dwarf_Die *die)
{
    Dwarf_Die type;
    return type_die(die, &type) ? ask(types, &type) : &void_type;
}

static bool number_of(Dwarf_Die *die, unsigned name, uint64_t *number)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value))
        return false;
    *number = value;
    return true;
}

/* --- each kind ------------------------------------------------------------------------------------- */

static void read_base(struct type *type, Dwarf_Die *die)
{
    uint64_t encoding = 0;
    number_of(die, DW_AT_encoding, &encoding);
    type->size = type->size <= 16 ? type->size : 16;
    type->is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
    type->is_bool = encoding == DW_ATE_boolean;
    type->is_char = type->size == 1 && (encoding == DW_ATE_signed_char || encoding == DW_ATE_unsigned_char);
}

static unsigned count_children(Dwarf_Die *die, bool (*fits)(Dwarf_Die *child))
{
    Dwarf_Die child;
    unsigned count = 0;
    if (!dwarf_child(die, &child))
        do
            count += fits(&child);
        while (!dwarf_siblingof(&child, &child));
    return count;
}

static bool is_member(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return (tag == DW_TAG_member && !dwarf_hasattr(die, DW_AT_external)) || tag == DW_TAG_inheritance;
}

/* DWARF 2 and 3 count a bit field's place from the other end of what it lies in. */
static uint64_t place_of_bits(Dwarf_Die *die, const struct type *type, uint64_t bytes_at, uint64_t bits)
{
    uint64_t at, container = type_strip(type)->size;
    if (number_of(die, DW_AT_data_bit_offset, &at))
        return at;
    if (!number_of(die, DW_AT_bit_offset, &at))
        return bytes_at * 8;
    number_of(die, DW_AT_byte_size, &container);
    return bytes_at * 8 + container * 8 - at - bits;
}

static void read_members(struct dwarf_types *types, struct type *type, Dwarf_Die *die)
{
    unsigned count = count_children(die, is_member);
    struct member *members = types_room(types->set, count, sizeof *members);
    Dwarf_Die child;
    type->members = members;
    if (!members || !count || dwarf_child(die, &child))
        return;
    do {
        uint64_t at = 0, bits = 0;
        const char *name = dwarf_diename(&child);
        if (!is_member(&child))
            continue;
        struct member *member = &members[type->count++];
        member->type = target_of(types, &child);
        member->name = name && dwarf_tag(&child) == DW_TAG_member ? name : "";
        number_of(&child, DW_AT_data_member_location, &at);
        member->bit_offset = at * 8;
        if (number_of(&child, DW_AT_bit_size, &bits) && bits && bits <= BITS_MAX) {
            member->bits = (uint32_t)bits;
            member->bit_offset = place_of_bits(&child, member->type, at, bits);
        }
    } while (!dwarf_siblingof(&child, &child) && type->count < count);
}

static bool is_enumerator(Dwarf_Die *die)
{
    return dwarf_tag(die) == DW_TAG_enumerator;
}

static bool is_signed_die(Dwarf_Die *die)
{
    Dwarf_Die underlying;
    uint64_t encoding = DW_ATE_signed;
    if (number_of(die, DW_AT_encoding, &encoding) || !type_die(die, &underlying))
        return encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
    Dwarf_Die plain;
    if (!dwarf_peel_type(&underlying, &plain))
        number_of(&plain, DW_AT_encoding, &encoding);
    return encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
}

static void read_enumerators(struct dwarf_types *types, struct type *type, Dwarf_Die *die)
{
    unsigned count = count_children(die, is_enumerator);
    struct enumerator *list = types_room(types->set, count, sizeof *list);
    Dwarf_Die child;
    type->size = type->size <= 8 ? type->size : 8;
    type->is_signed = is_signed_die(die);
    type->enumerators = list;
    if (!list || !count || dwarf_child(die, &child))
        return;
    do {
        Dwarf_Attribute attribute;
        Dwarf_Sword value = 0;
        Dwarf_Word plain = 0;
        const char *name = dwarf_diename(&child);
        if (!is_enumerator(&child) || !name || !dwarf_attr(&child, DW_AT_const_value, &attribute))
            continue;
        if (type->is_signed)
            dwarf_formsdata(&attribute, &value);
        else if (!dwarf_formudata(&attribute, &plain))
            value = (Dwarf_Sword)plain;
        list[type->count++] = (struct enumerator){name, value};
    } while (!dwarf_siblingof(&child, &child) && type->count < count);
}

/* An array of several dimensions is one of arrays. */
static void read_array(struct dwarf_types *types, struct type *type, Dwarf_Die *die)
{
    uint32_t counts[DIMENSIONS_MAX];
    unsigned dimensions = 0;
    Dwarf_Die child;
    if (!dwarf_child(die, &child))
        do {
            uint64_t count = 0;
            if (dwarf_tag(&child) != DW_TAG_subrange_type || dimensions == DIMENSIONS_MAX)
                continue;
            if (!number_of(&child, DW_AT_count, &count) && number_of(&child, DW_AT_upper_bound, &count))
                count++;
            counts[dimensions++] = count <= UINT32_MAX ? (uint32_t)count : 0;
        } while (!dwarf_siblingof(&child, &child));
    const struct type *element = target_of(types, die);
    while (dimensions > 1) {
        struct entry *row = types_room(types->set, 1, sizeof *row);
        if (!row)
            break;
        row->type = (struct type){.kind = TYPE_ARRAY, .target = element, .count = counts[--dimensions]};
        row->next = types->made;
        types->made = row;
        element = &row->type;
    }
    type->target = element;
    type->count = dimensions ? counts[0] : 0;
}

static void read_type(struct dwarf_types *types, struct entry *entry)
{
    static const char *const qualifiers[] = {"const", "volatile", "restrict", "_Atomic"};
    struct type *type = &entry->type;
    Dwarf_Die *die = &entry->die;
    uint64_t size = 0;
    number_of(die, DW_AT_byte_size, &size);
    type->size = size;
    switch (type->kind) {
    case TYPE_INT:
    case TYPE_FLOAT: read_base(type, die); break;
    case TYPE_POINTER:
        type->size = 8;
        type->target = target_of(types, die);
        break;
    case TYPE_ARRAY: read_array(types, type, die); break;
    case TYPE_STRUCT:
    case TYPE_UNION: read_members(types, type, die); break;
    case TYPE_ENUM: read_enumerators(types, type, die); break;
    case TYPE_ALIAS:
        type->target = target_of(types, die);
        if (!type->is_typedef)
            type->name = qualifiers[dwarf_tag(die) == DW_TAG_const_type      ? 0
                                    : dwarf_tag(die) == DW_TAG_volatile_type ? 1
                                    : dwarf_tag(die) == DW_TAG_restrict_type ? 2
                                                                             : 3];
        break;
    default: break;
    }
    if (type->kind == TYPE_ALIAS || type->kind == TYPE_ARRAY) {
        entry->next = types->made;
        types->made = entry;
    }
}

/* Reads what waits, and what that is made of. */
static void read_waiting(struct dwarf_types *types)
{
    while (types->waiting) {
        struct entry *entry = types->waiting;
        types->waiting = entry->next;
        read_type(types, entry);
    }
    for (; types->made; types->made = types->made->next)
        types->made->type.size = types_size_of(&types->made->type);
}

/* --- names ----------------------------------------------------------------------------------------- */

static bool is_named_type(int tag)
{
    return tag == DW_TAG_base_type || tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
           tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type || tag == DW_TAG_typedef;
}

static bool is_variable(Dwarf_Die *die)
{
    return dwarf_tag(die) == DW_TAG_variable &&
           (dwarf_hasattr(die, DW_AT_location) || dwarf_hasattr(die, DW_AT_specification));
}

static void name_one(struct dwarf_types *types, Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    Dwarf_Die of;
    struct entry *entry;
    if (!name || !*name)
        return;
    if (is_variable(die)) {
        if (type_die(die, &of) && (entry = entry_of(types, &of)))
            types_put_variable(types->set, name, &entry->type);
        return;
    }
    enum type_kind kind = kind_of(die);
    bool plain = kind == TYPE_INT || kind == TYPE_FLOAT || kind == TYPE_ALIAS;
    if (kind == TYPE_FORWARD || types_find(types->set, plain ? TYPE_ALIAS : kind, name))
        return;
    if ((entry = entry_of(types, die)))
        types_put(types->set, name, &entry->type);
}

static void name_all(struct dwarf_file *file)
{
    Dwarf_CU *at = NULL;
    Dwarf_Die unit, child;
    while (!dwarf_get_units(file->dwarf, at, &at, NULL, NULL, &unit, NULL)) {
        if (dwarf_child(&unit, &child))
            continue;
        do
            if (is_named_type(dwarf_tag(&child)) || dwarf_tag(&child) == DW_TAG_variable)
                name_one(file->types, &child);
        while (!dwarf_siblingof(&child, &child));
    }
}

/* --- entry points ---------------------------------------------------------------------------------- */

static void complete(void *context, const struct type *type)
{
    struct dwarf_types *types = context;
    struct entry *entry = (struct entry *)type; /* all types of the set are in one */
    ask(types, &entry->die);
    read_waiting(types);
}

static void free_types(void *context)
{
    struct dwarf_types *types = context;
    free(types->map);
    free(types);
}

struct types *dwarf_types_create(struct dwarf_file *file)
{
    struct dwarf_types *types = calloc(1, sizeof *types);
    if (!types || !(types->set = types_create())) {
        free(types);
        return NULL;
    }
    file->types = types;
    name_all(file);
    types_completed_by(types->set, complete, types, free_types);
    return types->set;
}

const struct type *dwarf_type_of(struct dwarf_file *file, Dwarf_Die *die)
{
    if (!file->types)
        return &void_type;
    const struct type *type = target_of(file->types, die);
    read_waiting(file->types);
    return type;
}
