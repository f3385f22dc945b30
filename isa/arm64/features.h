/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The architecture's optional features and which of them a CPU has. */
#ifndef ARMATURE_FEATURES_H
#define ARMATURE_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

enum feature {
#define FEATURE(name, id_register, lowest_bit, value, from) FEAT_##name,
#include "isa/arm64/features.def"
#undef FEATURE
    FEAT_COUNT
};

/** The CPU models of --cpu, each a superset of the one before. */
enum cpu_model { CPU_V8_0, CPU_V8_2, CPU_MAX, CPU_NEVER };

struct features {
    enum cpu_model model;
    uint64_t present; /* bit FEAT_x */
};

static inline bool has_feature(const struct features *features, enum feature feature)
{
    return features->present >> feature & 1;
}

/** The features that `model` has, by features.def. */
struct features features_of(enum cpu_model model);

/** The same with EL2, and VHE where the model is new enough for it. */
struct features features_with_el2(enum cpu_model model);

#endif
