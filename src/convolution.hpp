// A convolution of a keyframe's network as the kernels see it. Mirrored in native/library.py. Maps are
// [row][column][channel]; channels are a multiple of 16.
#pragma once

#include <cstdint>

namespace spiking {

// By Winograd's algorithm (winograd.hpp): output = leaky(convolution of the sources' channels + bias).
struct Convolution {
  int32_t height, width;  // of the output, multiples of `tile`
  int32_t first_channels, second_channels;  // of the sources, which are concatenated; or 0
  int32_t outputs;
  int32_t points, tile, radius;  // numbers of a tile's side before and after; zeros around the map
  int32_t doubled;               // the sources have half the size: bilinear interpolation comes first
  float slope;                   // of the leaky rectifier
  const float* kernel;           // [point][outputs / 16][input channel][16]
  const float* bias;             // (outputs,)
};

// Of event counts, one after the other of those that are not zero; [channel][row][column] in.
struct CountConvolution {
  int32_t height, width, channels, outputs, radius;
  float slope;
  const float* kernel;  // [tap row][channel][tap column, the last first][output]
  const float* bias;
};

// A count that is not zero: where the outputs begin that it reaches in a row, and where its weights.
struct Count {
  int32_t at, weight;
  float value;
};

constexpr int kSlack = 80;     // floats between matrices, which otherwise share sets of a cache
constexpr int kBandRows = 32;  // of a convolution of counts, computed as one piece
constexpr int kMostRadius = 8;

}  // namespace spiking
