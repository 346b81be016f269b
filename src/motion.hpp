// Heatmaps that move with their joints (models/lite/motion.py):
//
//   p = softmax(sharpness * map)
//   velocity = believed(persistence * velocity + sum_x p(x) m(x))    of little, less
//   map = map(x - velocity)
//
// m(x), the velocity that the head has for cell x, is a sum over the spikes there. The sums change
// places: p is added up per input channel, over the cells where that one spiked, and then the weights
// make the mean of m from these few numbers. So nobody computes m.

constexpr int kJoints = kGroup;    // at most
constexpr float kMaxCells = 3.0f;  // a joint moves no farther in one bin
constexpr float kRest = 0.1f;      // share of the slowest velocities that is believed
constexpr float kNowhere = -1e9f;  // an exponent that leaves nothing
constexpr int kPad = 4;            // columns beside a row, so that a shifted row stays inside

// For 16 cells from `cell` on: exp(sharpness (x - largest)) of each map, [cell][joint]. Adds to the
// totals.
inline void places(const Head& head, const float* maps, const float* largest, int cell, int size,
                   float (&p)[kGroup][kJoints], Lane (&totals)[kJoints]) {
  for (int j = 0; j < head.maps; ++j) {
    const float* from = maps + (int64_t)j * head.pixels + cell;
    float row[kGroup];
    for (int i = 0; i < size; ++i) row[i] = head.sharpness * (from[i] - largest[j]);
    for (int i = size; i < kGroup; ++i) row[i] = kNowhere;
    for (int k = 0; k < kParts; ++k) {
      const Lane part = exponential(load(row + k * kWidth));
      totals[j] += part;
      store(row + k * kWidth, part);
    }
    for (int i = 0; i < size; ++i) p[i][j] = row[i];
  }
}

// Fills `sums`: per input channel and joint, p (times its total) of the cells where the channel spiked.
inline void sum_places(const Head& head, const uint16_t* first, const uint16_t* second,
                       const float* maps, float* sums, Lane (&totals)[kJoints]) {
  const int channels = head.first_channels + head.second_channels;
  for (int i = 0; i < channels * kJoints; ++i) sums[i] = 0.0f;
  float largest[kJoints], p[kGroup][kJoints] = {};
  for (int j = 0; j < head.maps; ++j) {
    largest[j] = largest_of(maps + (int64_t)j * head.pixels, head.pixels);
  }
  for (int cell = 0; cell < head.pixels; cell += kGroup) {
    const int size = head.pixels - cell < kGroup ? head.pixels - cell : kGroup;
    places(head, maps, largest, cell, size, p, totals);
    for (int i = 0; i < size; ++i) {
      for_spikes(head, first, second, cell + i, [&](int channel) {
        float* at = sums + channel * kJoints;
        for (int k = 0; k < kJoints; k += kWidth) store(at + k, load(at + k) + load(p[i] + k));
      });
    }
  }
}

// The joints' velocities (maps, 2) after the maps as they are and what has just spiked. `sums` has
// room for 16 numbers per input channel.
void accelerate(const Head& head, const uint16_t* first, const uint16_t* second, const float* maps,
                float* sums, float* velocity) {
  Lane totals[kJoints] = {};
  sum_places(head, first, second, maps, sums, totals);
  float pulls[2][kJoints] = {};
  for (int c = 0; c < head.first_channels + head.second_channels; ++c) {
    const float* weights = head.motion + c * 2 * kJoints;
    for (int j = 0; j < kJoints; ++j) {
      pulls[0][j] += weights[j] * sums[c * kJoints + j];
      pulls[1][j] += weights[kJoints + j] * sums[c * kJoints + j];
    }
  }
  for (int j = 0; j < head.maps; ++j) {
    float total = 0.0f;
    for (int k = 0; k < kWidth; ++k) total += totals[j][k];
    float* at = velocity + 2 * j;
    for (int axis = 0; axis < 2; ++axis) {
      at[axis] = head.persistence[j] * at[axis] + pulls[axis][j] / total;
    }
    const float speed = __builtin_sqrtf(at[0] * at[0] + at[1] * at[1] + 1e-12f);
    const float share = (speed + kRest * head.noise[j]) / (speed + head.noise[j]);
    for (int axis = 0; axis < 2; ++axis) {
      float& v = at[axis];
      v *= share;
      v = v > kMaxCells ? kMaxCells : (v < -kMaxCells ? -kMaxCells : v);  // a NaN stays one
    }
  }
}

// A displacement as whole cells and the rest, both of the place that is read.
inline int whole_part(float velocity, float& rest) {
  const bool valid = velocity >= -kMaxCells && velocity <= kMaxCells;  // false for a NaN
  const int whole = valid ? (int)(kPad - velocity) - kPad : 0;
  rest = -velocity - (float)whole;
  return whole;
}

// One map moved by its joint's velocity, borders repeated. `scratch` holds a map, a row and margins.
void move(const Head& head, const float* velocity, float* scratch, float* map) {
  const int size = head.width, height = head.pixels / size;
  float fx, fy;
  const int ix = whole_part(velocity[0], fx), iy = whole_part(velocity[1], fy);
  __builtin_memcpy(scratch, map, sizeof(float) * head.pixels);
  float* row = scratch + head.pixels + kPad;
  const auto inside = [height](int y) { return y < 0 ? 0 : (y < height ? y : height - 1); };
  for (int y = 0; y < height; ++y) {
    const float* upper = scratch + (int64_t)inside(y + iy) * size;
    const float* lower = scratch + (int64_t)inside(y + iy + 1) * size;
    for (int x = 0; x < size; ++x) row[x] = upper[x] + fy * (lower[x] - upper[x]);
    for (int x = 0; x < kPad; ++x) {
      row[x - kPad] = row[0];
      row[size + x] = row[size - 1];
    }
    float* to = map + (int64_t)y * size;
    for (int x = 0; x < size; ++x) to[x] = row[x + ix] + fx * (row[x + ix + 1] - row[x + ix]);
  }
}
