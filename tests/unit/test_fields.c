/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state hash: every saved field counts, nothing else does. */
#include "tests/unit/unit.h"
#include "machine/contract/error.h"
#include "machine/contract/fields.h"

struct inner {
    uint16_t number;
    bool flag;
};

struct outer {
    uint64_t word;
    uint32_t array[3];
    uint8_t raw[5];
    struct inner one, many[2];
    uint8_t *buffer;
    size_t buffer_length;
    void *host;
};

static const struct field inner_list[] = {FIELD(struct inner, number), FIELD(struct inner, flag), FIELDS_END};
static const struct fields inner_fields = {"inner", sizeof(struct inner), inner_list};
static const struct field outer_list[] = {
    FIELD(struct outer, word),
    FIELD_ARRAY(struct outer, array),
    FIELD_BYTES(struct outer, raw),
    FIELD_STRUCT(struct outer, one, &inner_fields),
    FIELD_STRUCT_ARRAY(struct outer, many, &inner_fields),
    FIELD_BUFFER(struct outer, buffer, buffer_length),
    FIELD_HOST(struct outer, host),
    FIELDS_END,
};
static const struct fields outer_fields = {"outer", sizeof(struct outer), outer_list};

static uint64_t hash(const struct outer *outer)
{
    return fields_hash(&outer_fields, outer, FIELDS_HASH_SEED);
}

static void every_saved_field_counts(void **state)
{
    uint8_t bytes[3] = {1, 2, 3};
    struct outer zero = {.buffer = bytes, .buffer_length = 3};
    struct outer changed[] = {zero, zero, zero, zero, zero, zero};
    changed[0].word = 1ull << 63;
    changed[1].array[2] = 1;
    changed[2].raw[4] = 1;
    changed[3].one.flag = true;
    changed[4].many[1].number = 0x100;
    changed[5].buffer_length = 2;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_not_equal(hash(&changed[i]), hash(&zero));
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(hash(&changed[i]), hash(&changed[j]));
    }
    uint64_t before = hash(&zero);
    bytes[1] = 9;
    assert_int_not_equal(hash(&zero), before);
}

static void host_members_do_not_count(void **state)
{
    struct outer a = {.word = 5}, b = {.word = 5, .host = &a};
    assert_int_equal(hash(&a), hash(&b));
}

static void an_empty_buffer_may_be_null(void **state)
{
    uint8_t byte = 0;
    struct outer a = {0}, b = {.buffer = &byte};
    assert_int_equal(hash(&a), hash(&b));
}

/* What can be copied has no buffers. */
struct plain {
    uint32_t array[3];
    struct inner many[2];
    uint8_t vectors[32];
    void *host;
};

static const struct field plain_list[] = {
    FIELD_ARRAY(struct plain, array),
    FIELD_STRUCT_ARRAY(struct plain, many, &inner_fields),
    FIELD_BYTES(struct plain, vectors),
    FIELD_HOST(struct plain, host),
    FIELDS_END,
};
static const struct fields plain_fields = {"plain", sizeof(struct plain), plain_list};

static void a_copy_is_equal(void **state)
{
    struct plain from = {.array = {1, 2, 3}, .many = {{4, true}, {5, false}}, .vectors = {[31] = 6}, .host = &from};
    struct plain to = {.array = {9}, .host = &to};
    assert_false(fields_equal(&plain_fields, &from, &to));
    fields_copy(&plain_fields, &to, &from);
    assert_true(fields_equal(&plain_fields, &from, &to));
    assert_ptr_equal(to.host, &to);
    to.many[1].flag = true;
    assert_false(fields_equal(&plain_fields, &from, &to));
}

static void differences_are_printed(void **state)
{
    const struct plain a = {.array = {1, 2, 3}};
    const struct plain b = {.array = {1, 0x20, 3}, .many = {[1] = {7, false}}, .vectors = {[16] = 8}};
    char text[1000] = "";
    FILE *to = fmemopen(text, sizeof text, "w");
    assert_non_null(to);
    fields_print_difference(to, "  ", &plain_fields, &a, &b);
    fclose(to);
    assert_string_equal(text, "  array[1]             00000002  00000020\n"
                              "  many[1].number       0000  0007\n"
                              "  vectors[1]           00000000000000000000000000000000  "
                              "00000000000000000000000000000008\n");
}

static void errors_carry_their_words(void **state)
{
    struct error error;
    assert_false(error_set(&error, "disk %s: %d", "a.img", 7));
    assert_string_equal(error.text, "disk a.img: 7");
    assert_false(error_set(NULL, "nobody listens"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_saved_field_counts),
        cmocka_unit_test(host_members_do_not_count),
        cmocka_unit_test(an_empty_buffer_may_be_null),
        cmocka_unit_test(a_copy_is_equal),
        cmocka_unit_test(differences_are_printed),
        cmocka_unit_test(errors_carry_their_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
