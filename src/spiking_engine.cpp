// Event-driven kernels of the spiking network: work is done per spike, not per neuron and tap.
//
// Maps are stored pixel by pixel, channels innermost (H, W, C), so that one spike adds one contiguous
// row of weights to each output cell that it reaches. A spike is the flat index (y * W + x) * C + c.
// Weights are [input channel][ky][kx][output channel], with batch norm and 1/tau already folded in;
// those of convolutions are mirrored in ky and kx, so that rising taps land on rising cells.
// Plain C ABI; every buffer belongs to the caller, nothing is allocated and no thread is started.
// Portable: the inner loops are plain C++ that the compiler vectorises, cloned per instruction set. The
// build allows it to reorder sums (CMakeLists.txt, setup.py): numbers are finite, rounding may differ.

#include <cstdint>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_CPU __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define FOR_EACH_CPU
#endif

namespace {

struct Geometry {
  int32_t in_height, in_width, in_channels;
  int32_t out_height, out_width, out_channels;
  int32_t kernel, stride, padding;
  int32_t transposed;
};

// The taps k by which a spike at position p reaches the output, and where the first one lands: cells
// out, out + 1, ... take the taps first, first + step, ... Both kinds of layer are output = base + k:
// convolutions because their kernels are stored mirrored, output = (p + padding - (kernel - 1) + k) / stride,
// transposed ones as they are, output = p * stride - padding + k.
struct Taps {
  int first, last, step, out;
};

inline Taps taps(int p, int out_size, const Geometry& g) {
  const int step = g.transposed ? 1 : g.stride;
  const int base = g.transposed ? p * g.stride - g.padding : p + g.padding - (g.kernel - 1);
  int first = base < 0 ? -base : (step - base % step) % step;  // the smallest k that lands on a cell
  const int beyond = (out_size - 1) * step - base + 1;         // from here on past the border
  const int last = beyond < g.kernel ? beyond : g.kernel;
  return {first, last, step, (base + first) / step};
}

// The currents that `count` inputs cause; C output channels, known to the compiler if C > 0.
template <int C>
inline __attribute__((always_inline)) int64_t scatter(const int32_t* index, const float* values,
                                                      int64_t count, const float* weights,
                                                      const Geometry& g, float* currents) {
  const int channels = C > 0 ? C : g.out_channels;
  const int64_t row = (int64_t)g.kernel * channels;
  const int64_t out_row = (int64_t)g.out_width * channels;
  int64_t reached = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t channel = index[i] % g.in_channels;
    const int32_t pixel = index[i] / g.in_channels;
    const Taps ty = taps(pixel / g.in_width, g.out_height, g);
    const Taps tx = taps(pixel % g.in_width, g.out_width, g);
    if (ty.first >= ty.last || tx.first >= tx.last) continue;
    const int rows = (ty.last - ty.first - 1) / ty.step + 1;
    const int cells = (tx.last - tx.first - 1) / tx.step + 1;
    const float value = values ? values[i] : 1.0f;
    const float* w = weights + ((int64_t)channel * g.kernel + ty.first) * row +
                     (int64_t)tx.first * channels;
    float* out = currents + ty.out * out_row + (int64_t)tx.out * channels;
    for (int y = 0; y < rows; ++y, w += ty.step * row, out += out_row) {
      for (int x = 0; x < cells; ++x) {
        const float* __restrict from = w + (int64_t)x * tx.step * channels;
        float* __restrict to = out + (int64_t)x * channels;
        for (int c = 0; c < channels; ++c) to[c] += value * from[c];
      }
    }
    reached += rows * cells;
  }
  return reached;
}

// Leaky integrate-and-fire; see spiking_engine_fire. Works on blocks of at most 32 neurons, whose
// spikes are the bits of a mask: no branch per neuron, which would be mispredicted often.
template <int C>
inline __attribute__((always_inline)) int64_t fire(float* __restrict currents,
                                                   float* __restrict membranes,
                                                   const float* __restrict bias, int64_t pixels,
                                                   int32_t any_channels, float keep,
                                                   int32_t* __restrict spikes) {
  const int channels = C > 0 ? C : any_channels;
  constexpr int block = C == 0 ? 8 : (C < 32 ? C : 32);  // channels are multiples of 8
  int64_t count = 0;
  for (int64_t p = 0; p < pixels; ++p) {
    for (int first = 0; first < channels; first += block) {
      const int64_t at = p * channels + first;
      float* __restrict v = membranes + at;
      float* __restrict current = currents + at;
      const float* __restrict rest = bias + first;
      uint32_t mask = 0;
      for (int c = 0; c < block; ++c) {
        const float h = keep * v[c] + current[c];
        const uint32_t fires = h >= 1.0f ? 1u : 0u;
        current[c] = rest[c];
        v[c] = h - (float)(int32_t)fires;
        mask |= fires << c;
      }
      for (; mask; mask &= mask - 1) spikes[count++] = (int32_t)(at + __builtin_ctz(mask));
    }
  }
  return count;
}

