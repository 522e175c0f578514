#include "random.hpp"

#include <sys/random.h>

#include <bit>
#include <cmath>

namespace peaberry {

std::uint64_t Random::u64() {
  std::uint64_t out = 0;
  fill({reinterpret_cast<std::uint8_t*>(&out), sizeof out});
  return out;
}

std::uint64_t Random::below(std::uint64_t bound) {
  PB_ASSERT(bound > 0);
  const std::uint64_t limit = ~std::uint64_t{0} - ~std::uint64_t{0} % bound;  // rejects the biased tail
  for (;;)
    if (const std::uint64_t draw = u64(); draw < limit) return draw % bound;
}

double Random::unit() { return static_cast<double>(u64() >> 11) * 0x1p-53; }

double Random::normal() {
  double u = unit();
  while (u == 0) u = unit();
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * unit());
}

std::string Random::uuid() {
  std::array<std::uint8_t, 16> bytes{};
  fill(bytes);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string out = hex(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) out.insert(at, "-");
  return out;
}

void SystemRandom::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    PB_ASSERT(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

SeededRandom::SeededRandom(std::uint64_t seed) {
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t z = seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    word = z ^ z >> 31;
  }
}

std::uint64_t SeededRandom::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SeededRandom::fill(std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); i += 8) {
    const std::uint64_t word = next();
    std::memcpy(out.data() + i, &word, std::min<std::size_t>(8, out.size() - i));
  }
}

}  // namespace peaberry
