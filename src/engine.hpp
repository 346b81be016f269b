// One network: its layers in order, the scratch memory that a step needs, and its threads.
#pragma once

#include <cstdint>
#include <vector>

#include "buffer.hpp"
#include "kernels.hpp"
#include "layer.hpp"
#include "workers.hpp"

namespace spiking {

class Engine {
 public:
  // Weights stay the caller's. `head` may be null: no output is made.
  Engine(const Layer* layers, int count, const Head& head, float tau, const Kernels& kernels,
         int threads);

  // One bin: the counts (2, height, width) of this bin and of those that the first layer sees again
  // in; membranes (resting potentials after them), output and, if the head has motion, velocities
  // (maps, 2) changed in place. Per layer: spikes fired, and additions
  // done; the last addition is the head's. False if a count is negative, infinite or NaN; nothing is
  // changed then.
  bool step(const float* const* counts, float* membranes, float* output, float* velocity,
            int64_t* fired, int64_t* additions);

  // Spikes of the last step, [pixel][channels / 16] words.
  const uint16_t* spikes(int layer) const { return spikes_[layer].data(); }

 private:
  struct Reach {
    std::vector<int32_t> rows, columns;
  };

  void add_layer(const Layer& layer);
  SpikeList list_of(int layer);
  bool list_inputs(int layer, const float* const* counts, const SpikeList& list);
  int64_t run_layer(int layer, float* potentials, const SpikeList& list);
  void move_maps(float* output, float* velocity);
  void run_head(float* output);
  int64_t head_additions(const int64_t* fired) const;

  std::vector<Layer> layers_;
  Head head_;
  float tau_;
  const Kernels& kernels_;
  Workers workers_;
  std::vector<std::vector<uint16_t>> spikes_;
  std::vector<Reach> reach_;
  // Shared by the layers, which run one after the other.
  std::vector<uint32_t> starts_;
  std::vector<int64_t> additions_;
  Buffer<uint32_t> offsets_;
  Buffer<float> values_;
  std::vector<Buffer<float>> sums_;  // per thread: of a chunk's cells; also the head's
};

}  // namespace spiking
