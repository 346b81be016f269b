// Where a heatmap of logits is largest, and the sum over its cells of exp(logit - largest).

// exp(x) for x <= 0 to 3e-7, NaN for a NaN: x = n ln 2 + r, a polynomial for exp(r), and n goes into
// the exponent's bits. (Coefficients: Cephes, S. L. Moshier, expf.)
inline Lane exponential(Lane x) {
  const Lane lowest = Lane{} - 87.0f;
  x = x < lowest ? lowest : x;
  const IntLane n = __builtin_convertvector(x * 1.44269504f - 0.5f, IntLane);
  const Lane whole = __builtin_convertvector(n, Lane);
  const Lane r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  Lane y = Lane{} + 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * r * r + r + 1.0f;
  return y * (Lane)((n + 127) << 23);
}

inline float largest_of(const float* x, int cells) {
  Lane largest = Lane{} + x[0];
  int i = 0;
  for (; i + kWidth <= cells; i += kWidth) {
    const Lane lane = load(x + i);
    largest = lane > largest ? lane : largest;
  }
  float result = x[0];
  for (int k = 0; k < kWidth; ++k) result = largest[k] > result ? largest[k] : result;
  for (; i < cells; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

void softmax(const float* logits, int32_t cells, int32_t* peak, float* total) {
  const float largest = largest_of(logits, cells);
  int32_t at = 0;
  while (at < cells - 1 && logits[at] != largest) ++at;
  Lane sums = {};
  int i = 0;
  for (; i + kWidth <= cells; i += kWidth) sums += exponential(load(logits + i) - largest);
  float sum = 0.0f;
  for (int k = 0; k < kWidth; ++k) sum += sums[k];
  for (; i < cells; ++i) sum += exponential(Lane{} + (logits[i] - largest))[0];
  *peak = at;
  *total = sum;
}
