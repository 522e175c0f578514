#include "u256.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace peaberry {
namespace {
using U128 = unsigned __int128;
}

std::strong_ordering U256::operator<=>(const U256& other) const {
  for (int i = 3; i >= 0; --i)
    if (limbs_[i] != other.limbs_[i]) return limbs_[i] <=> other.limbs_[i];
  return std::strong_ordering::equal;
}

U256 U256::operator+(const U256& other) const {
  U256 out;
  U128 carry = 0;
  for (int i = 0; i < 4; ++i) {
    carry += static_cast<U128>(limbs_[i]) + other.limbs_[i];
    out.limbs_[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  return out;
}

U256 U256::operator-(const U256& other) const { return *this + ~other + U256{1}; }

U256 U256::operator*(const U256& other) const {
  U256 out;
  for (int i = 0; i < 4; ++i) {
    U128 carry = 0;
    for (int j = 0; i + j < 4; ++j) {
      carry += static_cast<U128>(limbs_[i]) * other.limbs_[j] + out.limbs_[i + j];
      out.limbs_[i + j] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
  }
  return out;
}

U256::DivMod U256::divmod(const U256& value, const U256& divisor) {
  PB_ASSERT(!divisor.is_zero());
  DivMod out;
  if (divisor.fits_u64()) {  // the common case: decimals, prices, seconds
    U128 rest = 0;
    for (int i = 3; i >= 0; --i) {
      rest = rest << 64 | value.limbs_[i];
      out.quotient.limbs_[i] = static_cast<std::uint64_t>(rest / divisor.limbs_[0]);
      rest %= divisor.limbs_[0];
    }
    out.remainder = U256{static_cast<std::uint64_t>(rest)};
    return out;
  }
  for (int i = static_cast<int>(value.bit_length()) - 1; i >= 0; --i) {  // schoolbook, bit by bit
    const bool overflow = out.remainder.bit(255);
    out.remainder = out.remainder << 1;
    if (value.bit(static_cast<unsigned>(i))) out.remainder.limbs_[0] |= 1;
    if (overflow || out.remainder >= divisor) {
      out.remainder = out.remainder - divisor;
      out.quotient.limbs_[i / 64] |= std::uint64_t{1} << (i % 64);
    }
  }
  return out;
}

U256 U256::operator/(const U256& divisor) const { return divmod(*this, divisor).quotient; }
U256 U256::operator%(const U256& divisor) const { return divmod(*this, divisor).remainder; }

U256 U256::operator<<(unsigned bits) const {
  U256 out;
  if (bits >= 256) return out;
  const unsigned words = bits / 64, rest = bits % 64;
  for (unsigned i = 3; i + 1 > words; --i) {
    out.limbs_[i] = limbs_[i - words] << rest;
    if (rest != 0 && i > words) out.limbs_[i] |= limbs_[i - words - 1] >> (64 - rest);
    if (i == 0) break;
  }
  return out;
}

U256 U256::operator>>(unsigned bits) const {
  U256 out;
  if (bits >= 256) return out;
  const unsigned words = bits / 64, rest = bits % 64;
  for (unsigned i = 0; i + words < 4; ++i) {
    out.limbs_[i] = limbs_[i + words] >> rest;
    if (rest != 0 && i + words + 1 < 4) out.limbs_[i] |= limbs_[i + words + 1] << (64 - rest);
  }
  return out;
}

U256 U256::operator|(const U256& other) const {
  U256 out;
  for (int i = 0; i < 4; ++i) out.limbs_[i] = limbs_[i] | other.limbs_[i];
  return out;
}

U256 U256::operator&(const U256& other) const {
  U256 out;
  for (int i = 0; i < 4; ++i) out.limbs_[i] = limbs_[i] & other.limbs_[i];
  return out;
}

U256 U256::operator~() const {
  U256 out;
  for (int i = 0; i < 4; ++i) out.limbs_[i] = ~limbs_[i];
  return out;
}

unsigned U256::bit_length() const {
  for (int i = 3; i >= 0; --i)
    if (limbs_[i] != 0) return static_cast<unsigned>(64 * i + 64 - std::countl_zero(limbs_[i]));
  return 0;
}

double U256::to_double() const {
  double out = 0;
  for (int i = 3; i >= 0; --i) out = std::ldexp(out, 64) + static_cast<double>(limbs_[i]);
  return out;
}

std::string U256::dec() const {
  std::string out;
  U256 rest = *this;
  do {
    const auto [quotient, remainder] = divmod(rest, U256{10});
    out.push_back(static_cast<char>('0' + remainder.low64()));
    rest = quotient;
  } while (!rest.is_zero());
  std::reverse(out.begin(), out.end());
  return out;
}

std::string U256::hex() const {
  const auto bytes = be();
  std::string digits = peaberry::hex(ByteView{bytes});
  const auto first = digits.find_first_not_of('0');
  return first == std::string::npos ? "0x0" : "0x" + digits.substr(first);
}

std::array<std::uint8_t, 32> U256::be() const {
  std::array<std::uint8_t, 32> out{};
  for (int i = 0; i < 32; ++i) out[31 - i] = static_cast<std::uint8_t>(limbs_[i / 8] >> (8 * (i % 8)));
  return out;
}

U256 U256::from_be(ByteView bytes) {
  PB_ASSERT(bytes.size() <= 32);
  U256 out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t power = bytes.size() - 1 - i;
    out.limbs_[power / 8] |= static_cast<std::uint64_t>(bytes[i]) << (8 * (power % 8));
  }
  return out;
}

Result<U256> U256::parse(std::string_view text, std::string_view field) {
  const auto bad = [&](std::string_view why) {
    return fail(Errc::kInvalid, std::string(field) + " " + std::string(why) + ": \"" +
                                    std::string(text.substr(0, 80)) + "\"",
                "give a whole number from 0 to 2^256-1, decimal or 0x-hex");
  };
  if (text.starts_with("0x") || text.starts_with("0X")) {
    auto digits = text.substr(2);
    if (digits.empty()) return bad("has no digits");
    while (digits.size() > 64 && digits.front() == '0') digits.remove_prefix(1);
    if (digits.size() > 64) return bad("is larger than 256 bits");
    const auto bytes = parse_hex(digits.size() % 2 != 0 ? "0" + std::string(digits) : std::string(digits));
    if (!bytes) return bad("is not hex");
    return from_be(*bytes);
  }
  if (text.empty()) return bad("is empty");
  U256 out;
  for (const char c : text) {
    if (c < '0' || c > '9') return bad("is not a whole number");
    const auto scaled = checked_mul(out, U256{10});
    const auto next = scaled ? checked_add(*scaled, U256{static_cast<std::uint64_t>(c - '0')}) : std::nullopt;
    if (!next) return bad("is larger than 256 bits");
    out = *next;
  }
  return out;
}

std::optional<U256> checked_add(const U256& a, const U256& b) {
  const U256 sum = a + b;
  if (sum < a) return std::nullopt;
  return sum;
}

std::optional<U256> checked_sub(const U256& a, const U256& b) {
  if (b > a) return std::nullopt;
  return a - b;
}

std::optional<U256> checked_mul(const U256& a, const U256& b) {
  if (a.is_zero() || b.is_zero()) return U256{};
  if (a > U256::max() / b) return std::nullopt;
  return a * b;
}

Result<U256> parse_units(std::string_view text, unsigned decimals, std::string_view field) {
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  std::string fraction = point == std::string_view::npos ? "" : std::string(text.substr(point + 1));
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  if (fraction.size() > decimals)
    return fail(Errc::kInvalid, std::string(field) + " has more than " + std::to_string(decimals) +
                                    " digits after the point",
                "round it to the token's smallest unit");
  fraction.append(decimals - fraction.size(), '0');
  if (whole.empty() && (point == std::string_view::npos || text.size() == 1))
    return fail(Errc::kInvalid, std::string(field) + " is empty", "give an amount like 1.5");
  return U256::parse(std::string(whole) + fraction, field);
}

std::string format_units(const U256& value, unsigned decimals) {
  std::string digits = value.dec();
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  std::string whole = digits.substr(0, digits.size() - decimals);
  std::string fraction = digits.substr(digits.size() - decimals);
  while (fraction.size() > 1 && fraction.back() == '0') fraction.pop_back();
  return whole + "." + (fraction.empty() ? "0" : fraction);
}

}  // namespace peaberry
