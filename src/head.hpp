// The head: a 1 x 1 convolution of two layers' spikes, pixel by pixel.

constexpr int kParts = kGroup / kWidth;  // vectors that 16 maps or pixels take

// Calls spiked(row) with the number of each input channel that spiked at a pixel.
template <typename Spiked>
inline __attribute__((always_inline)) void for_spikes(const Head& head, const uint16_t* first,
                                                      const uint16_t* second, int64_t pixel,
                                                      const Spiked& spiked) {
  const uint16_t* sources[2] = {first, second};
  const int words[2] = {head.first_channels / kGroup, head.second_channels / kGroup};
  int channel = 0;
  for (int s = 0; s < 2; ++s) {
    for (int w = 0; w < words[s]; ++w, channel += kGroup) {
      for (uint32_t mask = sources[s][pixel * words[s] + w]; mask; mask &= mask - 1) {
        spiked(channel + __builtin_ctz(mask));
      }
    }
  }
}

// Output of pixels begin ... end - 1: 16 pixels and 16 maps at a time, turned around on the way out.
void head(const Head& head, const uint16_t* first, const uint16_t* second, int begin, int end,
          float* output) {
  const int64_t padded = (head.maps + kGroup - 1) / kGroup * kGroup;
  for (int tile = begin; tile < end; tile += kGroup) {
    const int size = end - tile < kGroup ? end - tile : kGroup;
    for (int map = 0; map < head.maps; map += kGroup) {
      float at[kGroup][kGroup];
      for (int p = 0; p < size; ++p) {
        Lane sums[kParts];
        load_sums(sums, head.bias + map);
        for_spikes(head, first, second, tile + p, [&](int channel) {
          const float* row = head.weights + channel * padded + map;
          for (int k = 0; k < kParts; ++k) sums[k] += load(row + k * kWidth);
        });
        store_sums(at[p], sums);
      }
      const int maps = head.maps - map < kGroup ? head.maps - map : kGroup;
      for (int m = 0; m < maps; ++m) {
        float* out = output + (int64_t)(map + m) * head.pixels + tile;
        for (int p = 0; p < size; ++p) out[p] = head.keep * out[p] + at[p][m];
      }
    }
  }
}
