// 3 x 3 convolutions with a quarter of the multiplications: Winograd's F(4 x 4, 3 x 3), points 0, 1, -1,
// 2, -2 and infinity (Lavin & Gray, arXiv 1509.09308). Maps are channels-last, a multiple of four on
// each side, padded with zeros; channels are a multiple of 16. Between the two transforms the caller
// multiplies matrices: 36 of (tiles, channels) by (channels, outputs), `pitch` floats apart.

inline void winograd_spread(Lane (&d)[6], int step, Lane* from) {
  for (int i = 0; i < 6; ++i) d[i] = from[i * step];
  const Lane a = d[4] - 4.0f * d[2], b = d[3] - 4.0f * d[1];
  const Lane c = d[4] - d[2], e = 2.0f * (d[3] - d[1]);
  from[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
  from[step] = a + b;
  from[2 * step] = a - b;
  from[3 * step] = c + e;
  from[4 * step] = c - e;
  from[5 * step] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

// Tile rows begin ... end - 1 of a map (height, width, channels) to [36][tile][channel].
void winograd_input(const float* map, int height, int width, int channels, int begin, int end,
                    int64_t pitch, float* tiles) {
  for (int i = begin; i < end; ++i) {
    for (int j = 0; j < width / 4; ++j) {
      float* to = tiles + ((int64_t)(i - begin) * (width / 4) + j) * channels;
      for (int c = 0; c < channels; c += kWidth) {
        Lane d[36], scratch[6];
        for (int k = 0; k < 36; ++k) {
          const int y = 4 * i - 1 + k / 6, x = 4 * j - 1 + k % 6;
          const bool inside = y >= 0 && y < height && x >= 0 && x < width;
          d[k] = inside ? load(map + ((int64_t)y * width + x) * channels + c) : Lane{};
        }
        for (int k = 0; k < 6; ++k) winograd_spread(scratch, 1, d + 6 * k);
        for (int k = 0; k < 6; ++k) winograd_spread(scratch, 6, d + k);
        for (int k = 0; k < 36; ++k) store(to + k * pitch + c, d[k]);
      }
    }
  }
}

inline void winograd_gather(Lane* to, int to_step, const Lane* m, int step) {
  const Lane a = m[step] + m[2 * step], b = m[step] - m[2 * step];
  const Lane c = m[3 * step] + m[4 * step], d = m[3 * step] - m[4 * step];
  to[0] = m[0] + a + c;
  to[to_step] = b + 2.0f * d;
  to[2 * to_step] = a + 4.0f * c;
  to[3 * to_step] = b + 8.0f * d + m[5 * step];
}

// The reverse: products [36][tile][channel] to tile rows of a map; adds the bias, and takes `slope`
// times what is negative.
void winograd_output(const float* tiles, int width, int channels, int begin, int end, int64_t pitch,
                     const float* bias, float slope, float* map) {
  for (int i = begin; i < end; ++i) {
    for (int j = 0; j < width / 4; ++j) {
      const float* from = tiles + ((int64_t)(i - begin) * (width / 4) + j) * channels;
      for (int c = 0; c < channels; c += kWidth) {
        Lane m[36], rows[24], out[16];
        for (int k = 0; k < 36; ++k) m[k] = load(from + k * pitch + c);
        for (int k = 0; k < 6; ++k) winograd_gather(rows + 4 * k, 1, m + 6 * k, 1);
        for (int k = 0; k < 4; ++k) winograd_gather(out + k, 4, rows + k, 4);
        for (int k = 0; k < 16; ++k) {
          const Lane y = out[k] + load(bias + c);
          float* at = map + ((int64_t)(4 * i + k / 4) * width + 4 * j + k % 4) * channels + c;
          store(at, y > 0.0f ? y : slope * y);
        }
      }
    }
  }
}
