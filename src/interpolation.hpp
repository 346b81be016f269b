// Layers that interpolate to twice the size before they convolve: the convolution runs first, on the
// doubled grid with zeros between the pixels, where a spike has 25 targets instead of 64. What is left
// is bilinear interpolation as a filter, 1 3 3 1 along each axis (its 1/16 is in the weights):
//
//   current(o) = sums(o - 2) + 3 sums(o - 1) + 3 sums(o) + sums(o + 1)

// A ring of rows of cells' sums: as many as a chunk needs, the rows above and below it included.
struct Ring {
  float* data;
  int rows;
  int64_t pitch;  // floats per row

  float* row(int i) const { return data + (i + 1) % rows * pitch; }
};

// Sums of rows of cells begin ... end - 1, block by block. Row and column -1 are there too.
template <int N>
inline void sum_rows(const Work& work, int slice, int begin, int end, const Ring& ring) {
  const Layer& layer = *work.layer;
  const int64_t outputs = N * kWidth;
  const int64_t tap = tap_row(layer, outputs);
  for (int block = 0; block < layer.blocks; ++block) {
    const float* weights = weights_of(layer, slice, block, tap);
    for (int i = begin; i < end; ++i) {
      float* at = ring.row(i);
      for (int j = -1; j <= layer.cell_columns; ++j, at += outputs) {
        Lane sums[N];
        load_sums(sums, block ? at : nullptr);
        add_interpolated<N>(sums, layer, *work.list, block, tap, weights, i, j);
        store_sums(at, sums);
      }
    }
  }
}

template <int V>
inline __attribute__((always_inline)) void filter(Lane (&result)[V], const Lane (&a)[V],
                                                  const Lane (&b)[V], const Lane (&c)[V],
                                                  const Lane (&d)[V]) {
  for (int k = 0; k < V; ++k) result[k] = (a[k] + d[k]) + 3.0f * (b[k] + c[k]);
}

// The vertical filter at one column: `from` are four rows of sums from top to bottom.
template <int V>
inline __attribute__((always_inline)) void filter_column(Lane (&result)[V],
                                                         const float* const (&from)[4],
                                                         int64_t at) {
  Lane rows[4][V];
  for (int r = 0; r < 4; ++r) {
    for (int k = 0; k < V; ++k) rows[r][k] = load(from[r] + at + k * kWidth);
  }
  filter(result, rows[0], rows[1], rows[2], rows[3]);
}

// Filters and fires output row 2 i + `phase`.
template <int V>
inline int64_t fire_row(const Work& work, int slice, int i, int phase, const Ring& ring) {
  constexpr int channels = V * kWidth;
  constexpr int cell = 4 * channels;
  const Layer& layer = *work.layer;
  const int words = layer.out_channels / kGroup, first = slice * channels;
  const float *above = ring.row(i - 1), *here = ring.row(i), *below = ring.row(i + 1);
  const int64_t second = 2 * channels;  // where a cell's second row begins
  const float* from[2][4] = {{above, above + second, here, here + second},
                             {above + second, here, here + second, below}};
  const float* const(&rows)[4] = from[phase];
  int64_t pixel = (int64_t)(2 * i + phase) * layer.out_width;
  int64_t count = 0;
  Lane a[V], b[V], c[V], d[V];
  filter_column<V>(a, rows, 0);
  filter_column<V>(b, rows, channels);
  filter_column<V>(c, rows, cell);
  const auto fire_next = [&](const Lane(&w)[V], const Lane(&x)[V], const Lane(&y)[V],
                             const Lane(&z)[V]) __attribute__((always_inline)) {
    Lane sums[V];
    filter(sums, w, x, y, z);
    const int64_t word = pixel * words + first / kGroup;
    const int64_t pixels = (int64_t)layer.out_height * layer.out_width;
    const int64_t at = (slice * pixels + pixel) * channels;
    count += fire<channels>(sums, layer.gain + first, layer.bias + first, work.tau,
                            work.membranes + at, work.rests ? work.rests + at : nullptr,
                            work.skip ? work.skip + word : nullptr, work.spikes + word);
    ++pixel;
  };
  for (int j = 0; j < layer.cell_columns; ++j) {
    const int64_t at = (int64_t)(j + 1) * cell;
    filter_column<V>(d, rows, at + channels);
    fire_next(a, b, c, d);
    filter_column<V>(a, rows, at + cell);
    fire_next(b, c, d, a);
    // The window moves by two: a b c d become c d a and what comes next.
    Lane next[V];
    for (int k = 0; k < V; ++k) {
      next[k] = a[k];
      a[k] = c[k];
      b[k] = d[k];
      c[k] = next[k];
    }
  }
  return count;
}

int64_t run_interpolated(const Work& work, int slice, int begin, int end, float* sums) {
  constexpr int V = kGroup / kWidth;
  const Layer& layer = *work.layer;
  const Ring ring{sums, layer.chunk + 2, (int64_t)(layer.cell_columns + 2) * 4 * kGroup};
  int64_t count = 0;
  int done = begin - 1;  // rows whose sums are known
  for (int i = begin; i < end; i += layer.chunk) {
    const int stop = i + layer.chunk < end ? i + layer.chunk : end;
    sum_rows<4 * V>(work, slice, done, stop + 1, ring);
    done = stop + 1;
    for (int row = i; row < stop; ++row) {
      for (int phase = 0; phase < 2; ++phase) count += fire_row<V>(work, slice, row, phase, ring);
    }
  }
  return count;
}
