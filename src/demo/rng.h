/* Counter-based random numbers: a generator is made from (seed, patient, stream, index), so any
 * part of a life can be derived again without the parts before it. splitmix64 (Steele, Lea, Flood,
 * "Fast splittable pseudorandom number generators", 2014). Integers only: no libm, so the bytes are
 * the same on every machine. */
#ifndef MARROW_DEMO_RNG_H
#define MARROW_DEMO_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline struct rng rng_make(uint64_t seed, uint64_t patient, uint32_t stream, uint32_t index)
{
    uint64_t z = rng_mix(seed + UINT64_C(0x9E3779B97F4A7C15));
    z = rng_mix(z ^ (patient * UINT64_C(0xD1B54A32D192ED03)));
    z = rng_mix(z ^ (((uint64_t)stream << 32) | index));
    return (struct rng){z};
}

static inline uint64_t rng_next(struct rng *rng)
{
    rng->state += UINT64_C(0x9E3779B97F4A7C15);
    return rng_mix(rng->state);
}

/* 0 … n-1; n in 1 … 2^31. */
static inline int64_t rng_below(struct rng *rng, int64_t n)
{
    return (int64_t)(((rng_next(rng) >> 32) * (uint64_t)n) >> 32);
}

/* low … high, both included. */
static inline int64_t rng_between(struct rng *rng, int64_t low, int64_t high)
{
    return low >= high ? low : low + rng_below(rng, high - low + 1);
}

/* True in permyriad of 10,000 cases. */
static inline bool rng_chance(struct rng *rng, int64_t permyriad)
{
    return rng_below(rng, 10000) < permyriad;
}

/* Standard normal × 1000: the sum of four 16-bit uniforms of one draw (sd 37837), within ±3.46 sd.
 */
static inline int64_t rng_normal_milli(struct rng *rng)
{
    uint64_t z = rng_next(rng);
    int64_t sum = (int64_t)((z & 0xFFFF) + ((z >> 16) & 0xFFFF) + ((z >> 32) & 0xFFFF) + (z >> 48));
    return (sum - 131070) * 1000 / 37837;
}

/* Exponential with mean 1000: -ln(u), log2 piecewise linear between powers of two. */
static inline int64_t rng_exponential_milli(struct rng *rng)
{
    uint64_t u = (rng_next(rng) >> 12) | 1; /* 52 bits */
    int top = 63 - __builtin_clzll(u);
    int64_t fraction = (int64_t)(((u << (63 - top)) & ~(UINT64_C(1) << 63)) >> 43); /* 20 bits */
    int64_t minus_log2 = ((int64_t)(52 - top) << 20) - fraction;
    return (minus_log2 * 693) >> 20;
}

/* value × e^(x/1000), by (1 + x/8000)^8 in fixed point; x within ±6000, value within ±2^31. */
static inline int64_t rng_scale_exp(int64_t value, int64_t x_milli)
{
    int64_t x = x_milli < -6000 ? -6000 : x_milli > 6000 ? 6000 : x_milli;
    int64_t f = ((8000 + x) << 20) / 8000;
    f = (f * f) >> 20;
    f = (f * f) >> 20;
    f = (f * f) >> 20;
    return (value * f) >> 20;
}

#endif
