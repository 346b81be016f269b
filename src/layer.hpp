// What one layer of spiking neurons looks like to the kernels. Mirrored in native/library.py.
//
// A layer is a grid of cells. Cell (i, j) reads `taps` x `taps` input pixels and makes
// `phases` x `phases` output pixels: one for a convolution, four where the layer doubles the size.
//
//   input rows of cell i:   i * stride - origin + 0 ... taps - 1
//   output rows of cell i:  i * phases - shift + 0 ... phases - 1      (those outside are dropped)
//
// Weights are [slice][block][row variant][column variant][tap row][input channel of the block]
// [tap column][output of the slice]. A slice is a group of output channels, times the phases; a block
// is a group of input channels: together small enough for a cache.
//
// Interpolated layers (runtime/event_tables.py): the sums of the cells, one more of them on each side,
// are a map from which a short filter makes the currents. There a spike in the first or last row or
// column has weights of its own, variants 1 and 2, and tap 0 reaches the first phase only.
#pragma once

#include <cstdint>

namespace spiking {

constexpr int kGroup = 16;  // channels per word of a spike mask; channels are padded to a multiple

struct Layer {
  int32_t in_height, in_width;
  int32_t first, first_channels;    // a layer's number and padded channels, or -1: the event counts
  int32_t second, second_channels;  // a layer concatenated after the first, or -1 and 0
  int32_t taps, stride, origin, phases, shift;
  int32_t cell_rows, cell_columns;
  int32_t interpolated;
  int32_t out_height, out_width, out_channels;  // out_channels: padded
  int32_t slice_channels, blocks;
  int32_t skip;           // a layer of the same shape whose spikes join the current, or -1
  int32_t fan_out;        // output channels before padding: what a spike's additions are counted by
  int32_t band;           // rows of cells per piece of work
  int32_t chunk;          // rows of cells whose sums wait for the next block of weights
  const float* weights;
  const float* gain;      // of the batch norm, per output channel
  const float* bias;
  int64_t membranes_at;   // where this layer's membranes begin, [slice][pixel][channel of the slice]
  int64_t rests_at;       // where its resting potentials begin, in the same order, or -1
};

// The last layer: a 1 x 1 convolution of spikes, output = keep * output + sum + bias. Where `motion` is
// not null, the output's maps are moved before, each by a velocity: see motion.hpp.
struct Head {
  int32_t first, first_channels, second, second_channels;
  int32_t pixels, width, maps;
  int32_t fan_out;           // additions that a spike causes
  float keep, sharpness;
  const float* weights;      // [input channel][maps, padded to 16]
  const float* bias;         // (maps, padded to 16)
  const float* motion;       // [input channel][columns, rows][16]: what spikes add to the velocities
  const float* persistence;  // (maps,): the share of a velocity that stays
  const float* noise;        // (maps,): of the velocities, cells per bin
};

}  // namespace spiking
