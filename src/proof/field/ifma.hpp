#pragma once

// Eight field elements at once by AVX-512 IFMA. Only sources that are compiled for these instructions may include this file; whoever calls
// them asks `has_ifma()` first.

#include <immintrin.h>

#include "bn254.hpp"

namespace peaberry::proof::ifma {

constexpr std::uint64_t kMask52 = (std::uint64_t{1} << 52) - 1;

/// Constants of one prime in radix 2^52.
template <class P>
struct Constants {
  using Five = std::array<std::uint64_t, 5>;
  static constexpr Five split(const detail::Limbs& v, unsigned shift = 0) {
    Five out{};
    for (unsigned i = 0; i < 5; ++i)
      for (unsigned b = 0; b < 52; ++b) {
        const int bit = static_cast<int>(52 * i + b) - static_cast<int>(shift);
        if (bit >= 0 && bit < 256 && (v[bit / 64] >> (bit % 64) & 1)) out[i] |= std::uint64_t{1} << b;
      }
    return out;
  }
  static constexpr Five kP = split(P::kModulus), k2P = split(P::kModulus, 1), k4P = split(P::kModulus, 2), k8P = split(P::kModulus, 3);
  static constexpr Five k10P = [] {
    Five out{};
    for (unsigned i = 0, carry = 0; i < 5; ++i) {
      const std::uint64_t limb = k8P[i] + k2P[i] + carry;
      out[i] = limb & kMask52;
      carry = static_cast<unsigned>(limb >> 52);
    }
    return out;
  }();
  static constexpr Five kOne = split(Prime<P>(16).montgomery());  // 2^260 mod p
  static constexpr std::uint64_t kInverse = [] {  // −p⁻¹ mod 2^52
    std::uint64_t inverse = 1;
    for (int i = 0; i < 6; ++i) inverse *= 2 - P::kModulus[0] * inverse;
    return (~inverse + 1) & kMask52;
  }();
  /// ⌊2^52 / (⌊p / 2^208⌋ + 1)⌋: a quotient by p of a number below 2^260, from its top limb, is at most one too small.
  static constexpr std::uint64_t kQuotient = (std::uint64_t{1} << 52) / (kP[4] + 1);
  static constexpr std::uint64_t kQuotientBy2P = (std::uint64_t{1} << 52) / (2 * kP[4] + 2);
  /// Limb i of 2p·k at [i][k].
  static constexpr std::array<std::array<std::uint64_t, 8>, 5> kEvenMultiples = [] {
    std::array<std::array<std::uint64_t, 8>, 5> out{};
    for (unsigned k = 0; k < 8; ++k)
      for (unsigned i = 0, carry = 0; i < 5; ++i) {
        const std::uint64_t limb = k * k2P[i] + carry;
        out[i][k] = i < 4 ? limb & kMask52 : limb;
        carry = static_cast<unsigned>(limb >> 52);
      }
    return out;
  }();
};

inline __m512i all(std::uint64_t value) { return _mm512_set1_epi64(static_cast<long long>(value)); }

/// Eight elements a·2^260 mod p, each somewhere in [0, 2p), five limbs of 52 bits.
/// Products of factors below 8p are below 2p again, since 64p²/2^260 + p < 2p.
/// Source: Montgomery multiplication by columns, radix 2^52 (Gueron, Krasnov 2012; Drucker, Gueron 2018 for the instructions).
template <class P>
struct Lanes {
  using C = Constants<P>;
  __m512i l[5];

  static Lanes constant(const std::array<std::uint64_t, 5>& value) {
    Lanes out;
    for (int i = 0; i < 5; ++i) out.l[i] = all(value[i]);
    return out;
  }
  static Lanes zero() { return constant({}); }
  static Lanes one() { return constant(C::kOne); }

