// Memory that is aligned for vectors and not touched before it is used: a list's worst case is large
// and never comes, so that its pages should never exist.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace spiking {

template <typename T>
class Buffer {
 public:
  // At least `count` elements; the contents are lost when it grows.
  void reserve(size_t count) {
    if (count <= capacity_) return;
    const size_t bytes = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    data_.reset(static_cast<T*>(std::aligned_alloc(kAlignment, bytes)));
    if (!data_) throw std::bad_alloc();
    capacity_ = count;
  }

  T* data() { return data_.get(); }

 private:
  static constexpr size_t kAlignment = 64;
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };
  std::unique_ptr<T, Free> data_;
  size_t capacity_ = 0;
};

}  // namespace spiking
