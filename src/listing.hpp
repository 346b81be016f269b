// Spike masks and event counts to lists of weight offsets (SpikeList), one input row at a time.

// Fills the margins: pixels before the first and after the last have no entries.
inline void close_row(uint32_t* starts, int width, uint32_t end) {
  for (int x = -SpikeList::kMargin; x < 0; ++x) starts[x] = starts[0];
  for (int x = width; x <= width + SpikeList::kMargin; ++x) starts[x] = end;
}

// Which weights a spike at pixel x of a row of `size` has: see layer.hpp. Likewise for rows.
inline int variant_at(const Layer& layer, int x, int size) {
  if (!layer.interpolated) return 0;
  return x == 0 ? 1 : (x == size - 1 ? 2 : 0);
}

// The next 64 channels' bits where the source has so many, else 32 or 16; `channels` says which.
inline uint64_t next_mask(const uint16_t* words, int left, int& channels) {
  uint64_t mask;  // little-endian, as all supported processors
  if (left >= 64) {
    __builtin_memcpy(&mask, words, sizeof mask);
    channels = 64;
  } else if (left >= 32) {
    uint32_t half;
    __builtin_memcpy(&half, words, sizeof half);
    mask = half;
    channels = 32;
  } else {
    mask = *words;
    channels = kGroup;
  }
  return mask;
}

// Channels from ... to - 1 of one pixel's mask: offsets of their spikes. Returns the new end.
inline uint32_t list_pixel(const uint16_t* words, int from, int to, uint32_t base, uint32_t step,
                           uint32_t* offsets, uint32_t next) {
  for (int c = from, size; c < to; c += size) {
    uint64_t mask = next_mask(words + c / kGroup, to - c, size);
    for (; mask; mask &= mask - 1) {
      offsets[next++] = base + (uint32_t)(c - from + __builtin_ctzll(mask)) * step;
    }
  }
  return next;
}

void list_spikes(const Layer& layer, const uint16_t* first, const uint16_t* second, int y,
                 const SpikeList& list) {
  const int width = layer.in_width, split = layer.first_channels;
  const int channels = (split + layer.second_channels) / layer.blocks;
  const uint32_t outputs = (uint32_t)(layer.slice_channels * layer.phases * layer.phases);
  const uint32_t step = (uint32_t)layer.taps * outputs;
  const uint32_t variant_size = (uint32_t)(layer.taps * channels) * step;
  const uint16_t* first_row = first + (int64_t)y * width * split / kGroup;
  const uint16_t* second_row = second + (int64_t)y * width * layer.second_channels / kGroup;
  uint32_t next = (uint32_t)(y * list.row_capacity);
  int64_t columns = 0;
  for (int block = 0; block < layer.blocks; ++block) {
    uint32_t* starts = list.row(block, y);
    const int from = block * channels, to = from + channels;
    const int middle = from > split ? from : (to < split ? to : split);  // where the sources meet
    for (int x = 0; x < width; ++x) {
      starts[x] = next;
      const uint32_t base =
          (uint32_t)x * outputs + (uint32_t)variant_at(layer, x, width) * variant_size;
      if (from < middle) {
        next = list_pixel(first_row + (int64_t)x * split / kGroup, from, middle, base, step,
                          list.offsets, next);
      }
      if (middle < to) {
        const uint32_t shifted = base + (uint32_t)(middle - from) * step;
        next = list_pixel(second_row + (int64_t)x * layer.second_channels / kGroup, middle - split,
                          to - split, shifted, step, list.offsets, next);
      }
      columns += (int64_t)(next - starts[x]) * list.column_reach[x];
    }
    close_row(starts, width, next);
  }
  list.additions[y] = columns * list.row_reach[y];
}

// Which of 16 pixels in a row, from `at` of a plane on, have a count in one of the bins, of either
// polarity; false if none has.
inline bool any_count(const float* const* bins, int number, int64_t at, int64_t plane,
                      uint32_t* any) {
  for (int k = 0; k < kGroup; ++k) any[k] = 0;
  for (int i = 0; i < number; ++i) {
    const float* row = bins[i] + at;
    for (int k = 0; k < kGroup; ++k) any[k] |= (row[k] != 0.0f) | (row[plane + k] != 0.0f);
  }
  uint32_t all = 0;
  for (int k = 0; k < kGroup; ++k) all |= any[k];
  return all != 0;
}

bool list_counts(const Layer& layer, const float* const* bins, int y, const SpikeList& list) {
  const int width = layer.in_width;
  const uint32_t outputs = (uint32_t)layer.slice_channels;
  const int64_t plane = (int64_t)layer.in_height * width;
  const int64_t row = (int64_t)y * width;
  const int number = layer.first_channels / 2;
  uint32_t* starts = list.row(0, y);
  uint32_t next = (uint32_t)(y * list.row_capacity);
  int64_t columns = 0;
  bool valid = true;
  uint32_t any[kGroup];
  for (int x = 0; x < width; ++x) {
    if (x % kGroup == 0 && x + kGroup <= width) {
      if (!any_count(bins, number, row + x, plane, any)) {  // as most of a bin
        for (int k = 0; k < kGroup; ++k) starts[x + k] = next;
        x += kGroup - 1;
        continue;
      }
    } else if (x % kGroup == 0) {  // the last few
      for (int k = 0; k < kGroup; ++k) any[k] = 1;
    }
    starts[x] = next;
    if (!any[x % kGroup]) continue;
    for (int c = 0; c < layer.first_channels; ++c) {
      const float count = bins[c / 2][c % 2 * plane + row + x];
      if (count == 0.0f) continue;
      valid = valid && count > 0.0f && count <= 3.4e38f;  // false for NaN too
      list.offsets[next] = (uint32_t)(c * layer.taps + x) * outputs;
      list.values[next++] = count;
    }
    columns += (int64_t)(next - starts[x]) * list.column_reach[x];
  }
  close_row(starts, width, next);
  list.additions[y] = columns * list.row_reach[y];
  return valid;
}
