// The kernels for x86-64 with AVX2. The headers come first: only the kernels may use it.
#include "kernels.hpp"

#ifdef SPIKING_ENGINE_X86
#include <immintrin.h>

#pragma GCC target("avx2,fma,bmi,bmi2,popcnt")
namespace spiking {
namespace avx2 {
#define SPIKING_WIDTH 8
#include "kernels_body.hpp"
}
const Kernels kAvx2 = avx2::kTable;
}  // namespace spiking
#endif
