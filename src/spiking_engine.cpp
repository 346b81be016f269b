// Event-driven kernels of the spiking network: work is done per spike, not per neuron and tap.
//
// Maps are stored pixel by pixel, channels innermost (H, W, C), so that one spike adds one contiguous
// row of weights to each output cell that it reaches. A spike is the flat index (y * W + x) * C + c.
// Weights are [input channel][ky][kx][output channel], with batch norm and 1/tau already folded in.
// Plain C ABI; every buffer belongs to the caller, nothing is allocated and no thread is started.
// Portable: the inner loops are plain C++ that the compiler vectorises, cloned per instruction set.

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

// Range of taps k for which a spike at position p reaches the output, and where the first one lands.
// Convolution: out = (p + padding - k) / stride, only whole results. Transposed: out = p * stride - padding + k.
struct Taps {
  int first, last, step, out, out_step;
};

inline Taps taps(int p, int out_size, const Geometry& g) {
  if (g.transposed) {
    const int origin = p * g.stride - g.padding;
    const int first = origin < 0 ? -origin : 0;
    const int last = origin + g.kernel > out_size ? out_size - origin : g.kernel;
    return {first, last, 1, origin + first, 1};
  }
  const int reach = p + g.padding;
  int first = reach % g.stride;                            // smallest k that divides
  const int too_far = reach - (out_size - 1) * g.stride;   // k below this lands beyond the border
  if (first < too_far) first = too_far;                    // too_far is congruent to reach
  const int last = reach + 1 < g.kernel ? reach + 1 : g.kernel;
  return {first, last, g.stride, (reach - first) / g.stride, -1};
}

// The currents that `count` inputs cause; C output channels, known to the compiler if C > 0.
template <int C>
inline __attribute__((always_inline)) int64_t scatter(const int32_t* index, const float* values,
                                                      int64_t count, const float* weights,
                                                      const Geometry& g, float* currents) {
  const int channels = C > 0 ? C : g.out_channels;
  int64_t reached = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t channel = index[i] % g.in_channels;
    const int32_t pixel = index[i] / g.in_channels;
    const Taps ty = taps(pixel / g.in_width, g.out_height, g);
    const Taps tx = taps(pixel % g.in_width, g.out_width, g);
    const float value = values ? values[i] : 1.0f;
    int y = ty.out;
    for (int ky = ty.first; ky < ty.last; ky += ty.step, y += ty.out_step) {
      int x = tx.out;
      for (int kx = tx.first; kx < tx.last; kx += tx.step, x += tx.out_step) {
        const float* __restrict w =
            weights + ((int64_t)(channel * g.kernel + ky) * g.kernel + kx) * channels;
        float* __restrict out = currents + ((int64_t)y * g.out_width + x) * channels;
        for (int c = 0; c < channels; ++c) out[c] += value * w[c];
        ++reached;
      }
    }
  }
  return reached;
}

// Leaky integrate-and-fire over pixels of C channels; see spiking_engine_fire.
template <int C>
inline __attribute__((always_inline)) int64_t fire(float* __restrict currents,
                                                   float* __restrict membranes,
                                                   const float* __restrict bias, int64_t pixels,
                                                   int32_t any_channels, float keep,
                                                   int32_t* __restrict spikes) {
  const int channels = C > 0 ? C : any_channels;
  int64_t count = 0;
  for (int64_t p = 0; p < pixels; ++p) {
    float* __restrict v = membranes + p * channels;
    float* __restrict current = currents + p * channels;
    int32_t any = 0;
    for (int c = 0; c < channels; ++c) {
      const float h = keep * v[c] + current[c];
      current[c] = bias[c];
      v[c] = h;
      any |= h >= 1.0f ? 1 : 0;
    }
    if (!any) continue;
    for (int c = 0; c < channels; ++c) {
      if (v[c] >= 1.0f) {
        v[c] -= 1.0f;
        spikes[count++] = (int32_t)(p * channels + c);
      }
    }
  }
  return count;
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

int spiking_engine_abi_version(void) { return 2; }

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

}  // extern "C"
