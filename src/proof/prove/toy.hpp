#pragma once

// The protocol over a small prime, for tests: soundness errors become large enough to measure. Points are their own exponents; the "pairing"
// knows τ and η, which is exactly what an algebraic adversary may not know. Test code, no security of any kind.

#include <array>
#include <cstdint>
#include <optional>

#include <peaberry/base/random.hpp>

namespace peaberry::proof {

template <std::uint32_t P>
class SmallPrime {
 public:
  constexpr SmallPrime() = default;
  constexpr SmallPrime(std::uint64_t value) : value_(static_cast<std::uint32_t>(value % P)) {}
  static constexpr SmallPrime zero() { return {}; }
  static constexpr SmallPrime one() { return {1}; }
  bool is_zero() const { return value_ == 0; }
  bool operator==(const SmallPrime&) const = default;
  SmallPrime operator+(SmallPrime b) const { return std::uint64_t{value_} + b.value_; }
  SmallPrime operator-(SmallPrime b) const { return std::uint64_t{value_} + P - b.value_; }
  SmallPrime operator-() const { return std::uint64_t{P} - value_; }
  SmallPrime operator*(SmallPrime b) const { return std::uint64_t{value_} * b.value_; }
  SmallPrime& operator+=(SmallPrime b) { return *this = *this + b; }
  SmallPrime& operator-=(SmallPrime b) { return *this = *this - b; }
  SmallPrime& operator*=(SmallPrime b) { return *this = *this * b; }
  SmallPrime doubled() const { return *this + *this; }
  SmallPrime squared() const { return *this * *this; }
  SmallPrime pow(std::uint64_t exponent) const {
    SmallPrime out = 1, base = *this;
    for (; exponent != 0; exponent >>= 1, base *= base)
      if (exponent & 1) out *= base;
    return out;
  }
  SmallPrime inverse() const { return pow(P - 2); }
  std::array<std::uint64_t, 1> number() const { return {value_}; }
  std::uint32_t value() const { return value_; }

  static std::optional<SmallPrime> from_be(ByteView bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i + 4 < bytes.size() && bytes[i] != 0) return std::nullopt;
      value = (value << 8 | bytes[i]) & 0xffffffff;
    }
    if (value >= P) return std::nullopt;
    return SmallPrime(value);
  }
  static SmallPrime from_be_reduced(ByteView bytes) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : bytes) value = (value << 8 | byte) % P;
    return value;
  }
  std::array<std::uint8_t, 32> be() const {
    std::array<std::uint8_t, 32> out{};
    for (int i = 0; i < 4; ++i) out[31 - i] = static_cast<std::uint8_t>(value_ >> (8 * i));
    return out;
  }
  static SmallPrime random(Random& random) { return random.below(P); }

 private:
  std::uint32_t value_ = 0;
};

template <std::uint32_t P>
struct ToyWorld {
  using F = SmallPrime<P>;
  struct Point {
    F exponent;
  };
  F tau, eta;

  static std::array<std::uint8_t, 32> modulus() {
    std::array<std::uint8_t, 32> out{};
    for (int i = 0; i < 4; ++i) out[31 - i] = static_cast<std::uint8_t>(P >> (8 * i));
    return out;
  }
  Point commit(std::span<const F> values, const F& blinder) const {
    F sum = F::zero();
    for (std::size_t k = values.size(); k-- > 0;) sum = sum * tau + values[k];
    return {sum + eta * blinder};
  }
  /// x is the exponent, y is 1: the neutral element has an encoding here, since small groups meet it by chance.
  Bytes write_point(const Point& point) const {
    Bytes out = to_bytes(point.exponent.be());
    append(out, F::one().be());
    return out;
  }
  std::optional<Point> read_point(ByteView bytes) const {
    const auto x = F::from_be(bytes.first(32)), y = F::from_be(bytes.last(32));
    if (!x || !y || !(*y == F::one())) return std::nullopt;
    return Point{*x};
  }
  Point generator() const { return {F::one()}; }
  Point hiding() const { return {eta}; }
  bool opens(std::span<const std::pair<F, Point>> terms, const Point& witness) const {
    F sum = F::zero();
    for (const auto& [scalar, point] : terms) sum += scalar * point.exponent;
    return sum == tau * witness.exponent;
  }
};

}  // namespace peaberry::proof
