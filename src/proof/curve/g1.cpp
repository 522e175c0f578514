// Source: EFD, short Weierstrass curves with a = 0, add-2007-bl, madd-2007-bl, dbl-2009-l; EIP-196 for the curve; docs/reference/proof-protocol.md, §1 for H.

#include "g1.hpp"

#include <peaberry/crypto/hash.hpp>

namespace peaberry::proof {

std::optional<G1Affine> G1Affine::from_be(ByteView bytes) {
  PB_ASSERT(bytes.size() == 64);
  const auto x = Fq::from_be(bytes.first(32)), y = Fq::from_be(bytes.last(32));
  if (!x || !y) return std::nullopt;
  const G1Affine point{*x, *y};
  if (point.is_infinity() || !point.on_curve()) return std::nullopt;
  return point;
}

std::array<std::uint8_t, 64> G1Affine::be() const {
  std::array<std::uint8_t, 64> out;
  const auto a = x.be(), b = y.be();
  std::copy(a.begin(), a.end(), out.begin());
  std::copy(b.begin(), b.end(), out.begin() + 32);
  return out;
}

G1 G1::doubled() const {
  if (is_infinity()) return *this;
  const Fq a = x_.squared(), b = y_.squared(), c = b.squared();
  const Fq d = ((x_ + b).squared() - a - c).doubled(), e = a.doubled() + a, f = e.squared();
  G1 out;
  out.x_ = f - d.doubled();
  out.y_ = e * (d - out.x_) - c.doubled().doubled().doubled();
  out.z_ = (y_ * z_).doubled();
  return out;
}

G1 G1::operator+(const G1& other) const {
  if (is_infinity()) return other;
  if (other.is_infinity()) return *this;
  const Fq zz1 = z_.squared(), zz2 = other.z_.squared();
  const Fq u1 = x_ * zz2, u2 = other.x_ * zz1, s1 = y_ * other.z_ * zz2, s2 = other.y_ * z_ * zz1;
  const Fq h = u2 - u1, slope = (s2 - s1).doubled();
  if (h.is_zero()) return slope.is_zero() ? doubled() : G1();
  const Fq i = h.doubled().squared(), j = h * i, v = u1 * i;
  G1 out;
  out.x_ = slope.squared() - j - v.doubled();
  out.y_ = slope * (v - out.x_) - (s1 * j).doubled();
  out.z_ = ((z_ + other.z_).squared() - zz1 - zz2) * h;
  return out;
}

G1 G1::operator+(const G1Affine& other) const {
  if (other.is_infinity()) return *this;
  if (is_infinity()) return other;
  const Fq zz = z_.squared(), u = other.x * zz, s = other.y * z_ * zz;
  const Fq h = u - x_, slope = (s - y_).doubled();
  if (h.is_zero()) return slope.is_zero() ? doubled() : G1();
  const Fq hh = h.squared(), i = hh.doubled().doubled(), j = h * i, v = x_ * i;
  G1 out;
  out.x_ = slope.squared() - j - v.doubled();
  out.y_ = slope * (v - out.x_) - (y_ * j).doubled();
  out.z_ = (z_ + h).squared() - zz - hh;
  return out;
}

G1 G1::operator*(const Fr& scalar) const {
  const auto number = scalar.number();
  G1 out;
  for (int bit = 253; bit >= 0; --bit) {
    out = out.doubled();
    if (number[bit / 64] >> (bit % 64) & 1) out += *this;
  }
  return out;
}

bool G1::operator==(const G1& other) const {
  if (is_infinity() || other.is_infinity()) return is_infinity() == other.is_infinity();
  const Fq zz1 = z_.squared(), zz2 = other.z_.squared();
  return x_ * zz2 == other.x_ * zz1 && y_ * other.z_ * zz2 == other.y_ * z_ * zz1;
}

G1Affine G1::affine() const { return affine(std::span(this, 1))[0]; }

std::vector<G1Affine> G1::affine(std::span<const G1> points) {
  std::vector<Fq> inverses;
  inverses.reserve(points.size());
  for (const G1& point : points) inverses.push_back(point.z_);
  batch_inverse<Fq>(inverses);
  std::vector<G1Affine> out(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Fq zz = inverses[i].squared();  // of infinity: zero, and so is the result
    out[i] = {points[i].x_ * zz, points[i].y_ * zz * inverses[i]};
  }
  return out;
}

const G1Affine& hiding_generator() {
  static const G1Affine point = [] {
    constexpr detail::Limbs kRoot = [] {  // (q + 1)/4: q ≡ 3 mod 4
      detail::Limbs sum{}, out{};
      detail::add_limbs(sum, Fq::kModulus, {1, 0, 0, 0});
      for (int i = 0; i < 4; ++i) out[i] = sum[i] >> 2 | (i < 3 ? sum[i + 1] << 62 : 0);
      return out;
    }();
    for (std::uint32_t i = 0;; ++i) {
      Bytes seed = to_bytes("peaberry/H/1");
      for (int shift = 24; shift >= 0; shift -= 8) seed.push_back(static_cast<std::uint8_t>(i >> shift));
      const Fq x = Fq::from_be_reduced(crypto::keccak256(seed).view());
      const Fq square = x.squared() * x + Fq(3), root = square.pow(kRoot);
      if (root.squared() != square) continue;
      return G1Affine{x, root.number()[0] & 1 ? -root : root};
    }
  }();
  return point;
}

}  // namespace peaberry::proof
