#pragma once

// Source: none; a layout (docs/decisions/0008).

// Points as eight lanes read and write them. Only sources that are compiled for AVX-512 IFMA may include this file.

#include <peaberry/proof/field/ifma.hpp>

#include "g1.hpp"

namespace peaberry::proof::detail {

using Lane = ifma::Lanes<BasePrime>;

constexpr int kOrder[8] = {0, 2, 1, 3, 4, 6, 5, 7};  // of lanes after four words were transposed: lane → element, and back

/// A point as the lanes have it: coordinates times 2^260, below 2q, 256 bits each; a cache line. (0,0) is infinity.
struct alignas(64) Packed {
  std::uint64_t x[4] = {}, y[4] = {};
  bool is_infinity() const { return (x[0] | x[1] | x[2] | x[3] | y[0] | y[1] | y[2] | y[3]) == 0; }
};

/// Eight times four words, gathered from wherever they lie. Rows hold two elements each; the lanes come in the transposition's order, which `scatter` undoes.
inline void gather_words(const std::uint64_t* const (&at)[8], __m512i (&w)[4]) {
  __m512i rows[4];
  for (int i = 0; i < 4; ++i) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[2 * i]));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[2 * i + 1]));
    rows[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
  Lane::transpose(rows, w);
}
inline void scatter(const Lane& lane, std::uint64_t* const (&to)[8]) {
  __m512i w[4], rows[4];
  lane.pack(w);
  Lane::untranspose(w, rows);
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to[2 * i]), _mm512_castsi512_si256(rows[i]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to[2 * i + 1]), _mm512_extracti64x4_epi64(rows[i], 1));
  }
}

/// Eight points, lane i from at[i]: eight cache lines transposed.
inline void gather_points(const Packed* const (&at)[8], Lane& x, Lane& y) {
  __m512i even[4], odd[4];  // words 0 2 4 6 and 1 3 5 7 of two points each
  for (int i = 0; i < 4; ++i) {
    const __m512i a = _mm512_load_si512(at[2 * i]), b = _mm512_load_si512(at[2 * i + 1]);
    even[i] = _mm512_unpacklo_epi64(a, b);
    odd[i] = _mm512_unpackhi_epi64(a, b);
  }
  __m512i w[8];
  for (int k = 0; k < 2; ++k) {
    const __m512i(&half)[4] = k == 0 ? even : odd;
    const __m512i a04 = _mm512_shuffle_i64x2(half[0], half[1], 0x88), a26 = _mm512_shuffle_i64x2(half[0], half[1], 0xdd);  // words 0 and 4, 2 and 6 (or one more) of four points
    const __m512i b04 = _mm512_shuffle_i64x2(half[2], half[3], 0x88), b26 = _mm512_shuffle_i64x2(half[2], half[3], 0xdd);
    w[k] = _mm512_shuffle_i64x2(a04, b04, 0x88);
    w[k + 4] = _mm512_shuffle_i64x2(a04, b04, 0xdd);
    w[k + 2] = _mm512_shuffle_i64x2(a26, b26, 0x88);
    w[k + 6] = _mm512_shuffle_i64x2(a26, b26, 0xdd);
  }
  x = Lane::unpacked({w[0], w[1], w[2], w[3]});
  y = Lane::unpacked({w[4], w[5], w[6], w[7]});
}

/// Converts points for the lanes.
inline void pack_points(std::span<const G1Affine> points, Packed* out) {
  const auto pack = [](const std::uint64_t* const (&from)[8], std::uint64_t* const (&to)[8]) {
    __m512i w[4];
    gather_words(from, w);
    scatter(Lane::from_words(w), to);
  };
  for (std::size_t i = 0; i < points.size(); i += 8) {
    const std::uint64_t *xs[8], *ys[8];
    std::uint64_t *ox[8], *oy[8];
    Packed waste;
    for (std::size_t k = 0; k < 8; ++k) {
      const std::size_t from = std::min(i + k, points.size() - 1);
      Packed& to = i + k < points.size() ? out[i + k] : waste;
      xs[k] = points[from].x.montgomery().data(), ys[k] = points[from].y.montgomery().data();
      ox[k] = to.x, oy[k] = to.y;
    }
    pack(xs, ox);
    pack(ys, oy);
  }
}

/// The inverse.
inline void unpack_points(std::span<const Packed> points, G1Affine* out) {
  for (std::size_t i = 0; i < points.size(); i += 8) {
    const Packed* at[8];
    for (std::size_t k = 0; k < 8; ++k) at[k] = &points[std::min(i + k, points.size() - 1)];
    Lane x, y;
    gather_points(at, x, y);
    alignas(64) Fq xs[8], ys[8];
    x.store(xs), y.store(ys);
    for (std::size_t k = 0; k < 8 && i + k < points.size(); ++k) out[i + k] = {xs[kOrder[k]], ys[kOrder[k]]};
  }
}

}  // namespace peaberry::proof::detail
