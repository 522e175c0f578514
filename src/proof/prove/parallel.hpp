#pragma once

// Source: none.

#include <atomic>
#include <thread>
#include <vector>

namespace peaberry::proof {

/// work(worker, job) for job = 0 … jobs − 1 on up to `threads` threads, the caller's among them; worker < threads.
template <class Work>
void parallel(unsigned threads, std::size_t jobs, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto loop = [&](unsigned worker) {
    for (std::size_t job; (job = next++) < jobs;) work(worker, job);
  };
  std::vector<std::jthread> others;
  for (unsigned t = 1; t < threads && t < jobs; ++t) others.emplace_back(loop, t);
  loop(0);
}

}  // namespace peaberry::proof
