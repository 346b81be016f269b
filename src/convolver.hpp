// Runs convolutions of a keyframe's network piece by piece, on a few threads.
#pragma once

#include <vector>

#include "buffer.hpp"
#include "convolution.hpp"
#include "kernels.hpp"
#include "workers.hpp"

namespace spiking {

class Convolver {
 public:
  Convolver(const Kernels& kernels, int threads)
      : kernels_(kernels), workers_(threads), scratch_(workers_.count()), counts_(workers_.count()) {}

  // `second` is null if there is no second source. Fills `map`.
  void run(const Convolution& layer, const float* first, const float* second, float* map);
  void run(const CountConvolution& layer, const float* counts, float* map);

 private:
  const Kernels& kernels_;
  Workers workers_;
  std::vector<Buffer<float>> scratch_;  // per thread
  std::vector<Buffer<Count>> counts_;
};

}  // namespace spiking
