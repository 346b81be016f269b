// The kernels for any processor: NEON where that is part of the architecture, SSE2 on x86-64.
#include "kernels.hpp"

namespace spiking {
namespace baseline {
#define SPIKING_WIDTH 4
#include "kernels_body.hpp"
}
const Kernels kBaseline = baseline::kTable;
}  // namespace spiking
