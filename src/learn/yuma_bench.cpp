// yuma_256x64: one epoch of 256 uids, 64 of them validators that weigh everybody.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <peaberry/base/random.hpp>
#include <vector>

#include "yuma.hpp"

using namespace peaberry;
using namespace peaberry::learn;

namespace {

double median_ms(std::size_t n, std::size_t validators, int rounds) {
  SeededRandom random(1);
  yuma::State state = yuma::State::of_size(n);
  for (std::size_t v = 0; v < validators; ++v) {
    state.stake[v] = 1 + random.below(1'000'000'000), state.last_update[v] = 1;
    for (std::size_t j = 0; j < n; ++j) state.weights[v].push_back({static_cast<std::uint16_t>(j), static_cast<std::uint16_t>(random.below(65'536))});
  }
  yuma::Params params;
  params.max_validators = validators;
  (void)yuma::run(state, params, 0).has_value();
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const auto epoch = yuma::run(state, params, static_cast<std::uint64_t>(round) + 1);
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    if (!epoch || epoch->emission.size() != n) std::abort();
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[static_cast<std::size_t>(rounds) / 2];
}

}  // namespace

int main() {
  std::printf("{\"name\":\"yuma_256x64\",\"unit\":\"ms\",\"ours\":%.3f,\"peer\":null,\"peer_name\":\"a scratch int64 program: 1.1-1.2 ms (recorded)\",\"ratio\":null,\"bar\":3}\n", median_ms(256, 64, 101));
  std::printf("{\"name\":\"yuma_4096x256\",\"unit\":\"ms\",\"ours\":%.1f,\"peer\":null,\"peer_name\":\"the same program: 198-227 ms (recorded)\",\"ratio\":null,\"bar\":null}\n", median_ms(4096, 256, 5));
  return 0;
}
