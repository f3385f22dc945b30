/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structures as an earlier version wrote them: fields that have another name now, that are no more, that came later,
 * that became wider. The rows of snapshot/history.c are replaced by these. */
#include "tests/unit/unit.h"
#include <string.h>
#include "snapshot/codec.h"

const struct codec_history codec_history[] = {
    {"thing", "speed", "rate"},
    {"thing", "colour", NULL},
    {"thing", "parts", NULL},
    {"other", "count", NULL}, /* of another structure: says nothing of this one */
    {NULL, NULL, NULL},
};

struct part {
    uint32_t weight;
    uint8_t marks[3];
};

static const struct field part_list[] = {
    FIELD(struct part, weight),
    FIELD_ARRAY(struct part, marks),
    FIELDS_END,
};
static const struct fields part_fields = {"part", sizeof(struct part), part_list};

/* As it was. */
struct before {
    uint32_t count;
    uint16_t speed[2];
    uint64_t colour;
    struct part parts[3];
    bool on;
};

static const struct field before_list[] = {
    FIELD(struct before, count),
    FIELD_ARRAY(struct before, speed),
    FIELD(struct before, colour),
    FIELD_STRUCT_ARRAY(struct before, parts, &part_fields),
    FIELD(struct before, on),
    FIELDS_END,
};
static const struct fields before_fields = {"thing", sizeof(struct before), before_list};

/* As it is: in another order, `rate` wider and with an element more, `depth` new. */
struct now {
    bool on;
    uint32_t rate[3];
    uint64_t depth;
    uint32_t count;
};

static const struct field now_list[] = {
    FIELD(struct now, on),
    FIELD_ARRAY(struct now, rate),
    FIELD(struct now, depth),
    FIELD(struct now, count),
    FIELDS_END,
};
static const struct fields now_fields = {"thing", sizeof(struct now), now_list};

static struct error error;

static bool read_as_now(const struct fields *written, const void *object, struct now *now)
{
    struct bytes bytes = {0};
    codec_put(&bytes, written, object);
    struct reader reader = {bytes.at, bytes.length, false};
    bool good = codec_get(&reader, &now_fields, now, "test", &error);
    if (good)
        assert_int_equal(reader.left, 0); /* what is no more was passed over as long as it was */
    bytes_free(&bytes);
    return good;
}

static void an_old_structure_is_read(void **state)
{
    struct before before = {.count = 5, .speed = {60000, 2}, .colour = 0x123456789, .on = true};
    memset(before.parts, 0x5a, sizeof before.parts);
    struct now now = {.rate = {1, 1, 77}, .depth = 99, .count = 1};
    if (!read_as_now(&before_fields, &before, &now))
        fail_msg("%s", error.text);
    assert_int_equal(now.count, 5);
    assert_int_equal(now.rate[0], 60000);
    assert_int_equal(now.rate[1], 2);
    assert_int_equal(now.rate[2], 77); /* what the bytes lack stays */
    assert_int_equal(now.depth, 99);
    assert_true(now.on);
}

/* A name that is in no list and has no row is an error: something would be lost. */
static void what_nobody_knows_is_refused(void **state)
{
    struct before before = {.count = 5};
    struct field list[] = {FIELD(struct before, count), FIELD(struct before, colour), FIELDS_END};
    const struct fields fields = {"thing", sizeof before, list};
    struct now now = {0};
    list[1].name = "flavour";
    assert_false(read_as_now(&fields, &before, &now));
    assert_non_null(strstr(error.text, "flavour"));
    list[1].name = "colour";
    assert_true(read_as_now(&fields, &before, &now));
    /* "speed" is a field of this structure alone. */
    const struct fields elsewhere = {"elsewhere", sizeof before, list};
    assert_false(read_as_now(&elsewhere, &before, &now));
}

/* A renamed field that does not fit is an error as any other. */
static void a_renamed_field_is_checked(void **state)
{
    struct before before = {.parts = {{.weight = 1}}};
    struct field list[] = {FIELD_STRUCT_ARRAY(struct before, parts, &part_fields), FIELDS_END};
    const struct fields fields = {"thing", sizeof before, list};
    struct now now = {0};
    list[0].name = "speed";
    assert_false(read_as_now(&fields, &before, &now));
    assert_non_null(strstr(error.text, "speed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_structure_is_read),
        cmocka_unit_test(what_nobody_knows_is_refused),
        cmocka_unit_test(a_renamed_field_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
