/* Flat bits, many words at a time: met, joined, counted. What a set costs is mostly this, so there
 * is a second form of each for processors with AVX2, chosen when it runs; both say the same
 * (tests/cohort/test_index.c).
 *
 * bytes: words of the mapped file, aligned to nothing. flip: all ones for the complement, else 0. */
#include "cohort/index_priv.h"

#include <string.h>

static uint64_t word_at(const unsigned char *bytes, size_t word)
{
    uint64_t ret;
    memcpy(&ret, bytes + 8 * word, 8);
    return ret;
}

static int64_t meet_plain(uint64_t *restrict words, const unsigned char *restrict bytes,
                          size_t count, uint64_t flip)
{
    int64_t left = 0;
    for (size_t i = 0; i < count; i++) {
        words[i] &= word_at(bytes, i) ^ flip;
        left += __builtin_popcountll(words[i]);
    }
    return left;
}

static void join_plain(uint64_t *restrict words, const unsigned char *restrict bytes, size_t count,
                       uint64_t flip)
{
    for (size_t i = 0; i < count; i++)
        words[i] |= word_at(bytes, i) ^ flip;
}

static int64_t count_plain(const unsigned char *bytes, size_t count)
{
    int64_t ret = 0;
    for (size_t i = 0; i < count; i++)
        ret += __builtin_popcountll(word_at(bytes, i));
    return ret;
}

static const struct index_word_functions plain = {meet_plain, join_plain, count_plain};

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,popcnt")))
#define VECTOR_WORDS 4

/* Four sums of the set bits of a vector: looked up by halves of bytes. */
AVX2 static inline __m256i vector_bits(__m256i vector)
{
    const __m256i of_half = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1,
                                             1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i half = _mm256_set1_epi8(15);
    __m256i low = _mm256_and_si256(vector, half);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(vector, 4), half);
    __m256i bytes =
        _mm256_add_epi8(_mm256_shuffle_epi8(of_half, low), _mm256_shuffle_epi8(of_half, high));
    return _mm256_sad_epu8(bytes, _mm256_setzero_si256());
}

AVX2 static inline int64_t vector_sum(__m256i vector)
{
    return _mm256_extract_epi64(vector, 0) + _mm256_extract_epi64(vector, 1) +
           _mm256_extract_epi64(vector, 2) + _mm256_extract_epi64(vector, 3);
}

AVX2 static inline __m256i vector_at(const void *bytes, size_t word)
{
    return _mm256_loadu_si256((const void *)((const char *)bytes + 8 * word));
}

AVX2 static int64_t meet_avx2(uint64_t *restrict words, const unsigned char *restrict bytes,
                              size_t count, uint64_t flip)
{
    __m256i sum = _mm256_setzero_si256(), flips = _mm256_set1_epi64x((int64_t)flip);
    size_t i = 0;
    for (; i + VECTOR_WORDS <= count; i += VECTOR_WORDS) {
        __m256i left =
            _mm256_and_si256(vector_at(words, i), _mm256_xor_si256(vector_at(bytes, i), flips));
        _mm256_storeu_si256((void *)(words + i), left);
        sum = _mm256_add_epi64(sum, vector_bits(left));
    }
    return vector_sum(sum) + meet_plain(words + i, bytes + 8 * i, count - i, flip);
}

AVX2 static void join_avx2(uint64_t *restrict words, const unsigned char *restrict bytes,
                           size_t count, uint64_t flip)
{
    __m256i flips = _mm256_set1_epi64x((int64_t)flip);
    size_t i = 0;
    for (; i + VECTOR_WORDS <= count; i += VECTOR_WORDS)
        _mm256_storeu_si256(
            (void *)(words + i),
            _mm256_or_si256(vector_at(words, i), _mm256_xor_si256(vector_at(bytes, i), flips)));
    join_plain(words + i, bytes + 8 * i, count - i, flip);
}

AVX2 static int64_t count_avx2(const unsigned char *bytes, size_t count)
{
    __m256i sum = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + VECTOR_WORDS <= count; i += VECTOR_WORDS)
        sum = _mm256_add_epi64(sum, vector_bits(vector_at(bytes, i)));
    return vector_sum(sum) + count_plain(bytes + 8 * i, count - i);
}

static const struct index_word_functions avx2 = {meet_avx2, join_avx2, count_avx2};
#endif

const struct index_word_functions *cohort_words_by(bool any_processor)
{
#if defined(__x86_64__)
    if (!any_processor && __builtin_cpu_supports("avx2"))
        return &avx2;
#endif
    (void)any_processor;
    return &plain;
}
