// The kernels for x86-64 with AVX-512. The headers come first: only the kernels may use it.
#include "kernels.hpp"

#ifdef SPIKING_ENGINE_X86
#include <immintrin.h>

#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,bmi,bmi2,popcnt")
namespace spiking {
namespace avx512 {
#define SPIKING_WIDTH 16
#include "kernels_body.hpp"
}
const Kernels kAvx512 = avx512::kTable;
}  // namespace spiking
#endif
