// Winograd's change of basis along one axis, with the points 0, 1, -1, 2, -2, infinity and, for eight
// of them, 1/2 and -1/2 (Lavin & Gray, arXiv 1509.09308). Kernels are changed in winograd_conv.py.

// P inputs along an axis to the other basis, in place.
inline __attribute__((always_inline)) void spread(Lane (&x)[6]) {
  const Lane a = x[4] - 4.0f * x[2], b = x[3] - 4.0f * x[1];
  const Lane c = x[4] - x[2], d = 2.0f * (x[3] - x[1]);
  x[0] = 4.0f * x[0] - 5.0f * x[2] + x[4];
  x[5] = 4.0f * x[1] - 5.0f * x[3] + x[5];
  x[1] = a + b;
  x[2] = a - b;
  x[3] = c + d;
  x[4] = c - d;
}

inline __attribute__((always_inline)) void spread(Lane (&x)[8]) {
  const Lane a = x[2] + x[6] - 4.25f * x[4], b = x[1] + x[5] - 4.25f * x[3];
  const Lane c = x[6] + 0.25f * x[2] - 1.25f * x[4], d = 0.5f * x[1] - 2.5f * x[3] + 2.0f * x[5];
  const Lane e = x[6] + 4.0f * x[2] - 5.0f * x[4], f = 2.0f * x[1] - 2.5f * x[3] + 0.5f * x[5];
  x[0] = x[0] - x[6] + 5.25f * (x[4] - x[2]);
  x[7] = x[7] - x[1] + 5.25f * (x[3] - x[5]);
  x[1] = a + b;
  x[2] = a - b;
  x[3] = c + d;
  x[4] = c - d;
  x[5] = e + f;
  x[6] = e - f;
}

// P products along an axis back to T outputs: sums of powers of the points.
template <int P, int T>
inline __attribute__((always_inline)) void gather(const Lane (&x)[P], Lane (&y)[T]) {
  constexpr float points[3] = {1.0f, 2.0f, 0.5f};
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) y[t] = t ? Lane{} : x[0];
#pragma GCC unroll 16
  for (int k = 0; k < P / 2 - 1; ++k) {
    const Lane even = x[2 * k + 1] + x[2 * k + 2], odd = x[2 * k + 1] - x[2 * k + 2];
    float power = 1.0f;
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t, power *= points[k]) y[t] += power * (t % 2 ? odd : even);
  }
  y[T - 1] += x[P - 1];
}
