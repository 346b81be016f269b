// Vectors of floats, SPIKING_WIDTH wide, which the including kernels_*.cpp sets to fit the instruction
// set. No include guard by intent: each instruction set has its own copy in its own namespace.

constexpr int kWidth = SPIKING_WIDTH;

typedef float Lane __attribute__((vector_size(kWidth * sizeof(float)), may_alias));
typedef int32_t IntLane __attribute__((vector_size(kWidth * sizeof(int32_t)), may_alias));

inline Lane load(const float* from) {
  Lane lane;
  __builtin_memcpy(&lane, from, sizeof lane);
  return lane;
}

inline void store(float* to, Lane lane) { __builtin_memcpy(to, &lane, sizeof lane); }

// Where h is at least 1: one bit per lane; and h less 1 there.
inline uint32_t reset(Lane& h) {
  const Lane one = Lane{} + 1.0f;
#if SPIKING_WIDTH == 16
  const uint32_t fired = _mm512_cmp_ps_mask((__m512)h, (__m512)one, _CMP_GE_OQ);
  h = (Lane)_mm512_mask_sub_ps((__m512)h, (__mmask16)fired, (__m512)h, (__m512)one);
#elif SPIKING_WIDTH == 8
  const __m256 at_least = _mm256_cmp_ps((__m256)h, (__m256)one, _CMP_GE_OQ);
  const uint32_t fired = (uint32_t)_mm256_movemask_ps(at_least);
  h -= (Lane)_mm256_and_ps(at_least, (__m256)one);
#else
  const IntLane at_least = h >= one;
  const IntLane bits = at_least & IntLane{1, 2, 4, 8};
  const uint32_t fired = (uint32_t)(bits[0] | bits[1] | bits[2] | bits[3]);
  h -= (Lane)(at_least & (IntLane)one);
#endif
  return fired;
}

// x / y, rounded as a division is: that by the reciprocal (rounded too) leaves a remainder, which is
// exact with a fused operation and corrects the quotient (Markstein, IBM J. Res. Dev. 34, 1990; not
// where the remainder is too small for a float). A division takes three times as long.
inline Lane divide(Lane x, float y, float reciprocal) {
#if SPIKING_WIDTH == 16
  const __m512 by = _mm512_set1_ps(y), inverse = _mm512_set1_ps(reciprocal);
  const __m512 quotient = _mm512_mul_ps((__m512)x, inverse);
  const __m512 rest = _mm512_fnmadd_ps(quotient, by, (__m512)x);
  return (Lane)_mm512_fmadd_ps(rest, inverse, quotient);
#elif SPIKING_WIDTH == 8
  const __m256 by = _mm256_set1_ps(y), inverse = _mm256_set1_ps(reciprocal);
  const __m256 quotient = _mm256_mul_ps((__m256)x, inverse);
  const __m256 rest = _mm256_fnmadd_ps(quotient, by, (__m256)x);
  return (Lane)_mm256_fmadd_ps(rest, inverse, quotient);
#else
  (void)reciprocal;
  return x / y;
#endif
}

// 1 in each lane whose bit is set, 0 elsewhere.
inline Lane ones(uint32_t bits) {
  IntLane which, word;
  for (int i = 0; i < kWidth; ++i) {
    which[i] = 1 << i;
    word[i] = (int32_t)bits;
  }
  const IntLane set = (word & which) != 0;
  const Lane one = Lane{} + 1.0f;
  return (Lane)(set & (IntLane)one);
}
