// keccak: ours against OpenSSL's SHA3-256 (the same permutation and rate) in one run. Prints one JSON row a line.

#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "hash.hpp"

using namespace peaberry;

namespace {
template <class F>
double median_ns(F work, int rounds) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}
}  // namespace

int main() {
  for (const auto& [name, size, rounds] : {std::tuple<const char*, std::size_t, int>{"keccak", 1 << 20, 41}, {"keccak_64_bytes", 64, 20001}}) {
    const Bytes data(size, 7);
    std::uint8_t out[32];
    unsigned length = 32;
    volatile std::uint8_t keep = 0;
    double ours = 1e18, peer = 1e18;
    for (int pass = 0; pass < 5; ++pass) {  // interleaved, so that a noisy moment meets both
      ours = std::min(ours, median_ns([&] { keep = crypto::keccak256(ByteView(data)).data[0]; }, rounds));
      peer = std::min(peer, median_ns([&] { EVP_Digest(data.data(), data.size(), out, &length, EVP_sha3_256(), nullptr); keep = out[0]; }, rounds));
    }
    const double megabytes = static_cast<double>(size) / 1e6;
    std::printf("{\"name\":\"%s\",\"unit\":\"MB/s\",\"ours\":%.1f,\"peer\":%.1f,\"peer_name\":\"OpenSSL SHA3-256\",\"ratio\":%.3f,\"bar\":%s}\n", name, megabytes / (ours / 1e9), megabytes / (peer / 1e9), peer / ours, size > 1000 ? "1.0" : "null");
    (void)keep;
  }
}
