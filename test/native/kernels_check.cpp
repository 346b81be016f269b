// Runs every kernel on a small random network and prints what comes out, so that the same program
// for another processor can be compared with it. usage: kernels_check LEVEL (see spiking_engine_new)
//
// Weights lie on a coarse grid: sums of spikes are exact in whatever order, so spikes are equal.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../src/convolution.hpp"
#include "../../src/layer.hpp"

namespace spiking {
class Convolver;
class Engine;
}

extern "C" {
spiking::Engine* spiking_engine_new(const spiking::Layer*, int32_t, const spiking::Head*, float,
                                    int32_t, int32_t);
void spiking_engine_delete(spiking::Engine*);
int32_t spiking_engine_step(spiking::Engine*, const float* const*, float*, float*, float*, int64_t*,
                            int64_t*);
void spiking_engine_softmax(const float*, int32_t, int32_t, int32_t*, float*);
spiking::Convolver* spiking_engine_convolver_new(int32_t, int32_t);
void spiking_engine_convolver_delete(spiking::Convolver*);
int32_t spiking_engine_winograd(spiking::Convolver*, const spiking::Convolution*, const float*,
                                const float*, float*);
int32_t spiking_engine_convolve_counts(spiking::Convolver*, const spiking::CountConvolution*,
                                       const float*, float*);
}

namespace {

using spiking::Head;
using spiking::Layer;

constexpr int kSide = 16;

// Multiples of 1/64 between `low` and `high` of these, the same on every machine.
struct Random {
  uint32_t state = 1;
  int below(int n) { return int((state = state * 1664525u + 1013904223u) >> 8) % n; }
  std::vector<float> grid(size_t count, int low, int high) {
    std::vector<float> numbers(count);
    for (float& x : numbers) x = float(low + below(high - low + 1)) / 64.0f;
    return numbers;
  }
};

struct Network {
  Random random;
  std::vector<std::vector<float>> arrays;
  std::vector<Layer> layers;
  int64_t potentials = 0;

  const float* keep(std::vector<float> numbers) {
    arrays.push_back(std::move(numbers));
    return arrays.back().data();
  }

  // `kind`: 1 convolves, 2 is transposed and doubles the size, 3 interpolates first.
  void add(int in_side, int first, int first_channels, int second, int second_channels, int taps,
           int stride, int kind, int channels, int slice, int blocks, int skip) {
    const int phases = kind == 1 ? 1 : 2, shift = kind == 2;
    const int cells = kind == 1 ? (in_side - 1) / stride + 1 : in_side + shift;
    const int out = kind == 1 ? cells : 2 * in_side;
    const size_t variants = kind == 3 ? 9 : 1;
    const size_t size = size_t(channels) * phases * phases * variants * taps * taps *
                        (first_channels + second_channels);
    Layer layer{in_side, in_side, first, first_channels, second, second_channels, taps, stride,
                kind == 2 ? 1 : taps / 2, phases, shift, cells, cells, kind == 3, out, out,
                channels, slice, blocks, skip, channels, 3, 2, keep(random.grid(size, -12, 12)),
                keep(random.grid(channels, 16, 64)), keep(random.grid(channels, 32, 128)),
                potentials, -1};
    potentials += int64_t(out) * out * channels;
    layers.push_back(layer);
  }

