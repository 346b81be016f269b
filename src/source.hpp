// Reads maps that a convolution takes: zero outside, or interpolated to twice their size.

// Where a source's pixels are read: zero outside the map.
struct Source {
  const float* map;
  int height, width, channels;

  Lane at(int y, int x, int c) const {
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? load(map + ((int64_t)y * width + x) * channels + c) : Lane{};
  }
  Lane nearest(int y, int x, int c) const {
    y = y < 0 ? 0 : (y < height ? y : height - 1);
    x = x < 0 ? 0 : (x < width ? x : width - 1);
    return load(map + ((int64_t)y * width + x) * channels + c);
  }
};

// P numbers of the doubled map along an axis, from -1 on, of the source's P / 2 + 1 from -1 on.
template <int P>
inline __attribute__((always_inline)) void interpolate(const Lane (&x)[P / 2 + 1], bool at_start,
                                                       bool at_end, Lane (&y)[P]) {
#pragma GCC unroll 16
  for (int k = 0; k < P / 2; ++k) {
    y[2 * k] = 0.75f * x[k] + 0.25f * x[k + 1];
    y[2 * k + 1] = 0.25f * x[k] + 0.75f * x[k + 1];
  }
  if (at_start) y[0] = Lane{};
  if (at_end) y[P - 1] = Lane{};
}

// The inputs of tile (i, j), which begin one above and left of it, from a source of half the size.
template <int P>
inline void read_doubled(const Source& from, int i, int j, int c, Lane (&d)[P][P]) {
  constexpr int T = P - 2, S = P / 2 + 1;
  const int first_row = i * T / 2 - 1, first_column = j * T / 2 - 1;
  const bool top = i == 0, left = j == 0;
  const bool bottom = (i + 1) * T == 2 * from.height, right = (j + 1) * T == 2 * from.width;
  Lane rows[S][P];
  for (int y = 0; y < S; ++y) {
    Lane row[S];
    for (int x = 0; x < S; ++x) row[x] = from.nearest(first_row + y, first_column + x, c);
    interpolate<P>(row, left, right, rows[y]);
  }
  for (int x = 0; x < P; ++x) {
    Lane column[S], whole[P];
    for (int y = 0; y < S; ++y) column[y] = rows[y][x];
    interpolate<P>(column, top, bottom, whole);
    for (int y = 0; y < P; ++y) d[y][x] = whole[y];
  }
}
