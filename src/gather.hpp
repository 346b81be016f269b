// The sums of one cell: for each spike under its taps, one row of weights is added. Sums stay in
// registers; nothing is written but the result.

struct Entries {
  const uint32_t* offsets;
  const float* values;  // null: spikes of 1
};

template <int N, bool Valued>
inline __attribute__((always_inline)) void add_entries(Lane (&sums)[N], const float* weights,
                                                       int64_t at, const Entries& entries,
                                                       uint32_t first, uint32_t last) {
  for (uint32_t e = first; e < last; ++e) {
    const float* row = weights + (at + entries.offsets[e]);
    if (Valued) {
      const float value = entries.values[e];
#pragma GCC unroll 16
      for (int i = 0; i < N; ++i) sums[i] += value * load(row + i * kWidth);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < N; ++i) sums[i] += load(row + i * kWidth);
    }
  }
}

// Adds what one row of the input brings to cell column j. `near` are the weights of the row's taps,
// `far` those of the border columns.
template <int N, bool Valued>
inline __attribute__((always_inline)) void add_row(Lane (&sums)[N], const Layer& layer,
                                                   const Entries& entries, const uint32_t* starts,
                                                   const float* weights, int64_t near, int64_t far,
                                                   int j) {
  constexpr int64_t outputs = N * kWidth;
  const int x = j * layer.stride - layer.origin;
  add_entries<N, Valued>(sums, weights, near - x * outputs, entries, starts[x],
                         starts[x + layer.taps]);
  if (j < layer.edge) {
    add_entries<N, Valued>(sums, weights, far + j * outputs, entries, starts[0], starts[1]);
  }
  const int from_end = j - (layer.cell_columns - layer.edge);
  if (from_end >= 0 && layer.edge) {
    const int last = layer.in_width - 1;
    add_entries<N, Valued>(sums, weights, far + (layer.edge + from_end - last) * outputs, entries,
                           starts[last], starts[last + 1]);
  }
}

// Whether anything lies under a cell's taps. Events are few: asking first beats looking row by row.
inline bool any_entry(const Layer& layer, const SpikeList& list, int i, int j) {
  const int x = j * layer.stride - layer.origin;
  uint32_t total = 0;
  for (int tap = 0; tap < layer.taps; ++tap) {
    const int y = i * layer.stride - layer.origin + tap;
    if (y < 0 || y >= layer.in_height) continue;
    const uint32_t* starts = list.row(0, y);
    total += starts[x + layer.taps] - starts[x];
  }
  return total != 0;
}

template <int N, bool Valued>
inline __attribute__((always_inline)) void add_cell(Lane (&sums)[N], const Layer& layer,
                                                    const SpikeList& list, int block,
                                                    int block_channels, const float* weights, int i,
                                                    int j) {
  if (Valued && !any_entry(layer, list, i, j)) return;
  const Entries entries{list.offsets, list.values};
  const int64_t tap_row = (int64_t)block_channels * layer.taps * N * kWidth;
  const int64_t quadrant = layer.taps * tap_row;
  for (int tap = 0; tap < layer.taps; ++tap) {
    const int y = i * layer.stride - layer.origin + tap;
    if (y < 0 || y >= layer.in_height) continue;
    add_row<N, Valued>(sums, layer, entries, list.row(block, y), weights, tap * tap_row,
                       quadrant + tap * tap_row, j);
  }
  if (i < layer.edge) {
    add_row<N, Valued>(sums, layer, entries, list.row(block, 0), weights,
                       2 * quadrant + i * tap_row, 3 * quadrant + i * tap_row, j);
  }
  const int from_end = i - (layer.cell_rows - layer.edge);
  if (from_end >= 0 && layer.edge) {
    const int64_t tap = (layer.edge + from_end) * tap_row;
    add_row<N, Valued>(sums, layer, entries, list.row(block, layer.in_height - 1), weights,
                       2 * quadrant + tap, 3 * quadrant + tap, j);
  }
}
