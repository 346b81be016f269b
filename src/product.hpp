// Products of matrices: C (rows, outputs) = A (rows, depth) B, with B in panels of 16 columns.

constexpr int kRows = 6;     // of A at a time: their sums and one row of B fill 15 registers of AVX2
constexpr int kDepth = 256;  // of B at a time: what a first-level cache holds

template <int R>
inline void multiply_rows(const float* a, int64_t a_step,
                                                         const float* b, int depth, bool more,
                                                         float* c, int64_t c_step) {
  Lane sums[R][kParts];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) load_sums(sums[r], more ? c + r * c_step : nullptr);
  for (int k = 0; k < depth; ++k, b += kGroup) {
    Lane row[kParts];
    load_sums(row, b);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const float x = a[r * a_step + k];
#pragma GCC unroll 16
      for (int i = 0; i < kParts; ++i) sums[r][i] += x * row[i];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) store_sums(c + r * c_step, sums[r]);
}

void multiply(const float* a, int rows, int depth, const float* b, int outputs, float* c) {
  for (int from = 0; from < depth; from += kDepth) {
    const int part = depth - from < kDepth ? depth - from : kDepth;
    for (int column = 0; column < outputs; column += kGroup) {
      const float* panel = b + (int64_t)column * depth + (int64_t)from * kGroup;
      int r = 0;
      for (; r + kRows <= rows; r += kRows) {
        multiply_rows<kRows>(a + (int64_t)r * depth + from, depth, panel, part, from > 0,
                             c + (int64_t)r * outputs + column, outputs);
      }
      for (; r < rows; r += 2) {  // the rest two by two, or the last row alone
        const auto& some = rows - r > 1 ? multiply_rows<2> : multiply_rows<1>;
        some(a + (int64_t)r * depth + from, depth, panel, part, from > 0,
             c + (int64_t)r * outputs + column, outputs);
      }
    }
  }
}
