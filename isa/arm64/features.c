/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which features a CPU model has. */
#include "isa/arm64/features.h"

struct features features_of(enum cpu_model model)
{
    struct features features = {.model = model};
#define V8_0  CPU_V8_0
#define V8_2  CPU_V8_2
#define MAX   CPU_MAX
#define NEVER CPU_NEVER
#define FEATURE(name, id_register, lowest_bit, value, from)                                                  \
    if (model >= from && from != CPU_NEVER)                                                                  \
        features.present |= 1ull << FEAT_##name;
#include "isa/arm64/features.def"
#undef FEATURE
    return features;
}

struct features features_with_el2(enum cpu_model model)
{
    struct features features = features_of(model);
    features.present |= 1ull << FEAT_EL2;
    if (model >= CPU_V8_2)
        features.present |= 1ull << FEAT_VHE;
    if (model >= CPU_MAX)
        features.present |= 1ull << FEAT_S2FWB;
    return features;
}