  /// Moves what exceeds 52 bits into the next limb. Limbs may be negative: carries are signed; the whole is not.
  Lanes carried() const {
    Lanes out = *this;
    const __m512i mask = all(kMask52);
    for (int i = 0; i < 4; ++i) {
      out.l[i + 1] = _mm512_add_epi64(out.l[i + 1], _mm512_srai_epi64(out.l[i], 52));
      out.l[i] = _mm512_and_si512(out.l[i], mask);
    }
    return out;
  }
  /// Minus `value` where that is not negative.
  Lanes minus_if(const std::array<std::uint64_t, 5>& value) const {
    Lanes less;
    for (int i = 0; i < 5; ++i) less.l[i] = _mm512_sub_epi64(l[i], all(value[i]));
    less = less.carried();
    const __mmask8 negative = _mm512_movepi64_mask(less.l[4]);
    for (int i = 0; i < 5; ++i) less.l[i] = _mm512_mask_mov_epi64(less.l[i], negative, l[i]);
    return less;
  }
  /// Of limbs that are carried: into [0, 2p) from [0, 4p).
  Lanes reduced() const { return minus_if(C::k2P); }
  Lanes canonical() const { return minus_if(C::kP); }

  /// Of limbs that are carried: into [0, 2p) from [0, 2^260), minus q·p for a quotient from the top limb.
  Lanes squeezed() const {
    const __m512i q = _mm512_madd52hi_epu64(_mm512_setzero_si512(), l[4], all(C::kQuotient));
    Lanes out;
    __m512i high = _mm512_setzero_si512();  // q has few bits: what it carries into the next limb
    for (int i = 0; i < 5; ++i) {
      const __m512i low = _mm512_madd52lo_epu64(high, q, all(C::kP[i]));
      high = _mm512_madd52hi_epu64(_mm512_setzero_si512(), q, all(C::kP[i]));
      out.l[i] = _mm512_sub_epi64(l[i], low);
    }
    return out.carried();
  }

  /// Into [0, 4p) – nearly always [0, 2p) – from [p, 16p), minus a multiple of 2p from a table. Limbs may be off by what was not carried, before and afterwards, since
  /// the next sum or difference carries anyway; the quotient comes from a top limb that is one too small at most.
  Lanes shrunk() const {
    const __m512i top = _mm512_add_epi64(_mm512_add_epi64(l[4], _mm512_srai_epi64(l[3], 52)), all(~std::uint64_t{0}));
    const __m512i q = _mm512_madd52hi_epu64(_mm512_setzero_si512(), top, all(C::kQuotientBy2P));
    Lanes out;
    for (int i = 0; i < 5; ++i) out.l[i] = _mm512_sub_epi64(l[i], _mm512_permutexvar_epi64(q, _mm512_loadu_si512(C::kEvenMultiples[i].data())));
    return out;
  }

  /// Sum below 4p, to be multiplied or reduced.
  Lanes plus(const Lanes& b) const {
    Lanes out;
    for (int i = 0; i < 5; ++i) out.l[i] = _mm512_add_epi64(l[i], b.l[i]);
    return out.carried();
  }
  /// Difference plus 2p: below 4p.
  Lanes minus(const Lanes& b) const {
    Lanes out;
    for (int i = 0; i < 5; ++i) out.l[i] = _mm512_add_epi64(_mm512_sub_epi64(l[i], b.l[i]), all(C::k2P[i]));
    return out.carried();
  }
  Lanes operator+(const Lanes& b) const { return plus(b).reduced(); }
  Lanes operator-(const Lanes& b) const { return minus(b).reduced(); }

