// A few threads that share pieces of work and sleep in between: they never spin, because a robot's
// other processes need the cores.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace spiking {

// Pieces of `size` that `total` is cut into, the last perhaps smaller.
inline int pieces(int total, int size) { return (total + size - 1) / size; }

class Workers {
 public:
  // task(item, worker): worker is below `count()`, so that each can have its own scratch memory.
  using Task = std::function<void(int item, int worker)>;

  // `threads` includes the caller's own.
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int count() const { return static_cast<int>(threads_.size()) + 1; }

  // Runs the task for items 0 ... items - 1, in any order, and returns when all are done.
  void run(int items, const Task& task);

 private:
  void serve(int worker);
  void take(const Task& task, int items, int worker);

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  const Task* task_ = nullptr;
  int items_ = 0;
  int busy_ = 0;
  long round_ = 0;
  bool stopping_ = false;
  std::atomic<int> next_{0};
};

}  // namespace spiking
