#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include <peaberry/base/bytes.hpp>
#include <peaberry/base/random.hpp>

#include "inverse.hpp"

namespace peaberry::proof {

namespace detail {
using Limbs = std::array<std::uint64_t, 4>;
using Wide = unsigned __int128;

/// a + b, and the carry out.
constexpr std::uint64_t add_limbs(Limbs& out, const Limbs& a, const Limbs& b) {
  Wide carry = 0;
  for (int i = 0; i < 4; ++i) {
    carry += Wide{a[i]} + b[i];
    out[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  return static_cast<std::uint64_t>(carry);
}
/// a − b, and the borrow out.
constexpr std::uint64_t sub_limbs(Limbs& out, const Limbs& a, const Limbs& b) {
  std::uint64_t borrow = 0;
  for (int i = 0; i < 4; ++i) {
    const Wide step = Wide{a[i]} - b[i] - borrow;
    out[i] = static_cast<std::uint64_t>(step);
    borrow = static_cast<std::uint64_t>(step >> 64) & 1;
  }
  return borrow;
}
constexpr bool less_limbs(const Limbs& a, const Limbs& b) {
  for (int i = 3; i >= 0; --i)
    if (a[i] != b[i]) return a[i] < b[i];
  return false;
}

/// Whether this processor has MULX and ADX; false until the static initialisation has run.
extern const bool kHasAdx;
}  // namespace detail

/// An element of a prime field of 254 bits, held in Montgomery form a·2^256 mod p, always reduced to [0, p).
/// `P::kModulus` has four little-endian limbs with the top limb below 2^62. Portable code: the slow twin of every
/// vector kernel. Values are plain words; secrets are wiped by their owners.
/// Source: Montgomery multiplication with interleaved reduction (CIOS, Koç, Acar, Kaliski 1996), without the last
/// carry word since 4p < 2^256.
template <class P>
class Prime {
 public:
  using Limbs = detail::Limbs;
  static constexpr Limbs kModulus = P::kModulus;

  constexpr Prime() = default;
  constexpr Prime(std::uint64_t value) : Prime(raw({value, 0, 0, 0}) * raw(kR2)) {}
  static constexpr Prime from_signed(std::int64_t value) {
    return value >= 0 ? Prime(static_cast<std::uint64_t>(value)) : -Prime(std::uint64_t{0} - static_cast<std::uint64_t>(value));
  }
  /// Montgomery limbs as they are (they must be < p).
  static constexpr Prime raw(const Limbs& limbs) {
    Prime out;
    out.limbs_ = limbs;
    return out;
  }
  /// From the number itself (little-endian limbs, < p).
  static constexpr Prime from_limbs(const Limbs& number) { return raw(number) * raw(kR2); }
  constexpr const Limbs& montgomery() const { return limbs_; }
  /// The number in [0, p), little-endian limbs.
  constexpr Limbs number() const { return (*this * raw({1, 0, 0, 0})).limbs_; }

  /// The whole number that this stands for where its magnitude is below 2^bits, bits ≤ 62.
  constexpr std::optional<std::int64_t> small(unsigned bits) const {
    Limbs n = number();
    const bool negative = n[3] >> 60 != 0;  // above p/4, say
    if (negative) detail::sub_limbs(n, kModulus, n);
    if ((n[1] | n[2] | n[3]) != 0 || n[0] >> bits != 0) return std::nullopt;
    return negative ? -static_cast<std::int64_t>(n[0]) : static_cast<std::int64_t>(n[0]);
  }

  /// p itself, 32 big-endian bytes: what plans are checked against.
  static std::array<std::uint8_t, 32> modulus_be() {
    std::array<std::uint8_t, 32> out;
    for (int i = 0; i < 32; ++i) out[31 - i] = static_cast<std::uint8_t>(kModulus[i / 8] >> (8 * (i % 8)));
    return out;
  }
  static constexpr Prime zero() { return {}; }
  static constexpr Prime one() { return raw(kR); }
  constexpr bool is_zero() const { return (limbs_[0] | limbs_[1] | limbs_[2] | limbs_[3]) == 0; }
  constexpr bool operator==(const Prime&) const = default;

  constexpr Prime operator+(const Prime& other) const {
    Prime out;
    detail::add_limbs(out.limbs_, limbs_, other.limbs_);
    out.reduce_once();
    return out;
  }
  constexpr Prime operator-(const Prime& other) const {
    Prime out;
    const std::uint64_t borrowed = 0 - detail::sub_limbs(out.limbs_, limbs_, other.limbs_);
    detail::add_limbs(out.limbs_, out.limbs_, {kModulus[0] & borrowed, kModulus[1] & borrowed, kModulus[2] & borrowed, kModulus[3] & borrowed});
    return out;
  }
  constexpr Prime operator-() const { return is_zero() ? *this : raw(kModulus) - *this; }
  constexpr Prime doubled() const { return *this + *this; }
  constexpr Prime squared() const { return *this * *this; }
  constexpr Prime operator*(const Prime& other) const {
#if defined(__x86_64__)
    if (!std::is_constant_evaluated() && detail::kHasAdx) return times_adx(other);
#endif
    return times_portable(other);
  }
  /// The slow twin of every other multiplication.
  constexpr Prime times_portable(const Prime& other) const {
    using detail::Wide;
    std::uint64_t t0 = 0, t1 = 0, t2 = 0, t3 = 0;
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t b = other.limbs_[i];
      Wide sum = Wide{limbs_[0]} * b + t0;
      const std::uint64_t m = static_cast<std::uint64_t>(sum) * kInverse;
      Wide fold = Wide{m} * kModulus[0] + static_cast<std::uint64_t>(sum);
      sum = Wide{limbs_[1]} * b + t1 + static_cast<std::uint64_t>(sum >> 64);
      fold = Wide{m} * kModulus[1] + static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(fold >> 64);
      t0 = static_cast<std::uint64_t>(fold);
      sum = Wide{limbs_[2]} * b + t2 + static_cast<std::uint64_t>(sum >> 64);
      fold = Wide{m} * kModulus[2] + static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(fold >> 64);
      t1 = static_cast<std::uint64_t>(fold);
      sum = Wide{limbs_[3]} * b + t3 + static_cast<std::uint64_t>(sum >> 64);
      fold = Wide{m} * kModulus[3] + static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(fold >> 64);
      t2 = static_cast<std::uint64_t>(fold);
      t3 = static_cast<std::uint64_t>(sum >> 64) + static_cast<std::uint64_t>(fold >> 64);
    }
    Prime out = raw({t0, t1, t2, t3});
    out.reduce_once();
    return out;
  }
  constexpr Prime& operator+=(const Prime& other) { return *this = *this + other; }
  constexpr Prime& operator-=(const Prime& other) { return *this = *this - other; }
  constexpr Prime& operator*=(const Prime& other) { return *this = *this * other; }

  /// this^exponent, little-endian limbs. Not constant time.
  template <std::size_t N>
  constexpr Prime pow(const std::array<std::uint64_t, N>& exponent) const {
    Prime out = one();
    for (std::size_t i = 64 * N; i-- > 0;) {
      out = out.squared();
      if (exponent[i / 64] >> (i % 64) & 1) out *= *this;
    }
    return out;
  }
  constexpr Prime pow(std::uint64_t exponent) const { return pow(std::array<std::uint64_t, 1>{exponent}); }
  /// The inverse of 0 is 0. Not constant time.
  constexpr Prime inverse() const {
    if (!std::is_constant_evaluated()) return raw(detail::inverse_mod(limbs_, kModulus, kInverse)) * raw(kR3);
    return inverse_by_fermat();
  }
  /// The slow twin.
  constexpr Prime inverse_by_fermat() const {
    Limbs exponent{};
    detail::sub_limbs(exponent, kModulus, {2, 0, 0, 0});
    return pow(exponent);
  }

  /// 32 big-endian bytes; nothing when the number is p or more.
  static std::optional<Prime> from_be(ByteView bytes) {
    const Limbs number = limbs_be(bytes);
    if (!detail::less_limbs(number, kModulus)) return std::nullopt;
    return from_limbs(number);
  }
  /// 32 big-endian bytes modulo p: how a challenge is made of a hash.
  static Prime from_be_reduced(ByteView bytes) {
    Limbs number = limbs_be(bytes);
    while (!detail::less_limbs(number, kModulus)) detail::sub_limbs(number, number, kModulus);
    return from_limbs(number);
  }
  std::array<std::uint8_t, 32> be() const {
    const Limbs n = number();
    std::array<std::uint8_t, 32> out;
    for (int i = 0; i < 32; ++i) out[31 - i] = static_cast<std::uint8_t>(n[i / 8] >> (8 * (i % 8)));
    return out;
  }
  /// Uniform, by rejection.
  static Prime random(Random& random) {
    for (;;) {
      std::array<std::uint8_t, 32> bytes;
      random.fill(bytes);
      bytes[0] &= 0x3f;
      if (const auto value = from_be(bytes)) return *value;
    }
  }

 private:
  static constexpr std::uint64_t negative_inverse() {  // −p⁻¹ mod 2^64, by Newton
    std::uint64_t inverse = 1;
    for (int i = 0; i < 6; ++i) inverse *= 2 - kModulus[0] * inverse;
    return ~inverse + 1;
  }
  static constexpr Limbs power_of_two(int bits) {
    Limbs out = {1, 0, 0, 0};
    for (int i = 0; i < bits; ++i) {
      detail::add_limbs(out, out, out);
      if (!detail::less_limbs(out, kModulus)) detail::sub_limbs(out, out, kModulus);
    }
    return out;
  }
  static Limbs limbs_be(ByteView bytes) {
    PB_ASSERT(bytes.size() == 32);
    Limbs out{};
    for (int i = 0; i < 32; ++i) out[(31 - i) / 8] |= std::uint64_t{bytes[i]} << (8 * ((31 - i) % 8));
    return out;
  }
#if defined(__x86_64__)
  /// The same columns with two carry chains (MULX, ADCX, ADOX; Ozturk, Guilford, Gopal 2012).
  Prime times_adx(const Prime& other) const {
    std::uint64_t t0 = 0, t1 = 0, t2 = 0, t3 = 0, high, low, scratch;
#define PB_MUL_ROW(offset)                                                                        \
  "movq " #offset "(%[b]), %%rdx\n\t"                                                            \
  "xorl %k[low], %k[low]\n\t"                                                                    \
  "mulxq 0(%[a]), %[low], %[high]\n\tadoxq %[low], %[t0]\n\tadcxq %[high], %[t1]\n\t"          \
  "mulxq 8(%[a]), %[low], %[high]\n\tadoxq %[low], %[t1]\n\tadcxq %[high], %[t2]\n\t"          \
  "mulxq 16(%[a]), %[low], %[high]\n\tadoxq %[low], %[t2]\n\tadcxq %[high], %[t3]\n\t"         \
  "mulxq 24(%[a]), %[low], %[high]\n\tadoxq %[low], %[t3]\n\t"                                  \
  "movl $0, %k[low]\n\tadcxq %[low], %[high]\n\tadoxq %[low], %[high]\n\t"                     \
  "movq %[inverse], %%rdx\n\timulq %[t0], %%rdx\n\t"                                            \
  "xorl %k[low], %k[low]\n\t"                                                                    \
  "mulxq %[p0], %[low], %[s]\n\tadcxq %[t0], %[low]\n\tmovq %[s], %[t0]\n\t"                   \
  "adcxq %[t1], %[t0]\n\tmulxq %[p1], %[low], %[t1]\n\tadoxq %[low], %[t0]\n\t"                \
  "adcxq %[t2], %[t1]\n\tmulxq %[p2], %[low], %[t2]\n\tadoxq %[low], %[t1]\n\t"                \
  "adcxq %[t3], %[t2]\n\tmulxq %[p3], %[low], %[t3]\n\tadoxq %[low], %[t2]\n\t"                \
  "movl $0, %k[low]\n\tadcxq %[low], %[t3]\n\tadoxq %[high], %[t3]\n\t"
    asm inline(PB_MUL_ROW(0) PB_MUL_ROW(8) PB_MUL_ROW(16) PB_MUL_ROW(24)
        : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [high] "=&r"(high), [low] "=&r"(low), [s] "=&r"(scratch)
        : [a] "r"(limbs_.data()), [b] "r"(other.limbs_.data()), [inverse] "m"(kInverse), [p0] "m"(kModulus[0]), [p1] "m"(kModulus[1]), [p2] "m"(kModulus[2]),
          [p3] "m"(kModulus[3]), "m"(limbs_), "m"(other.limbs_)
        : "rdx", "cc");
#undef PB_MUL_ROW
    Prime out = raw({t0, t1, t2, t3});
    out.reduce_once();
    return out;
  }
#endif
  /// Without a branch: which way it would go is a coin's toss.
  constexpr void reduce_once() {
#if defined(__x86_64__)
    if (!std::is_constant_evaluated()) {
      std::uint64_t a = limbs_[0], b = limbs_[1], c = limbs_[2], d = limbs_[3];
      asm inline("subq %[p0], %[a]\n\tsbbq %[p1], %[b]\n\tsbbq %[p2], %[c]\n\tsbbq %[p3], %[d]\n\t"
          "cmovcq %[l0], %[a]\n\tcmovcq %[l1], %[b]\n\tcmovcq %[l2], %[c]\n\tcmovcq %[l3], %[d]"
          : [a] "+&r"(a), [b] "+&r"(b), [c] "+&r"(c), [d] "+&r"(d)
          : [p0] "m"(kModulus[0]), [p1] "m"(kModulus[1]), [p2] "m"(kModulus[2]), [p3] "m"(kModulus[3]), [l0] "rm"(limbs_[0]), [l1] "rm"(limbs_[1]), [l2] "rm"(limbs_[2]), [l3] "rm"(limbs_[3])
          : "cc");
      limbs_ = {a, b, c, d};
      return;
    }
#endif
    Limbs less{};
    const std::uint64_t keep = 0 - detail::sub_limbs(less, limbs_, kModulus);
    for (int i = 0; i < 4; ++i) limbs_[i] = (limbs_[i] & keep) | (less[i] & ~keep);
  }
  static constexpr std::uint64_t kInverse = negative_inverse();
  static constexpr Limbs kR = power_of_two(256);
  static constexpr Limbs kR2 = power_of_two(512);
  static constexpr Limbs kR3 = power_of_two(768);

  Limbs limbs_{};
};

/// Replaces each element by its inverse with one inversion (Montgomery's trick); zeros stay zeros.
template <class F>
void batch_inverse(std::span<F> values) {
  std::vector<F> before(values.size());
  F product = F::one();
  for (std::size_t i = 0; i < values.size(); ++i) {
    before[i] = product;
    if (!values[i].is_zero()) product *= values[i];
  }
  F rest = product.inverse();
  for (std::size_t i = values.size(); i-- > 0;) {
    if (values[i].is_zero()) continue;
    const F value = values[i];
    values[i] = rest * before[i];
    rest *= value;
  }
}

}  // namespace peaberry::proof
