#include "workers.hpp"

namespace spiking {

Workers::Workers(int threads) {
  for (int worker = 1; worker < threads; ++worker) {
    threads_.emplace_back([this, worker] { serve(worker); });
  }
}

Workers::~Workers() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  start_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::run(int items, const Task& task) {
  if (threads_.empty() || items < 2) {
    for (int item = 0; item < items; ++item) task(item, 0);
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    task_ = &task;
    items_ = items;
    next_.store(0);
    ++round_;
  }
  start_.notify_all();
  take(task, items, 0);
  // Nothing is left to take: only those who are at work are waited for, not those still asleep.
  std::unique_lock<std::mutex> lock(mutex_);
  task_ = nullptr;
  done_.wait(lock, [this] { return busy_ == 0; });
}

void Workers::serve(int worker) {
  long seen = 0;
  while (true) {
    const Task* task;
    int items;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      start_.wait(lock, [&] { return stopping_ || (task_ && round_ != seen); });
      if (stopping_) return;
      seen = round_;
      task = task_;
      items = items_;
      ++busy_;
    }
    take(*task, items, worker);
    std::lock_guard<std::mutex> lock(mutex_);
    if (--busy_ == 0) done_.notify_one();
  }
}

void Workers::take(const Task& task, int items, int worker) {
  for (int item; (item = next_.fetch_add(1)) < items;) task(item, worker);
}

}  // namespace spiking