  // Gives the layers from `first` on resting potentials; after the last `add`.
  void rest(size_t first) {
    for (size_t i = first; i < layers.size(); ++i) {
      layers[i].rests_at = potentials;
      potentials += int64_t(layers[i].out_height) * layers[i].out_width * layers[i].out_channels;
    }
  }
};

void print(const char* name, const std::vector<float>& numbers) {
  printf("%s", name);
  for (float x : numbers) printf(" %.6g", double(x));
  printf("\n");
}

void steps(int level, bool motion) {
  Network net;
  const int bins = motion ? 2 : 1;  // with motion, the first layer sees the last bin again
  net.add(kSide, -1, 2 * bins, -1, 0, 5, 2, 1, 16, 16, 1, -1);
  net.add(8, 0, 16, -1, 0, 3, 1, 1, 32, 32, 1, -1);
  net.add(8, 1, 32, -1, 0, 3, 1, 1, 32, 32, 2, 1);
  net.add(8, 2, 32, 1, 32, 3, 1, 1, 64, 64, 2, -1);
  net.add(8, 3, 64, 1, 32, 2, 1, 2, 32, 16, 2, -1);
  net.add(8, 3, 64, 2, 32, 3, 1, 3, 16, 16, 2, -1);
  const int cells = kSide * kSide, maps = 13;
  Head head{4, 32, 5, 16, cells, kSide, maps, 2 * maps, 0.75f, 0.875f,
            net.keep(net.random.grid(48 * 16, -64, 64)), net.keep(net.random.grid(16, -8, 8)),
            nullptr, nullptr, nullptr};
  if (motion) {
    net.rest(2);
    head.motion = net.keep(net.random.grid(48 * 32, -8, 8));
    head.persistence = net.keep(net.random.grid(16, 0, 63));
    head.noise = net.keep(net.random.grid(16, 1, 63));
  }
  std::vector<float> potentials = net.random.grid(net.potentials, -60, 60), velocity(2 * maps);
  std::vector<float> output = net.random.grid(maps * cells, -300, 300);
  const int count = int(net.layers.size());
  spiking::Engine* engine =
      spiking_engine_new(net.layers.data(), count, &head, 3.0f, 2, level);
  if (!engine) abort();
  std::vector<float> before(2 * kSide * kSide);
  for (int step = 0; step < 4; ++step) {
    std::vector<float> counts(2 * kSide * kSide);
    for (float& x : counts) x = float(net.random.below(4) / 3 * (1 + net.random.below(2)));
    std::vector<int64_t> fired(count), additions(count + 1);
    const float* const seen[] = {counts.data(), before.data()};
    if (!spiking_engine_step(engine, seen, potentials.data(), output.data(), velocity.data(),
                             fired.data(), additions.data())) abort();
    before = counts;
    printf("spikes");
    for (int64_t n : fired) printf(" %lld", (long long)n);
    for (int64_t n : additions) printf(" %lld", (long long)n);
    printf("\n");
    print("velocity", velocity);
  }
  print("output", output);
  print("potentials", potentials);
  spiking_engine_delete(engine);
}

void softmax() {
  Random random;
  const std::vector<float> maps = random.grid(2 * 77, -500, 500);
  std::vector<int32_t> peak(2);
  std::vector<float> total(2);
  spiking_engine_softmax(maps.data(), 2, 77, peak.data(), total.data());
  printf("peaks %d %d\n", peak[0], peak[1]);
  print("totals", total);
}

void convolutions(int level) {
  Random random;
  spiking::Convolver* convolver = spiking_engine_convolver_new(2, level);
  if (!convolver) abort();
  const std::vector<float> first = random.grid(kSide * kSide * 16, -64, 64);
  const std::vector<float> second = random.grid(kSide * kSide * 32, -64, 64);
  const std::vector<float> bias = random.grid(32, -64, 64);
  const int shapes[4][4] = {{6, 4, 1, 0}, {6, 4, 1, 1}, {8, 4, 2, 0}, {8, 2, 3, 0}};
  for (const auto& [points, tile, radius, doubled] : shapes) {
    const int side = kSide << doubled;
    const std::vector<float> kernel = random.grid(points * points * 32 * 48, -2, 2);
    const spiking::Convolution layer{side, side, 16, 32, 32, points, tile, radius, doubled, 0.125f,
                                     kernel.data(), bias.data()};
    std::vector<float> map(side * side * 32);
    if (!spiking_engine_winograd(convolver, &layer, first.data(), second.data(), map.data())) {
      abort();
    }
    print("map", map);
  }
  std::vector<float> counts = random.grid(5 * 40 * 16, 0, 640);
  for (float& x : counts) x = x < 9.0f ? 0.0f : x - 8.0f;
  const std::vector<float> kernel = random.grid(7 * 5 * 7 * 16, -64, 64);
  const spiking::CountConvolution layer{40, 16, 5, 16, 3, 0.125f, kernel.data(), bias.data()};
  std::vector<float> map(40 * 16 * 16);
  if (!spiking_engine_convolve_counts(convolver, &layer, counts.data(), map.data())) abort();
  print("counts", map);
  spiking_engine_convolver_delete(convolver);
}

}  // namespace

int main(int count, char** arguments) {
  const int level = count > 1 ? atoi(arguments[1]) : 2;
  steps(level, false);
  steps(level, true);
  softmax();
  convolutions(level);
}
