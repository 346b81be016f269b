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

// Bit i of the result: lane i is at least 1.
inline uint32_t at_least_one(Lane lane) {
#if SPIKING_WIDTH == 16
  return _mm512_cmp_ps_mask((__m512)lane, _mm512_set1_ps(1.0f), _CMP_GE_OQ);
#elif SPIKING_WIDTH == 8
  return (uint32_t)_mm256_movemask_ps(
      _mm256_cmp_ps((__m256)lane, _mm256_set1_ps(1.0f), _CMP_GE_OQ));
#else
  const IntLane bits = (lane >= 1.0f) & IntLane{1, 2, 4, 8};
  return (uint32_t)(bits[0] | bits[1] | bits[2] | bits[3]);
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
