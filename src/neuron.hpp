// Batch norm and leaky integrate-and-fire neurons, in one pass over a pixel of a slice.
//
//   x = gain * sum + bias (+ (1 where the skipped layer spiked + resting potential))
//   h = v + (x - v) / tau;   spike where h >= 1;   v = h - spike
//
// Rounded as the reference does it: gain * sum + bias is one operation in PyTorch (where the
// processor has it), the steps of the second line are separate ones.

// Takes C sums and, if not null, C resting potentials and the skipped layer's spikes; changes C
// membranes and C / 16 words of spikes. Returns the number of spikes.
template <int C>
inline int fire(const Lane* sums, const float* gain, const float* bias, float tau, float* membranes,
                const float* rests, const uint16_t* skip, uint16_t* spikes) {
  constexpr int per_word = kGroup / kWidth;
  int count = 0;
  for (int word = 0; word < C / kGroup; ++word) {
    uint32_t mask = 0;
    for (int part = 0; part < per_word; ++part) {
      const int i = word * per_word + part;
      Lane x = sums[i] * load(gain + i * kWidth) + load(bias + i * kWidth);
      Lane joined = skip ? ones((uint32_t)skip[word] >> (part * kWidth)) : Lane{};
      if (rests) joined += load(rests + i * kWidth);
      if (skip || rests) x += joined;
      Lane v = load(membranes + i * kWidth);
      v += divide(x - v, tau, 1.0f / tau);
      const uint32_t fired = reset(v);
      store(membranes + i * kWidth, v);
      mask |= fired << (part * kWidth);
    }
    spikes[word] = (uint16_t)mask;
    count += __builtin_popcount(mask);
  }
  return count;
}