// exp(x) for x <= 0 to 3e-7, without a call, so that loops over it are vectorised: x = n ln 2 + r,
// a polynomial for exp(r), and n goes into the exponent's bits.
inline __attribute__((always_inline)) float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  const float n = (float)(int32_t)(x * 1.44269504f - 0.5f);
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * r * r + r + 1.0f;
  const int32_t bits = ((int32_t)n + 127) << 23;
  float scale;
  __builtin_memcpy(&scale, &bits, sizeof scale);
  return y * scale;
}

// Calls FUNCTION<C> with the number of channels as a constant where it is a usual one.
#define WITH_CHANNELS(FUNCTION, CHANNELS, ...)          \
  switch (CHANNELS) {                                   \
    case 8: return FUNCTION<8>(__VA_ARGS__);            \
    case 16: return FUNCTION<16>(__VA_ARGS__);          \
    case 32: return FUNCTION<32>(__VA_ARGS__);          \
    case 64: return FUNCTION<64>(__VA_ARGS__);          \
    default: return FUNCTION<0>(__VA_ARGS__);           \
  }

}  // namespace

extern "C" {

int spiking_engine_abi_version(void) { return 3; }

// Adds what `count` inputs cause to the currents (out_height, out_width, out_channels).
// values: one factor per input (event counts), or null for spikes of 1.
// Returns the number of output cells reached; times the channels: the synaptic operations.
FOR_EACH_CPU
int64_t spiking_engine_scatter(const int32_t* index, const float* values, int64_t count,
                               const float* weights, const Geometry* geometry, float* currents) {
  WITH_CHANNELS(scatter, geometry->out_channels, index, values, count, weights, *geometry, currents)
}

// Adds `gain` at each spike: the identity path of a residual block.
void spiking_engine_add(const int32_t* index, int64_t count, float gain, float* currents) {
  for (int64_t i = 0; i < count; ++i) currents[index[i]] += gain;
}

// Leaky integrate-and-fire: v = keep * v + current; spike where v >= 1; v -= spike.
// The currents are set back to the bias for the next step. Returns the number of spikes.
FOR_EACH_CPU
int64_t spiking_engine_fire(float* currents, float* membranes, const float* bias, int64_t pixels,
                            int32_t channels, float keep, int32_t* spikes) {
  WITH_CHANNELS(fire, channels, currents, membranes, bias, pixels, channels, keep, spikes)
}

// Non-zero cells of counts (channels, height, width) as flat (H, W, C) indices with their values.
FOR_EACH_CPU
int64_t spiking_engine_gather(const float* counts, int32_t channels, int32_t pixels,
                              int32_t* index, float* values) {
  const int32_t block = 16;  // most of a bin is empty: look at so many cells at once
  int64_t found = 0;
  for (int32_t c = 0; c < channels; ++c) {
    const float* plane = counts + (int64_t)c * pixels;
    for (int32_t begin = 0; begin < pixels; begin += block) {
      const int32_t end = begin + block < pixels ? begin + block : pixels;
      int32_t any = 0;
      for (int32_t p = begin; p < end; ++p) any |= plane[p] != 0.0f ? 1 : 0;
      if (!any) continue;
      for (int32_t p = begin; p < end; ++p) {
        if (plane[p] != 0.0f) {
          index[found] = p * channels + c;
          values[found++] = plane[p];
        }
      }
    }
  }
  return found;
}

// Multiplies `count` numbers by `factor` in place: the decay of the output.
FOR_EACH_CPU
void spiking_engine_scale(float* __restrict data, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i) data[i] *= factor;
}

// For each of `maps` heatmaps of `cells` logits: index of the largest, and the sum over the cells of
// exp(logit - largest).
FOR_EACH_CPU
void spiking_engine_softmax(const float* logits, int32_t maps, int32_t cells, int32_t* peak,
                            float* total) {
  for (int32_t m = 0; m < maps; ++m) {
    const float* __restrict x = logits + (int64_t)m * cells;
    float largest = x[0];
    for (int32_t i = 1; i < cells; ++i) largest = x[i] > largest ? x[i] : largest;
    int32_t at = 0;
    while (x[at] != largest && at < cells - 1) ++at;
    float sum = 0.0f;
    for (int32_t i = 0; i < cells; ++i) sum += exponential(x[i] - largest);
    peak[m] = at;
    total[m] = sum;
  }
}

}  // extern "C"
