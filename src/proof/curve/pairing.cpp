#include "pairing.hpp"

#include <peaberry/crypto/hash.hpp>

namespace peaberry::proof {
namespace {

constexpr std::uint64_t kU = 4965661367192848881;

/// (q − 1)/divisor: the exponents of the Frobenius constants. divisor is small and divides q − 1.
detail::Limbs q_minus_one_over(std::uint64_t divisor) {
  detail::Limbs number{}, out{};
  detail::sub_limbs(number, Fq::kModulus, {1, 0, 0, 0});
  detail::Wide rest = 0;
  for (int i = 3; i >= 0; --i) {
    rest = rest << 64 | number[i];
    out[i] = static_cast<std::uint64_t>(rest / divisor);
    rest %= divisor;
  }
  PB_ASSERT(rest == 0);
  return out;
}

/// ξ^{i(q−1)/6}: what w^i gains under the Frobenius map.
const std::array<Fq2, 6>& frobenius_constants() {
  static const auto constants = [] {
    std::array<Fq2, 6> out;
    out[0] = Fq2::one();
    out[1] = Fq2::xi().pow(q_minus_one_over(6));
    for (int i = 2; i < 6; ++i) out[i] = out[i - 1] * out[1];
    return out;
  }();
  return constants;
}

Fq12 frobenius(const Fq12& x) {
  const auto& g = frobenius_constants();
  return {{x.a.a.conjugate(), x.a.b.conjugate() * g[2], x.a.c.conjugate() * g[4]},
          {x.b.a.conjugate() * g[1], x.b.b.conjugate() * g[3], x.b.c.conjugate() * g[5]}};
}

Fq12 power(const Fq12& x, std::uint64_t exponent) {
  Fq12 out = Fq12::one();
  for (int bit = 63; bit >= 0; --bit) {
    out = out.squared();
    if (exponent >> bit & 1) out = out * x;
  }
  return out;
}

/// x^((q^12 − 1)/p). Hard part by its base-q digits (Devegili, Scott, Dahab 2007): λ3 = 1, λ2 = 6u²+1,
/// λ1 = −36u³−18u²−12u+1, λ0 = −36u³−30u²−18u−2. After the easy part the inverse is the conjugate.
Fq12 final_exponentiation(const Fq12& x) {
  Fq12 f = x.conjugate() * x.inverse();
  f = frobenius(frobenius(f)) * f;
  const Fq12 u1 = power(f, kU), u2 = power(u1, kU), u3 = power(u2, kU);
  const Fq12 l2 = power(u2, 6) * f;
  const Fq12 common = power(u3, 36) * power(u2, 18) * power(u1, 12);
  const Fq12 l1 = common.conjugate() * f;
  const Fq12 l0 = (common * power(u2, 12) * power(u1, 6) * f.squared()).conjugate();
  return l0 * frobenius(l1 * frobenius(l2 * frobenius(f)));
}

}  // namespace

bool G2Affine::on_curve() const {
  return is_infinity() || y.squared() == x.squared() * x + Fq2::xi().inverse() * Fq(3);
}

bool G2Affine::in_group() const {
  if (!on_curve()) return false;
  G2Affine out{};
  for (int bit = 253; bit >= 0; --bit) {
    out = out + out;
    if (Fr::kModulus[bit / 64] >> (bit % 64) & 1) out = out + *this;
  }
  return out.is_infinity();
}

G2Affine G2Affine::operator+(const G2Affine& other) const {
  if (is_infinity()) return other;
  if (other.is_infinity()) return *this;
  Fq2 slope;
  if (x == other.x) {
    if (y != other.y || y.is_zero()) return {};
    slope = x.squared() * Fq(3) * y.doubled().inverse();
  } else {
    slope = (other.y - y) * (other.x - x).inverse();
  }
  const Fq2 sum = slope.squared() - x - other.x;
  return {sum, slope * (x - sum) - y};
}

G2Affine G2Affine::operator*(const Fr& scalar) const {
  const auto number = scalar.number();
  G2Affine out{};
  for (int bit = 253; bit >= 0; --bit) {
    out = out + out;
    if (number[bit / 64] >> (bit % 64) & 1) out = out + *this;
  }
  return out;
}

G2Affine G2Affine::generator() {  // EIP-197
  static const G2Affine point = [] {
    const auto number = [](std::uint64_t d, std::uint64_t c, std::uint64_t b, std::uint64_t a) { return Fq::from_limbs({a, b, c, d}); };
    return G2Affine{{number(0x1800deef121f1e76, 0x426a00665e5c4479, 0x674322d4f75edadd, 0x46debd5cd992f6ed),
                     number(0x198e9393920d483a, 0x7260bfb731fb5d25, 0xf1aa493335a9e712, 0x97e485b7aef312c2)},
                    {number(0x12c85ea5db8c6deb, 0x4aab71808dcb408f, 0xe3d1e7690c43d37b, 0x4ce6cc0166fa7daa),
                     number(0x090689d0585ff075, 0xec9e99ad690c3395, 0xbc4b313370b38ef3, 0x55acdadcd122975b)}};
  }();
  return point;
}

std::optional<G2Affine> G2Affine::from_be(ByteView bytes) {
  PB_ASSERT(bytes.size() == 128);
  std::array<Fq, 4> c;
  for (int i = 0; i < 4; ++i) {
    const auto value = Fq::from_be(bytes.subspan(32 * i, 32));
    if (!value) return std::nullopt;
    c[i] = *value;
  }
  const G2Affine point{{c[1], c[0]}, {c[3], c[2]}};
  if (point.is_infinity() || !point.in_group()) return std::nullopt;
  return point;
}

std::array<std::uint8_t, 128> G2Affine::be() const {
  std::array<std::uint8_t, 128> out;
  const Fq c[4] = {x.im, x.re, y.im, y.re};
  for (int i = 0; i < 4; ++i) {
    const auto word = c[i].be();
    std::copy(word.begin(), word.end(), out.begin() + 32 * i);
  }
  return out;
}

Hash32 srs_id(const G2Affine& tau) {
  crypto::Keccak256 hash;
  return hash.update("peaberry/srs/1").update(tau.be()).update(hiding_generator().be()).finish();
}

// The loop counter 6u+2 has 65 bits: its top bit is implied, these are the 64 below.
constexpr std::uint64_t kLoop = static_cast<std::uint64_t>(static_cast<detail::Wide>(kU) * 6 + 2);
static_assert((static_cast<detail::Wide>(kU) * 6 + 2) >> 64 == 1);

G2Prepared::G2Prepared(const G2Affine& point) {
  G2Affine running = point;
  const auto step = [&](const G2Affine& other) {
    const Fq2 slope = running == other ? running.x.squared() * Fq(3) * running.y.doubled().inverse()
                                       : (other.y - running.y) * (other.x - running.x).inverse();
    lines_.push_back({slope, slope * running.x - running.y});
    running = running + other;
  };
  for (int bit = 63; bit >= 0; --bit) {
    step(running);
    if (kLoop >> bit & 1) step(point);
  }
  const auto& g = frobenius_constants();
  const G2Affine first{point.x.conjugate() * g[2], point.y.conjugate() * g[3]};
  const G2Affine second{first.x.conjugate() * g[2], first.y.conjugate() * g[3]};
  step(first);
  step(-second);
}

bool pairing_product_is_one(std::span<const std::pair<G1Affine, const G2Prepared*>> pairs) {
  Fq12 f = Fq12::one();
  std::size_t line = 0;
  const auto multiply = [&] {
    for (const auto& [p, q] : pairs) {
      if (p.is_infinity()) continue;
      const auto& [slope, offset] = q->lines_[line];
      f = f * Fq12{{{p.y, Fq::zero()}, {}, {}}, {-(slope * p.x), offset, {}}};
    }
    ++line;
  };
  for (int bit = 63; bit >= 0; --bit) {
    f = f.squared();
    multiply();
    if (kLoop >> bit & 1) multiply();
  }
  multiply();
  multiply();
  return final_exponentiation(f) == Fq12::one();
}

}  // namespace peaberry::proof
