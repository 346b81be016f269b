// Convolutions with fewer multiplications, by Winograd's algorithm: a tile of P x P inputs (P = tile +
// taps - 1 along an axis) makes tile x tile outputs by P x P multiplications per pair of channels, in a
// changed basis. There it is P x P products of matrices, (tiles, channels) by (channels, outputs).

// One source's tiles begin ... end - 1 (row by row) to `to`, P x P matrices `pitch` floats apart.
template <int P, int T>
inline void spread_tiles(const Convolution& layer, const Source& from, int begin, int end,
                         int64_t pitch, int depth, float* to) {
  const int columns = layer.width / T;
  for (int tile = begin; tile < end; ++tile, to += depth) {
    const int i = tile / columns, j = tile % columns;
    for (int c = 0; c < from.channels; c += kWidth) {
      Lane d[P][P];
      if (P == 6 && layer.doubled) {  // 3 x 3 only
        read_doubled<P>(from, i, j, c, d);
      } else {
        for (int y = 0; y < P; ++y) {
          for (int x = 0; x < P; ++x) {
            d[y][x] = from.at(T * i + y - layer.radius, T * j + x - layer.radius, c);
          }
        }
      }
      for (int y = 0; y < P; ++y) spread(d[y]);
      for (int x = 0; x < P; ++x) {
        Lane column[P];
        for (int y = 0; y < P; ++y) column[y] = d[y][x];
        spread(column);
        for (int y = 0; y < P; ++y) store(to + (y * P + x) * pitch + c, column[y]);
      }
    }
  }
}

// The reverse for outputs first ... last - 1: products to tiles of the map, biased and rectified.
template <int P, int T>
inline void gather_tiles(const Convolution& layer, const float* from, int64_t pitch, int begin,
                         int end, int first, int last, float* map) {
  const int columns = layer.width / T;
  for (int tile = begin; tile < end; ++tile, from += last - first) {
    const int i = tile / columns, j = tile % columns;
    for (int c = first; c < last; c += kWidth) {
      Lane rows[P][T];
      for (int y = 0; y < P; ++y) {
        Lane products[P];
        for (int x = 0; x < P; ++x) products[x] = load(from + (y * P + x) * pitch + c - first);
        gather<P, T>(products, rows[y]);
      }
      const Lane bias = load(layer.bias + c);
      for (int x = 0; x < T; ++x) {
        Lane column[P], out[T];
        for (int y = 0; y < P; ++y) column[y] = rows[y][x];
        gather<P, T>(column, out);
        for (int y = 0; y < T; ++y) {
          const Lane value = out[y] + bias;
          float* at = map + ((int64_t)(T * i + y) * layer.width + T * j + x) * layer.outputs + c;
          store(at, value > 0.0f ? value : layer.slope * value);
        }
      }
    }
  }
}

template <int P, int T>
inline void convolve_tiles(const Convolution& layer, const float* first, const float* second,
                           int begin, int end, int from_output, int to_output, float* scratch,
                           float* map) {
  const int height = layer.height >> layer.doubled, width = layer.width >> layer.doubled;
  const int depth = layer.first_channels + layer.second_channels;
  const int count = end - begin, outputs = to_output - from_output;
  const int64_t pitch = (int64_t)count * depth + kSlack;
  const int64_t product_pitch = (int64_t)count * outputs + kSlack;
  float* products = scratch + P * P * pitch;
  spread_tiles<P, T>(layer, {first, height, width, layer.first_channels}, begin, end, pitch, depth,
                     scratch);
  if (second) {
    spread_tiles<P, T>(layer, {second, height, width, layer.second_channels}, begin, end, pitch,
                       depth, scratch + layer.first_channels);
  }
  for (int p = 0; p < P * P; ++p) {
    const float* kernel = layer.kernel + ((int64_t)p * layer.outputs + from_output) * depth;
    multiply(scratch + p * pitch, count, depth, kernel, outputs, products + p * product_pitch);
  }
  gather_tiles<P, T>(layer, products, product_pitch, begin, end, from_output, to_output, map);
}

// Tiles begin ... end - 1 of outputs from_output ... to_output - 1. `scratch`: see scratch_size.
void winograd(const Convolution& layer, const float* first, const float* second, int begin, int end,
              int from_output, int to_output, float* scratch, float* map) {
  const auto run = layer.points == 6 ? convolve_tiles<6, 4>
                   : layer.tile == 4 ? convolve_tiles<8, 4>
                                     : convolve_tiles<8, 2>;
  run(layer, first, second, begin, end, from_output, to_output, scratch, map);
}
