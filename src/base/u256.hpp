#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bytes.hpp"

namespace peaberry {

/// An unsigned 256-bit integer with the EVM's wrapping arithmetic. Little-endian limbs.
/// Money uses the `checked_*` forms, which refuse to wrap.
class U256 {
 public:
  constexpr U256() = default;
  constexpr U256(std::uint64_t value) : limbs_{value, 0, 0, 0} {}
  static constexpr U256 max() {
    U256 out;
    for (auto& limb : out.limbs_) limb = ~std::uint64_t{0};
    return out;
  }

  bool operator==(const U256&) const = default;
  std::strong_ordering operator<=>(const U256& other) const;

  U256 operator+(const U256& other) const;
  U256 operator-(const U256& other) const;
  U256 operator*(const U256& other) const;
  /// Division by zero is our bug: asserted. Truncates.
  U256 operator/(const U256& divisor) const;
  U256 operator%(const U256& divisor) const;
  U256 operator<<(unsigned bits) const;
  U256 operator>>(unsigned bits) const;
  U256 operator|(const U256& other) const;
  U256 operator&(const U256& other) const;
  U256 operator~() const;
  U256& operator+=(const U256& other) { return *this = *this + other; }
  U256& operator-=(const U256& other) { return *this = *this - other; }

  bool is_zero() const { return bit_length() == 0; }
  bool bit(unsigned index) const { return limbs_[index / 64] >> (index % 64) & 1; }
  unsigned bit_length() const;
  bool fits_u64() const { return bit_length() <= 64; }
  std::uint64_t low64() const { return limbs_[0]; }
  double to_double() const;

  std::string dec() const;
  /// Minimal hex with `0x` ("0x0" for zero), as JSON-RPC quantities are written.
  std::string hex() const;
  std::array<std::uint8_t, 32> be() const;
  Hash32 word() const { return Hash32{be()}; }

  /// Decimal or 0x-hex; refuses signs, spaces and overflow.
  static Result<U256> parse(std::string_view text, std::string_view field = "number");
  /// At most 32 big-endian bytes.
  static U256 from_be(ByteView bytes);
  static U256 from(const Hash32& word) { return from_be(word.view()); }

  struct DivMod;
  static DivMod divmod(const U256& value, const U256& divisor);

 private:
  std::array<std::uint64_t, 4> limbs_{};
};

struct U256::DivMod {
  U256 quotient;
  U256 remainder;
};

std::optional<U256> checked_add(const U256& a, const U256& b);
std::optional<U256> checked_sub(const U256& a, const U256& b);
std::optional<U256> checked_mul(const U256& a, const U256& b);

/// "1.5" with 18 decimals → 1500000000000000000. Refuses more digits than the unit has.
Result<U256> parse_units(std::string_view text, unsigned decimals, std::string_view field = "amount");
/// The inverse: at least one digit after the point ("1.0").
std::string format_units(const U256& value, unsigned decimals);

}  // namespace peaberry
