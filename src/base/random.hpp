#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "bytes.hpp"

namespace peaberry {

/// Randomness by constructor. `SystemRandom` for keys and nonces, `SeededRandom` for simulation, tests and
/// generators – never for secrets.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;
  std::uint64_t u64();
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
  /// Standard normal.
  double normal();
  std::string uuid();
};

/// The kernel's generator. Thread-safe.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

/// xoshiro256** seeded by splitmix64 (Blackman & Vigna): the same stream on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::uint64_t next();
  std::array<std::uint64_t, 4> state_;
};

}  // namespace peaberry
