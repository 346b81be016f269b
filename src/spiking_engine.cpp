// The C interface that native/library.py loads. Names and structs are an ABI: a change of meaning
// needs another version number, here and there.

#include "convolver.hpp"
#include "engine.hpp"

namespace {

using spiking::Kernels;

// The widest instruction set that both the caller and the processor allow; null for an unknown one.
const Kernels* kernels_for(int32_t level) {
#ifdef SPIKING_ENGINE_X86
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq");
  if (level >= 2 && avx512) return &spiking::kAvx512;
  if (level >= 1 && avx2) return &spiking::kAvx2;
#endif
  return level >= 0 ? &spiking::kBaseline : nullptr;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int32_t spiking_engine_abi_version(void) { return 11; }

// `level`: 0 what every processor of the architecture has, 1 AVX2, 2 AVX-512; the widest that this
// processor has is taken. Null if memory or threads are not to be had.
spiking::Engine* spiking_engine_new(const spiking::Layer* layers, int32_t count,
                                    const spiking::Head* head, float tau, int32_t threads,
                                    int32_t level) {
  const Kernels* kernels = kernels_for(level);
  if (!kernels) return nullptr;
  try {
    return new spiking::Engine(layers, count, *head, tau, *kernels, threads);
  } catch (...) {  // exceptions must not leave C++
    return nullptr;
  }
}

void spiking_engine_delete(spiking::Engine* engine) { delete engine; }

// See Engine::step. Returns 1, or 0 for counts that are negative, infinite or NaN.
int32_t spiking_engine_step(spiking::Engine* engine, const float* const* counts,
                            float* membranes, float* output, float* velocity, int64_t* fired, int64_t* additions) {
  return engine->step(counts, membranes, output, velocity, fired, additions);
}

const uint16_t* spiking_engine_spikes(const spiking::Engine* engine, int32_t layer) {
  return engine->spikes(layer);
}

// For each of `maps` heatmaps of `cells` logits: index of the largest, sum of exp(logit - largest).
void spiking_engine_softmax(const float* logits, int32_t maps, int32_t cells, int32_t* peak,
                            float* total) {
  static const Kernels& kernels = *kernels_for(2);
  for (int32_t m = 0; m < maps; ++m) {
    kernels.softmax(logits + int64_t{m} * cells, cells, peak + m, total + m);
  }
}

// What convolves maps on so many threads, the caller's included. Null if they are not to be had.
spiking::Convolver* spiking_engine_convolver_new(int32_t threads, int32_t level) {
  const Kernels* kernels = kernels_for(level);
  if (!kernels) return nullptr;
  try {
    return new spiking::Convolver(*kernels, threads);
  } catch (...) {
    return nullptr;
  }
}

void spiking_engine_convolver_delete(spiking::Convolver* convolver) { delete convolver; }

// See Convolver::run. Both return 1, or 0 if memory is not to be had.
int32_t spiking_engine_winograd(spiking::Convolver* convolver, const spiking::Convolution* layer,
                                const float* first, const float* second, float* map) {
  try {
    convolver->run(*layer, first, second, map);
  } catch (...) {
    return 0;
  }
  return 1;
}

int32_t spiking_engine_convolve_counts(spiking::Convolver* convolver,
                                       const spiking::CountConvolution* layer, const float* counts,
                                       float* map) {
  try {
    convolver->run(*layer, counts, map);
  } catch (...) {
    return 0;
  }
  return 1;
}

}  // extern "C"
#pragma GCC visibility pop