  /// Product and reduction row by row: the products of the next row fill the time in which this row's m is made.
  [[gnu::always_inline]] Lanes operator*(const Lanes& b) const { return times(b).carried(); }
  /// The product, its limbs not carried: for a sum or a difference.
  [[gnu::always_inline]] Lanes times(const Lanes& b) const {
    const __m512i inverse = all(C::kInverse), zero = _mm512_setzero_si512(), mask = all(kMask52);
    __m512i t[6] = {_mm512_madd52lo_epu64(zero, l[0], b.l[0]), zero, zero, zero, zero, zero};
    for (int i = 0; i < 5; ++i) {
      const __m512i m = _mm512_madd52lo_epu64(zero, t[0], inverse);
      __m512i next[6] = {t[1], t[2], t[3], t[4], t[5], zero};
      for (int j = 0; j < 5; ++j) {
        if (j > 0) next[j - 1] = _mm512_madd52lo_epu64(next[j - 1], l[i], b.l[j]);
        next[j] = _mm512_madd52hi_epu64(next[j], l[i], b.l[j]);
      }
      // The low limb of m·p is only there to clear t[0]: it leaves a carry unless t[0] was clear already. Rounding up counts it.
      next[0] = _mm512_add_epi64(next[0], _mm512_srli_epi64(_mm512_add_epi64(t[0], mask), 52));
      // The next m waits for the lowest limb: what else belongs to that is there when m is, and m's two parts are made side by side.
      if (i < 4) next[0] = _mm512_madd52lo_epu64(next[0], l[i + 1], b.l[0]);
      next[0] = _mm512_add_epi64(_mm512_madd52hi_epu64(next[0], m, all(C::kP[0])), _mm512_madd52lo_epu64(zero, m, all(C::kP[1])));
      for (int j = 1; j < 5; ++j) {
        if (j > 1) next[j - 1] = _mm512_madd52lo_epu64(next[j - 1], m, all(C::kP[j]));
        next[j] = _mm512_madd52hi_epu64(next[j], m, all(C::kP[j]));
      }
      for (int j = 0; j < 6; ++j) t[j] = next[j];
    }
    Lanes out;
    for (int i = 0; i < 5; ++i) out.l[i] = t[i];
    return out;
  }
  [[gnu::always_inline]] Lanes squared() const { return square().carried(); }
  /// The square, its limbs not carried.
  [[gnu::always_inline]] Lanes square() const {
    __m512i t[10];
    for (auto& word : t) word = _mm512_setzero_si512();
    for (int i = 0; i < 5; ++i)
      for (int j = i + 1; j < 5; ++j) {
        t[i + j] = _mm512_madd52lo_epu64(t[i + j], l[i], l[j]);
        t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], l[i], l[j]);
      }
    for (int i = 1; i < 9; ++i) t[i] = _mm512_add_epi64(t[i], t[i]);
    for (int i = 0; i < 5; ++i) {
      t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], l[i], l[i]);
      t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], l[i], l[i]);
    }
    return reduce(t);
  }

  /// t / 2^260 mod p, below p + t/2^260.
  [[gnu::always_inline]] static Lanes reduce(__m512i (&t)[10]) {
    const __m512i inverse = all(C::kInverse), zero = _mm512_setzero_si512(), mask = all(kMask52);
    for (int i = 0; i < 5; ++i) {
      const __m512i m = _mm512_madd52lo_epu64(zero, t[i], inverse);
      // The low limb of m·p is only there to clear t[i]: it leaves a carry unless t[i] was clear already. Rounding up counts it.
      t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64(_mm512_add_epi64(t[i], mask), 52));
      t[i + 1] = _mm512_add_epi64(_mm512_madd52hi_epu64(t[i + 1], m, all(C::kP[0])), _mm512_madd52lo_epu64(zero, m, all(C::kP[1])));
      for (int j = 1; j < 5; ++j) {
        if (j > 1) t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, all(C::kP[j]));
        t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, all(C::kP[j]));
      }
    }
    Lanes out;
    for (int i = 0; i < 5; ++i) out.l[i] = t[5 + i];
    return out;
  }

  /// Of a representative below 2p: 0 or p.
  __mmask8 is_zero() const {
    const Lanes c = canonical();
    const __m512i any = _mm512_or_si512(_mm512_or_si512(_mm512_or_si512(c.l[0], c.l[1]), _mm512_or_si512(c.l[2], c.l[3])), c.l[4]);
    return _mm512_cmpeq_epi64_mask(any, _mm512_setzero_si512());
  }
  static Lanes select(__mmask8 mask, const Lanes& yes, const Lanes& no) {
    Lanes out;
    for (int i = 0; i < 5; ++i) out.l[i] = _mm512_mask_mov_epi64(no.l[i], mask, yes.l[i]);
    return out;
  }

  // ---- memory: eight elements of Prime<P> in a row, or gathered

  /// From four words of 64 bits (a·2^256 mod p, below p) to a·2^260: shifted by four bits and reduced by a quotient from the top limb.
  static Lanes from_words(const __m512i (&w)[4]) {
    const __m512i mask = all(kMask52);
    Lanes out;  // 16·a: bit k of the words is bit k + 4
    out.l[0] = _mm512_and_si512(_mm512_slli_epi64(w[0], 4), mask);
    out.l[1] = _mm512_and_si512(_mm512_or_si512(_mm512_srli_epi64(w[0], 48), _mm512_slli_epi64(w[1], 16)), mask);
    out.l[2] = _mm512_and_si512(_mm512_or_si512(_mm512_srli_epi64(w[1], 36), _mm512_slli_epi64(w[2], 28)), mask);
    out.l[3] = _mm512_and_si512(_mm512_or_si512(_mm512_srli_epi64(w[2], 24), _mm512_slli_epi64(w[3], 40)), mask);
    out.l[4] = _mm512_srli_epi64(w[3], 12);
    return out.squeezed();
  }
  /// The inverse, canonical: (v + m·p)/16 with m = −v·p⁻¹ mod 16.
  void to_words(__m512i (&w)[4]) const {
    const __m512i m = _mm512_and_si512(_mm512_mullo_epi64(_mm512_and_si512(l[0], all(15)), all(C::kInverse & 15)), all(15));
    Lanes sum;
    __m512i high = _mm512_setzero_si512();
    for (int i = 0; i < 5; ++i) {
      const __m512i low = _mm512_madd52lo_epu64(high, m, all(C::kP[i]));
      high = _mm512_madd52hi_epu64(_mm512_setzero_si512(), m, all(C::kP[i]));
      sum.l[i] = _mm512_add_epi64(l[i], low);
    }
    sum = sum.carried();
    const __m512i mask = all(kMask52);
    Lanes quarter;
    for (int i = 0; i < 5; ++i) {
      quarter.l[i] = _mm512_srli_epi64(sum.l[i], 4);
      if (i < 4) quarter.l[i] = _mm512_or_si512(quarter.l[i], _mm512_and_si512(_mm512_slli_epi64(sum.l[i + 1], 48), mask));
    }
    const Lanes c = quarter.canonical();  // below p/8 + p
    c.pack(w);
  }

  /// The lanes' own numbers, below 2^256, as four words each: no conversion, only packed. For tables that nothing else reads.
  static Lanes unpacked(const __m512i (&w)[4]) {
    const __m512i mask = all(kMask52);
    Lanes out;
    out.l[0] = _mm512_and_si512(w[0], mask);
    out.l[1] = _mm512_and_si512(_mm512_or_si512(_mm512_srli_epi64(w[0], 52), _mm512_slli_epi64(w[1], 12)), mask);
    out.l[2] = _mm512_and_si512(_mm512_or_si512(_mm512_srli_epi64(w[1], 40), _mm512_slli_epi64(w[2], 24)), mask);
    out.l[3] = _mm512_and_si512(_mm512_or_si512(_mm512_srli_epi64(w[2], 28), _mm512_slli_epi64(w[3], 36)), mask);
    out.l[4] = _mm512_srli_epi64(w[3], 16);
    return out;
  }
  void pack(__m512i (&w)[4]) const {
    w[0] = _mm512_or_si512(l[0], _mm512_slli_epi64(l[1], 52));
    w[1] = _mm512_or_si512(_mm512_srli_epi64(l[1], 12), _mm512_slli_epi64(l[2], 40));
    w[2] = _mm512_or_si512(_mm512_srli_epi64(l[2], 24), _mm512_slli_epi64(l[3], 28));
    w[3] = _mm512_or_si512(_mm512_srli_epi64(l[3], 36), _mm512_slli_epi64(l[4], 16));
  }

  /// Rows of two elements each (four zmm) to columns of words, and back.
  static void transpose(const __m512i (&rows)[4], __m512i (&w)[4]) {
    // row i: e_{2i}.w0…w3, e_{2i+1}.w0…w3
    const __m512i a0 = _mm512_unpacklo_epi64(rows[0], rows[1]);  // e0w0 e2w0 | e0w2 e2w2 | e1w0 e3w0 | e1w2 e3w2
    const __m512i a1 = _mm512_unpackhi_epi64(rows[0], rows[1]);
    const __m512i b0 = _mm512_unpacklo_epi64(rows[2], rows[3]);
    const __m512i b1 = _mm512_unpackhi_epi64(rows[2], rows[3]);
    w[0] = _mm512_shuffle_i64x2(a0, b0, 0x88);  // lanes 0 and 2 of each: e0 e2 e1 e3 e4 e6 e5 e7
    w[2] = _mm512_shuffle_i64x2(a0, b0, 0xdd);
    w[1] = _mm512_shuffle_i64x2(a1, b1, 0x88);
    w[3] = _mm512_shuffle_i64x2(a1, b1, 0xdd);
  }
  static void untranspose(const __m512i (&w)[4], __m512i (&rows)[4]) {
    const __m512i l0 = _mm512_unpacklo_epi64(w[0], w[1]), h0 = _mm512_unpackhi_epi64(w[0], w[1]);  // e0w0 e0w1 | e1w0 e1w1 | e4… | e5…; and e2, e3, e6, e7
    const __m512i l1 = _mm512_unpacklo_epi64(w[2], w[3]), h1 = _mm512_unpackhi_epi64(w[2], w[3]);
    const __m512i first = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), second = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    rows[0] = _mm512_permutex2var_epi64(l0, first, l1);   // e0 e1
    rows[1] = _mm512_permutex2var_epi64(h0, first, h1);   // e2 e3
    rows[2] = _mm512_permutex2var_epi64(l0, second, l1);  // e4 e5
    rows[3] = _mm512_permutex2var_epi64(h0, second, h1);  // e6 e7
  }
  /// The lanes hold the elements in the order 0 2 1 3 4 6 5 7 (the transposition's own); `store` undoes it.
  static Lanes load(const Prime<P>* from) {
    __m512i rows[4], w[4];
    for (int i = 0; i < 4; ++i) rows[i] = _mm512_loadu_si512(reinterpret_cast<const char*>(from) + 64 * i);
    transpose(rows, w);
    return from_words(w);
  }
  void store(Prime<P>* to) const {
    __m512i rows[4], w[4];
    to_words(w);
    untranspose(w, rows);
    for (int i = 0; i < 4; ++i) _mm512_storeu_si512(reinterpret_cast<char*>(to) + 64 * i, rows[i]);
  }
  static Lanes broadcast(const Prime<P>& value) {
    __m512i w[4];
    for (int i = 0; i < 4; ++i) w[i] = all(value.montgomery()[i]);
    return from_words(w);
  }
  /// Straight to and from memory, 320 bytes, no conversion.
  static Lanes load_raw(const std::uint64_t* from) {
    Lanes out;
    for (int i = 0; i < 5; ++i) out.l[i] = _mm512_load_si512(from + 8 * i);
    return out;
  }
  void store_raw(std::uint64_t* to) const {
    for (int i = 0; i < 5; ++i) _mm512_store_si512(to + 8 * i, l[i]);
  }
};

}  // namespace peaberry::proof::ifma
