#include "convolver.hpp"

#include <algorithm>

namespace spiking {
namespace {

constexpr int kScratch = 256 * 1024;  // floats that a piece may need, unless it has too few tiles
constexpr int kLeastTiles = 48;       // for which it is worth while to read all weights

}  // namespace

void Convolver::run(const Convolution& layer, const float* first, const float* second, float* map) {
  const int tiles = layer.height / layer.tile * (layer.width / layer.tile);
  const int depth = layer.first_channels + layer.second_channels, threads = workers_.count();
  const int per_tile = layer.points * layer.points * (depth + layer.outputs);
  int chunks = pieces(tiles, std::max(kLeastTiles, kScratch / per_tile));
  int slices = 1;  // of the outputs, where there are fewer chunks than threads
  if (chunks < threads) {
    while (chunks * slices < threads && layer.outputs % (2 * slices * kGroup) == 0) slices *= 2;
  } else {
    chunks = pieces(chunks, threads) * threads;
  }
  const int chunk = pieces(tiles, chunks), outputs = layer.outputs / slices;
  const size_t size = size_t(chunk) * per_tile + 2 * layer.points * layer.points * kSlack;
  for (Buffer<float>& scratch : scratch_) scratch.reserve(size);
  workers_.run(slices * pieces(tiles, chunk), [&](int item, int worker) {
    const int begin = item / slices * chunk, output = item % slices * outputs;
    kernels_.winograd(layer, first, second, begin, std::min(begin + chunk, tiles), output,
                      output + outputs, scratch_[worker].data(), map);
  });
}

void Convolver::run(const CountConvolution& layer, const float* counts, float* map) {
  const size_t rows = kBandRows + 2 * layer.radius;
  for (Buffer<Count>& entries : counts_) entries.reserve(rows * layer.width * layer.channels);
  for (Buffer<float>& sums : scratch_) {
    sums.reserve(size_t(layer.width + 2 * layer.radius) * layer.outputs);
  }
  workers_.run(pieces(layer.height, kBandRows), [&](int item, int worker) {
    const int begin = item * kBandRows, end = std::min(begin + kBandRows, layer.height);
    kernels_.convolve_counts(layer, counts, begin, end, counts_[worker].data(),
                             scratch_[worker].data(), map);
  });
}

}  // namespace spiking
