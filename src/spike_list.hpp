// The spikes that enter a layer, row by row, as offsets into a block of its weights.
//
// For input row y and block b, entries row(b, y)[x] ... row(b, y)[x + 1] - 1 belong to pixel x. `row`
// may be read up to kMargin pixels beyond both ends: no spikes there. Plain pointers: the storage is
// the engine's (spiking_engine.cpp).
#pragma once

#include <cstdint>

namespace spiking {

struct SpikeList {
  static constexpr int kMargin = 8;  // at least the taps of any layer

  int32_t width, height;
  int64_t row_capacity;       // entries that a row can have
  uint32_t* starts;           // [block][y][pitch]
  uint32_t* offsets;          // [y][row_capacity]
  float* values;              // likewise; event counts only
  int64_t* additions;         // per row: how many sums of an output pixel its spikes join
  const int32_t* row_reach;   // per input row (column): how many output rows (columns) a spike
  const int32_t* column_reach;  // there reaches

  int pitch() const { return width + 1 + 2 * kMargin; }
  uint32_t* row(int block, int y) const {
    return starts + ((int64_t)block * height + y) * pitch() + kMargin;
  }
};

}  // namespace spiking
