#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <cstdint>
#include <vector>

namespace peaberry {

/// A fixed number of threads and a bounded queue. `submit` refuses when the queue is full; the destructor
/// runs what is queued and joins.
class ThreadPool {
 public:
  ThreadPool(std::size_t threads, std::size_t queue_max);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  [[nodiscard]] bool submit(std::function<void()> work);

 private:
  void run();
  std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// Wakes a sleeping loop early and ends it: the one way our background threads wait.
class StopSignal {
 public:
  /// False when stopped, true when the time is over or someone called `poke`.
  bool wait_ms(std::int64_t duration_ms);
  void poke();
  void stop();
  bool stopped() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  bool poked_ = false;
};

}  // namespace peaberry
