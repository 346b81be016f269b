// The kernels, written once; included by each kernels_*.cpp inside a namespace of its own, with the
// instruction set switched on. Calls nothing of the standard library, whose inline functions would be
// shared with code for older processors.

#include "lanes.hpp"
#include "neuron.hpp"
#include "listing.hpp"
#include "gather.hpp"
#include "interpolation.hpp"
#include "softmax.hpp"
#include "head.hpp"
#include "motion.hpp"
#include "product.hpp"
#include "source.hpp"
#include "winograd_basis.hpp"
#include "winograd.hpp"
#include "counts.hpp"

// Fires the pixels of a cell.
template <int N, int Phases>
inline __attribute__((always_inline)) int64_t fire_cell(const Work& work, const Lane (&sums)[N],
                                                        int slice, int i, int j) {
  constexpr int channels = N * kWidth / (Phases * Phases);
  const Layer& layer = *work.layer;
  const int64_t pixels = (int64_t)layer.out_height * layer.out_width;
  const int words = layer.out_channels / kGroup;
  const int first = slice * channels;
  int64_t count = 0;
  for (int p = 0; p < Phases * Phases; ++p) {
    const int y = i * Phases - layer.shift + p / Phases;
    const int x = j * Phases - layer.shift + p % Phases;
    if (y < 0 || y >= layer.out_height || x < 0 || x >= layer.out_width) continue;
    const int64_t pixel = (int64_t)y * layer.out_width + x;
    const int64_t word = pixel * words + first / kGroup;
    const int64_t at = (slice * pixels + pixel) * channels;
    count += fire<channels>(sums + p * (N / (Phases * Phases)), layer.gain + first,
                            layer.bias + first, work.tau,
                            work.membranes + at, work.rests ? work.rests + at : nullptr,
                            work.skip ? work.skip + word : nullptr, work.spikes + word);
  }
  return count;
}

// Blocks of input channels outside, cells inside: a block of weights stays in the cache meanwhile.
template <int N, int Phases, bool Valued>
inline int64_t run_cells(const Work& work, int slice, int begin, int end, float* partial) {
  const Layer& layer = *work.layer;
  const int64_t outputs = N * kWidth;
  const int64_t row = tap_row(layer, outputs);
  int64_t count = 0;
  for (int block = 0; block < layer.blocks; ++block) {
    const float* weights = weights_of(layer, slice, block, row);
    float* at = partial;
    for (int i = begin; i < end; ++i) {
      for (int j = 0; j < layer.cell_columns; ++j, at += outputs) {
        Lane sums[N];
        load_sums(sums, block ? at : nullptr);
        add_cell<N, Valued>(sums, layer, *work.list, block, row, weights, i, j);
        if (block + 1 < layer.blocks) {
          store_sums(at, sums);
        } else {
          count += fire_cell<N, Phases>(work, sums, slice, i, j);
        }
      }
    }
  }
  return count;
}

// A slice has 16, 32 or 64 sums per cell; where cells have four phases, always 64.
template <int Phases, bool Valued>
int64_t run_outputs(const Work& work, int slice, int begin, int end, float* partial) {
  switch (work.layer->slice_channels * Phases * Phases) {
    case 16: return run_cells<16 / kWidth, 1, Valued>(work, slice, begin, end, partial);
    case 32: return run_cells<32 / kWidth, 1, Valued>(work, slice, begin, end, partial);
    default: return run_cells<64 / kWidth, Phases, Valued>(work, slice, begin, end, partial);
  }
}

int64_t run_slice(const Work& work, int slice, int begin, int end, float* partial) {
  if (work.layer->interpolated) return run_interpolated(work, slice, begin, end, partial);
  if (work.layer->phases == 2) return run_outputs<2, false>(work, slice, begin, end, partial);
  if (work.layer->first < 0) return run_outputs<1, true>(work, slice, begin, end, partial);
  return run_outputs<1, false>(work, slice, begin, end, partial);
}

const Kernels kTable = {list_spikes, list_counts, run_slice, head, accelerate, move,
                        softmax, winograd, convolve_counts};
