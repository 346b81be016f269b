// The sums of one cell: for each spike under its taps, one row of weights is added. Sums stay in
// registers; nothing is written but the result.

// Where the weights of a block lie, and how many floats lie between two rows of taps.
inline int64_t tap_row(const Layer& layer, int64_t outputs) {
  return (int64_t)(layer.first_channels + layer.second_channels) / layer.blocks * layer.taps * outputs;
}

inline const float* weights_of(const Layer& layer, int slice, int block, int64_t tap_row) {
  const int variants = layer.interpolated ? 9 : 1;
  return layer.weights + ((int64_t)slice * layer.blocks + block) * variants * layer.taps * tap_row;
}

// The sums of a cell so far; null: none.
template <int N>
inline __attribute__((always_inline)) void load_sums(Lane (&sums)[N], const float* from) {
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) sums[i] = from ? load(from + i * kWidth) : Lane{};
}

template <int N>
inline __attribute__((always_inline)) void store_sums(float* to, const Lane (&sums)[N]) {
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) store(to + i * kWidth, sums[i]);
}

struct Entries {
  const uint32_t* offsets;
  const float* values;  // null: spikes of 1
};

constexpr int kAllQuarters = 15;

// Adds the rows of weights of entries first ... last - 1. A row is N lanes in four quarters, one per
// phase of the cell: `Quarters` has a bit for each that is not zero.
template <int N, bool Valued, int Quarters>
inline __attribute__((always_inline)) void add_entries(Lane (&sums)[N], const float* weights,
                                                       const Entries& entries, uint32_t first,
                                                       uint32_t last) {
  for (uint32_t e = first; e < last; ++e) {
    const float* row = weights + entries.offsets[e];
    const float value = Valued ? entries.values[e] : 1.0f;
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) {
      if (!(Quarters >> (4 * i / N) & 1)) continue;
      const Lane lane = load(row + i * kWidth);
      sums[i] += Valued ? value * lane : lane;
    }
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

// Adds to a cell what lies under all its taps.
template <int N, bool Valued>
inline __attribute__((always_inline)) void add_cell(Lane (&sums)[N], const Layer& layer,
                                                    const SpikeList& list, int block,
                                                    int64_t tap_row, const float* weights, int i,
                                                    int j) {
  if (Valued && !any_entry(layer, list, i, j)) return;
  const Entries entries{list.offsets, list.values};
  const int x = j * layer.stride - layer.origin;
  weights -= (int64_t)x * N * kWidth;
  for (int tap = 0; tap < layer.taps; ++tap) {
    const int y = i * layer.stride - layer.origin + tap;
    if (y < 0 || y >= layer.in_height) continue;
    const uint32_t* starts = list.row(block, y);
    add_entries<N, Valued, kAllQuarters>(sums, weights + tap * tap_row, entries, starts[x],
                                         starts[x + layer.taps]);
  }
}

// The same for a cell of an interpolated layer: 3 x 3 taps, of whose 36 weights 25 are not zero. The
// first row of taps reaches the upper two phases only, the first column the left two.
template <int N>
inline __attribute__((always_inline)) void add_interpolated(Lane (&sums)[N], const Layer& layer,
                                                            const SpikeList& list, int block,
                                                            int64_t tap_row, const float* weights,
                                                            int i, int j) {
  const Entries entries{list.offsets, nullptr};
  const int x = j - 1;
  weights -= (int64_t)x * N * kWidth;
  for (int tap = 0; tap < 3; ++tap) {
    const int y = i - 1 + tap;
    if (y < 0 || y >= layer.in_height) continue;
    const int variant = variant_at(layer, y, layer.in_height);
    const float* row = weights + (variant * 9 + tap) * tap_row;
    const uint32_t* starts = list.row(block, y) + x;
    if (tap == 0) {
      add_entries<N, false, 3>(sums, row, entries, starts[0], starts[3]);
    } else {
      add_entries<N, false, 5>(sums, row, entries, starts[0], starts[1]);
      add_entries<N, false, kAllQuarters>(sums, row, entries, starts[1], starts[3]);
    }
  }
}
