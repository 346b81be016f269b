#include "engine.hpp"

#include <algorithm>
#include <atomic>

namespace spiking {
namespace {

constexpr int kRows = 8;         // input rows listed as one piece of work
constexpr int kPixels = 16384;   // output pixels of the head as one piece of work

// How many output rows (columns) a spike at each of `size` rows (columns) reaches.
std::vector<int32_t> reach(const Layer& layer, int size, int cells, int out_size) {
  std::vector<int32_t> total(size, 0);
  if (layer.interpolated) {  // eight in a row
    for (int p = 0; p < size; ++p) {
      total[p] = std::min(2 * p + 4, out_size - 1) - std::max(2 * p - 3, 0) + 1;
    }
    return total;
  }
  for (int cell = 0; cell < cells; ++cell) {
    int outputs = 0;
    for (int phase = 0; phase < layer.phases; ++phase) {
      const int out = cell * layer.phases - layer.shift + phase;
      outputs += out >= 0 && out < out_size;
    }
    for (int tap = 0; tap < layer.taps; ++tap) {
      const int p = cell * layer.stride - layer.origin + tap;
      if (p >= 0 && p < size) total[p] += outputs;
    }
  }
  return total;
}

}  // namespace

Engine::Engine(const Layer* layers, int count, const Head& head, float tau, const Kernels& kernels,
               int threads)
    : head_(head), tau_(tau), kernels_(kernels), workers_(threads), sums_(workers_.count()) {
  for (int i = 0; i < count; ++i) add_layer(layers[i]);
  if (!head_.motion) return;
  const size_t channels = head_.first_channels + head_.second_channels;
  const size_t moving = head_.pixels + head_.width + 2 * kGroup;
  for (Buffer<float>& sums : sums_) sums.reserve(std::max(moving, kGroup * channels));
}

void Engine::add_layer(const Layer& layer) {
  layers_.push_back(layer);
  const size_t pixels = size_t(layer.out_height) * layer.out_width;
  spikes_.emplace_back(pixels * layer.out_channels / kGroup);
  reach_.push_back({reach(layer, layer.in_height, layer.cell_rows, layer.out_height),
                    reach(layer, layer.in_width, layer.cell_columns, layer.out_width)});
  const size_t inputs = size_t(layer.first_channels + layer.second_channels) * layer.in_height *
                        layer.in_width;
  offsets_.reserve(inputs);
  if (layer.first < 0) values_.reserve(inputs);
  const size_t pitch = size_t(layer.in_width) + 1 + 2 * SpikeList::kMargin;
  starts_.resize(std::max(starts_.size(), pitch * layer.in_height * layer.blocks));
  additions_.resize(std::max(additions_.size(), size_t(layer.in_height)));
  const size_t cell = size_t(layer.slice_channels) * layer.phases * layer.phases;
  const size_t margin = layer.interpolated ? 2 : 0;
  const size_t cells = (layer.cell_columns + margin) * (layer.chunk + margin);
  for (Buffer<float>& sums : sums_) sums.reserve(cell * cells);
}

bool Engine::step(const float* const* counts, float* membranes, float* output, float* velocity,
                  int64_t* fired, int64_t* additions) {
  for (int i = 0; i < static_cast<int>(layers_.size()); ++i) {
    const Layer& layer = layers_[i];
    const SpikeList list = list_of(i);
    if (!list_inputs(i, counts, list)) return false;
    additions[i] = 0;
    for (int y = 0; y < layer.in_height; ++y) additions[i] += list.additions[y] * layer.fan_out;
    if (layer.skip >= 0) additions[i] += fired[layer.skip];
    fired[i] = run_layer(i, membranes, list);
  }
  if (head_.motion) move_maps(output, velocity);
  run_head(output);
  additions[layers_.size()] = head_additions(fired);
  return true;
}

SpikeList Engine::list_of(int i) {
  const Layer& layer = layers_[i];
  return {layer.in_width, layer.in_height,
          int64_t{layer.in_width} * (layer.first_channels + layer.second_channels),
          starts_.data(), offsets_.data(), values_.data(), additions_.data(),
          reach_[i].rows.data(), reach_[i].columns.data()};
}

bool Engine::list_inputs(int i, const float* const* counts, const SpikeList& list) {
  const Layer& layer = layers_[i];
  const uint16_t* first = layer.first < 0 ? nullptr : spikes_[layer.first].data();
  const uint16_t* second = layer.second < 0 ? nullptr : spikes_[layer.second].data();
  std::atomic<bool> valid{true};
  workers_.run(pieces(layer.in_height, kRows), [&](int item, int) {
    const int end = std::min((item + 1) * kRows, layer.in_height);
    for (int y = item * kRows; y < end; ++y) {
      if (first) {
        kernels_.list_spikes(layer, first, second, y, list);
      } else if (!kernels_.list_counts(layer, counts, y, list)) {
        valid = false;
      }
    }
  });
  return valid;
}

int64_t Engine::run_layer(int i, float* potentials, const SpikeList& list) {
  const Layer& layer = layers_[i];
  const uint16_t* skip = layer.skip < 0 ? nullptr : spikes_[layer.skip].data();
  const float* rests = layer.rests_at < 0 ? nullptr : potentials + layer.rests_at;
  const Work work{&layer, &list, tau_, potentials + layer.membranes_at, rests, skip,
                  spikes_[i].data()};
  const int bands = pieces(layer.cell_rows, layer.band);
  std::atomic<int64_t> fired{0};
  // Bands inside: threads take the slices apart first, each of which needs its own weights.
  workers_.run(layer.out_channels / layer.slice_channels * bands, [&](int item, int worker) {
    const int begin = item % bands * layer.band;
    const int end = std::min(begin + layer.band, layer.cell_rows);
    fired += kernels_.run_slice(work, item / bands, begin, end, sums_[worker].data());
  });
  return fired;
}

void Engine::move_maps(float* output, float* velocity) {
  kernels_.accelerate(head_, spikes_[head_.first].data(), spikes_[head_.second].data(), output,
                      sums_[0].data(), velocity);
  workers_.run(head_.maps, [&](int map, int worker) {
    kernels_.move(head_, velocity + 2 * map, sums_[worker].data(),
                  output + int64_t{map} * head_.pixels);
  });
}

void Engine::run_head(float* output) {
  const uint16_t* first = spikes_[head_.first].data();
  const uint16_t* second = spikes_[head_.second].data();
  workers_.run(pieces(head_.pixels, kPixels), [&](int item, int) {
    const int end = std::min((item + 1) * kPixels, head_.pixels);
    kernels_.head(head_, first, second, item * kPixels, end, output);
  });
}

int64_t Engine::head_additions(const int64_t* fired) const {
  return (fired[head_.first] + fired[head_.second]) * head_.fan_out;
}

}  // namespace spiking
