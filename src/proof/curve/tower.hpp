#pragma once

#include <peaberry/proof/field/bn254.hpp>

namespace peaberry::proof {

/// The tower above Fq, as EIP-197 fixes its first step: Fq2 = Fq[i]/(i²+1), Fq6 = Fq2[v]/(v³−ξ) with ξ = 9+i, Fq12 = Fq6[w]/(w²−v).
struct Fq2 {
  Fq re, im;
  bool operator==(const Fq2&) const = default;
  bool is_zero() const { return re.is_zero() && im.is_zero(); }
  static Fq2 one() { return {Fq::one(), Fq::zero()}; }
  static Fq2 xi() { return {Fq(9), Fq(1)}; }
  Fq2 operator+(const Fq2& b) const { return {re + b.re, im + b.im}; }
  Fq2 operator-(const Fq2& b) const { return {re - b.re, im - b.im}; }
  Fq2 operator-() const { return {-re, -im}; }
  Fq2 operator*(const Fq2& b) const {  // Karatsuba
    const Fq low = re * b.re, high = im * b.im;
    return {low - high, (re + im) * (b.re + b.im) - low - high};
  }
  Fq2 operator*(const Fq& b) const { return {re * b, im * b}; }
  Fq2 squared() const { return {(re + im) * (re - im), (re * im).doubled()}; }
  Fq2 doubled() const { return {re.doubled(), im.doubled()}; }
  Fq2 conjugate() const { return {re, -im}; }
  Fq2 times_xi() const { return {re * Fq(9) - im, im * Fq(9) + re}; }
  Fq2 inverse() const {
    const Fq norm = (re.squared() + im.squared()).inverse();
    return {re * norm, -(im * norm)};
  }
  template <std::size_t N>
  Fq2 pow(const std::array<std::uint64_t, N>& exponent) const {
    Fq2 out = one();
    for (std::size_t i = 64 * N; i-- > 0;) {
      out = out.squared();
      if (exponent[i / 64] >> (i % 64) & 1) out = out * *this;
    }
    return out;
  }
};

struct Fq6 {
  Fq2 a, b, c;  ///< a + b·v + c·v²
  bool operator==(const Fq6&) const = default;
  static Fq6 one() { return {Fq2::one(), {}, {}}; }
  Fq6 operator+(const Fq6& o) const { return {a + o.a, b + o.b, c + o.c}; }
  Fq6 operator-(const Fq6& o) const { return {a - o.a, b - o.b, c - o.c}; }
  Fq6 operator-() const { return {-a, -b, -c}; }
  Fq6 operator*(const Fq6& o) const {
    const Fq2 aa = a * o.a, bb = b * o.b, cc = c * o.c;
    return {aa + ((b + c) * (o.b + o.c) - bb - cc).times_xi(), (a + b) * (o.a + o.b) - aa - bb + cc.times_xi(),
            (a + c) * (o.a + o.c) - aa - cc + bb};
  }
  Fq6 times_v() const { return {c.times_xi(), a, b}; }
  Fq6 inverse() const {
    const Fq2 x = a.squared() - (b * c).times_xi(), y = c.squared().times_xi() - a * b, z = b.squared() - a * c;
    const Fq2 norm = (a * x + (c * y + b * z).times_xi()).inverse();
    return {x * norm, y * norm, z * norm};
  }
};

struct Fq12 {
  Fq6 a, b;  ///< a + b·w
  bool operator==(const Fq12&) const = default;
  static Fq12 one() { return {Fq6::one(), {}}; }
  Fq12 operator*(const Fq12& o) const {
    const Fq6 aa = a * o.a, bb = b * o.b;
    return {aa + bb.times_v(), (a + b) * (o.a + o.b) - aa - bb};
  }
  Fq12 squared() const {
    const Fq6 ab = a * b;
    return {(a + b) * (a + b.times_v()) - ab - ab.times_v(), ab + ab};
  }
  Fq12 conjugate() const { return {a, -b}; }
  Fq12 inverse() const {
    const Fq6 norm = (a * a - (b * b).times_v()).inverse();
    return {a * norm, -(b * norm)};
  }
};

}  // namespace peaberry::proof
