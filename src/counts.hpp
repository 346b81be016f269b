// A convolution of event counts, nearly all of which are zero: every other number adds one row of
// weights to the outputs around it.

// Lists row y of all channels. Returns the entries' new end.
inline Count* list_row(const CountConvolution& layer, const float* counts, int y, Count* next) {
  const int taps = 2 * layer.radius + 1;
  for (int c = 0; c < layer.channels; ++c) {
    const float* row = counts + ((int64_t)c * layer.height + y) * layer.width;
    for (int x = 0; x < layer.width; ++x) {
      if (row[x] != 0.0f) *next++ = {x * layer.outputs, c * taps * layer.outputs, row[x]};
    }
  }
  return next;
}

inline void add_row(float* sums, const float* weights, float value, int size) {
  for (int k = 0; k < size; k += kWidth) store(sums + k, load(sums + k) + value * load(weights + k));
}

// Rows begin ... end - 1 of the output. `entries` has room for all counts that these see, `sums` for a
// row of outputs and its margins.
void convolve_counts(const CountConvolution& layer, const float* counts, int begin, int end,
                     Count* entries, float* sums, float* map) {
  const int taps = 2 * layer.radius + 1, row_size = layer.width * layer.outputs;
  const int first = begin < layer.radius ? 0 : begin - layer.radius;
  const int last = end + layer.radius < layer.height ? end + layer.radius : layer.height;
  const Count* rows[kBandRows + 2 * kMostRadius + 1];
  Count* next = entries;
  for (int y = first; y < last; ++y) {
    rows[y - first] = next;
    next = list_row(layer, counts, y, next);
  }
  rows[last - first] = next;
  float* inside = sums + layer.radius * layer.outputs;
  for (int y = begin; y < end; ++y) {
    for (int k = 0; k < row_size; ++k) inside[k] = layer.bias[k % layer.outputs];
    for (int tap = 0; tap < taps; ++tap) {
      const int from = y + tap - layer.radius;
      if (from < first || from >= last) continue;
      const float* weights = layer.kernel + (int64_t)tap * layer.channels * taps * layer.outputs;
      for (const Count* e = rows[from - first]; e < rows[from - first + 1]; ++e) {
        add_row(sums + e->at, weights + e->weight, e->value, taps * layer.outputs);
      }
    }
    float* to = map + (int64_t)y * row_size;
    for (int k = 0; k < row_size; k += kWidth) {
      const Lane value = load(inside + k);
      store(to + k, value > 0.0f ? value : layer.slope * value);
    }
  }
}
