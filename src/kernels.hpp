// The kernels as a table of functions, one table per instruction set (kernels_*.cpp).
#pragma once

#include <cstdint>

#include "convolution.hpp"
#include "layer.hpp"
#include "spike_list.hpp"

namespace spiking {

// What a piece of work on a layer reads and writes.
struct Work {
  const Layer* layer;
  const SpikeList* list;
  float tau;             // membrane time constant, in steps
  float* membranes;      // of the layer
  const float* rests;    // its resting potentials, or null
  const uint16_t* skip;  // spikes of the skipped layer, or null
  uint16_t* spikes;      // [pixel][channels / 16]
};

struct Kernels {
  // Lists row y of one or two layers' spikes.
  void (*list_spikes)(const Layer&, const uint16_t* first, const uint16_t* second, int y,
                      const SpikeList&);
  // Lists row y of the event counts of some bins, each (2, height, width). False if one is negative,
  // infinite or NaN.
  bool (*list_counts)(const Layer&, const float* const* bins, int y, const SpikeList&);
  // Sums and fires cell rows begin ... end - 1 of a slice. `sums` holds one chunk, with its margin.
  // Returns the spikes.
  int64_t (*run_slice)(const Work&, int slice, int begin, int end, float* sums);
  // Output of pixels begin ... end - 1, planes of `pixels` floats.
  void (*head)(const Head&, const uint16_t* first, const uint16_t* second, int begin, int end,
               float* output);
  // See motion.hpp.
  void (*accelerate)(const Head&, const uint16_t* first, const uint16_t* second, const float* maps,
                     float* sums, float* velocity);
  void (*move)(const Head&, const float* velocity, float* scratch, float* map);
  // Of one heatmap: index of the largest logit, sum of exp(logit - largest).
  void (*softmax)(const float* logits, int32_t cells, int32_t* peak, float* total);
  // See winograd.hpp and counts.hpp.
  void (*winograd)(const Convolution&, const float* first, const float* second, int begin, int end,
                   int from_output, int to_output, float* scratch, float* map);
  void (*convolve_counts)(const CountConvolution&, const float* counts, int begin, int end,
                          Count* entries, float* sums, float* map);
};

extern const Kernels kBaseline;
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SPIKING_ENGINE_X86 1
extern const Kernels kAvx2;
extern const Kernels kAvx512;
#endif

}  // namespace spiking
