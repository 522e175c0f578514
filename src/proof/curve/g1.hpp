#pragma once

#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include <peaberry/proof/field/bn254.hpp>

namespace peaberry::proof {

/// A point of G1: y² = x³ + 3 over Fq, prime order, so every point of the curve is in the group. (0,0) is infinity, as in EIP-196.
/// One cache line each: sums over many points read them at random.
struct alignas(64) G1Affine {
  Fq x, y;
  bool operator==(const G1Affine&) const = default;
  bool is_infinity() const { return x.is_zero() && y.is_zero(); }
  G1Affine operator-() const { return {x, -y}; }
  bool on_curve() const { return is_infinity() || y.squared() == x.squared() * x + Fq(3); }

  static G1Affine generator() { return {Fq(1), Fq(2)}; }
  /// x ‖ y, 32 big-endian bytes each. Nothing when a coordinate is not canonical, the point is not on the curve or is (0,0).
  static std::optional<G1Affine> from_be(ByteView bytes);
  std::array<std::uint8_t, 64> be() const;
};

/// Jacobian coordinates (X/Z², Y/Z³); Z = 0 is infinity. Formulas: Explicit-Formulas Database, dbl-2009-l, add-2007-bl, madd-2007-bl.
class G1 {
 public:
  G1() = default;
  G1(const G1Affine& point) : x_(point.x), y_(point.y), z_(point.is_infinity() ? Fq::zero() : Fq::one()) {}

  bool is_infinity() const { return z_.is_zero(); }
  G1 doubled() const;
  G1 operator+(const G1& other) const;
  G1 operator+(const G1Affine& other) const;
  G1 operator-() const {
    G1 out = *this;
    out.y_ = -y_;
    return out;
  }
  G1& operator+=(const G1& other) { return *this = *this + other; }
  G1& operator+=(const G1Affine& other) { return *this = *this + other; }
  /// Double and add over the number's bits. Not constant time.
  G1 operator*(const Fr& scalar) const;
  bool operator==(const G1& other) const;
  static G1 jacobian(const Fq& x, const Fq& y, const Fq& z) {
    G1 out;
    out.x_ = x, out.y_ = y, out.z_ = z;
    return out;
  }
  std::tuple<Fq, Fq, Fq> coordinates() const { return {x_, y_, z_}; }
  G1Affine affine() const;
  /// Many at once with one inversion.
  static std::vector<G1Affine> affine(std::span<const G1> points);

 private:
  Fq x_, y_, z_;
};

/// The second generator, of which nobody knows the discrete logarithm: hashed to the curve from "peaberry/H/1" and a counter
/// (try and increment; y is the even root). Computed once.
const G1Affine& hiding_generator();

}  // namespace peaberry::proof
