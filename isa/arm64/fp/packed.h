/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole vectors through the host's arithmetic: the idea of fast.h for all lanes in one operation. It holds
 * only where IXC is set already, which after a program's first inexact result it is; the caller does the rest
 * lane by lane. */
#ifndef ARMATURE_FP_PACKED_H
#define ARMATURE_FP_PACKED_H

#include <emmintrin.h>
#include "isa/arm64/fp/fast.h"

enum fp_packed_operation { PACKED_ADD, PACKED_SUB, PACKED_MUL, PACKED_DIV, PACKED_MULADD };

static inline __m128 fp_host_packed_fma_single(__m128 a, __m128 b, __m128 c)
{
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
    return c;
}

static inline __m128d fp_host_packed_fma(__m128d a, __m128d b, __m128d c)
{
    __asm__("vfmadd231pd %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
    return c;
}

/** One bit for each lane whose result can be taken: finite for sums; else above the smallest normal number,
 * or without a product at all because a factor is zero. */
static inline int fp_packed_good_single(enum fp_packed_operation operation, __m128 a, __m128 b, __m128 result)
{
    __m128 magnitude = _mm_andnot_ps(_mm_set1_ps(-0.0f), result), zero = _mm_setzero_ps();
    __m128 finite = _mm_cmplt_ps(magnitude, _mm_set1_ps(__builtin_huge_valf()));

    if (operation == PACKED_ADD || operation == PACKED_SUB)
        return _mm_movemask_ps(finite);
    __m128 exact = _mm_cmpgt_ps(magnitude, _mm_set1_ps(0x1p-126f));
    if (operation == PACKED_MUL || operation == PACKED_MULADD)
        exact = _mm_or_ps(exact, _mm_or_ps(_mm_cmpeq_ps(a, zero), _mm_cmpeq_ps(b, zero)));
    return _mm_movemask_ps(_mm_and_ps(finite, exact));
}

static inline int fp_packed_good(enum fp_packed_operation operation, __m128d a, __m128d b, __m128d result)
{
    __m128d magnitude = _mm_andnot_pd(_mm_set1_pd(-0.0), result), zero = _mm_setzero_pd();
    __m128d finite = _mm_cmplt_pd(magnitude, _mm_set1_pd(__builtin_huge_val()));

    if (operation == PACKED_ADD || operation == PACKED_SUB)
        return _mm_movemask_pd(finite);
    __m128d exact = _mm_cmpgt_pd(magnitude, _mm_set1_pd(0x1p-1022));
    if (operation == PACKED_MUL || operation == PACKED_MULADD)
        exact = _mm_or_pd(exact, _mm_or_pd(_mm_cmpeq_pd(a, zero), _mm_cmpeq_pd(b, zero)));
    return _mm_movemask_pd(_mm_and_pd(finite, exact));
}

/** The value of a register, of one element in every lane, and with signs changed. By value, in a host
 * register: memory written in halves and read whole at once is slow. */
static inline __m128i fp_packed_load(const void *vector)
{
    return _mm_loadu_si128(vector);
}

static inline __m128i fp_packed_splat(enum fp_size size, uint64_t element)
{
    return size == FP_DOUBLE ? _mm_set1_epi64x((long long)element) : _mm_set1_epi32((int)element);
}

static inline __m128i fp_packed_negate(enum fp_size size, __m128i a)
{
    return _mm_xor_si128(a, fp_packed_splat(size, size == FP_DOUBLE ? 1ull << 63 : 1u << 31));
}

/** a op b, or addend + a * b, in the lower half (`whole`: all) of 128 bits, into the 16 bytes of `result`;
 * the upper half is cleared where not `whole`. False: nothing done. */
static inline __attribute__((always_inline)) bool fp_packed(enum fp_packed_operation operation,
                                                            enum fp_size size, bool whole, __m128i a,
                                                            __m128i b, __m128i addend, void *result,
                                                            const struct fp_state *fp)
{
    if (size == FP_HALF || !fp_is_plain(fp) || fp_wants_inexact(fp))
        return false;
    if (operation == PACKED_MULADD && !fp_host_has_fma())
        return false;
    __m128i raw;
    if (size == FP_SINGLE) {
        __m128 x = _mm_castsi128_ps(a), y = _mm_castsi128_ps(b), r;
        switch (operation) {
        case PACKED_ADD: r = _mm_add_ps(x, y); break;
        case PACKED_SUB: r = _mm_sub_ps(x, y); break;
        case PACKED_MUL: r = _mm_mul_ps(x, y); break;
        case PACKED_DIV: r = _mm_div_ps(x, y); break;
        default: r = fp_host_packed_fma_single(x, y, _mm_castsi128_ps(addend)); break;
        }
        int needed = whole ? 15 : 3;
        if (__builtin_expect((fp_packed_good_single(operation, x, y, r) & needed) != needed, 0))
            return false;
        raw = _mm_castps_si128(r);
    } else {
        __m128d x = _mm_castsi128_pd(a), y = _mm_castsi128_pd(b), r;
        switch (operation) {
        case PACKED_ADD: r = _mm_add_pd(x, y); break;
        case PACKED_SUB: r = _mm_sub_pd(x, y); break;
        case PACKED_MUL: r = _mm_mul_pd(x, y); break;
        case PACKED_DIV: r = _mm_div_pd(x, y); break;
        default: r = fp_host_packed_fma(x, y, _mm_castsi128_pd(addend)); break;
        }
        if (__builtin_expect(fp_packed_good(operation, x, y, r) != 3, 0))
            return false;
        raw = _mm_castpd_si128(r);
    }
    _mm_storeu_si128(result, whole ? raw : _mm_move_epi64(raw));
    return true;
}

#endif
